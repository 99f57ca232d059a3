"""Brakes: a list with too many calls, or too few, is sent by nobody, or once a person has said so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import exceptions

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.required_actions import GO_AHEAD, LEAVE
from aimylogic_provider.call_list.runs import sent_lists
from aimylogic_provider.call_list.runs.brakes import Brakes, Usual
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.operators import AddPhonesOperator, PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.answers import said
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
THOUSANDS = Usual((1000, 990, 1010, 1000, 1200))


@pytest.mark.parametrize(
    ("most", "calls", "held"),
    [(10, 0, False), (10, 10, False), (10, 11, True), (1, 1, False), (1, 2, True)],
)
def test_more_than_so_many_calls_are_held(most: int, calls: int, held: bool) -> None:
    assert (Brakes(max_calls=most).why_held(calls, Usual()) is not None) is held


@pytest.mark.parametrize(
    ("change", "usual", "calls", "held"),
    [
        (0.5, (1000, 1000, 1000), 500, False),
        (0.5, (1000, 1000, 1000), 499, True),
        (0.5, (1000, 1000, 1000), 1500, False),
        (0.5, (1000, 1000, 1000), 1501, True),
        (0.5, (1000, 1000, 1000), 0, True),
        (1.0, (1000, 1000, 1000), 0, False),
        (1.0, (1000, 1000, 1000), 2001, True),
        (3.0, (1000, 1000, 1000), 0, False),
        (3.0, (1000, 1000, 1000), 4000, False),
        (3.0, (1000, 1000, 1000), 4001, True),
        (0.29, (100, 100, 100), 129, False),
        (0.29, (100, 100, 100), 71, False),
        (0.29, (100, 100, 100), 70, True),
        (0.0, (7, 7, 7), 7, False),
        (0.0, (7, 7, 7), 8, True),
        # One run of fifty times as many doesn't move what is usual.
        (0.5, (50_000, 1000, 1000, 1000), 50_000, True),
        (0.5, (10, 11, 12, 13), 17, False),
        (0.5, (10, 11, 12, 13), 18, True),
        # Of fewer than three runs it isn't known.
        (0.5, (1000, 1000), 50_000, False),
        (0.5, (), 50_000, False),
    ],
)
def test_what_differs_too_much_from_what_was_usual_is_held(
    change: float, usual: Sequence[int], calls: int, held: bool
) -> None:
    assert (Brakes(max_change=change).why_held(calls, Usual(usual)) is not None) is held


def test_the_reason_says_the_numbers_and_what_was_usual() -> None:
    both = Brakes(max_calls=10_000, max_change=0.5)
    assert both.why_held(50_000, THOUSANDS) == (
        "50,000 calls are more than the 10,000 that max_calls allows; usual are 1,000 (the median of its last 5 runs; "
        "the most were 1,200)"
    )
    assert both.why_held(2000, THOUSANDS) == (
        "2,000 calls are more than max_change=0.5 allows, 500 to 1,500; usual are 1,000 (the median of its last 5 "
        "runs; the most were 1,200)"
    )
    assert both.why_held(1, THOUSANDS) == (
        "1 call is fewer than max_change=0.5 allows, 500 to 1,500; usual are 1,000 (the median of its last 5 runs; "
        "the most were 1,200)"
    )


def begin(sync: Sync, run: str, calls: int) -> None:
    """A DAG run of its own, whose query selects so many people."""
    sync.task = TaskInstance(task_id="sync", run_id=run)
    select(sync, calls)


def select(sync: Sync, calls: int) -> None:
    """Have the query select so many people; none of them is one of an earlier run."""
    sync.execute("delete from customer")
    first = sync.emulator.count("addPhones") * 1000
    sync.add(phone(first + number) for number in range(calls))


def tell_usual(sync: Sync, *calls: int) -> None:
    for number, count in enumerate(calls, 1):
        begin(sync, f"usual {number}", count)
        sync.attempt()


def called(sync: Sync) -> int:
    """Jobs that the emulator holds."""
    return sync.calls_by_phone().total()


def waiting(sync: Sync, operator: Any = None) -> dict[str, Any]:
    """What Airflow keeps for the answer to the next try's question."""
    sync.task.current_try += 1
    with pytest.raises((TaskAwaitingInput, TaskDeferred)) as waits:
        (operator or sync.operator()).execute(sync.task.context())
    kwargs: dict[str, Any] = json.loads(json.dumps(waits.value.kwargs))
    return kwargs


