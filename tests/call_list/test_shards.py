"""A list that several tasks send, a shard each: what each of them owns, and what their reports sum to."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.shard_reports import summed
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator, SumReportsOperator
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance

SHARDS = 4
PHONES = [phone(number) for number in range(120)]
COUNTED = ("created", "doubles", "rejected", "refused", "unknown", "claimed")


class Sharded:
    """A run that prepares a list, sends it in shards, and sums their reports."""

    def __init__(self, sync: Sync, shards: int = SHARDS) -> None:
        self.sync = sync
        self.run = sync.task.run
        self.sending = [TaskInstance(task_id="send", run=self.run, map_index=index) for index in range(shards)]
        self.call_list: dict[str, Any] = PrepareCallListOperator(
            task_id="prepare", sql="select id, phone, name from customer order by id", sql_conn_id="warehouse",
            key_columns=["id"], call_list_path=str(sync.lists), batch_size=10, shards=shards,
        ).execute(TaskInstance(task_id="prepare", run=self.run, current_try=1).context())  # fmt: skip

    def send(self, shard: int, by: int | None = None, **arguments: Any) -> dict[str, Any]:
        task = self.sending[shard if by is None else by]
        task.current_try += 1
        report: dict[str, Any] = SendCallListOperator(
            task_id="send", call_list=self.call_list, shard=shard, call_list_path=str(self.sync.lists), **arguments
        ).execute(task.context())
        return report

    def send_all(self) -> list[dict[str, Any]]:
        return [self.send(shard) for shard in range(len(self.sending))]

    def sum(self, reports: Any) -> dict[str, Any]:
        task = TaskInstance(task_id="report", run=self.run, current_try=1)
        return SumReportsOperator(task_id="report", reports=reports).execute(task.context())

    def phones(self, shard: int) -> list[str]:
        """Those of a shard, as they were frozen."""
        folder = self.call_list["path"].removeprefix("file://")
        with open(f"{folder}/list.json") as file:
            batches = [batch["name"] for batch in json.load(file)["batches"] if batch["shard"] == shard]
        found = []
        for name in batches:
            with open(f"{folder}/batches/{name}.jsonl") as file:
                found += [json.loads(line)["call"]["phone"] for line in file]
        return found


def test_the_reports_of_all_shards_sum_to_the_rows_of_the_query(sync: Sync) -> None:
    sync.add([*PHONES, *PHONES[:7], "", "nonsense"])
    sync.emulator.settings(bad_numbers=PHONES[5:8])
    sharded = Sharded(sync)
    reports = sharded.send_all()
    assert [(report["shard"], report["shards"]) for report in reports] == [(shard, SHARDS) for shard in range(SHARDS)]
    assert [(report["doubles"], report["rejected"]) for report in reports] == [(7, 2), (0, 0), (0, 0), (0, 0)]
    assert all(report["rows"] == sum(report[name] for name in COUNTED) for report in reports)
    whole = sharded.sum(reports)
    assert whole == {
        "rows": 129, "created": 117, "doubles": 7, "rejected": 2, "refused": 3, "unknown": 0, "expired": 0,
        "claimed": 0, "capped": 0, "excluded": 0, "held_out": 0,
        "call_list": sharded.call_list["path"], "rejected_rows": reports[0]["rejected_rows"],
        "shards": SHARDS,
        "seconds": max(report["seconds"] for report in reports),
    }  # fmt: skip
    sync.assert_once([one for one in PHONES if one not in PHONES[5:8]])


def test_a_shard_without_calls_reports_nothing_and_is_counted(sync: Sync) -> None:
    sync.add(PHONES[:1])
    sharded = Sharded(sync)
    reports = sharded.send_all()
    assert sorted(report["rows"] for report in reports) == [0, 0, 0, 1]
    assert sharded.sum(reports)["created"] == 1


def test_a_list_of_one_shard_is_summed_too(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync, shards=1)
    assert sharded.sum(sharded.send_all())["rows"] == 120


def test_a_shard_that_fails_is_sent_alone_by_its_next_try(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    lost = sync.emulator.fault("after_commit", "reset", path="addPhones", phone=sharded.phones(2)[-1], times=3)
    reports = {shard: sharded.send(shard) for shard in (0, 1, 3)}
    with pytest.raises(AirflowException):
        sharded.send(2, concurrency=1)
    assert lost.hits == 3
    before = sync.sends()
    reports[2] = sharded.send(2)
    assert sync.sends() == before + 1, "the batch that went unanswered, and none of another shard"
    assert sharded.sum(reports.values())["created"] == 120
    sync.assert_once(PHONES)


def test_a_cleared_shard_calls_nobody_again_and_sums_as_before(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    reports = sharded.send_all()
    sends, first = sync.sends(), sharded.sum(reports)
    sharded.run.clear_number += 1
    reports[1] = sharded.send(1)
    again = sharded.sum(reports)
    assert {name: again[name] for name in ("rows", *COUNTED)} == {name: first[name] for name in ("rows", *COUNTED)}
    assert sync.sends() == sends
    sync.assert_once(PHONES)


def test_a_shard_is_its_tasks_alone(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    sharded.send(0)
    sends = sync.sends()
    with pytest.raises(AirflowFailException, match=r"sent by task send of DAG winter_sale, run .*, map index 0"):
        sharded.send(0, by=1)
    assert sync.sends() == sends


@pytest.mark.parametrize("kept", [timedelta(days=30), timedelta(0)], ids=["kept", "deleted"])
def test_a_list_that_another_task_sent_is_sent_by_no_second_one_also_once_it_is_deleted(
    sync: Sync, kept: timedelta
) -> None:
    """The second task told the first one's counts as its own: green, and its campaign had nobody."""
    sync.add(PHONES)
    sharded = Sharded(sync, shards=1)
    sharded.send(0, keep_call_list=kept)
    second = TaskInstance(task_id="send_again", run=sharded.run, current_try=1)
    with pytest.raises(
        AirflowFailException, match=r"sent by task send of DAG winter_sale, run .*, map index 0.*[Ff]reeze a list of"
    ):
        SendCallListOperator(
            task_id="send_again", call_list=sharded.call_list, shard=0, aimylogic_conn_id="aimylogic_other"
        ).execute(second.context())
    sync.assert_once(PHONES)


