"""AimylogicNotifier against the emulator: callbacks that run again, elsewhere, late, or whose answers are lost."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http.admin_types import JobView
from aimylogic_provider.idempotence.retry import pause_after
from aimylogic_provider.notifications import AimylogicNotifier, ringing

ON_CALL = "+7 912 345-67-89"
OTHER = "+7 912 345-67-80"
DEADLINE = "019a0000-0000-7000-8000-000000000001"


def now() -> datetime:
    return datetime.now(UTC)


class Run:
    """A DAG run, and the contexts that Airflow's processes hand to callbacks of it."""

    def __init__(self, dag_id: str = "nightly", run_id: str = "scheduled__2026-01-01", **marks: Any) -> None:
        self.ids = {"dag_id": dag_id, "run_id": run_id}
        self.marks = {"clear_number": 0, "start_date": now() - timedelta(minutes=5), "end_date": None, **marks}

    @property
    def run(self) -> SimpleNamespace:
        return SimpleNamespace(**self.ids, **self.marks)

    def of_task(self, task_id: str = "load", *, state: str | None = "failed", **ti: Any) -> dict[str, Any]:
        """What a task's process hands on; without a state, what a DAG processor does, whose end isn't told."""
        known = {"map_index": -1, "try_number": 1, "max_tries": 0, "state": state, "task_id": task_id, **ti}
        if state is not None:
            known.setdefault("end_date", now())
        task = SimpleNamespace(retries=known["max_tries"], on_failure_callback=[], on_retry_callback=[])
        instance = SimpleNamespace(**self.ids, **known)
        return {"ti": instance, "dag_run": self.run, "run_id": self.ids["run_id"], "task": task}

    def of_dag(self, reason: str = "task_failure") -> dict[str, Any]:
        """What a DAG processor hands to a DAG's callback: the task that failed last is told besides."""
        self.marks["end_date"] = self.marks["end_date"] or now()
        return {**self.of_task(state=None), "reason": reason}

    def of_deadline(self, deadline: str = DEADLINE, due: datetime | None = None, **run: Any) -> dict[str, Any]:
        """What the triggerer hands on: plain values."""
        ids = {"dag_id": self.ids["dag_id"], "dag_run_id": self.ids["run_id"]}
        due = due or self.marks["start_date"] + timedelta(minutes=1)
        return {"dag_run": {**ids, **run}, "deadline": {"id": deadline, "deadline_time": due.isoformat()}}


def notify(context: dict[str, Any], **arguments: Any) -> None:
    """Run the callback as a task's process, a DAG processor and an executor do."""
    AimylogicNotifier(**{"phone": ON_CALL, **arguments})(context)


def notify_async(context: dict[str, Any], **arguments: Any) -> None:
    """Run the callback as the triggerer does."""

    async def run() -> None:
        await AimylogicNotifier(**{"phone": ON_CALL, **arguments}, context=context)  # type: ignore[arg-type]

    asyncio.run(run())


def jobs(emulator: Emulator) -> list[JobView]:
    return emulator.jobs()


@pytest.fixture(autouse=True)
def supervised(connections: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a campaign; and a supervisor, as wherever Airflow runs callbacks."""
    from airflow.sdk.execution_time import task_runner

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=lambda message: None), raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repetitions follow at once."""
    monkeypatch.setattr(ringing, "pause_after", lambda error, left: 0.0 * pause_after(error, left))


@pytest.mark.parametrize("how", [[notify] * 3, [notify_async] * 3, [notify, notify_async, notify]])
@pytest.mark.parametrize("of", ["of_task", "of_dag", "of_deadline"])
def test_a_callback_that_runs_three_times_rings_once(emulator: Emulator, how: list[Any], of: str) -> None:
    run = Run()
    for callback in how:
        callback(getattr(run, of)())
    assert emulator.count("addPhone") == 3
    assert emulator.rings("79123456789") == 1


def test_two_processes_at_once_ring_once(emulator: Emulator) -> None:
    code = (
        "import pickle, sys\n"
        "from aimylogic_provider.notifications import AimylogicNotifier, ringing\n"
        "from airflow.sdk.execution_time import task_runner\n"
        "task_runner.SUPERVISOR_COMMS = sys\n"
        "notifier = AimylogicNotifier(phone='+7 912 345-67-89')\n"
        "print('ready', flush=True)\n"
        "notifier(pickle.loads(bytes.fromhex(sys.stdin.readline())))\n"
    )
    context = Run().of_dag()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write(pickle.dumps(context).hex() + "\n")
        other.stdin.flush()
        notify(context)
        _, errors = other.communicate(timeout=60)
    assert other.returncode == 0, errors[-2000:]
    assert (emulator.count("addPhone"), emulator.rings("79123456789")) == (2, 1)


def test_many_at_once_ring_once(emulator: Emulator) -> None:
    context = Run().of_task()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: notify(dict(context)), range(16)))
    assert (emulator.count("addPhone"), emulator.rings("79123456789")) == (16, 1)