def answer(sync: Sync, kwargs: dict[str, Any], option: str, operator: Any = None) -> Any:
    event = said(option)
    return (operator or sync.operator()).execute_complete(sync.task.context(), event, **kwargs)


def lists(sync: Sync, run: str) -> list[str]:
    """What is left of a run's lists: the names of their files."""
    return sorted(file.name for file in sync.lists.rglob("*.*") if run in file.parts)


def test_a_broken_where_calls_nobody_and_a_clear_asks_the_query_anew(
    make_sync: Callable[..., Sync], capsys: pytest.CaptureFixture[str]
) -> None:
    sync = make_sync(max_change=0.5)
    tell_usual(sync, 10, 12, 10)
    assert "max_change=0.5 isn't heeded yet" in capsys.readouterr().out
    requests = sync.sends()
    begin(sync, "broken", 500)
    with pytest.raises(AirflowFailException) as failed:
        sync.attempt()
    assert str(failed.value) == (
        "500 calls are more than max_change=0.5 allows, 5 to 15; usual are 10 (the median of its last 3 runs; the most "
        "were 12). Nothing is sent, and the list is deleted. Look at what selects these people (its WHERE), correct "
        "it, and clear the task: the list is made anew. If they are meant, raise max_calls or max_change, or have a "
        "person asked (on_excess='ask')"
    )
    assert (called(sync), sync.sends()) == (32, requests), "nothing was sent"
    assert lists(sync, "broken") == ["deleted.json"]
    select(sync, 9)
    sync.task.clear()
    assert sync.attempt()["created"] == 9, "a clear asks the corrected query"
    assert "Brakes: 9 calls: max_change=0.5 allows 5 to 15; usual are 10" in capsys.readouterr().out


