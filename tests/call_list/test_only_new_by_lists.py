"""``only_new`` told by the task's own lists: two runs with the same people, and each of them is called once."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import DAG, exceptions

from aimylogic_provider.airflow_task.argument_checks import says_yes
from aimylogic_provider.airflow_task.required_actions import LEAVE
from aimylogic_provider.call_list.freeze.preview import Preview
from aimylogic_provider.call_list.persons.lists_in_force import ListsLook
from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
from aimylogic_provider.call_list.runs.old_lists import delete_old
from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError
from aimylogic_provider.call_list.store.caps import Cap, held_by_lists
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer, decode_manifest, sha256
from aimylogic_provider.call_list.store.outcomes import CallOutcome
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import ListQuestion
from aimylogic_provider.call_list_task.questions.approval_question import question
from aimylogic_provider.decorators import aimylogic_calls
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    ApproveCallListOperator,
    PrepareCallListOperator,
    PrepareCallsOperator,
    SendCallListOperator,
)
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list.sync import CrashError, phone
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)

PHONES = [phone(number) for number in range(6)]
DAY = timedelta(days=1)
HELD, CALLED = "which isn't over", "only_new allows 1 call in 1 day"


class Run:
    """A DAG run of ``call_a_list``: what freezes a list, and what sends it."""

    def __init__(self, lists: Path, run_id: str, phones: Sequence[str], **of_read: Any) -> None:
        self.lists = lists
        self.reads = TaskInstance(dag_id="call_a_list", run_id=run_id, task_id="read")
        self.calls = TaskInstance(dag_id="call_a_list", run_id=run_id, task_id="call")
        self.phones = phones
        self.of_read = of_read
        self.frozen: dict[str, Any] = {}

    def triggered_now(self) -> Run:
        """The same, triggered only now."""
        self.reads.run.run_after = datetime.fromtimestamp(SystemClock().wall(), UTC)
        return self

    def read(self, **arguments: Any) -> dict[str, Any]:
        told = {"only_new": DAY, "batch_size": 2, **self.of_read, **arguments}
        operator = PrepareCallsOperator(
            task_id="read", pasted="\n".join(f"+{one}" for one in self.phones), call_list_path=str(self.lists), **told
        )
        self.reads.current_try += 1
        self.frozen = operator.execute(self.reads.context())
        return self.frozen

    def call(self, **arguments: Any) -> dict[str, Any]:
        told = {"max_active_tis_per_dag": 1, "concurrency": 1, **arguments}
        operator = SendCallListOperator(task_id="call", call_list=self.frozen, **told)
        self.calls.current_try += 1
        report: dict[str, Any] = operator.execute(self.calls.context())
        return report

    @property
    def folder(self) -> Path:
        return Path(self.frozen["path"].removeprefix("file://"))

    @property
    def call_list(self) -> CallList:
        return CallList.open(Pointer.of(self.frozen))

    def reasons(self) -> set[str]:
        """Why people aren't called, as the list tells."""
        told = {line["reason"] for part in self.call_list.parts("capped") for line in part}
        outcomes = (one for batch in self.call_list.manifest.batches for one in self.call_list.outcomes(batch))
        return told | {one.reason for one in outcomes if one.outcome == "capped" and one.reason}


MakeRun = Callable[..., Run]


@pytest.fixture
def run(tmp_path: Path, connections: None, no_pauses: None) -> MakeRun:
    def made(name: str, phones: Sequence[str] = PHONES, **of_read: Any) -> Run:
        return Run(tmp_path / "lists", f"manual__{name}", phones, **of_read)

    return made


Wait = Callable[..., None]


