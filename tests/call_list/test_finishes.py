"""Nobody is added whom the campaign can no longer dial: by the finish of the call, and the time of the server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.operators import SumReportsOperator
from tests.call_list.halves import Halves
from tests.call_list.sync import Sync, phone
from tests.conftest import ReplacedError, TaskInstance, needs_record, told

PHONES = [phone(number) for number in range(25)]
HOUR = timedelta(hours=1)
RESULTS = {"results_table": "calls"}


def server_time(sync: Sync) -> datetime:
    return sync.emulator.now()


def add_with_deadlines(sync: Sync, *deadlines: str | None) -> None:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.execute("create table due(id, phone, zone, deadline)")
        rows = [(place, phone(place), "Z", deadline) for place, deadline in enumerate(deadlines, 1)]
        database.executemany("insert into due values (?, ?, ?, ?)", rows)


BY_ROW = {
    "sql": "select * from due order by id", "gmt_zone_column": "zone", "policy_columns": {"finish": "deadline"},
}  # fmt: skip


@pytest.fixture
def engine(sync: Sync) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{sync.database}")


# The list's own finish, before anything is sent


@pytest.mark.parametrize("ahead", [-timedelta(days=2), timedelta(0), timedelta(seconds=30)])
def test_a_list_whose_finish_has_passed_is_refused_before_anything_is_sent(sync: Sync, ahead: timedelta) -> None:
    sync.add(PHONES)
    finish = server_time(sync) + ahead
    with pytest.raises(AirflowFailException) as failed:
        sync.attempt(call_before=finish)
    assert finish.isoformat() in str(failed.value)
    assert "the server's time is 20" in str(failed.value)
    assert "Give a later finish or call_before" in str(failed.value)
    assert sync.emulator.jobs() == []
    sync.task.clear()
    assert sync.attempt(call_before=server_time(sync) + HOUR)["created"] == 25


def test_it_goes_by_the_servers_time_and_not_by_the_workers(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.advance(days=3)
    finish = datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(AirflowFailException, match="has passed: the server's time is"):
        sync.attempt(policy={"finish": finish})
    assert sync.sends() == 0


def test_without_the_servers_time_the_limit_is_kept_an_hour_early(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "no_date", times=100)
    with pytest.raises(AirflowFailException, match="the time by this worker's clock is"):
        sync.attempt(call_before=datetime.now(UTC) + timedelta(minutes=45))
    assert sync.attempt(call_before=datetime.now(UTC) + timedelta(minutes=90))["created"] == 25


def test_a_server_that_does_not_tell_its_time_is_asked_again_by_the_next_try(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="status", times=3)
    finish = server_time(sync) + HOUR
    with pytest.raises(AirflowException) as failed:
        sync.attempt(call_before=finish)
    assert not isinstance(failed.value, AirflowFailException)
    assert sync.attempt(call_before=finish)["created"] == 25


def test_a_dry_run_and_a_preparation_only_warn_for_they_ask_the_server_nothing(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(PHONES)
    past = datetime.now(UTC) - HOUR
    Halves(sync, call_before=past)
    sync.operator(dry_run=True, call_before=past).execute(TaskInstance(task_id="sync", current_try=1).context())
    assert capsys.readouterr().out.count("what is later by the server's time is not sent, and expires") == 2
    assert sync.emulator.count("status") == 0


def test_no_rows_are_a_success_whatever_the_finish(sync: Sync) -> None:
    assert sync.attempt(call_before=server_time(sync) - HOUR)["rows"] == 0


def test_a_finish_that_allows_no_day_or_time_is_refused(sync: Sync) -> None:
    sync.add(PHONES)
    start = datetime(2030, 1, 7, tzinfo=UTC)  # a Monday
    policy = {"start": start, "finish": start + timedelta(days=3), "allowed_days": ["sat"]}
    with pytest.raises(AirflowFailException, match="leaves no allowed day and time after start"):
        sync.attempt(policy=policy)


def test_without_a_finish_the_server_is_not_asked_before_the_query(sync: Sync) -> None:
    sync.add(PHONES)
    sync.attempt()
    assert sync.emulator.count("status") == 1


# Of each row


def test_rows_whose_finish_has_passed_are_rejected_and_the_others_called(sync: Sync, engine: sa.Engine) -> None:
    now = server_time(sync)
    add_with_deadlines(sync, (now - HOUR).isoformat(), (now + 2 * HOUR).isoformat(), None)
    report = sync.attempt(**BY_ROW, **RESULTS)
    assert (report["created"], report["rejected"], report["expired"]) == (2, 1, 0)
    (first, *_) = told(engine, "outcome", "reason")
    assert first[0] == "rejected"
    assert "has passed: the server's time is" in first[1]


def test_rows_whose_finishes_have_all_passed_fail_the_task(sync: Sync) -> None:
    now = server_time(sync)
    add_with_deadlines(sync, *[(now - HOUR).isoformat()] * 3)
    with pytest.raises(AirflowFailException, match="3 × finish has passed"):
        sync.attempt(**BY_ROW)


@pytest.mark.parametrize(("opens", "outcome"), [("23:58", "rejected"), ("00:00", "created")])
def test_hours_in_the_persons_zone_count(sync: Sync, opens: str, outcome: str) -> None:
    now = server_time(sync).replace(microsecond=0)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    sync.emulator.advance(seconds=(midnight + HOUR - now).total_seconds())
    add_with_deadlines(sync, (midnight + 3 * HOUR).isoformat(), None)
    policy = {"allowed_time": {"default": [[opens, "23:59"]]}}
    report = sync.attempt(**BY_ROW, policy=policy)
    assert report["rejected"] == (outcome == "rejected")


# While it waits


def waiting(sync: Sync, times: int = 3) -> None:
    """The third batch gets no answer, for its server is down."""
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[22], times=times)


def test_a_batch_whose_finish_passes_while_it_waits_expires_once_it_is_known_that_none_was_added(
    sync: Sync, engine: sa.Engine
) -> None:
    waiting(sync)
    finish = server_time(sync) + HOUR
    with pytest.raises(AirflowException):
        sync.attempt(call_before=finish, **RESULTS)
    sync.emulator.advance(hours=2)
    with pytest.raises(AirflowFailException, match=r"5 calls expired.* 20 are created") as failed:
        sync.attempt(call_before=finish, **RESULTS)
    assert finish.isoformat() in str(failed.value)
    sync.assert_once(PHONES[:20])
    outcomes = [outcome for (outcome,) in told(engine, "outcome")]
    assert outcomes == ["created"] * 20 + ["expired"] * 5


def test_it_is_not_repeated_by_its_key_but_waits_for_the_report(sync: Sync) -> None:
    """The key is young, and a repeat would make jobs that are dead on arrival, if there are none."""
    waiting(sync)
    finish = server_time(sync) + timedelta(minutes=6)
    with pytest.raises(AirflowException):
        sync.attempt(call_before=finish)
    sync.emulator.advance(minutes=5)
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt(call_before=finish)
    sync.emulator.advance(minutes=20)
    with pytest.raises(AirflowFailException, match="5 calls expired"):
        sync.attempt(call_before=finish)
    sync.assert_once(PHONES[:20])


def test_a_batch_that_was_added_before_its_finish_is_created_though_it_is_late_by_now(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[22], times=3)
    finish = server_time(sync) + HOUR
    with pytest.raises(AirflowException):
        sync.attempt(call_before=finish)
    sync.emulator.advance(days=2)
    assert sync.attempt(call_before=finish)["created"] == 25
    sync.assert_once(PHONES)


def test_of_a_batch_only_those_expire_who_are_late(sync: Sync) -> None:
    now = server_time(sync)
    add_with_deadlines(sync, (now + HOUR).isoformat(), (now + 9 * HOUR).isoformat(), None)
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=3)
    with pytest.raises(AirflowException):
        sync.attempt(**BY_ROW)
    sync.emulator.advance(hours=2)
    report = sync.attempt(**BY_ROW, max_rejected=1)
    assert (report["created"], report["expired"]) == (2, 1)
    sync.assert_once([phone(2), phone(3)])


@pytest.mark.parametrize("shards", [1, 3])
def test_a_list_that_waits_for_approval_over_a_weekend_expires_whole_and_fails(
    sync: Sync, engine: sa.Engine, shards: int
) -> None:
    sync.add(PHONES)
    halves = Halves(sync, shards, call_before=server_time(sync) + HOUR)
    sync.emulator.advance(days=3)
    for shard in range(shards):
        with pytest.raises(AirflowFailException, match=r"finish 20\S+ has passed: the server's time is 20"):
            halves.send(shard, results_table="calls", results_conn_id="warehouse")
    assert sync.sends() == 0
    assert {outcome for (outcome,) in told(engine, "outcome")} == {"expired"}


@needs_record
def test_a_try_that_was_replaced_takes_nothing_for_expired(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its successor may have sent it in time."""
    sync.add(PHONES)
    halves = Halves(sync, call_before=server_time(sync) + HOUR)
    (task,) = halves.sending
    claim = Shard.claim

    def replaced(shard: Shard, *args: Any, **more: Any) -> None:
        claim(shard, *args, **more)
        task.current_try += 1

    monkeypatch.setattr(Shard, "claim", replaced)
    sync.emulator.advance(hours=2)
    with pytest.raises(ReplacedError):
        halves.send()
    names = [path.name for path in sync.lists.rglob("*.jsonl") if path.parent.name in ("done", "progress")]
    assert names == []