def test_the_person_hears_what_happened(emulator: Emulator) -> None:
    notify(Run().of_task())
    (job,) = jobs(emulator)
    assert job.payload == {"event": "failed", "dag_id": "nightly", "run_id": "scheduled__2026-01-01"}


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_an_answer_that_is_lost_is_asked_for_again(emulator: Emulator, callback: Any, quick: None) -> None:
    lost = emulator.fault("after_commit", "reset", path="addPhone", times=2)
    callback(Run().of_task())
    assert (lost.hits, emulator.rings("79123456789")) == (2, 1)


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_what_is_never_answered_is_told_as_not_known_and_the_next_callback_rings_nobody_twice(
    emulator: Emulator, callback: Any, quick: None
) -> None:
    run = Run()
    lost = emulator.fault("after_commit", "reset", path="addPhone", times=4)
    with pytest.raises(AirflowException, match=r"Whether 7912\*\*\*6789 is rung is not known"):
        callback(run.of_task())
    assert lost.hits == 4
    callback(run.of_task())
    assert emulator.rings("79123456789") == 1


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_a_server_that_hangs_holds_nobody_up_for_long(
    emulator: Emulator, callback: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "SECONDS", 1.0)
    monkeypatch.setattr(ringing, "_CONNECT", 0.05)
    monkeypatch.setattr(ringing, "_READ", 0.2)
    emulator.fault("before_commit", "delay", path="addPhone", seconds=30, times=None)
    began = time.monotonic()
    with pytest.raises(AirflowException, match="not known"):
        callback(Run().of_task(), phone=[ON_CALL, OTHER])
    assert time.monotonic() - began < 15
    emulator.clear_faults()


def test_all_that_a_callback_sends_ends_before_airflow_ends_its_process() -> None:
    """By ``task_success_overtime``, 20 seconds unless somebody changes it."""
    longest = 2 * ringing._CONNECT + ringing._READ
    assert 2 * longest <= ringing.SECONDS < 20.0


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_a_refusal_says_that_nobody_is_rung(emulator: Emulator, callback: Any) -> None:
    emulator.campaign(status="finished")
    with pytest.raises(AirflowException, match=r"7912\*\*\*6789 is not rung: .*the campaign is stopped"):
        callback(Run().of_task())


def test_a_refusal_after_an_unanswered_send_is_no_answer(emulator: Emulator, quick: None) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=1)
    emulator.fault(
        "before_commit",
        "status",
        path="addPhone",
        nth=2,
        status=400,
        body={"type": "invalid.call.task.state", "message": "x"},
    )
    with pytest.raises(AirflowException, match="is not known"):
        notify(Run().of_task())
    assert emulator.rings("79123456789") == 1


# What is another failure


def test_a_task_and_its_dag_that_fail_ring_once_for_their_run(emulator: Emulator) -> None:
    run = Run()
    notify(run.of_task("extract"))
    notify(run.of_task("load", state=None))
    notify(run.of_dag())
    assert emulator.rings("79123456789") == 1


def test_a_failure_a_day_after_another_of_its_run_rings_once_more(emulator: Emulator) -> None:
    run = Run(start_date=now() - timedelta(days=2))
    notify(run.of_task("extract"))
    emulator.advance(hours=25)
    for _ in range(2):
        notify(run.of_task("load"))
    assert emulator.rings("79123456789") == 2


@pytest.mark.parametrize(("once_per", "rings"), [("dag_run", 1), ("task", 1), ("try", 12)])
def test_a_mapped_task_of_which_all_fail(emulator: Emulator, once_per: str, rings: int) -> None:
    run = Run()
    for index in range(12):
        notify(run.of_task(map_index=index), once_per=once_per)
    assert emulator.rings("79123456789") == rings
    names = {"dag_run": set(), "task": {"task_id"}, "try": {"task_id", "map_index", "try_number"}}[once_per]
    assert all(set(job.payload) == {"event", "dag_id", "run_id"} | names for job in jobs(emulator))


def test_once_per_task_tells_tasks_and_their_dag_apart(emulator: Emulator) -> None:
    run = Run()
    for _ in range(2):
        for context in (run.of_task("extract"), run.of_task("load"), run.of_dag()):
            notify(context, once_per="task")
    assert [job.payload.get("task_id") for job in jobs(emulator)] == ["extract", "load", None]


