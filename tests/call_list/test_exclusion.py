"""Whom a query excludes is not called: not if he stands there when the list is frozen, nor if he does right before."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.exclusion import exclusion_look
from aimylogic_provider.call_list.exclusion.excluded_phones import ExclusionQuery
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.operators import AddPhonesOperator, PrepareCallListOperator, SendCallListOperator
from local_servers.postgres import LocalPostgres
from tests.call_list.halves import Halves
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record, told

PHONES = [phone(number) for number in range(30)]
STOP = {"exclude_sql": "select phone from stop"}
RESULTS = {"results_table": "calls"}
AT_ONE_TIME = {"concurrency": 1}


def written(number: int) -> str:
    """A phone as a person writes it down."""
    one = phone(number)
    return f"8 ({one[1:4]}) {one[4:7]}-{one[7:9]}-{one[9:]}"


def stop(sync: Sync, *entries: object) -> None:
    with closing(sqlite3.connect(sync.database)) as database, database:
        database.execute("create table if not exists stop (phone)")
        database.executemany("insert into stop values (?)", [(entry,) for entry in entries])


@pytest.fixture
def stopped(sync: Sync) -> Sync:
    sync.add(PHONES)
    stop(sync)
    return sync


@pytest.fixture
def engine(sync: Sync) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{sync.database}")


def after_batch(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """Something happens once a batch is settled; the next one has a look of its own, however long the last one took."""
    monkeypatch.setattr(exclusion_look, "_GONE_BY", 0)
    put_away = Shard.put_away

    async def put(shard: Shard, under_way: Any) -> None:
        await put_away(shard, under_way)
        if under_way.batch.name == name:
            act()

    monkeypatch.setattr(Shard, "put_away", put)


def outcomes(engine: sa.Engine) -> list[str]:
    return [outcome for (outcome,) in told(engine, "outcome")]


# When the list is frozen


def test_who_stands_on_the_exclusion_list_is_not_called_however_he_is_written(stopped: Sync, engine: sa.Engine) -> None:
    stop(stopped, written(1), f"+{phone(2)}", int(phone(3)), phone(4)[1:], "+7 999 999-99-99", None, "")
    report = stopped.attempt(**STOP, **RESULTS)
    assert (report["created"], report["excluded"]) == (26, 4)
    stopped.assert_once([PHONES[0], *PHONES[5:]])
    assert outcomes(engine) == ["created", *["excluded"] * 4, *["created"] * 25]
    (reason,) = {reason for outcome, reason in told(engine, "outcome", "reason") if outcome == "excluded"}
    assert reason == "excluded: its phone stood on the exclusion list when the list was frozen"


def test_nobody_needs_to_give_phone_region_for_national_numbers_to_be_found(stopped: Sync) -> None:
    """Nor is there a green run in which a list of national numbers excluded nobody."""
    stop(stopped, *[phone(number)[1:] for number in range(20)])
    assert stopped.attempt(**STOP)["excluded"] == 20


def test_all_rows_of_a_phone_are_excluded(sync: Sync) -> None:
    sync.add(PHONES[:2])
    sync.add(PHONES[:1], "Boris")
    stop(sync, PHONES[0])
    report = sync.attempt(**STOP)
    assert (report["created"], report["excluded"]) == (1, 2)


def test_a_list_all_of_whose_calls_are_excluded_ends_well_for_nobody_was_to_be_called(
    stopped: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    stop(stopped, *PHONES)
    with caplog.at_level(logging.INFO):
        report = stopped.attempt(**STOP)
    assert (report["rows"], report["excluded"], report["created"]) == (30, 30, 0)
    assert stopped.sends() == 0


def test_an_exclusion_list_that_excludes_most_of_them_is_told_as_a_warning(
    stopped: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a query of all customers does, which its author took for that of those who said no."""
    stopped.attempt(exclude_sql="select phone from customer")
    assert "30 of the 30 phones of this list are excluded" in (told_of := capsys.readouterr().out)
    assert "is exclude_sql meant to give them" in told_of
    stop(stopped, *PHONES[:10])
    stopped.task = TaskInstance(task_id="sync", run_id="next")
    stopped.attempt(**STOP)
    assert "is exclude_sql meant to give them" not in capsys.readouterr().out
    halves = Halves(stopped, batch_size=5, **STOP)
    stop(stopped, *PHONES[:25])
    halves.send(**STOP, exclude_conn_id="warehouse")
    assert "is exclude_sql meant to give them" in capsys.readouterr().out, "nor right before the send"