def test_what_expired_stays_so_when_the_task_is_cleared(sync: Sync, engine: sa.Engine) -> None:
    sync.add(PHONES)
    halves = Halves(sync, call_before=server_time(sync) + HOUR)
    sync.emulator.advance(hours=2)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="25 expired"):
            halves.send(results_table="calls", results_conn_id="warehouse", keep_call_list=timedelta(0))
        sync.emulator.advance(hours=-2)
    assert sync.sends() == 0
    assert {outcome for (outcome,) in told(engine, "outcome")} == {"expired"}


def test_those_who_expired_are_found_by_a_later_run_of_the_examples_query(repository: Path) -> None:
    dag = (repository / "dags/campaign_results.py").read_text()
    assert "'expired'" in dag[dag.index("outcome not in") :].splitlines()[0]


def test_expired_calls_count_for_max_rejected(sync: Sync) -> None:
    waiting(sync)
    finish = server_time(sync) + HOUR
    with pytest.raises(AirflowException):
        sync.attempt(call_before=finish)
    sync.emulator.advance(hours=2)
    with pytest.raises(AirflowFailException, match="5 calls expired"):
        sync.attempt(call_before=finish, max_rejected=4)
    report = sync.attempt(call_before=finish, max_rejected=5)
    assert (report["created"], report["expired"]) == (20, 5)
    (file,) = sync.files("done/00003.*")
    assert ".created-0.refused-0.expired-5." in file.name
    (line, *_) = file.read_text().splitlines()
    assert json.loads(line)["outcome"] == "expired"