@pytest.fixture
def wait(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Has time go by, by all clocks."""

    def waits(**time: float) -> None:
        emulator.advance(**time)
        wall, more = SystemClock.wall, timedelta(**time).total_seconds()
        monkeypatch.setattr(SystemClock, "wall", lambda clock: wall(clock) + more)

    return waits


def called(emulator: Emulator) -> Counter[str]:
    return Counter(job.phone for job in emulator.jobs())


def last_line(capsys: pytest.CaptureFixture[str], *besides: str) -> str:
    """The last line of the log, which has all of some words in others."""
    told = capsys.readouterr().out
    assert all(words in told for words in besides), told
    return str(told.strip().splitlines()[-1])


# Two clicks


def test_two_lists_that_were_both_approved_call_each_person_once(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    assert second.frozen["calls"] == 6, "neither was begun: both are asked about whole"
    assert first.call()["created"] == 6
    report = second.call()
    assert (report["created"], report["capped"]) == (0, 6)
    (reason,) = second.reasons()
    assert re.fullmatch(
        r"called by the list of \d{4}-\d\d-\d\d \d\d:\d\d UTC of run manual__a: only_new allows 1 call in 1 day", reason
    )
    assert called(emulator) == Counter(PHONES)


def test_three_corrected_lines_are_pasted_with_all_the_others(run: MakeRun, emulator: Emulator) -> None:
    first = run("a", PHONES[:4])
    first.read()
    first.call()
    again = run("b", PHONES)
    frozen = again.read()
    assert (frozen["rows"], frozen["calls"], frozen["capped"]) == (6, 2, 4), "told before anybody is asked"
    assert again.call()["created"] == 2
    assert called(emulator) == Counter(PHONES)


def test_a_list_all_of_whose_people_were_called_asks_nobody_and_says_so(
    run: MakeRun, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    run_a, run_b = run("a"), run("b")
    run_a.read()
    run_a.call()
    capsys.readouterr()
    run_b.read()
    assert "nobody is called: all 6 were called by the list of" in last_line(capsys)
    approve = TaskInstance(dag_id="call_a_list", run_id="manual__b", task_id="ask")
    approve.current_try = 1
    asks = ApproveCallListOperator(task_id="ask", call_list=run_b.frozen)
    assert asks.execute(approve.context()) == run_b.frozen  # type: ignore[arg-type]
    assert "nobody was asked, for there is nobody to call" in last_line(capsys, "of run manual__a")
    report = run_b.call()
    assert (report["rows"], report["capped"], report["created"]) == (6, 6, 0)
    assert "nobody is called: all 6 were called by the list of" in last_line(capsys)
    assert called(emulator) == Counter(PHONES)


def test_who_was_capped_at_sending_is_told_at_the_end(run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run_a, run_b = run("a"), run("b")
    run_a.read()
    run_b.read()
    run_a.call()
    run_b.call()
    assert "nobody is called: all 6 were called by the list of" in last_line(capsys)


def test_another_dag_and_a_day_before_count_for_nothing(run: MakeRun, emulator: Emulator) -> None:
    other, of_today = run("a"), run("b")
    other.reads.dag_id = "another"
    other.read()
    other.call()
    assert of_today.read()["calls"] == 6
    emulator.advance(hours=25)
    assert of_today.call()["created"] == 6


def test_it_is_gone_by_after_its_time_by_the_servers_clock(run: MakeRun, emulator: Emulator) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    first.call()
    emulator.advance(hours=25)
    assert second.call()["created"] == 6
    assert called(emulator) == Counter(PHONES * 2)


@pytest.mark.parametrize("only_new", [True, timedelta(days=40)])
def test_lists_that_are_deleted_too_soon_are_refused_before_anything_is_sent(
    run: MakeRun, emulator: Emulator, only_new: Any
) -> None:
    one = run("a", only_new=only_new)
    one.read()
    with pytest.raises(AirflowFailException, match=r"keep_call_list .* is too short for only_new"):
        one.call()
    assert one.call(keep_call_list=None)["created"] == 6
    again = run("b", only_new=only_new)
    assert again.read()["calls"] == 0


def test_the_question_tells_who_is_spared_and_by_which_run(run: MakeRun) -> None:
    first, second = run("a", PHONES[:4]), run("b")
    first.read()
    first.call()
    second.read()
    told = question(Preview.of(second.call_list), "s3://lists", None, time.time())
    assert "**Calls**: 2 of 6 lines" in told
    by_list = r"` called by the list of .* of run manual__a: only_new allows 1 call in 1 day `"
    assert re.search(rf"\*\*Not called\*\*: 4 {by_list}. To call them again, start a run that says call_again", told)


def test_the_log_tells_once_who_is_spared_and_names_no_way_out_that_is_of_something_else(
    run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("a", PHONES[:4]), run("b", PHONES[:4])
    first.read()
    first.call()
    capsys.readouterr()
    second.read()
    told = capsys.readouterr().out
    assert "all 4 were called by the list of" in told
    for of_something_else in ("max_calls_per_phone", "max_change", "isn't over"):
        assert of_something_else not in told


# What is of others' lists


def test_whom_the_server_refused_elsewhere_is_called_here(run: MakeRun, emulator: Emulator) -> None:
    first, second, third = run("a"), run("b"), run("c")
    emulator.settings(bad_numbers=[PHONES[0]])
    first.read()
    assert (first.call()["created"], first.call()["refused"]) == (5, 1)
    emulator.settings(bad_numbers=[])
    assert second.read()["calls"] == 1
    assert second.call()["created"] == 1
    assert third.read()["calls"] == 0
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_calls_that_are_not_settled_are_held_and_their_own_task_makes_them(
    run: MakeRun, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("a"), run("b")
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    third = run("c")
    capsys.readouterr()
    with pytest.raises(AirflowException, match=HELD) as still:
        third.read()
    assert still.type is not AirflowFailException, "the next try looks anew"
    told = capsys.readouterr().out
    assert "calls whom it holds by itself; if its task failed, clear that one" in told
    assert "call_again" not in told, "for the list that holds them may have called them"
    with pytest.raises(
        AirflowException, match=r"Nobody is called yet, and 6 of .* are held by the list of .* of run ma"
    ):
        second.call()
    assert first.call()["created"] == 6, "what the others left to it"
    assert second.call()["capped"] == 6, "by now that list has called them"
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_progress_that_no_entry_names_lets_nobody_go(run: MakeRun, emulator: Emulator) -> None:
    """A try may die between the writing of what it took calls for and the note of that; the next one calls them."""
    first, second = run("a", PHONES[:2]), run("b", PHONES[:2])
    first.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    (batch,) = first.call_list.manifest.batches
    told = [CallOutcome(row, "capped", reason="called by a list of another run") for row in (1, 2)]
    first.call_list.write_progress(batch, told)
    with pytest.raises(AirflowException, match=HELD):
        second.read()
    assert first.call()["created"] == 2
    assert second.read()["capped"] == 2
    assert called(emulator) == Counter(PHONES[:2])


@needs_record
def test_a_task_that_gave_up_for_good_holds_its_people_until_it_is_cleared_or_the_time_is_over(
    run: MakeRun, emulator: Emulator
) -> None:
    first, second = run("a"), run("b")
    first.read()
    emulator.fault("before_commit", "status", path="addPhones", status=403, times=None)
    with pytest.raises(AirflowFailException):
        first.call()
    emulator.clear_faults()
    with pytest.raises(AirflowException, match="of run manual__a, which isn't over"):
        second.read()
    first.calls.clear()
    emulator.advance(minutes=25)  # for the report to tell what came of the refused requests
    assert first.call()["created"] == 6
    assert second.read()["capped"] == 6, "by now they were called, and no list was kept without them"
    assert second.call()["created"] == 0
    assert called(emulator) == Counter(PHONES)


@needs_record
@pytest.mark.parametrize(
    "dies", [4, 6, 8, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 2, 3, 5, 7, 9, 10, 11))]
)
def test_a_sender_that_dies_anywhere_and_another_run_between_call_each_person_once(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, dies: int
) -> None:
    from aimylogic_provider.call_list.store.objects import Folder

    first, second = run("a"), run("b")
    first.read()
    second.read()
    written, write = [0], Folder.write

    def writes(folder: Folder, name: str, content: bytes) -> None:
        written[0] += 1
        if written[0] == dies:
            raise CrashError
        write(folder, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", writes)
        with suppress(BaseException):  # it may come in a group
            first.call()
    with suppress(AirflowException):  # if it left all of them to the first one
        second.call()
    first.call()
    second.call()
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_a_list_of_long_ago_that_is_taken_up_again_is_seen(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claim is gone by, and nothing was sent of it since: that it is taken up now is claimed anew, and seen."""
    first, second = run("a"), run("b")
    first.read()
    second.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    emulator.advance(hours=30)
    barred, seen = ListsLook.barred, list[dict[str, Any]]()

    async def while_it_is_at_it(look: ListsLook, *asked: Any) -> Any:
        found = await barred(look, *asked)
        if not seen:
            seen.append({})
            with pytest.raises(AirflowException, match="which isn't over"):
                await asyncio.to_thread(second.call)
        return found

    monkeypatch.setattr(ListsLook, "barred", while_it_is_at_it)
    first.call()
    assert seen
    assert (second.call()["created"], second.call()["capped"]) == (0, 6)
    assert called(emulator) == Counter(PHONES)


def test_a_tombstone_within_the_time_stops_the_run_with_the_way_out(
    run: MakeRun, emulator: Emulator, wait: Wait
) -> None:
    first, second = run("a"), run("b")
    first.read()
    first.call()
    assert CallList.open(Pointer.of(first.frozen)).delete()
    with pytest.raises(AirflowFailException, match=r"can't tell whom it called: nobody is called") as told:
        second.read()
    for words in (str(first.folder), "only_new allows 1 call in 1 day", "manual__a", "keep_call_list", "call_again"):
        assert words in str(told.value)
    wait(minutes=12)
    assert second.triggered_now().read(call_again=True)["calls"] == 6


def test_a_tombstone_of_a_list_that_called_nobody_stops_nobody(run: MakeRun, emulator: Emulator) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    second.read()
    first.call()
    second.call()
    assert CallList.open(Pointer.of(second.frozen)).delete()
    assert third.read()["capped"] == 6


@pytest.mark.parametrize("file", ["list.json", "claimed/*", "done/*", "batches/00001.jsonl"])
def test_a_list_that_cannot_be_read_is_no_empty_one(run: MakeRun, emulator: Emulator, file: str) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    second.read()
    first.call()
    (path, *_) = sorted(first.folder.glob(file))
    path.write_bytes(b"{]")
    with pytest.raises(AirflowException, match="can't tell whom it called: nobody is called"):
        third.read()
    with pytest.raises(AirflowException, match="can't tell whom it called: nobody is called"):
        second.call()
    assert called(emulator) == Counter(PHONES)


def test_a_list_that_was_sent_within_the_time_is_not_deleted_for_its_age(run: MakeRun, emulator: Emulator) -> None:
    first = run("a")
    first.read()
    first.call()
    of_task = decode_manifest((first.folder / "list.json").read_bytes()).task_folder
    log = type("Log", (), {"warning": print})()
    assert delete_old(of_task, timedelta(0), log, asked=DAY) == 0
    assert delete_old(of_task, timedelta(0), log) == 1


def test_a_person_in_two_shards_of_two_lists_is_called_by_one(run: MakeRun, emulator: Emulator) -> None:
    """Shards of two lists are sent in turn: whoever comes last finds that the other one has left them to it."""
    first, second = run("a", shards=2), run("b", shards=2)
    first.read()
    second.read()
    tasks = {
        (one.reads.run_id, shard): TaskInstance(
            dag_id="call_a_list", run_id=one.reads.run_id, task_id="call", map_index=shard
        )
        for one in (first, second)
        for shard in (0, 1)
    }
    for one, shard in ((first, 0), (second, 0), (second, 1), (first, 1)):
        task = tasks[one.reads.run_id, shard]
        task.current_try = 1
        operator = SendCallListOperator(
            task_id="call", call_list=one.frozen, shard=shard, max_active_tis_per_dag=1, concurrency=1
        )
        with suppress(AirflowException):  # of the second list, as long as the first one holds all of it
            operator.execute(task.context())  # type: ignore[arg-type]
    assert called(emulator) == Counter(PHONES)


# One at a time


@pytest.mark.parametrize("most", [None, 2, 16])
def test_nothing_is_sent_by_a_task_of_which_two_may_run(run: MakeRun, emulator: Emulator, most: int | None) -> None:
    one = run("a")
    one.read()
    with pytest.raises(AirflowFailException, match=r"Give that task max_active_tis_per_dag=1, and clear it"):
        one.call(max_active_tis_per_dag=most)
    assert emulator.jobs() == []
    assert not list(one.folder.glob("claimed/*")), "and it holds nobody"
    assert one.call()["created"] == 6


def test_not_even_ones_own_phone_rings_before_that_is_seen(run: MakeRun, emulator: Emulator) -> None:
    one = run("a")
    one.read()
    with pytest.raises(AirflowFailException, match="Give that task max_active_tis_per_dag=1"):
        one.call(max_active_tis_per_dag=None, test_phone="+79160000000")
    assert emulator.jobs() == []


def test_of_two_who_are_at_it_at_once_at_least_one_sees_the_other(
    run: MakeRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an orphan of a lost worker may be: the second one runs whole between the first one's claim and its look."""
    first, second = run("a"), run("b")
    first.read()
    second.read()
    look = ListsLook._look
    looked: list[str] = []

    def looks(one: ListsLook) -> Any:
        looked.append("")
        if len(looked) == 1:
            with suppress(AirflowException):
                second.call()
        return look(one)

    monkeypatch.setattr(ListsLook, "_look", looks)
    report = first.call()
    assert set(called(emulator).values()) <= {1}, "nobody twice, whoever was left to the other"
    assert report["created"] + report["capped"] == 6


# Nobody is left for a list, and not all are called


def begun(emulator: Emulator, one: Run) -> None:
    """A list of which two people aren't called yet, and four are."""
    one.read()
    emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[2], times=None)
    with pytest.raises(AirflowException):
        one.call()
    emulator.clear_faults()


@needs_record
def test_no_list_is_made_of_people_whom_a_dead_one_holds_and_who_are_called_by_nobody(
    run: MakeRun, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run("a"), run("b")
    begun(emulator, first)
    capsys.readouterr()
    with pytest.raises(AirflowException) as told:
        second.read()
    assert not isinstance(told.value, AirflowFailException), "the next try looks anew"
    assert re.match(
        r"Nobody is called yet, and 2 of 6 rows are held by the list of .* UTC of run manual__a, which isn't "
        r"over\. That list calls whom it holds by itself, and then nothing is to be done here; if its",
        str(told.value),
    )
    assert "Once that list is over, clear the task, which looks again" in capsys.readouterr().out
    first.call()
    assert second.read()["capped"] == 6
    assert "nobody is called: all 6 were called by the list of" in last_line(capsys)
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_the_next_try_calls_whom_the_other_list_let_go_of(run: MakeRun, emulator: Emulator) -> None:
    """It refused them, so that the list which the first try would have made of nobody must not be kept."""
    first, second = run("a", PHONES[2:4]), run("b", PHONES[2:4])
    first.read()
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    with pytest.raises(AirflowException, match="Nobody is called yet"):
        second.read()
    emulator.settings(bad_numbers=[PHONES[2]])
    emulator.advance(minutes=25)
    assert (first.call()["created"], first.call()["refused"]) == (1, 1)
    emulator.settings(bad_numbers=[])
    assert (second.read()["calls"], second.frozen["capped"]) == (1, 1)
    assert second.call()["created"] == 1
    assert called(emulator) == Counter(PHONES[2:4])


@needs_record
def test_a_bad_line_beside_those_who_are_held_excuses_nothing(run: MakeRun, emulator: Emulator) -> None:
    first, second, both = run("a"), run("b", [*PHONES, "12"]), run("c", [*PHONES, phone(7)])
    begun(emulator, first)
    with pytest.raises(AirflowException, match="2 of 7 rows are held by"):
        second.read()
    assert (both.read()["calls"], both.frozen["capped"]) == (1, 6), "somebody is left: the log tells of the others"


@needs_record
def test_a_list_of_the_same_run_keeps_none_from_being_made_for_its_own_task_comes_after(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None
) -> None:
    """All of a mapped task is frozen before anything is sent: a clear of the whole run goes on with what was begun."""
    lists: dict[int, Any] = {}

    def read(index: int) -> None:
        task = TaskInstance(dag_id="call_a_list", run_id="manual__a", task_id="read", map_index=index, current_try=1)
        pasted = "\n".join(f"+{one}" for one in PHONES[: 6 - index])
        operator = PrepareCallsOperator(task_id="read", pasted=pasted, call_list_path=str(tmp_path), only_new=DAY)
        lists[index] = operator.execute(task.context())  # type: ignore[arg-type]

    read(0)
    read(1)
    call = TaskInstance(dag_id="call_a_list", run_id="manual__a", task_id="call", map_index=0, current_try=1)
    sends = SendCallListOperator(task_id="call", call_list=lists[0], max_active_tis_per_dag=1, concurrency=1)
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sends.execute(call.context())  # type: ignore[arg-type]
    emulator.clear_faults()
    read(1)
    assert lists[1]["calls"] == 0
    sends.execute(call.context())  # type: ignore[arg-type]
    assert called(emulator) == Counter(PHONES)


@needs_record
def test_a_task_that_freezes_and_sends_makes_no_such_list_either(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None
) -> None:
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    first, second = (added(run_id, tmp_path) for run_id in "ab")
    with pytest.raises(AirflowException):
        first()
    with pytest.raises(AirflowException, match=r"Nobody is called yet, and 6 of 6 rows are held by .* run a"):
        second()
    assert second(dry_run=True)["capped"] == 6, "a rehearsal tells, and fails nobody"
    emulator.clear_faults()
    assert first()["created"] == 6
    assert (second()["created"], second()["capped"]) == (0, 6)
    assert called(emulator) == Counter(PHONES)
    kept = [one for one in (tmp_path / "call_a_list" / "add" / "b").iterdir() if one.is_dir()]
    assert len(kept) <= 2, "what the tries made of nobody is removed, but for the rehearsal's"


def added(run_id: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What tries one task of a run once more."""
    task = TaskInstance(dag_id="call_a_list", run_id=run_id, task_id="add")

    def tries(**arguments: Any) -> dict[str, Any]:
        told = {"only_new": DAY, "max_active_tis_per_dag": 1, "batch_size": 2, "concurrency": 1, **arguments}
        operator = AddPhonesOperator(task_id="add", calls=PHONES, call_list_path=str(tmp_path), **told)
        task.current_try += 1
        return operator.execute(task.context())  # type: ignore[arg-type]

    return tries


# On purpose


@pytest.mark.parametrize("again", [True, "True", "yes", " 1 "])
def test_call_again_calls_again(run: MakeRun, emulator: Emulator, wait: Wait, again: Any) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    first.call()
    wait(minutes=12)
    assert second.triggered_now().read(call_again=again)["calls"] == 6
    told = question(Preview.of(second.call_list), "s3://lists", None, time.time())
    assert "**Called again, on purpose**: whom other runs called until" in told, "whoever says yes knows it"
    assert second.call()["created"] == 6
    assert third.read()["capped"] == 6, "and counts for the next one"
    assert "on purpose" not in question(Preview.of(first.call_list), "s3://lists", None, time.time())
    assert called(emulator) == Counter(PHONES * 2)


@pytest.mark.parametrize(("text", "yes"), [
    (True, True), ("true", True), ("Yes", True), ("on", True), (1, True),
    (False, False), ("False", False), ("no", False), ("None", False), (None, False), ("", False), ("  ", False),
    ("0", False), (0, False),
])  # fmt: skip
def test_what_means_yes(text: Any, yes: bool) -> None:
    assert says_yes(text) is yes


def test_what_means_neither_is_refused(run: MakeRun) -> None:
    with pytest.raises(ValueError, match="call_again 'perhaps' can't be used: give True"):
        run("a").read(call_again="perhaps")
    operator = PrepareCallsOperator(
        task_id="read", pasted="+79120000001", only_new=DAY, call_again="{{ params.again }}"
    )
    operator.call_again = "perhaps"  # as it is rendered
    task = TaskInstance(task_id="read", current_try=1)
    with pytest.raises(AirflowFailException, match="call_again 'perhaps' can't be used: give True"):
        operator.execute(task.context())  # type: ignore[arg-type]


def test_arguments_that_go_together() -> None:
    def prepare(**arguments: Any) -> None:
        PrepareCallsOperator(task_id="read", pasted="+79120000001", **arguments)

    with pytest.raises(ValueError, match="give only_new, too"):
        prepare(call_again=True)
    with pytest.raises(ValueError, match="only_new 7 can't be used"):
        prepare(only_new=7)
    with pytest.raises(ValueError, match="may differ from run to run, by ds"):
        prepare(only_new=DAY, call_list_path="/lists/{{ ds }}")
    prepare(only_new=DAY, call_again="{{ params.again }}", call_list_path="/lists/{{ var.value.place }}")


@pytest.mark.parametrize("operator", [
    AddPhoneOperator, AddPhonesOperator, PrepareCallsOperator, SqlToAimylogicOperator, PrepareCallListOperator,
    aimylogic_calls,
])  # fmt: skip
@pytest.mark.parametrize("by_default", [False, True])
def test_a_wrong_one_of_a_mapped_task_is_told_while_the_dag_is_parsed(operator: Any, by_default: bool) -> None:
    def mapped(only_new: Any) -> None:
        given = {} if by_default else {"only_new": only_new}
        with DAG("dag", schedule=None, default_args={"only_new": only_new} if by_default else {}):
            if operator is aimylogic_calls:
                operator(task_id="calls", **given)(lambda whom: [whom]).expand(whom=["+79120000001"])
            else:
                operator.partial(task_id="calls", **given).expand(phone_region=["RU"])

    with pytest.raises(ValueError, match=r"only_new .* can't be used: give"):
        mapped("1 day")
    mapped(DAY)


# What a list says of itself


def test_lists_of_earlier_versions_are_read_and_others_look_as_they_did() -> None:
    import msgspec

    old = b'{"calls":1,"seconds":86400.0,"rule":"only_new","keyless":false}'
    assert msgspec.json.decode(old, type=Cap) == Cap(1, 86400.0, "only_new")
    assert "by" not in json.loads(msgspec.json.encode(Cap(1, 86400.0, "only_new")))
    assert json.loads(msgspec.json.encode(Cap(1, 86400.0, "only_new", by="lists")))["by"] == "lists"


def test_an_hour_within_the_time_and_an_hour_beyond(run: MakeRun, emulator: Emulator) -> None:
    first = run("a")
    first.read()
    first.call()
    of_task = decode_manifest((first.folder / "list.json").read_bytes()).task_folder
    cap = Cap(1, DAY.total_seconds(), "only_new", by="lists")

    def look(hours: float, but: str = "") -> int:
        phones = {int(one) for one in PHONES}
        return len(CalledByLists(of_task, but, cap, phones, lambda: time.time() + hours * 3600, time.time).look())

    assert (look(23), look(25)) == (6, 0)
    assert look(0, but=f"{of_task}/manual__a") == 0, "its own"
    (first.folder / "list.json").write_bytes(b"")
    with pytest.raises(CallListError, match="can't tell whom it called"):
        look(0)


def test_what_a_list_that_was_claimed_long_ago_sent_lately_counts(run: MakeRun) -> None:
    """A try that sends slowly may take longer than the time: its claim is gone by then, and what it sent last isn't."""
    first = run("a")
    first.read()
    first.call()
    (claim,) = (first.folder / "claimed").iterdir()
    told = json.loads(claim.read_bytes())
    claim.write_text(json.dumps({**told, "at": told["at"] - 20 * 3600}))
    of_task = decode_manifest((first.folder / "list.json").read_bytes()).task_folder
    cap = Cap(1, DAY.total_seconds(), "only_new", by="lists")

    def look(hours: float) -> int:
        def now() -> float:
            return time.time() + hours * 3600

        phones = {int(one) for one in PHONES}
        return len(CalledByLists(of_task, "", cap, phones, now, now).look())

    assert (look(3), look(23), look(25)) == (6, 6, 0)


# A task that freezes its list and sends it


def add(
    run_id: str, phones: Sequence[str], tmp_path: Path, *, triggered_now: bool = False, **arguments: Any
) -> dict[str, Any]:
    told = {"only_new": DAY, "max_active_tis_per_dag": 1, **arguments}
    operator = AddPhonesOperator(task_id="add", calls=[*phones], call_list_path=str(tmp_path), **told)
    task = TaskInstance(dag_id="call_a_list", run_id=run_id, task_id="add", current_try=1)
    if triggered_now:
        task.run.run_after = datetime.fromtimestamp(SystemClock().wall(), UTC)
    return operator.execute(task.context())  # type: ignore[arg-type]


def test_add_phones_spares_whom_another_run_called(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None, wait: Wait
) -> None:
    assert add("a", PHONES[:4], tmp_path)["created"] == 4
    report = add("b", PHONES, tmp_path)
    assert (report["created"], report["capped"]) == (2, 4)
    assert add("c", PHONES[:1], tmp_path, call_again=True)["created"] == 0, "a second click, with the box"
    wait(minutes=12)
    assert add("d", PHONES[:1], tmp_path, triggered_now=True, call_again=True)["created"] == 1
    assert called(emulator) == Counter([*PHONES, PHONES[0]])


@pytest.mark.parametrize(("arguments", "why"), [
    ({"max_active_tis_per_dag": None}, "only_new needs max_active_tis_per_dag=1, and .* it is None"),
    ({"only_new": True}, r"keep_call_list datetime.timedelta\(days=30\) is too short for only_new"),
])  # fmt: skip
def test_add_phones_is_checked_when_its_dag_is_parsed(tmp_path: Path, arguments: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        add("a", PHONES, tmp_path, **arguments)


# Several lists of one DAG run


def test_two_pasted_lists_of_one_mapped_task_call_whom_they_share_once(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None
) -> None:
    """Of one DAG run, but of two map indexes: the one isn't the other's list of before a clear."""
    frozen = []
    for index, phones in enumerate((PHONES[:4], PHONES[2:])):
        read = TaskInstance(dag_id="call_a_list", run_id="manual__a", task_id="read", map_index=index, current_try=1)
        operator = PrepareCallsOperator(
            task_id="read", pasted="\n".join(f"+{one}" for one in phones), call_list_path=str(tmp_path), only_new=DAY
        )
        frozen.append(operator.execute(read.context()))  # type: ignore[arg-type]
    for index, call_list in enumerate(frozen):
        call = TaskInstance(dag_id="call_a_list", run_id="manual__a", task_id="call", map_index=index, current_try=1)
        sends = SendCallListOperator(task_id="call", call_list=call_list, max_active_tis_per_dag=1, concurrency=1)
        sends.execute(call.context())  # type: ignore[arg-type]
    assert called(emulator) == Counter(PHONES)


@needs_record
@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_clear_of_all_the_run_in_mid_list_goes_on_with_it(run: MakeRun, emulator: Emulator, is_mapped: bool) -> None:
    one = run("a")
    if is_mapped:
        one.reads.map_index = one.calls.map_index = 0
    one.read()
    emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[2], times=None)
    with pytest.raises(AirflowException):
        one.call()
    emulator.clear_faults()
    one.reads.clear()
    one.calls.clear()
    assert one.read()["calls"] == 6, "its own list of before spares nobody"
    one.call()
    assert called(emulator) == Counter(PHONES)


# What is left of a list


@pytest.mark.parametrize("files", ["list.json", "claimed/*"])
def test_a_list_of_which_a_file_is_gone_is_no_empty_one(run: MakeRun, emulator: Emulator, files: str) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    second.read()
    first.call()
    for path in first.folder.glob(files):
        path.unlink()
    with pytest.raises(AirflowException, match="can't tell whom it called: nobody is called"):
        third.read()
    with pytest.raises(AirflowException, match="can't tell whom it called: nobody is called"):
        second.call()
    assert called(emulator) == Counter(PHONES)


def test_the_ways_out_of_a_list_that_cannot_be_read_are_ways_out(run: MakeRun, emulator: Emulator, wait: Wait) -> None:
    first, second, third = run("a"), run("b"), run("c")
    first.read()
    first.call()
    (claim,) = first.folder.glob("claimed/*")
    claim.write_bytes(b"{]")
    with pytest.raises(AirflowException, match="delete that folder") as told:
        second.read()
    assert str(first.folder) in str(told.value)
    with pytest.raises(AirflowException, match="can't tell whom it called: nobody is called"):
        third.read(call_again=True)
    wait(minutes=12)
    assert third.triggered_now().read(call_again=True)["calls"] == 6
    shutil.rmtree(first.folder)
    second.reads.clear()
    assert second.read()["calls"] == 6


def test_a_run_that_calls_again_deletes_no_list_that_others_ask(run: MakeRun, emulator: Emulator) -> None:
    """A list that waited for its yes for long is old, and was sent just now."""
    first, again, third = run("a"), run("b"), run("c")
    first.read()
    of_list = first.folder / "list.json"
    frozen = of_list.read_bytes()
    made = decode_manifest(frozen).made_at
    old = frozen.replace(made.encode(), (datetime.fromisoformat(made) - timedelta(hours=30)).isoformat().encode())
    of_list.write_bytes(old)
    first.frozen["sha256"] = sha256(old)
    first.call(keep_call_list=DAY)
    again.read(call_again=True)
    again.call(keep_call_list=DAY)
    assert not (first.folder / "deleted.json").exists()
    assert third.read()["capped"] == 6


def test_a_run_that_calls_again_keeps_lists_as_long_as_others(run: MakeRun, emulator: Emulator) -> None:
    again = run("a")
    again.read(call_again=True)
    with pytest.raises(AirflowFailException, match=r"keep_call_list .* is too short for only_new"):
        again.call(keep_call_list=timedelta(hours=1))
    assert emulator.jobs() == []


# Where people are told to start a new DAG run

ALONE = "give the new run those people alone, and call_again"


@needs_record
def test_whom_a_list_parked_a_new_run_calls_that_says_call_again_and_the_error_tells_it(
    run: MakeRun, emulator: Emulator, wait: Wait
) -> None:
    first, second = run("a"), run("b", PHONES[2:])
    first.read(batch_size=6)
    emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        first.call()
    emulator.clear_faults()
    for number, one in enumerate((PHONES[0], PHONES[1], PHONES[1])):
        AimylogicHook().add_phone(one, {"other": str(number)})
    emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match="it can't be known"):
        first.call()
    assert second.read()["calls"] == 0, "it may be called yet by the run that parked it"
    with pytest.raises(UnknownCallsError) as told:
        raise unasked(first)
    assert ALONE in told.value.unasked
    assert second.read(call_again=True)["calls"] == 0, "not from that very minute on, as the error tells"
    wait(hours=26)
    assert second.triggered_now().read(call_again=True)["calls"] == 4


def unasked(one: Run) -> UnknownCallsError:
    return UnknownCallsError(
        "", question=ListQuestion("", 0.0, ()), calls=1, without_job=1, can_be_asked=False, list_id="",
        held_until=held_by_lists(one.call_list.manifest.caps),
    )  # fmt: skip


@needs_record
def test_the_rest_that_somebody_left_is_called_by_a_run_that_says_call_again_and_the_error_tells_it(
    run: MakeRun, emulator: Emulator, questions: Questions, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: wait(hours=1))
    emulator.freeze()
    emulator.settings(odds={"noAnswer": 1.0})
    first, second = run("a"), run("b", PHONES[2:])
    first.read()
    with pytest.raises((TaskDeferred, TaskAwaitingInput)) as waiting:
        first.call(first=2, deferrable=False)
    sends = SendCallListOperator(
        task_id="call", call_list=first.frozen, max_active_tis_per_dag=1, concurrency=1, first=2, deferrable=False
    )
    event = {
        "chosen_options": [LEAVE],
        "params_input": {},
        "responded_at": datetime(2026, 1, 2, tzinfo=UTC),
        "responded_by_user": {"id": "7", "name": "Maria"},
        "timedout": False,
    }
    with pytest.raises(AirflowFailException, match="said to leave the rest") as told:
        sends.execute_complete(first.calls.context(), event, **waiting.value.kwargs)  # type: ignore[arg-type]
    assert ALONE in str(told.value)
    with pytest.raises(AirflowException, match=HELD):
        second.read()  # the first run's answer may be taken back: first is taken out, and it cleared
    wait(minutes=12)
    second.triggered_now().read(call_again=True)
    assert second.call()["created"] == 4
    assert called(emulator) == Counter(PHONES)