@pytest.mark.parametrize(("people", "fails"), [(20, False), (21, True)])
def test_more_than_a_handful_who_are_all_excluded_between_freezing_and_sending_fail_the_task(
    sync: Sync, people: int, fails: bool
) -> None:
    """A table went wrong meanwhile, and the list was perhaps approved: green would tell that they were called."""
    sync.add(PHONES[:people])
    stop(sync)
    halves = Halves(sync, batch_size=5, **STOP)
    stop(sync, *PHONES)
    for _ in range(2):
        if fails:
            with pytest.raises(
                AirflowFailException, match=r"all 21 calls of this list stood on the exclusion list right"
            ):
                halves.send(**STOP, exclude_conn_id="warehouse")
        else:
            report = halves.send(**STOP, exclude_conn_id="warehouse")
            assert (report["created"], report["excluded"]) == (0, 20)
    assert sync.sends() == 0


def test_the_column_of_several_is_the_one_named_as_the_lists(stopped: Sync) -> None:
    stopped.execute("create table leads (id, phone, since)")
    stopped.execute(f"insert into leads values (1, '{PHONES[0]}', '2024-05-12')")
    assert stopped.attempt(exclude_sql="select * from leads")["excluded"] == 1


def test_columns_of_which_none_is_surely_the_phones_are_refused(stopped: Sync) -> None:
    with pytest.raises(AirflowFailException, match="it gives the columns 'id', 'since', and none of them is surely"):
        stopped.attempt(exclude_sql="select 1 as id, 2 as since")
    assert stopped.sends() == 0