def test_a_shard_of_a_deleted_list_is_its_tasks_alone(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync, shards=2)
    reports = [sharded.send(shard, keep_call_list=timedelta(0)) for shard in range(2)]
    with pytest.raises(AirflowFailException, match="and deleted since"):
        sharded.send(0, by=1)
    for discards in (False, True):
        for shard in range(2):
            sharded.sending[shard].clear(discards=discards)
            assert sharded.send(shard) == reports[shard]
    sync.assert_once(PHONES)


def test_a_shard_without_calls_of_a_deleted_list_is_told_as_it_was(sync: Sync) -> None:
    sync.add(PHONES[:1])
    sharded = Sharded(sync)
    reports = [sharded.send(shard, keep_call_list=timedelta(0)) for shard in range(SHARDS)]
    sharded.run.clear_number += 1
    assert sharded.send_all() == reports


def test_a_missing_shard_fails_the_task_and_is_named(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    reports = sharded.send_all()
    with pytest.raises(AirflowFailException, match=r"2 of the 4 shards of .* are not reported \(1, 3\)") as told:
        sharded.sum([reports[2], reports[0]])
    assert ".expand(shard=list(range(4)))" in str(told.value)


def test_reports_are_taken_as_the_text_that_a_template_makes_of_them(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    reports = sharded.send_all()
    assert sharded.sum(str(reports)) == sharded.sum(json.dumps(reports)) == sharded.sum(iter(reports))


def test_more_shards_after_a_clear_of_the_whole_run_call_nobody_again(sync: Sync) -> None:
    """A phone is in another shard then: the tasks that are new would call people whom the first ones did."""
    sync.add(PHONES)
    Sharded(sync).send_all()
    sends = sync.sends()
    sync.task.clear()
    cleared = Sharded(sync, shards=8)
    for shard in (7, 4, 7):
        with pytest.raises(
            AirflowFailException, match=r"began to send another list of this DAG run.* clear `send` alone"
        ):
            cleared.send(shard)
    assert sync.sends() == sends
    sync.assert_once(PHONES)


def test_shards_of_which_one_never_began_call_nobody_again(sync: Sync) -> None:
    """One task after four, which is none of them."""
    sync.add(PHONES)
    Sharded(sync).send_all()
    sync.task.clear()
    cleared = Sharded(sync, shards=1)
    cleared.sending[0].map_index = -1
    with pytest.raises(AirflowFailException, match="began to send another list of this DAG run"):
        cleared.send(0)
    sync.assert_once(PHONES)


@pytest.mark.parametrize("shard", [None, ""])
def test_a_list_in_shards_is_not_sent_in_part_by_mistake(sync: Sync, shard: Any) -> None:
    """Without a shard it was the first that was sent, and three of four people were called by nobody."""
    sync.add(PHONES)
    sharded = Sharded(sync)
    more = {} if shard is None else {"shard": shard}
    task = TaskInstance(task_id="send", run=sharded.run, current_try=1)
    with pytest.raises(AirflowFailException, match=r"4 shards.*\.expand\(shard=list\(range\(4\)\)\)"):
        SendCallListOperator(
            task_id="send", call_list=sharded.call_list, call_list_path=str(sync.lists), **more
        ).execute(task.context())
    assert sync.sends() == 0


@pytest.mark.parametrize("shard", ["x", "1.0", 1.5, True, -1, 4, [0]])
def test_a_shard_that_is_none_is_told(sync: Sync, shard: Any) -> None:
    sync.add(PHONES[:1])
    with pytest.raises(AirflowFailException, match="shard"):
        Sharded(sync).send(shard, by=0)
    assert sync.sends() == 0


def test_a_shard_may_come_as_the_text_of_a_template(sync: Sync) -> None:
    sync.add(PHONES)
    sharded = Sharded(sync)
    assert sharded.send("2", by=2)["shard"] == 2  # type: ignore[arg-type]


# The sum itself


def report(shard: int, **more: Any) -> dict[str, Any]:
    counts = {
        "rows": 10,
        "created": 9,
        "doubles": 0,
        "rejected": 0,
        "refused": 1,
        "unknown": 0,
        "claimed": 0,
        "capped": 0,
        "excluded": 0,
        "held_out": 0,
    }
    return {**counts, "call_list": "file:///a", "seconds": shard, "shard": shard, "shards": SHARDS, **more}


def test_the_order_of_reports_does_not_matter() -> None:
    reports = [report(shard) for shard in range(SHARDS)]
    shuffled = random.Random(1).sample(reports, SHARDS)
    assert shuffled != reports
    assert summed(shuffled) == summed(reports)
    assert summed(reports)["seconds"] == 3


@pytest.mark.parametrize("of_all", [{}, {"results_table": "calls"}])
def test_what_is_the_whole_lists_is_taken_over(of_all: dict[str, str]) -> None:
    whole = summed([report(shard, rejected_rows="file:///a/rejected.csv", **of_all) for shard in range(SHARDS)])
    assert whole["rejected_rows"] == "file:///a/rejected.csv"
    assert whole.get("results_table", "") == of_all.get("results_table", "")


def less(name: str) -> dict[str, Any]:
    return {key: value for key, value in report(0).items() if key != name}


def all_but(*shards: int) -> list[dict[str, Any]]:
    return [report(shard) for shard in range(SHARDS) if shard not in shards]


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        ([], "there is no report at all: give that of each shard, by SendCallListOperator's .output"),
        (None, "these aren't reports of shards"),
        (report(0), "these aren't reports of shards"),
        ("LazySelectSequence([4 items])", "these aren't reports of shards .*: give what SendCallListOperator returned"),
        ([None], "these aren't reports of shards"),
        ([less("shard")], "missing required field `shard`"),
        ([report(0, created="9")], r"Expected `int`, got `str` - at `\$\[0\]\.created`"),
        ([*all_but(1), report(1, call_list="file:///b")], "different lists, file:///a and file:///b: give"),
        ([*all_but(), report(4)], "shard 4 is none of file:///a, which has 4"),
        ([*all_but(), report(-1)], "shard -1 is none of file:///a, which has 4"),
        ([*all_but(3), report(3, shards=5)], "file:///a has 4 shards by one report, and 5 by another"),
        ([*all_but(), report(2)], "shard 2 of file:///a is reported 2 times: give each report once"),
        ([*all_but(1), report(2)], "shard 2 of file:///a is reported 2 times"),
        (all_but(3), r"1 of the 4 shards of file:///a are not reported \(3\): their people may not have been called"),
        (
            [report(0, shards=1000)],
            r"999 of the 1000 shards of file:///a are not reported \(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …\)",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_summed_is_told(reports: Any, told: str) -> None:
    with pytest.raises(CallListError, match=told):
        summed(reports)


@pytest.mark.parametrize("make", [dict, str, list])
def test_a_sum_that_fails_is_not_tried_again(make: Callable[[], Any]) -> None:
    with pytest.raises(AirflowFailException):
        SumReportsOperator(task_id="report", reports=make()).execute({})  # type: ignore[arg-type]


def test_a_shard_whose_first_try_died_just_after_its_claim_has_sent_nothing(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So jobs that others made of its people since are no doubt about its own calls."""
    sync.add(PHONES[:3])
    sharded = Sharded(sync, shards=1)
    with monkeypatch.context() as dying:
        claim = CallList.claim

        def claim_and_die(*arguments: Any) -> None:
            claim(*arguments)
            raise CrashError

        dying.setattr(CallList, "claim", claim_and_die)
        with pytest.raises(CrashError):
            sharded.send(0)
    TaskInstance(dag_id="of others").attempt(phone=PHONES[1])
    sync.emulator.advance(hours=25)
    assert sharded.send(0)["created"] == 3


def test_a_shard_whose_task_instance_was_made_anew_doubts_what_it_sent(sync: Sync) -> None:
    """Airflow then says that it never ran; its list's traces say that it did."""
    sync.add(PHONES[:3])
    sharded = Sharded(sync, shards=1)
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=3)
    with pytest.raises(AirflowException):
        sharded.send(0)
    sharded.sending[0].rows.clear()
    sharded.sending[0].current_try = 0
    sync.emulator.advance(hours=25)
    with suppress(AirflowException, AirflowFailException):
        sharded.send(0)
    sync.assert_once(PHONES[:3])