def test_nobody_to_call_after_days_of_some_is_a_change(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(max_change=0.9)
    tell_usual(sync, 10, 10, 10)
    begin(sync, "empty", 0)
    with pytest.raises(AirflowFailException, match=r"^0 calls are fewer than max_change=0.9 allows, 1 to 19"):
        sync.attempt()
    assert sync.attempt(max_change=1.0)["created"] == 0


def test_the_first_run_has_a_count_for_its_brake(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(max_calls=10)
    sync.add(phone(number) for number in range(11))
    with pytest.raises(AirflowFailException, match="more than the 10 that max_calls allows; no earlier run of this"):
        sync.attempt()
    assert (called(sync), sync.sends()) == (0, 0)


def test_only_calls_are_counted(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(max_calls=3)
    sync.add([phone(1), phone(2), phone(2), "no phone", phone(3)])
    report = sync.attempt()
    assert (report["created"], report["doubles"], report["rejected"]) == (3, 1, 1)


def test_what_was_not_sent_is_not_usual_and_a_run_counts_once(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync()
    for again in range(3):
        begin(sync, "rehearsed", 50)
        assert sync.operator(dry_run=True).execute(sync.task.context())["calls"] == 50
        begin(sync, f"nobody {again}", 0)
        sync.attempt()
        begin(sync, f"held {again}", 50)
        with pytest.raises(AirflowFailException):
            sync.attempt(max_calls=49)
    begin(sync, "cleared", 10)
    for _ in range(4):
        sync.attempt()
        sync.task.clear()
    begin(sync, "now", 50)
    assert sync.attempt(max_change=0.1)["created"] == 50, "one run is no history"
    tell_usual(sync, 10, 10)
    begin(sync, "then", 50)
    with pytest.raises(AirflowFailException, match=r"usual are 10 \(the median of its last 4 runs; the most were 50"):
        sync.attempt(max_change=0.1)


def test_of_the_last_runs_a_few_are_kept(tmp_path: Path) -> None:
    of_task = Folder(str(tmp_path))

    def note(number: int) -> None:
        made_at = datetime.fromtimestamp(1_700_000_000 + number, UTC).isoformat()
        manifest = SimpleNamespace(task_folder=of_task.address, made_at=made_at, calls=number + 1)
        sent_lists.note_begun(SimpleNamespace(manifest=manifest, folder=of_task / f"run {number}/list"))  # type: ignore[arg-type]

    for number in range(45):
        note(number)
        note(number)
    task = SimpleNamespace(run_id="run 44", of_task=of_task, folder=of_task / "run 44")
    known = list(sent_lists.sent_before(task).values())  # type: ignore[arg-type]
    assert known[:19] == [*range(44, 25, -1)], "the newest first, and not the run itself"
    assert len(of_task.names()) <= 30


def test_a_history_that_cant_be_read_lets_nothing_pass(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync()
    tell_usual(sync, 10)
    history = sync.lists / "winter_sale" / "sync" / "%sent"
    shutil.rmtree(history)
    history.write_text("no folder")
    begin(sync, "now", 10)
    with pytest.raises(AirflowException, match="by which max_change goes, can't be told, so nothing is sent") as failed:
        sync.attempt(max_change=0.5)
    assert not isinstance(failed.value, AirflowFailException), "another try can help"
    assert called(sync) == 10


RESULTS = {"results_table": "calls", "results_conn_id": "warehouse"}


def test_on_a_worker_with_a_folder_of_its_own_the_results_table_tells_what_was_usual(
    make_sync: Callable[..., Sync], tmp_path: Path
) -> None:
    sync = make_sync(**RESULTS)
    tell_usual(sync, 10, 0, 11, 12)
    sync.lists = tmp_path / "another"
    begin(sync, "broken", 500)
    with pytest.raises(AirflowFailException, match=r"usual are 11 \(the median of its last 3 runs; the most were 12"):
        sync.attempt(max_change=0.5)
    assert called(sync) == 33


def test_whom_a_brake_holds_other_runs_may_call(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(**RESULTS)
    begin(sync, "held", 20)
    with pytest.raises(AirflowFailException):
        sync.attempt(max_calls=10)
    sync.task = TaskInstance(task_id="sync", run_id="next")
    report = sync.attempt()
    assert (report["created"], report["claimed"]) == (20, 0)


@needs_record
def test_a_list_that_was_begun_stops_at_a_brake_that_is_set_tighter(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=10, max_calls=100, concurrency=1)
    begin(sync, "ringing", 30)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=phone(15), times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="The list was begun to be sent before that was set: nothing more"):
        sync.attempt(max_calls=20)
    assert called(sync) == 20
    assert sync.attempt()["created"] == 30


def test_a_mapped_tasks_index_is_measured_by_its_own(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync()

    def attempt(run: str, index: int, calls: int, **arguments: Any) -> int:
        begin(sync, run, calls)
        sync.task.map_index = index
        sql = f"select id, phone, name from customer where {index} = {index} order by id"
        created: int = sync.attempt(sql=sql, **arguments)["created"]
        return created

    for number in range(3):
        attempt(f"usual {number}", 0, 4)
        attempt(f"usual {number}", 1, 20)
    assert attempt("now", 1, 20, max_change=0.5) == 20
    with pytest.raises(AirflowFailException, match=r"^20 calls are more than max_change=0.5 allows, 2 to 6"):
        attempt("then", 0, 20, max_change=0.5)


ASKING = {"max_calls": 10, "on_excess": "ask", "batch_size": 10}


@pytest.fixture
def asking(make_sync: Callable[..., Sync]) -> Sync:
    sync = make_sync(**ASKING)
    tell_usual(sync, 3, 4, 5)
    begin(sync, "now", 25)
    return sync


@needs_record
def test_a_person_sees_the_numbers_and_a_yes_sends_that_very_list_once(asking: Sync, questions: Questions) -> None:
    kwargs = waiting(asking)
    assert called(asking) == 12, "nothing is sent before"
    (question,) = questions.asked.values()
    assert question.options == ["Send 25 calls", "Leave it: nobody is called"]
    assert question.subject.startswith("Make 25 calls? Usual are 4. (aimylogic_default) [brakes ")
    for told in (
        "**A brake holds this list: 25 calls are more than the 10 that max_calls allows; usual are 4 (the median",
        "The last runs, newest first: 5, 4, 3.",
        "**Calls**: 25 of 25 rows, each added to the campaign once",
        "numbers done",
        "row 1: ` 7912***3000 `, ` name ` ` A… `",
        "**Send 25 calls** sends this list, just as it is",
        "**Leave it: nobody is called**, the list is deleted",
    ):
        assert told in question.body
    select(asking, 700)
    assert answer(asking, kwargs, GO_AHEAD)["created"] == 25
    for _ in range(2):  # clears
        asking.task.clear()
        assert asking.attempt()["created"] == 25
    assert called(asking) == 37
    assert len(questions.asked) == 1


@needs_record
@pytest.mark.parametrize("label", ["Send 25 calls", "Send 1,000 calls", "Send"])
def test_a_yes_is_taken_whatever_number_its_label_bears(asking: Sync, questions: Questions, label: str) -> None:
    assert answer(asking, waiting(asking), label)["created"] == 25
    assert called(asking) == 37


@needs_record
def test_a_yes_to_fewer_calls_than_would_be_sent_sends_none(asking: Sync, questions: Questions) -> None:
    with pytest.raises(AirflowFailException, match=r"about 24 calls, and 25 would be sent\. Nothing was sent"):
        answer(asking, waiting(asking), "Send 24 calls")
    assert called(asking) == 12


@needs_record
def test_a_no_calls_nobody_and_a_clear_asks_the_query_anew(asking: Sync, questions: Questions) -> None:
    kwargs = waiting(asking)
    with pytest.raises(AirflowSkipException, match=r"Nobody is called: Maria \(7\) said no to the call list: 25"):
        answer(asking, kwargs, LEAVE)
    assert lists(asking, "now") == ["deleted.json"]
    (left,) = asking.lists.glob("*/*/now/*/deleted.json")
    assert json.loads(left.read_text())["said_no"] == "Maria (7)"
    select(asking, 7)
    asking.task.clear()
    assert asking.attempt()["created"] == 7
    assert called(asking) == 19


@needs_record
def test_after_a_no_nobody_can_be_asked_again_about_another_list(asking: Sync, questions: Questions) -> None:
    with pytest.raises(AirflowSkipException):
        answer(asking, waiting(asking), LEAVE)
    select(asking, 26)
    asking.task.clear()
    with pytest.raises(AirflowFailException, match=r"(?s)Nobody could.*Make 26 calls.*raise max_calls.*allows"):
        asking.attempt()
    assert called(asking) == 12
    select(asking, 6)
    asking.task.clear()
    assert asking.attempt()["created"] == 6, "and the list that nobody could be asked about is given up"


@needs_record
def test_where_nobody_can_be_asked_again_a_raised_brake_is_the_way_out(asking: Sync, questions: Questions) -> None:
    with pytest.raises(AirflowSkipException):
        answer(asking, waiting(asking), LEAVE)
    asking.task.clear()
    with pytest.raises(
        AirflowFailException, match=r"a clear meets that question again\. The list is deleted.*raise max_"
    ):
        asking.attempt()
    asking.task.clear()
    assert asking.attempt(max_calls=25)["created"] == 25, "by the way that the error told"


@needs_record
@pytest.mark.parametrize("version", ["3.3", "3.4"])
def test_what_a_clear_does_after_an_answer_that_cant_be_used_is_told_by_version(
    asking: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: version == "3.3")
    way_out = (
        "Clear the task to be asked again" if version == "3.4" else "a clear can't ask another. The list is deleted"
    )
    with pytest.raises(AirflowFailException, match=way_out):
        answer(asking, waiting(asking), "Send 24 calls")
    asking.task.clear()
    if version == "3.4":
        questions.asked.clear()  # the next try is another task instance to Airflow
        assert answer(asking, waiting(asking), GO_AHEAD)["created"] == 25
    else:
        with pytest.raises(AirflowFailException, match="Nobody could be asked"):
            asking.attempt()


@needs_record
@pytest.mark.parametrize("dies", ["before it is asked", "before that is noted", "while it waits"])
def test_a_try_that_dies_over_the_question_leaves_it_to_the_next(
    asking: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)

    def die(*arguments: Any, **more: Any) -> Any:
        raise CrashError

    with monkeypatch.context() as patched:
        if dies == "before it is asked":
            patched.setattr(required_actions, "ask_to_go_on", die)
        elif dies == "before that is noted":
            patched.setattr(SqlToAimylogicOperator, "_note_asked", die)
        if dies != "while it waits":
            asking.task.current_try += 1
            with pytest.raises(CrashError):
                asking.operator().execute(asking.task.context())
        else:
            waiting(asking)
    asked_about = asking.folder
    select(asking, 300)
    kwargs = waiting(asking)
    assert called(asking) == 12
    assert len(questions.asked) == 1
    assert asking.folder == asked_about
    assert answer(asking, kwargs, GO_AHEAD)["created"] == 25


@needs_record
def test_an_answer_is_heeded_whatever_the_brakes_are_by_then(asking: Sync, questions: Questions) -> None:
    kwargs = waiting(asking)
    with pytest.raises(AirflowSkipException, match="said no"):
        answer(asking, kwargs, LEAVE, asking.operator(max_calls=None, on_excess="fail"))
    assert called(asking) == 12


@needs_record
def test_a_yes_to_one_list_is_none_to_another(asking: Sync, questions: Questions) -> None:
    """The list was given up after the yes, for the campaign could not be reached by the last try."""
    kwargs = waiting(asking)
    asking.emulator.fault("before_commit", "reset", times=None)
    with pytest.raises(AirflowException):
        answer(asking, kwargs, GO_AHEAD)
    asking.emulator.clear_faults()
    assert answered(asking)
    entry = asking.entry
    entry["call_list"] = None
    asking.task.rows["aimylogic"] = json.dumps(entry)
    with pytest.raises(AirflowFailException, match="Nobody could be asked"):
        asking.attempt()
    assert called(asking) == 12


def answered(sync: Sync) -> bool:
    return bool(sync.entry["answers"]["brakes"]["go_on"])


def preparing(sync: Sync, **arguments: Any) -> Any:
    return PrepareCallListOperator(
        task_id="sync",
        sql="select id, phone, name from customer order by id",
        sql_conn_id="warehouse",
        call_list_path=str(sync.lists),
        **arguments,
    )


def send(sync: Sync, call_list: Any) -> int:
    task = TaskInstance(task_id="send", run_id=sync.task.run_id, run=sync.task.run, current_try=1)
    operator: Any = SendCallListOperator(task_id="send", call_list=call_list, call_list_path=str(sync.lists))
    created: int = operator.execute(task.context())["created"]
    return created


def prepare(sync: Sync, **arguments: Any) -> dict[str, Any]:
    sync.task.current_try += 1
    pointer: dict[str, Any] = preparing(sync, **arguments).execute(sync.task.context())
    return pointer


def test_a_prepared_list_is_measured_by_those_that_were_sent(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync()
    for number in range(3):
        begin(sync, f"usual {number}", 5)
        assert send(sync, prepare(sync)) == 5
        begin(sync, f"never sent {number}", 200)
        prepare(sync)
    begin(sync, "broken", 250)
    with pytest.raises(AirflowFailException, match=r"^250 calls are more than max_change=0.5 allows, 3 to 7"):
        prepare(sync, max_change=0.5)
    assert lists(sync, "broken") == ["deleted.json"]
    select(sync, 7)
    assert send(sync, prepare(sync, max_change=0.5)) == 7


@pytest.mark.parametrize("has_store", [pytest.param(True, marks=needs_record), False])
@pytest.mark.parametrize("said", [GO_AHEAD, LEAVE])
def test_a_person_is_asked_about_a_prepared_list(
    make_sync: Callable[..., Sync], questions: Questions, said: str, has_store: bool
) -> None:
    sync = make_sync()
    begin(sync, "now", 25)
    sync.task.has_store = has_store
    kwargs = waiting(sync, preparing(sync, **ASKING))
    select(sync, 400)
    if said == LEAVE:
        with pytest.raises(AirflowSkipException, match="said no"):
            answer(sync, kwargs, said, preparing(sync, **ASKING))
        assert lists(sync, "now") == ["deleted.json"]
        return
    pointer = answer(sync, kwargs, said, preparing(sync, **ASKING))
    assert pointer["calls"] == 25
    assert send(sync, pointer) == 25
    if has_store:
        sync.task.clear()
        assert prepare(sync, **ASKING) == pointer, "what a person said yes to is gone on with"
        assert send(sync, pointer) == 25
    assert called(sync) == 25


@needs_record
def test_a_cleared_prepare_waits_for_the_answer_about_the_list_that_was_asked_about(
    make_sync: Callable[..., Sync], questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    sync = make_sync()
    begin(sync, "now", 25)
    waiting(sync, preparing(sync, **ASKING))
    select(sync, 400)
    sync.task.clear()
    kwargs = waiting(sync, preparing(sync, **ASKING))
    assert answer(sync, kwargs, GO_AHEAD, preparing(sync, **ASKING))["calls"] == 25


@needs_record
def test_a_no_to_one_of_a_mapped_tasks_lists_leaves_the_others_their_places(
    make_sync: Callable[..., Sync], questions: Questions
) -> None:
    sync = make_sync()
    begin(sync, "now", 25)
    sync.task.map_index = 0
    told = answer(sync, waiting(sync, preparing(sync, **ASKING)), LEAVE, preparing(sync, **ASKING))
    assert told["said_no"] == "Maria (7)"
    with pytest.raises(AirflowSkipException):
        send(sync, told)


def test_calls_that_a_dag_gives_are_counted_too(sync: Sync) -> None:
    operator: Any = AddPhonesOperator(
        task_id="sync", calls=[phone(number) for number in range(11)], max_calls=10, call_list_path=str(sync.lists)
    )
    with pytest.raises(AirflowFailException, match="11 calls are more than the 10"):
        operator.execute(sync.task.context())
    assert called(sync) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"max_calls": 0}, "max_calls 0 can't be used"),
        ({"max_calls": 0.5}, "max_calls 0.5 can't be used"),
        ({"max_change": 50}, "max_change 50 can't be used: give a share as a float"),
        ({"max_change": 50.0}, "max_change 50.0 can't be used"),
        ({"max_change": -0.1}, "max_change -0.1 can't be used"),
        ({"max_change": float("nan")}, "max_change nan can't be used"),
        ({"max_change": 1}, "max_change 1 can't be used"),
        ({"max_calls": 1, "on_excess": "skip"}, "on_excess 'skip' can't be used: give 'fail' or 'ask'"),
        ({"on_excess": "ask"}, "on_excess='ask' asks about nothing"),
        (
            {"max_change": 0.5, "call_list_path": "/lists/{{ ds }}"},
            "call_list_path '/lists/{{ ds }}' may differ from run to run, by ds: .* never known to max_change",
        ),
    ],
)
def test_what_is_no_brake_is_told_while_the_dag_is_read(sync: Sync, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        sync.operator(**arguments)


def test_a_results_table_knows_what_was_usual_wherever_lists_lie(sync: Sync) -> None:
    sync.operator(max_change=0.5, call_list_path="/lists/{{ ds }}", results_table="calls")
    sync.operator(max_change=0.5, call_list_path="/lists/{{ var.value.bucket }}")
    sync.operator(max_calls=5, call_list_path="/lists/{{ ds }}")


def test_a_task_that_may_wait_for_a_person_keeps_no_other_run_from_beginning(sync: Sync) -> None:
    assert sync.operator(max_calls=1).max_active_tis_per_dag == 1
    assert sync.operator(max_calls=1, on_excess="ask").max_active_tis_per_dag is None