# All refused


def test_a_list_of_which_the_server_refuses_every_call_fails_the_task(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=10)
    sync.emulator.settings(bad_numbers=("79*",))
    sync.add(PHONES[:3])
    with pytest.raises(AirflowFailException, match=r"Nobody is called.*3 refused.*3 × phone.bad.format") as told:
        sync.attempt()
    assert "The first is row 1: phone.bad.format (the server doesn't take the phone for a number of" in str(told.value)


def test_the_sum_of_shards_that_reached_nobody_fails(sync: Sync) -> None:
    reports = [
        {"rows": 3, "created": 0, "doubles": 0, "rejected": 1, "refused": 2, "unknown": 0, "expired": 0, "claimed": 0,
         "capped": 0,
         "excluded": 0,
         "held_out": 0,
         "call_list": "file:///x", "seconds": 1.0, "shard": shard, "shards": 2}
        for shard in range(2)
    ]  # fmt: skip
    with pytest.raises(AirflowFailException, match="Nobody is called: of 6 rows 2 are rejected, 4 refused"):
        SumReportsOperator(task_id="sum", reports=reports).execute({})
    reports[0]["created"] = 1
    assert SumReportsOperator(task_id="sum", reports=reports).execute({})["expired"] == 0


# One answer's time


def far_off(monkeypatch: pytest.MonkeyPatch, *answers: int) -> list[int]:
    """Some answers' ``Date``, counted from 1, is thirty days ahead; returns the answers."""
    from dataclasses import replace

    from aimylogic_provider.idempotence.server_view import ServerView

    told, asked = ServerView._told_time, list[int]()

    def wrong(view: ServerView) -> Any:
        asked.append(len(asked) + 1)
        time = told(view)
        return replace(time, date=time.date + 30 * 86400) if asked[-1] in answers else time

    monkeypatch.setattr(ServerView, "_told_time", wrong)
    return asked


@needs_record
@pytest.mark.parametrize("answer", [1, 2, 3, 4, 5])
def test_one_wrong_date_expires_and_rejects_nobody(sync: Sync, answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before the list is frozen nor afterwards."""
    sync.add(PHONES)
    asked = far_off(monkeypatch, answer)
    report = sync.attempt(call_before=server_time(sync) + 48 * HOUR)
    assert (report["created"], report["rejected"], report["expired"]) == (25, 0, 0)
    assert len(asked) >= 3


def test_dates_that_never_agree_end_the_try_and_set_nobody_aside(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    far_off(monkeypatch, 2, 4, 6, 8)
    with monkeypatch.context(), pytest.raises(AirflowException, match="tells its time otherwise with each answer"):
        sync.attempt(call_before=server_time(sync) + 48 * HOUR)
    assert sync.sends() == 0