def test_the_connection_may_be_another_ones(
    stopped: Sync, postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STOP", postgres.connection("warehouse"))
    sql = f"select '{written(3)}' as tel union all select '{phone(4)}'"
    assert stopped.attempt(exclude_sql=sql, exclude_conn_id="stop")["excluded"] == 2


# What can't be read


def test_entries_that_are_no_phone_stop_it_with_the_way_out(stopped: Sync) -> None:
    stop(stopped, PHONES[0], "12345", "+7 912 34", "call Alex Brown 12")
    with pytest.raises(AirflowFailException) as failed:
        stopped.attempt(**STOP)
    assert stopped.sends() == 0
    message = str(failed.value)
    assert "3 of 4 rows" in message
    assert "exclude_unreadable='skip'" in message
    assert "phone_region" in message
    for quoted in ("12345", "+7 912 34", "Brown", PHONES[0]):
        assert quoted not in message


def test_or_are_told_and_gone_on_without(stopped: Sync, capsys: pytest.CaptureFixture[str]) -> None:
    stop(stopped, PHONES[0], "12345")
    assert stopped.attempt(**STOP, exclude_unreadable="skip")["excluded"] == 1
    assert "1 of them no phone that could be read" in capsys.readouterr().out


def test_a_query_that_fails_sends_nothing_and_the_next_try_asks_it_again(sync: Sync) -> None:
    sync.add(PHONES)
    with pytest.raises(AirflowException, match="OperationalError: no such table: stop") as failed:
        sync.attempt(**STOP)
    assert not isinstance(failed.value, AirflowFailException)
    assert sync.sends() == 0
    stop(sync, PHONES[0])
    assert sync.attempt(**STOP)["excluded"] == 1


def test_errors_of_the_database_do_not_quote_its_rows(
    stopped: Sync, postgres: LocalPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STOP", postgres.connection("warehouse"))
    with pytest.raises(AirflowException) as failed:
        stopped.attempt(exclude_sql=f"select cast('Alex {PHONES[0]}' as integer)", exclude_conn_id="stop")
    assert PHONES[0] not in str(failed.value)
    assert "Alex" not in str(failed.value)
    assert "22P02" in str(failed.value)
    with pytest.raises(AirflowException, match='relation "nothing" does not exist'):
        stopped.attempt(exclude_sql="select phone from nothing", exclude_conn_id="stop")


@pytest.mark.parametrize("sql", ["", "  ", "-- select phone from stop", "{{ '' }}"])
def test_an_exclude_sql_that_is_empty_excludes_nobody_and_so_is_refused(stopped: Sync, sql: str) -> None:
    operator = stopped.operator(exclude_sql=sql)
    operator.render_template_fields({})
    stopped.task.current_try += 1
    with pytest.raises(AirflowFailException, match="exclude_sql is empty"):
        operator.execute(stopped.task.context())
    assert stopped.sends() == 0


def test_arguments_that_can_not_be_used() -> None:
    with pytest.raises(ValueError, match="exclude_conn_id is the connection for exclude_sql"):
        PrepareCallListOperator(task_id="a", sql="select 1", sql_conn_id="w", exclude_conn_id="w")
    with pytest.raises(ValueError, match="exclude_unreadable"):
        PrepareCallListOperator(task_id="a", sql="select 1", sql_conn_id="w", exclude_unreadable="ignore")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exclude_sql needs exclude_conn_id"):
        AddPhonesOperator(task_id="a", calls=[], exclude_sql="select 1")
    with pytest.raises(ValueError, match="exclude_sql needs exclude_conn_id"):
        SendCallListOperator(task_id="a", call_list={}, exclude_sql="select 1")


# Right before a batch is sent


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_who_says_no_between_the_freezing_and_the_third_batch_is_not_called(
    stopped: Sync, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    after_batch(monkeypatch, "00002", lambda: stop(stopped, written(25), written(3)))
    one_by_one = {"requests_per_second": 1000} if method == "addPhone" else {}  # no batch is noted ahead
    report = stopped.attempt(**STOP, **RESULTS, **AT_ONE_TIME, method=method, **one_by_one)
    assert (report["created"], report["excluded"]) == (29, 1)
    stopped.assert_once([*PHONES[:25], *PHONES[26:]])
    assert stopped.sends() == (3 if method == "addPhones" else 29)
    assert outcomes(engine)[25] == "excluded"
    assert outcomes(engine)[3] == "created", "he said no after he was sent"
    (file,) = stopped.files("done/00003.*")
    assert ".created-9.refused-0.excluded-1." in file.name


def test_a_batch_all_of_whose_people_say_no_is_no_request(stopped: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    after_batch(monkeypatch, "00002", lambda: stop(stopped, *PHONES[20:]))
    report = stopped.attempt(**STOP, **AT_ONE_TIME)
    assert (report["created"], report["excluded"]) == (20, 10)
    assert stopped.sends() == 2


def test_a_query_that_fails_by_then_ends_the_try_and_the_next_one_goes_on(
    stopped: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_batch(monkeypatch, "00001", lambda: stopped.execute("alter table stop rename to gone"))
    with pytest.raises(AirflowException, match=r"no such table: stop.*until it can be asked") as failed:
        stopped.attempt(**STOP, **AT_ONE_TIME)
    assert not isinstance(failed.value, AirflowFailException)
    assert stopped.sends() == 1
    stopped.execute("alter table gone rename to stop")
    stop(stopped, PHONES[29])
    assert stopped.attempt(**STOP, **AT_ONE_TIME)["created"] == 29
    stopped.assert_once(PHONES[:29])


def test_an_entry_that_can_not_be_read_by_then_sends_nothing_either(
    stopped: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_batch(monkeypatch, "00001", lambda: stop(stopped, "12345"))
    with pytest.raises(AirflowException, match="1 of 1 rows"):
        stopped.attempt(**STOP, **AT_ONE_TIME)
    assert stopped.sends() == 1


def test_an_exclusion_list_that_loses_most_of_its_rows_meanwhile_is_told_as_a_warning(
    stopped: Sync, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one that is being filled anew, while batches are sent."""
    monkeypatch.setattr(exclusion_look, "_GONE_BY", 0)
    stop(stopped, *PHONES[:5])
    after_batch(monkeypatch, "00001", lambda: stopped.execute("delete from stop"))
    stopped.attempt(**STOP, **AT_ONE_TIME, batch_size=5)
    told_of = capsys.readouterr().out
    assert told_of.count("exclude_sql gives 0 rows by now, and gave 5 before") == 1


def test_batches_that_are_sent_at_once_share_a_look(stopped: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    excluded = ExclusionQuery.excluded

    def counted(query: ExclusionQuery, phones: Any) -> Any:
        looks.append(1)
        return excluded(query, phones)

    monkeypatch.setattr(ExclusionQuery, "excluded", counted)
    stopped.attempt(**STOP, batch_size=1, concurrency=30)
    assert stopped.sends() == 30
    assert len(looks) <= 12, "one when freezing, and one for several that ask at the same time"


# With a send that went unanswered


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_a_batch_with_an_unanswered_send_is_settled_by_the_report_first_and_then_shortened(
    stopped: Sync, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    sent = Requests(monkeypatch)
    stopped.emulator.fault(when, "reset", path="addPhones", phone=PHONES[22], times=3)
    with pytest.raises(AirflowException):
        stopped.attempt(**STOP)
    stop(stopped, written(25))
    if when == "before_commit":
        before = len(sent)
        with pytest.raises(AirflowException, match="wait for the report"):
            stopped.attempt(**STOP)
        assert len(sent) == before, "nothing is repeated whose members must become others"
    stopped.emulator.advance(minutes=25)
    report = stopped.attempt(**STOP)
    sent.assert_no_key_has_other_members()
    if when == "after_commit":
        assert (report["created"], report["excluded"]) == (30, 0), "he was added before he said no"
        stopped.assert_once(PHONES)
    else:
        assert (report["created"], report["excluded"]) == (29, 1)
        stopped.assert_once([*PHONES[:25], *PHONES[26:]])


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_by_number_too_what_is_unanswered_is_settled_first(stopped: Sync, when: str) -> None:
    stopped.emulator.fault(when, "reset", path="addPhone", phone=PHONES[25], times=3)
    with pytest.raises(AirflowException):
        stopped.attempt(**STOP, method="addPhone")
    stop(stopped, written(25))
    stopped.emulator.advance(minutes=25)
    report = stopped.attempt(**STOP, method="addPhone")
    assert report["excluded"] == (1 if when == "before_commit" else 0)
    stopped.assert_once(PHONES if when == "after_commit" else [*PHONES[:25], *PHONES[26:]])


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_a_worker_that_dies_and_a_retry_by_which_the_rest_is_excluded(
    stopped: Sync, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def die() -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        after_batch(patch, "00001", die)
        with pytest.raises(BaseException):  # noqa: B017, PT011
            stopped.attempt(**STOP, **AT_ONE_TIME, method=method)
    created = {job.phone for job in stopped.emulator.jobs()}
    stop(stopped, *PHONES)
    stopped.emulator.advance(minutes=25)
    report = stopped.attempt(**STOP, **AT_ONE_TIME, method=method)
    stopped.assert_once(sorted(created))
    assert (report["created"], report["excluded"]) == (len(created), 30 - len(created))


# The halves, and shards


def test_each_shard_looks_for_itself(stopped: Sync) -> None:
    stop(stopped, PHONES[0])
    halves = Halves(stopped, 3, batch_size=5, **STOP)
    assert halves.pointer["excluded"] == 1
    stop(stopped, *map(written, range(25, 30)))
    reports = [halves.send(shard, **STOP, exclude_conn_id="warehouse") for shard in range(3)]
    assert sum(report["excluded"] for report in reports) == 6
    stopped.assert_once(PHONES[1:25])


def test_who_is_written_as_at_home_is_read_alike_by_all_looks(stopped: Sync) -> None:
    """Also once nobody of his country is called any more: else he would be unreadable, and nothing sent."""
    stopped.add(["+49 30 123456"])
    stop(stopped, "030 123456")
    halves = Halves(stopped, 2, batch_size=5, **STOP)
    assert halves.pointer["excluded"] == 1
    reports = [halves.send(shard, **STOP, exclude_conn_id="warehouse") for shard in range(2)]
    assert sum(report["created"] for report in reports) == 30


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exclude_sql is missing: the list was frozen with one"),
        ({"exclude_sql": "select '' as phone", "exclude_conn_id": "warehouse"}, "is another one than that"),
        ({**STOP, "exclude_conn_id": "elsewhere"}, "is another one than that"),
    ],
)  # fmt: skip
def test_a_list_is_sent_with_the_exclusion_list_that_it_was_frozen_with_or_not_at_all(
    stopped: Sync, given: dict[str, Any], message: str
) -> None:
    halves = Halves(stopped, batch_size=5, **STOP)
    with pytest.raises(AirflowFailException, match=message):
        halves.send(**given)
    assert stopped.sends() == 0
    assert halves.send(exclude_sql="  select phone from stop\n", exclude_conn_id="warehouse")["created"] == 30


def test_a_list_that_was_frozen_without_one_may_be_sent_with_one(
    stopped: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    halves = Halves(stopped, batch_size=5)
    stop(stopped, PHONES[0])
    assert halves.send(**STOP, exclude_conn_id="warehouse")["excluded"] == 1
    assert "frozen with no exclude_sql" in capsys.readouterr().out


def test_a_sync_whose_author_changed_the_query_goes_on_with_that_of_now(
    stopped: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[22], times=3)
    with pytest.raises(AirflowException):
        stopped.attempt(**STOP)
    stopped.execute(f"create table never as select '{PHONES[0]}' as phone")
    assert stopped.attempt(exclude_sql="select phone from never")["created"] == 30
    assert "frozen with another exclude_sql" in capsys.readouterr().out


def test_a_template_is_rendered_alike_in_both_halves(stopped: Sync) -> None:
    sql = "select phone from stop where '{{ ds }}' > ''"
    prepare = PrepareCallListOperator(
        task_id="p", sql="select phone from customer", sql_conn_id="warehouse", exclude_sql=sql,
        call_list_path=str(stopped.lists),
    )  # fmt: skip
    prepare.render_template_fields({"ds": "2026-12-01"})
    pointer = prepare.execute(TaskInstance(task_id="p", run=stopped.task.run, current_try=1).context())
    send = SendCallListOperator(task_id="s", call_list=pointer, exclude_sql=sql, exclude_conn_id="warehouse")
    send.render_template_fields({"ds": "2026-12-01"})
    assert send.execute(TaskInstance(task_id="s", run=stopped.task.run, current_try=1).context())["created"] == 30


# Given calls, and what is told


def test_given_calls_are_excluded_too(stopped: Sync) -> None:
    stop(stopped, written(1))
    operator = AddPhonesOperator(
        task_id="add", calls=PHONES[:3], call_list_path=str(stopped.lists), exclude_sql="select phone from stop",
        exclude_conn_id="warehouse",
    )  # fmt: skip
    report = operator.execute(TaskInstance(task_id="add", run=stopped.task.run, current_try=1).context())
    assert (report["created"], report["excluded"]) == (2, 1)


def test_the_list_tells_whom_it_left_out(stopped: Sync) -> None:
    stop(stopped, written(1))
    stopped.attempt(**STOP)
    (file,) = stopped.files("excluded/*")
    (line,) = map(json.loads, file.read_text().splitlines())
    reason = "excluded: its phone stood on the exclusion list when the list was frozen"
    assert line == {"row": 2, "keys": {"id": 2}, "reason": reason}


class Requests(list[tuple[str, tuple[str, ...]]]):
    """The requests of addPhones, with their keys and phones: no key goes with two sets of phones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = endpoints.add_ready_phones

        def add(items: Sequence[bytes], idempotence_key: str) -> Any:
            self.append((idempotence_key, tuple(json.loads(item)["phone"] for item in items)))
            return made(items, idempotence_key=idempotence_key)

        monkeypatch.setattr(endpoints, "add_ready_phones", add)

    def assert_no_key_has_other_members(self) -> None:
        assert len({key for key, _ in self}) == len({*self})


class Hands:
    """A worker's clocks, set by hand."""

    now = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("took", "gone_by"), [(0.02, 0.4), (0.4, 8.0), (3.0, 10.0), (60.0, 10.0)])
def test_a_look_is_gone_by_for_twenty_times_the_time_it_took_and_ten_seconds_at_most(
    took: float, gone_by: float
) -> None:
    clock, nobody = Hands(), exclusion_look.PhoneSet([])
    look = exclusion_look.ExclusionLook(ExclusionQuery.__new__(ExclusionQuery), lambda: nobody, clock)
    began = exclusion_look.Reading.of(clock)
    clock.sleep(took)
    look._known = exclusion_look._Look(nobody.marks(), began, exclusion_look.Reading.of(clock))
    for later, holds in ((gone_by - 0.01, True), (0.02, False)):
        clock.sleep(later)
        assert look._holds(asked=clock.now) is holds
