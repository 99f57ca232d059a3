"""The first calls of a list: cut apart, sent before all others, waited for, and judged before the rest follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import exceptions

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.call_list.send.first_calls import Bounds, FirstFigures, held_back
from aimylogic_provider.call_list.store.manifest import Batch
from aimylogic_provider.call_list.store.outcomes import Counts
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from aimylogic_provider.waiting.job_source import JobSource
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.answers import said
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)
PHONES = [phone(number) for number in range(25)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def batches(*calls: int) -> list[Batch]:
    return [Batch(f"{number:05}", count, 0, 0, "") for number, count in enumerate(calls, 1)]


@pytest.mark.parametrize(
    ("first", "begun", "held"),
    [
        (7, (), {"00002", "00003"}),
        (8, (), {"00003"}),
        (18, (), set()),
        (1, ("00003",), {"00002"}),
    ],
)  # fmt: skip
def test_batches_go_whole_and_what_was_begun_waits_no_more(first: int, begun: tuple[str, ...], held: set[str]) -> None:
    assert held_back(batches(7, 10, 1), first, begun) == held


@pytest.mark.parametrize(
    ("counts", "ends", "broken"),
    [
        (Counts(created=9, refused=1), {"longCallWithResult": 1}, ""),
        (Counts(created=9, refused=1), {"longCallWithNoResult": 1}, ""),
        (Counts(created=9, refused=1), {"noAnswer": 9}, "0 of 10 (0.0%) reached somebody, and min_reached is 0.1"),
        (Counts(created=8, refused=2), {"longCallWithResult": 8},
         "the server refused 2 of 10 (20.0%), and max_refused allows 0.1"),
        (Counts(expired=10), {}, "none of them was sent, so that nothing is known"),
    ],
)  # fmt: skip
def test_the_bounds_are_shares_of_what_was_sent(counts: Counts, ends: dict[str, int], broken: str) -> None:
    assert "; ".join(Bounds(0.1, 0.1).broken(FirstFigures(counts, ends))) == broken


@pytest.mark.parametrize("share", [0.07, 0.29, 0.57, 0.58])
def test_a_share_that_is_a_whole_count_is_that_count(share: float) -> None:
    """0.29 of a hundred is 29, whatever floats make of it."""
    most = round(share * 100)
    figures = FirstFigures(Counts(created=100 - most, refused=most), {"longCallWithResult": most})
    assert Bounds(min_reached=share, max_refused=share).broken(figures) == []


def test_no_bound_is_no_bound() -> None:
    assert Bounds(None, None).broken(FirstFigures(Counts(refused=10), {})) == []


# As a task


@pytest.fixture
def waits(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes where a task waits: an hour for each look at the jobs."""
    monkeypatch.setattr(SystemClock, "sleep", lambda self, seconds: sync.emulator.advance(hours=1))
    sync.emulator.freeze()


def dialler(sync: Sync, **outcomes: int) -> None:
    """Have the first people's calls end so, as many as are told; all others' by a talk."""
    ends = [name for name, count in outcomes.items() for _ in range(count)]
    sync.emulator.settings(
        odds={"longCallWithResult": 1.0}, outcomes={one: [end] for one, end in zip(PHONES, ends, strict=False)}
    )


def created(sync: Sync) -> list[str]:
    return [job.phone for job in sync.emulator.jobs()]


HERE: dict[str, Any] = {"deferrable": False}


@METHODS
def test_good_first_calls_are_followed_by_the_rest(sync: Sync, waits: None, method: str) -> None:
    sync.add(PHONES)
    dialler(sync, noAnswer=6)
    report = sync.attempt(first=7, method=method, **HERE)
    assert (report["created"], report["rows"]) == (25, 25)
    assert {*created(sync)[:7]} == {*PHONES[:7]}, "in the list's own order, and no others"
    assert [int(file.name.split("created-")[1].split(".")[0]) for file in sync.files("done/*")] == [7, 10, 8]
    sync.assert_once(PHONES)
    assert sync.entry["first"]["broken"] == ""