@pytest.mark.parametrize("once_per", ["dag_run", "task", "try"])
@pytest.mark.parametrize("of", ["of_task", "of_dag"])
def test_a_clear_that_fails_anew_rings_anew(emulator: Emulator, of: str, once_per: str) -> None:
    began = now()
    for clears in range(3):
        run = Run(clear_number=clears, start_date=began)
        for _ in range(2):
            notify(getattr(run, of)(), once_per=once_per)
    assert emulator.rings("79123456789") == 3


def test_a_run_that_was_queued_again_rings_anew(emulator: Emulator) -> None:
    """By a person, on Airflow's pages, which counts no clear."""
    notify(Run(start_date=now() - timedelta(hours=2)).of_dag())
    notify(Run(start_date=now() - timedelta(hours=1)).of_dag())
    assert emulator.rings("79123456789") == 2


def test_each_retry_rings_once_per_try_alone(emulator: Emulator) -> None:
    run = Run()
    for number in (1, 2, 2):
        context = run.of_task(state="up_for_retry", try_number=number, max_tries=2)
        notify(context, once_per="try")
        notify(context)
    notify(run.of_task(try_number=3, max_tries=2))
    assert [job.payload["event"] for job in jobs(emulator)] == ["retry", "retry", "retry", "failed"]


def test_a_killed_task_is_told_by_a_dag_processor_with_the_key_of_its_own_process(emulator: Emulator) -> None:
    """Its process ran the callback, and was killed before Airflow learned of the end."""
    run = Run()
    notifier = AimylogicNotifier(phone=ON_CALL, once_per="try")
    notifier(run.of_task(try_number=3, max_tries=2))
    told = run.of_task(state=None, try_number=3, max_tries=2)
    told["task"].on_failure_callback = told["task"].on_retry_callback = [notifier]
    notifier(told)
    assert emulator.rings("79123456789") == 1
    told = run.of_task(state=None, try_number=1, max_tries=2)
    told["task"].on_failure_callback = [notifier]  # it got stuck in its queue, and may have had tries left
    notifier(told)
    assert [job.payload["event"] for job in jobs(emulator)] == ["failed", "failed"]
    told["task"].on_failure_callback, told["task"].on_retry_callback = [], [notifier]
    notifier(told)
    assert jobs(emulator)[-1].payload["event"] == "retry"


def test_success_rings_apart_from_failure(emulator: Emulator) -> None:
    run = Run()
    for _ in range(2):
        notify(run.of_dag("success"))
        notify(run.of_dag("task_failure"))
    assert [job.payload["event"] for job in jobs(emulator)] == ["success", "failed"]


def test_each_deadline_rings_once(emulator: Emulator) -> None:
    run, due = Run(), now()
    for _ in range(2):
        notify(run.of_deadline(due=due))
        notify_async(run.of_deadline(DEADLINE[:-1] + "2", due=due))
        notify_async(run.of_deadline(due=due + timedelta(minutes=3)))  # set anew by a clear
    assert emulator.rings("79123456789") == 3
    assert jobs(emulator)[0].payload["event"] == "deadline"


@pytest.mark.parametrize("other", [Run("weekly"), Run(run_id="manual__1")])
def test_another_dag_or_run_rings_anew(emulator: Emulator, other: Run) -> None:
    notify(Run().of_dag())
    notify(other.of_dag())
    assert emulator.rings("79123456789") == 2