def test_the_rest_is_not_sent_before_the_first_are_over(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    dialler(sync)
    sync.emulator.freeze()
    seen: list[tuple[int, int]] = []

    def look(_: SystemClock, seconds: float) -> None:
        seen.append((len(created(sync)), sum(job.finished is None for job in sync.emulator.jobs())))
        sync.emulator.advance(minutes=1)

    monkeypatch.setattr(SystemClock, "sleep", look)
    sync.attempt(first=7, **HERE)
    assert seen
    assert {count for count, _ in seen} == {7}
    assert seen[0][1] == 7


def bad(sync: Sync) -> dict[str, Any]:
    sync.add(PHONES)
    dialler(sync, noAnswer=7)
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(first=7, **HERE)
    assert waiting.value.method_name == "execute_complete"
    kwargs: dict[str, Any] = waiting.value.kwargs
    return kwargs


def answer(sync: Sync, kwargs: dict[str, Any], option: str, **arguments: Any) -> dict[str, Any]:
    event = said(option)
    operator = sync.operator(**{"first": 7, **HERE, **arguments})
    report: dict[str, Any] = operator.execute_complete(sync.task.context(), event, **kwargs)
    return report


@needs_record
def test_bad_first_calls_have_a_person_asked_with_the_figures(sync: Sync, waits: None, questions: Questions) -> None:
    kwargs = bad(sync)
    (question,) = questions.asked.values()
    assert "make the other 18 calls?" in question.subject
    assert "0 of 7 (0.0%) reached somebody, and min_reached is 0.1" in question.body
    assert "noAnswer 7" in question.body
    assert not any(one in question.body for one in PHONES)
    assert created(sync) == PHONES[:7]
    report = answer(sync, kwargs, "Send")
    assert report["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_no_leaves_the_rest_and_is_no_green_task(sync: Sync, waits: None, questions: Questions) -> None:
    kwargs = bad(sync)
    with pytest.raises(AirflowFailException, match=r"Maria \(7\) said to leave the rest .* 18 calls .* not made"):
        answer(sync, kwargs, "Leave it")
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="Maria"):
        sync.attempt(first=7, **HERE)
    assert created(sync) == PHONES[:7]
    # The way out that it names.
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_whom_a_no_leaves_another_run_may_call(sync: Sync, waits: None, questions: Questions) -> None:
    sync.arguments |= {"results_table": "calls", "first": 7, **HERE}
    kwargs = bad(sync)
    with pytest.raises(AirflowFailException, match="Maria"):
        answer(sync, kwargs, "Leave it")
    sync.task = TaskInstance(task_id="sync", run_id="the_next")
    sql = "select id, phone, name from customer where id not in (select id from calls) order by id"
    report = sync.attempt(sql=sql, first=None)
    assert (report["rows"], report["created"]) == (18, 18)
    sync.assert_once(PHONES)


@needs_record
def test_killed_while_it_asks_the_next_try_waits_for_the_answer(
    sync: Sync, waits: None, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    kwargs = bad(sync)
    sent, asked = sync.sends(), sync.emulator.count("callJob/getReport")
    with pytest.raises(TaskDeferred) as waiting:
        sync.attempt(first=7, **HERE)
    assert waiting.value.kwargs == kwargs
    assert (sync.sends(), sync.emulator.count("callJob/getReport")) == (sent, asked), "the verdict is kept"
    assert answer(sync, kwargs, "Send")["created"] == 25
    sync.assert_once(PHONES)


@METHODS
def test_killed_while_it_waits_the_next_try_waits_on(
    sync: Sync, waits: None, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    sync.add(PHONES)
    dialler(sync)
    for _ in range(2):
        with monkeypatch.context() as killed:
            killed.setattr(SystemClock, "sleep", lambda self, seconds: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                sync.attempt(first=7, method=method, **HERE)
        assert {*created(sync)} == {*PHONES[:7]}
    assert sync.attempt(first=7, method=method, **HERE)["created"] == 25
    sync.assert_once(PHONES)


def test_killed_in_the_rest_the_next_try_goes_on_with_it(
    sync: Sync, waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    dialler(sync)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[20], times=None)
    with pytest.raises(AirflowException):
        sync.attempt(first=7, **HERE)
    sync.emulator.clear_faults()
    dialler(sync, noAnswer=25)
    assert sync.attempt(first=7, **HERE)["created"] == 25, "once judged, it is not judged again"
    sync.assert_once(PHONES)


@needs_record
def test_silent_first_calls_have_a_person_asked(
    sync: Sync, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign is paused, as by the end of its minutes."""
    passed = 0.0
    wall = SystemClock.wall

    def wait(_: SystemClock, seconds: float) -> None:
        nonlocal passed
        passed += 3600

    monkeypatch.setattr(SystemClock, "sleep", wait)
    monkeypatch.setattr(SystemClock, "wall", lambda self: wall(self) + passed)
    sync.add(PHONES)
    sync.emulator.campaign(status="paused")
    with pytest.raises(TaskAwaitingInput) as waiting:
        sync.attempt(first=7, wait_timeout=timedelta(hours=12), **HERE)
    (question,) = questions.asked.values()
    assert "7 of their call jobs are still open after 12 hours" in question.body
    assert created(sync) == PHONES[:7]
    with pytest.raises(AirflowFailException, match="said to leave the rest"):
        answer(sync, waiting.value.kwargs, "Leave it")


def test_a_paused_campaign_can_end_the_wait_and_a_clear_waits_on(sync: Sync, waits: None) -> None:
    sync.add(PHONES)
    dialler(sync)
    sync.emulator.campaign(status="paused")
    with pytest.raises(
        AirflowFailException, match=r"the other 18 were not sent: the campaign is paused.*take first out"
    ):
        sync.attempt(first=7, on_paused="fail", **HERE)
    sync.emulator.campaign(status="inProgress")
    sync.task.clear()
    assert sync.attempt(first=7, on_paused="fail", **HERE)["created"] == 25
    sync.assert_once(PHONES)


def test_a_report_that_fails_has_nothing_sent_and_a_clear_waits_on(sync: Sync, waits: None) -> None:
    sync.add(PHONES)
    dialler(sync)
    sync.emulator.fault("before_read", "status", status=403, path="callJob/getReport", times=None)
    with pytest.raises(AirflowFailException, match="the other 18 were not sent"):
        sync.attempt(first=7, **HERE)
    assert created(sync) == PHONES[:7]
    sync.emulator.clear_faults()
    sync.task.clear()
    assert sync.attempt(first=7, **HERE)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_too_many_refused_are_asked_about_without_a_wait(sync: Sync, questions: Questions) -> None:
    sync.add(PHONES)
    sync.emulator.settings(bad_numbers=PHONES[:7])
    with pytest.raises(TaskAwaitingInput):
        sync.attempt(first=7, **HERE)
    (question,) = questions.asked.values()
    assert "the server refused 7 of 7 (100.0%), and max_refused allows 0.1" in question.body
    assert created(sync) == []


def test_parked_first_calls_hold_the_rest_and_the_message_says_so(sync: Sync, waits: None) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[3], times=None)
    with pytest.raises(AirflowException):
        sync.attempt(first=7, **HERE)
    sync.emulator.clear_faults()
    AimylogicHook().add_phone(PHONES[3])
    sync.emulator.advance(hours=30)
    with pytest.raises(AirflowFailException, match=r"The other 18 calls wait for the first ones.*take first out"):
        sync.attempt(first=7, **HERE)
    assert {*created(sync)} == {*PHONES[:7]}


def test_a_list_of_no_more_waits_for_nothing(sync: Sync) -> None:
    sync.add(PHONES)
    assert sync.attempt(first=25, **HERE)["created"] == 25
    assert sync.emulator.count("callJob/getReport") == 0


def test_by_a_trigger_and_no_slot_is_held(sync: Sync) -> None:
    sync.add(PHONES)
    operator = sync.operator(first=7, deferrable=True)
    assert operator.max_active_tis_per_dag is None
    sync.task.current_try += 1
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(sync.task.context())
    assert deferred.value.method_name == "execute_after_first_calls"
    arguments = deferred.value.trigger.serialize()[1]
    assert len([*JobSource.of_json(arguments["jobs"]).read_ids()]) == 7
    end = WaitEnd(WaitOutcome.OVER, {"longCallWithResult": 1, "noAnswer": 6})
    resumed = sync.operator(first=7, deferrable=True)
    report = resumed.execute_after_first_calls(sync.task.context(), end.as_event(), **deferred.value.kwargs)
    assert (report["created"], resumed._created_now) == (25, 25)
    sync.assert_once(PHONES)
    mapped = SqlToAimylogicOperator.partial(task_id="m", sql_conn_id="b", first=10)
    assert "max_active_tis_per_dag" not in mapped.kwargs


def test_then_all_calls_are_waited_for_if_that_is_wished(sync: Sync, waits: None) -> None:
    sync.add(PHONES)
    dialler(sync)
    assert sync.attempt(first=7, wait_for_completion=True, **HERE)["jobs"] == {"longCallWithResult": 25}


def test_a_list_that_was_cut_without_regard_to_it_goes_by_whole_batches(
    sync: Sync, waits: None, capsys: pytest.CaptureFixture[str]
) -> None:
    sync.add(PHONES)
    dialler(sync)
    prepared = PrepareCallListOperator(
        task_id="prepare", sql="select * from customer", sql_conn_id="warehouse", batch_size=10,
        call_list_path=str(sync.lists),
    )  # fmt: skip
    pointer = prepared.execute(TaskInstance(task_id="prepare", current_try=1).context())
    task = TaskInstance(task_id="send", current_try=1)
    operator = SendCallListOperator(task_id="send", call_list=pointer, first=7, deferrable=True)
    with pytest.raises(TaskDeferred):
        operator.execute(task.context())
    assert created(sync) == PHONES[:10]
    assert "10 calls are sent first, and not 7" in capsys.readouterr().out


def test_each_shard_sends_its_own_first(sync: Sync, waits: None) -> None:
    sync.add(PHONES)
    dialler(sync)
    prepared = PrepareCallListOperator(
        task_id="prepare", sql="select * from customer", sql_conn_id="warehouse", batch_size=3, shards=2,
        call_list_path=str(sync.lists),
    )  # fmt: skip
    pointer = prepared.execute(TaskInstance(task_id="prepare", current_try=1).context())
    reports = [
        SendCallListOperator(task_id="send", call_list=pointer, shard=shard, first=3, **HERE).execute(
            TaskInstance(task_id="send", map_index=shard, current_try=1).context()
        )
        for shard in range(2)
    ]
    assert sum(report["created"] for report in reports) == 25
    sync.assert_once(PHONES)


def test_calls_of_one_phone_come_after_the_first_of_each(sync: Sync, waits: None) -> None:
    """Further calls to a phone are of a later turn: among the first ones are none of them, while there are others."""
    sync.add(PHONES[:3])
    sync.add(PHONES[:3], name="Maria")
    sync.add(PHONES[3:])
    dialler(sync)
    with pytest.raises(TaskDeferred):
        sync.attempt(first=5, max_calls_per_phone=2, deferrable=True)
    assert created(sync) == PHONES[:5]
    assert sync.attempt(first=5, max_calls_per_phone=2, **HERE)["created"] == 28


@pytest.mark.parametrize("has_store", [pytest.param(True, marks=needs_record), False])
def test_a_task_that_was_deferred_goes_on_with_its_list_whatever_its_templates_give_then(
    sync: Sync, *, has_store: bool
) -> None:
    sync.task = TaskInstance(task_id="sync", has_store=has_store)
    sync.add(PHONES)
    with pytest.raises(TaskDeferred) as deferred:
        sync.attempt(first=7, deferrable=True)
    end = WaitEnd(WaitOutcome.OVER, {"longCallWithResult": 7})
    later = sync.operator(first=7, deferrable=True, sql="select 1, phone, 'by now' from customer")
    report = later.execute_after_first_calls(sync.task.context(), end.as_event(), **deferred.value.kwargs)
    assert report["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_whom_another_run_has_taken_meanwhile_is_left_to_it_and_the_others_follow(sync: Sync, waits: None) -> None:
    """The first calls went unanswered for good, so that the rest was let go of; a clear goes on with what is left."""
    sync.arguments |= {"results_table": "calls", **HERE}
    sync.add(PHONES)
    dialler(sync)
    sync.emulator.fault("after_commit", "status", status=403, path="addPhones", times=1)
    with pytest.raises(AirflowFailException):
        sync.attempt(first=7)
    ours, sync.task = sync.task, TaskInstance(task_id="sync", run_id="another")
    assert sync.attempt(sql="select id, phone, name from customer where id > 17")["created"] == 8
    sync.task = ours
    sync.task.clear()
    sync.emulator.advance(hours=1)
    with pytest.raises(AirflowFailException, match="another run's list has taken people"):
        sync.attempt(first=7)
    sync.assert_once(PHONES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"first": 0}, "first 0 can't be used"),
        ({"first": 10, "min_reached": 2}, "min_reached 2 can't be used: give a share"),
        ({"min_reached": 0.5}, "set first, too"),
        ({"after_test": "ask"}, "needs test_phone"),
    ],
)  # fmt: skip
def test_arguments_that_can_not_be_used_are_refused_when_the_dag_is_read(arguments: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SendCallListOperator(task_id="send", call_list={}, **arguments)