# Several phones, templates


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_each_of_several_people_is_rung_once(emulator: Emulator, callback: Any) -> None:
    run = Run()
    for phones in ([ON_CALL, OTHER, "79123456789"], [OTHER, ON_CALL]):
        callback(run.of_dag(), phone=phones)
    assert sorted(job.phone for job in jobs(emulator)) == ["79123456780", "79123456789"]


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_a_phone_that_is_rejected_keeps_nobody_else_from_being_rung(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, callback: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_ON_CALL", json.dumps([ON_CALL, "+7 912 345-67"]))
    with pytest.raises(AirflowException, match="Rejected before any request"):
        callback(Run().of_deadline(), phone="{{ var.json.on_call }}")
    assert [job.phone for job in jobs(emulator)] == ["79123456789"]
    assert emulator.count() == 1


def test_a_notifier_serves_several_callbacks_each_with_its_own_words(emulator: Emulator) -> None:
    notifier = AimylogicNotifier(
        phone=ON_CALL, payload={"words": "{{ ti.task_id }} of {{ run_id }}"}, once_per="task", gmt_zone="+03:00"
    )
    run = Run()
    notifier(run.of_task("extract"))
    notifier(run.of_task("load"))
    told = [job.payload["words"] for job in jobs(emulator)]
    assert told == ["extract of scheduled__2026-01-01", "load of scheduled__2026-01-01"]


def test_other_words_ring_nobody_twice(emulator: Emulator) -> None:
    run = Run()
    notify(run.of_task("extract"), payload={"words": "{{ ti.task_id }}"})
    notify(run.of_task("load"), payload={"words": "{{ ti.task_id }}"})
    assert [job.payload for job in jobs(emulator)] == [{"words": "extract"}]


@pytest.mark.parametrize(
    "payload",
    [{"words": "{{ ti.task_id }}"}, "{{ 'no dictionary' }}", {"words": "{{ none }}"}, {"words": ["{{ ds }}"]}],
)
def test_words_that_cannot_be_made_keep_nobody_from_being_rung(
    emulator: Emulator, payload: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    notify_async(Run().of_deadline(), payload=payload)
    assert [job.payload["event"] for job in jobs(emulator)] == ["deadline"]
    assert "The payload can't be used, and the usual one is taken in its place" in capsys.readouterr().out


@pytest.mark.parametrize("call", [notify, notify_async])
@pytest.mark.parametrize("words", ["x" * 9000, "я" * 1500])
def test_words_that_make_a_request_too_long_do_neither(
    emulator: Emulator, call: Any, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call({**Run().of_task(), "exception": words}, payload={"why": "{{ exception }}"}, phone=[ON_CALL, OTHER])
    assert [job.payload.get("event") for job in jobs(emulator)] == ["failed", "failed"]
    assert "The payload can't be used, and the usual one is taken in its place" in capsys.readouterr().out


@pytest.mark.parametrize("zone", ["{{ 'Mars' }}", "{{ var.value.not_set }}", "{{ 1 / 0 }}"])
def test_nor_does_a_time_zone(emulator: Emulator, zone: str, capsys: pytest.CaptureFixture[str]) -> None:
    notify(Run().of_task(), gmt_zone=zone)
    assert len(jobs(emulator)) == 1
    assert "The gmt_zone can't be used" in capsys.readouterr().out


def test_nobody_is_rung_once_the_time_of_a_callback_is_over(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow ends the process then, and would tell of nobody."""
    monkeypatch.setattr(ringing, "SECONDS", 0.0)
    with pytest.raises(AirflowException, match=r"7912\*\*\*6789 is not rung: no time was left to send"):
        notify(Run().of_task())
    assert emulator.count("addPhone") == 0


def test_the_context_is_left_as_it_was(emulator: Emulator) -> None:
    context = Run().of_task()
    before = set(context)
    notify(context)
    assert set(context) == before, "other callbacks see it, and may log it"


# Test runs, late callbacks, and what can't be told


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_a_test_run_rings_nobody_unless_it_is_told_to(emulator: Emulator, callback: Any) -> None:
    run = Run(triggering_user_name="dag_test")
    for context in (
        run.of_task(), run.of_dag(), Run(run_id="__airflow_temporary_run_2026__").of_task(),
        run.of_deadline(triggering_user_name="dag_test"), run.of_deadline(triggered_by="test"),
    ):  # fmt: skip
        callback(context)
    assert emulator.count() == 0
    callback(run.of_task(), on_test_runs=True)
    assert emulator.rings("79123456789") == 1


def test_what_no_supervisor_watches_is_a_test_run(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """``dag.test()`` marks its runs, but tells a DAG's callback nothing of the mark; and at times no run at all."""
    from airflow.sdk import DAG
    from airflow.sdk.execution_time import task_runner

    context = {"dag": DAG("nightly"), "run_id": "manual__1", "reason": "all_tasks_deadlocked"}
    for _ in range(3):
        notify(context)
    assert emulator.rings("79123456789") == 1
    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS")
    notify(Run("weekly").of_dag())
    notify({**context, "run_id": "manual__2"})
    assert emulator.rings("79123456789") == 1


@pytest.mark.parametrize("callback", [notify, notify_async])
@pytest.mark.parametrize("of", ["of_task", "of_dag", "of_deadline"])
def test_a_callback_that_comes_too_late_rings_nobody(emulator: Emulator, callback: Any, of: str) -> None:
    def told(hours: float) -> dict[str, Any]:
        then = now() - timedelta(hours=hours)
        if of == "of_task":
            return Run().of_task(end_date=then)
        return Run(end_date=then).of_dag() if of == "of_dag" else Run().of_deadline(due=then)

    with pytest.raises(AirflowException, match="can't be known any more whether people were rung"):
        callback(told(24))
    assert emulator.count() == 0
    callback(told(22))
    assert emulator.rings("79123456789") == 1


def test_a_deadline_that_lay_in_the_past_when_its_run_began_is_not_late(emulator: Emulator) -> None:
    """As of a run that catches up: until then no callback told it."""
    notify_async(Run().of_deadline(due=now() - timedelta(days=9), queued_at=now().isoformat()))
    assert emulator.rings("79123456789") == 1


@pytest.mark.parametrize("callback", [notify, notify_async])
def test_without_its_connection_nobody_is_rung(emulator: Emulator, callback: Any) -> None:
    with pytest.raises(AirflowException, match=r"Nobody is rung, for connection gone can't be used: .*gone"):
        callback(Run().of_task(), aimylogic_conn_id="{{ 'gone' }}")


def test_without_a_run_nobody_is_rung(emulator: Emulator) -> None:
    with pytest.raises(AirflowException, match="names no DAG run"):
        notify({})
    assert emulator.count() == 0


def test_a_test_call_is_sent_once_for_its_address_may_not_look_at_keys(emulator: Emulator, quick: None) -> None:
    lost = emulator.fault("after_commit", "reset", path="test/addPhone", times=1)
    with pytest.raises(AirflowException, match="not known"):
        notify(Run().of_task(), test_call=True)
    assert (lost.hits, emulator.rings("79123456789")) == (1, 1)


# Where it is written


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"phone": "+7 912 345-67"}, "not a possible number"),
        ({"phone": ["+7 912 345-67-89", "call me"]}, "phone"),
        ({"phone": []}, "phone is empty"),
        ({"phone": " "}, "phone"),
        ({"phone": None}, "phone"),
        ({"payload": {"phone": "1"}}, "reads itself"),
        ({"payload": {"words": ["a", "list"]}}, "flat object"),
        ({"payload": "text"}, "must be a dictionary"),
        ({"gmt_zone": "nowhere"}, "nowhere"),
        ({"once_per": "task_instance"}, "give 'dag_run', 'task' or 'try'"),
        ({"on_test_runs": "yes"}, "give True or False"),
        ({"test_call": None}, "give True or False"),
        ({"phone_region": "Russia"}, "phone_region"),
        ({"aimylogic_conn_id": ""}, "name a connection"),
    ],
)
def test_what_cannot_be_used_fails_where_it_is_written(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as failure:
        AimylogicNotifier(**{"phone": ON_CALL, **arguments})
    assert "912 345-67" not in str(failure.value)


def test_phones_are_masked_wherever_the_notifier_shows(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    notifier = AimylogicNotifier(phone=[ON_CALL, 79123456780, "{{ var.value.on_call }}"])
    assert repr(notifier) == (
        "AimylogicNotifier(phone='7912***6789', '7912***6780', '{{ var.value.on_call }}', "
        "aimylogic_conn_id='aimylogic_default', once_per='dag_run')"
    )
    notify(Run().of_task())
    emulator.campaign(status="finished")
    with pytest.raises(AirflowException) as failure:
        notify(Run().of_dag("success"))
    written = "".join(capsys.readouterr()) + str(failure.value)
    assert written.count("7912***6789") == 3
    assert "345-67-89" not in written
    assert "79123456789" not in written


def test_a_dag_that_has_it_everywhere_is_serialised() -> None:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
    from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference
    from airflow.serialization import serialized_objects

    on_call = AimylogicNotifier(phone=ON_CALL)
    callback = AsyncCallback(AimylogicNotifier, kwargs={"phone": "{{ var.value.on_call }}"})
    with DAG(
        "nightly",
        on_failure_callback=on_call,
        default_args={"on_failure_callback": [on_call]},
        deadline=DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=1), callback),
    ) as dag:
        EmptyOperator(task_id="load")
    write = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG).to_dict
    written = json.dumps(write(dag), default=str)
    assert "aimylogic_provider.notifications.aimylogic.AimylogicNotifier" in written
    assert "345-67-89" not in written
    assert dag.get_task("load").on_failure_callback == [on_call]


def test_its_key_is_the_one_that_it_was() -> None:
    """A callback may run again behind an upgrade."""
    from aimylogic_provider.idempotence.keys import Notice

    notice = Notice("nightly", "scheduled__2026-01-01", ("event", "failed", "0 "), "c" * 32, "79123456789")
    assert notice.key == "1d769856-bdba-84c5-8961-6536e16cd52b"
