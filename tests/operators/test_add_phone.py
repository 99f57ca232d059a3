"""AddPhoneOperator against the emulator: runs, retries, clears, changed parameters, old keys, stopped campaigns."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http.admin_types import JobView
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.idempotence.server_time import SystemClock
from aimylogic_provider.operators import AddPhoneOperator
from tests.conftest import HAS_RECORD, HOUR, ReplacedError, TaskInstance, needs_record

LOST = {"phase": "after_commit", "action": "reset", "path": "addPhone", "times": 3}
NEVER_ARRIVED = {**LOST, "phase": "before_commit"}
PARAMETERS = {"payload": {"name": "Alex"}, "gmt_zone": "+03:00"}


def jobs(emulator: Emulator, campaign: int = 1) -> list[JobView]:
    return emulator.jobs(campaign=campaign)


def sends(emulator: Emulator) -> int:
    return emulator.count("addPhone")


def fail_first(task: TaskInstance, emulator: Emulator, rule: dict[str, Any], **arguments: Any) -> None:
    """Let a try end without an answer."""
    lost = emulator.fault(**rule)
    with pytest.raises(AirflowException, match="not known") as failure:
        task.attempt(**arguments)
    assert lost.hits == 3
    assert not isinstance(failure.value, AirflowFailException), "an unanswered send must be tried again"
    emulator.clear_faults()


@pytest.fixture
def waits(task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds tries waited: by the server's clock, so that it goes on meanwhile."""
    waited: list[float] = []

    def wait(_: SystemClock, seconds: float) -> None:
        waited.append(seconds)
        emulator.advance(seconds=seconds)

    monkeypatch.setattr(SystemClock, "sleep", wait)
    return waited


def test_returns_the_call_job_id(task: TaskInstance, emulator: Emulator) -> None:
    assert task.attempt(**PARAMETERS) == jobs(emulator)[0].id
    (job,) = jobs(emulator)
    assert (job.phone, job.payload, job.gmt_zone) == ("79123456789", {"name": "Alex"}, "+03:00")


@pytest.mark.parametrize("hours", [0.9, 1.1, 25])
def test_without_a_store_a_try_that_stood_still_for_an_hour_sends_nothing(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """It may have been replaced, and on such an Airflow nothing tells it so."""
    task.has_store = False
    operator, context = task.start(phone="79123456789")
    monkeypatch.setattr(SystemClock, "wall", lambda self: time.time() + stood_still)
    monkeypatch.setattr(SystemClock, "monotonic", lambda self: time.monotonic() + stood_still)
    stood_still = 0.0
    jobs_of_now = AimylogicHook.get_conn

    def stop(hook: AimylogicHook) -> Any:
        nonlocal stood_still
        client = jobs_of_now(hook)
        status = client.status

        def stopped() -> Any:
            nonlocal stood_still
            stood_still = hours * HOUR
            return status()

        client.status = stopped  # type: ignore[method-assign]
        return client

    monkeypatch.setattr(AimylogicHook, "get_conn", stop)
    if hours < 1:
        operator.execute(context)
    else:
        with pytest.raises(AirflowException, match="stood still for over 60 minutes"):
            operator.execute(context)
    assert sends(emulator) == (hours < 1)


def test_two_runs_make_two_jobs(task: TaskInstance, emulator: Emulator) -> None:
    first = task.attempt()
    other_run = TaskInstance(run_id="scheduled__2026-01-02T00:00:00+00:00")
    assert other_run.attempt() != first
    assert len(jobs(emulator)) == 2


def test_two_dags_with_the_same_run_and_task_make_two_jobs(task: TaskInstance, emulator: Emulator) -> None:
    assert task.attempt() != TaskInstance(dag_id="spring_sale").attempt()
    assert len(jobs(emulator)) == 2


@pytest.mark.parametrize("hours", [0, 1, 23, *(pytest.param(old, marks=needs_record) for old in (25, 40, 24 * 30))])
@pytest.mark.parametrize("rule", [LOST, NEVER_ARRIVED], ids=["lost", "never arrived"])
def test_a_retry_finds_the_same_job_whenever_it_comes(
    task: TaskInstance, emulator: Emulator, rule: dict[str, Any], hours: float
) -> None:
    fail_first(task, emulator, rule)
    emulator.advance(hours=hours)
    assert task.attempt() == jobs(emulator)[0].id
    assert len(jobs(emulator)) == 1


def test_a_response_lost_once_is_repeated_within_the_try(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(**{**LOST, "times": 1})
    assert task.attempt() == jobs(emulator)[0].id
    assert (len(jobs(emulator)), sends(emulator)) == (1, 2)


@needs_record
@pytest.mark.parametrize("hours", [0, 1, 25])
def test_a_cleared_task_returns_its_job_and_asks_nobody(task: TaskInstance, emulator: Emulator, hours: float) -> None:
    first = task.attempt()
    requests = len(emulator.requests())
    emulator.advance(hours=hours)
    task.clear()
    assert task.attempt() == first
    assert len(emulator.requests()) == requests


@needs_record
@pytest.mark.parametrize("hours", [1, 25])
@pytest.mark.parametrize(
    "changed", [{"payload": {"name": "Maria"}}, {"gmt_zone": "+04:00"}, {"test_call": True}], ids=str
)
def test_a_cleared_task_with_other_parameters_fails_and_names_the_job(
    task: TaskInstance, emulator: Emulator, changed: dict[str, Any], hours: float
) -> None:
    first = task.attempt(**PARAMETERS)
    emulator.advance(hours=hours)
    task.clear()
    with pytest.raises(AirflowFailException, match=rf"(?s){first}.*{next(iter(changed))}.*call_again"):
        task.attempt(**{**PARAMETERS, **changed})
    assert len(jobs(emulator)) == 1


@needs_record
def test_a_cleared_task_with_another_phone_calls_the_right_person(task: TaskInstance, emulator: Emulator) -> None:
    first = task.attempt()
    task.clear()
    second = task.attempt(phone="79120000001")
    assert second != first
    task.clear()
    assert task.attempt() == first, "the first person's record is kept"
    assert [job.phone for job in jobs(emulator)] == ["79123456789", "79120000001"]


@needs_record
def test_call_again_calls_again_once_for_each_value(task: TaskInstance, emulator: Emulator) -> None:
    ids = []
    for value in ("", "second", "", "second"):
        ids.append(task.attempt(call_again=value))
        task.clear()
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == len(jobs(emulator)) == 2


@needs_record
def test_another_campaign_after_an_unanswered_send_is_parked(task: TaskInstance, emulator: Emulator) -> None:
    fail_first(task, emulator, LOST)
    with pytest.raises(AirflowFailException, match=r"(?s)parked.*another campaign"):
        task.attempt(aimylogic_conn_id="aimylogic_other")
    assert (len(jobs(emulator)), len(jobs(emulator, 2))) == (1, 0)


@needs_record
def test_another_payload_after_an_unanswered_send_goes_by_the_report(task: TaskInstance, emulator: Emulator) -> None:
    """What the server does with the same key and another payload is not stated."""
    fail_first(task, emulator, LOST, payload={"name": "Alex"})
    before = sends(emulator)
    assert task.attempt(payload={"name": "Maria"}) == jobs(emulator)[0].id
    assert (len(jobs(emulator)), sends(emulator)) == (1, before)


@needs_record
def test_another_payload_after_a_send_that_never_arrived_is_sent_after_the_lag(
    task: TaskInstance, emulator: Emulator
) -> None:
    fail_first(task, emulator, NEVER_ARRIVED, payload={"name": "Alex"})
    with pytest.raises(AirflowException, match="can't be known yet"):
        task.attempt(payload={"name": "Maria"})
    emulator.advance(seconds=800)
    assert task.attempt(payload={"name": "Maria"}) == jobs(emulator)[0].id
    assert [job.payload for job in jobs(emulator)] == [{"name": "Maria"}]


@needs_record
def test_parameters_changed_and_set_back_go_by_the_report_each_time(task: TaskInstance, emulator: Emulator) -> None:
    one, other = {"payload": {"name": "Alex"}}, {"payload": {"name": "Maria"}}
    fail_first(task, emulator, NEVER_ARRIVED, **one)
    emulator.advance(seconds=800)
    fail_first(task, emulator, LOST, **other)
    before = sends(emulator)
    assert task.attempt(**one) == jobs(emulator)[0].id
    assert (len(jobs(emulator)), sends(emulator)) == (1, before)


@needs_record
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize("rule", [LOST, NEVER_ARRIVED], ids=["lost", "never arrived"])
def test_an_upgrade_between_two_tries_keeps_the_key(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any], hours: float
) -> None:
    from aimylogic_provider.idempotence import keys

    fail_first(task, emulator, rule)
    monkeypatch.setattr(keys, "KEY_SCHEME", "2")
    emulator.advance(hours=hours)
    assert task.attempt() == jobs(emulator)[0].id
    assert len(jobs(emulator)) == 1
    assert len({line.key for line in emulator.requests() if line.key}) == 1


@needs_record
def test_a_first_try_that_could_not_ask_the_status_leaves_its_certainty(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="reset", path="status", times=3)
    with pytest.raises(AirflowException, match="No call was added"):
        task.attempt()
    assert task.entry["sure"] is True
    emulator.advance(hours=25)
    assert task.attempt() == jobs(emulator)[0].id


@needs_record
def test_a_slow_status_does_not_make_the_report_look_older(task: TaskInstance, emulator: Emulator) -> None:
    """The time that the status took is not time that passed since the lag began."""
    emulator.settings(report_lag=590.0)
    fail_first(task, emulator, LOST)
    emulator.campaign(status="finished")
    emulator.advance(seconds=580)
    with pytest.raises(AirflowException, match="can't be known yet"):
        task.attempt()
    emulator.advance(seconds=200)
    assert task.attempt() == jobs(emulator)[0].id


@needs_record
def test_an_open_send_for_another_phone_is_not_forgotten(
    task: TaskInstance, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_first(task, emulator, LOST)
    task.attempt(phone="79120000001")
    assert "unanswered request for 7912***6789" in capsys.readouterr().out


def test_a_job_reported_with_another_phone_is_not_adopted_and_not_overlooked(
    task: TaskInstance, emulator: Emulator
) -> None:
    """The report was asked for our phone alone: a row that writes it otherwise may be ours."""
    fail_first(task, emulator, LOST)
    (job,) = jobs(emulator)
    row = {"callJobId": job.id, "phone": "9123456789", "createdAt": round(job.created * 1000)}
    emulator.fault("before_commit", "status", status=200, path="callJob/getReport", times=None, body=[row])
    emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match=rf"(?s)parked.*{jobs(emulator)[0].id}"):
        task.attempt()
    assert len(jobs(emulator)) == 1


def test_a_call_refused_in_one_campaign_is_sent_with_a_key_of_the_next(task: TaskInstance, emulator: Emulator) -> None:
    emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException, match="refused"):
        task.attempt()
    assert task.attempt(aimylogic_conn_id="aimylogic_other") == jobs(emulator, 2)[0].id
    assert len({line.key for line in emulator.requests() if line.key}) == 2


class TestStoppedCampaign:
    """The campaign was stopped after an unanswered send: its refusal says nothing of the job."""

    @needs_record
    def test_the_job_is_adopted_when_the_report_shows_it(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, LOST)
        emulator.campaign(status="finished")
        assert task.attempt() == jobs(emulator)[0].id
        task.clear()
        assert task.attempt() == jobs(emulator)[0].id

    @needs_record
    def test_it_is_refused_when_the_lag_has_passed_without_it(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, NEVER_ARRIVED)
        emulator.campaign(status="finished")
        with pytest.raises(AirflowException, match="can't be known yet") as early:
            task.attempt()
        assert not isinstance(early.value, AirflowFailException)
        emulator.advance(seconds=800)
        with pytest.raises(AirflowFailException, match="refused, and no job came of it"):
            task.attempt()
        emulator.campaign(status="inProgress")
        task.clear()
        assert task.attempt() == jobs(emulator)[0].id
        assert len(jobs(emulator)) == 1

    @needs_record
    def test_it_is_adopted_late_when_the_report_lags(self, task: TaskInstance, emulator: Emulator) -> None:
        emulator.settings(report_lag=300.0)
        fail_first(task, emulator, LOST)
        emulator.campaign(status="finished")
        with pytest.raises(AirflowException, match="can't be known yet"):
            task.attempt()
        emulator.advance(seconds=400)
        assert task.attempt() == jobs(emulator)[0].id

    def test_before_the_first_send_it_is_refused_at_once(self, task: TaskInstance, emulator: Emulator) -> None:
        emulator.campaign(status="finished")
        with pytest.raises(AirflowFailException, match="the campaign is stopped"):
            task.attempt()
        assert sends(emulator) == 1


class TestOldKeys:
    """The retry came after the key window."""

    @needs_record
    def test_another_dags_job_hours_later_is_not_taken_for_ours(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, NEVER_ARRIVED)
        emulator.advance(hours=5)
        theirs = TaskInstance(dag_id="another").attempt()
        emulator.advance(hours=20)
        assert task.attempt() != theirs
        assert len(jobs(emulator)) == 2

    def test_two_jobs_in_the_same_minutes_are_parked(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, LOST)
        theirs = TaskInstance(dag_id="another").attempt()
        emulator.advance(hours=25)
        with pytest.raises(AirflowFailException, match=rf"(?s)parked.*{jobs(emulator)[0].id}.*{theirs}.*Ways out"):
            task.attempt()
        assert len(jobs(emulator)) == 2

    def test_a_job_that_another_call_again_could_have_is_not_adopted(
        self, task: TaskInstance, emulator: Emulator
    ) -> None:
        fail_first(task, emulator, LOST, call_again="a")
        fail_first(task, emulator, NEVER_ARRIVED, call_again="b")
        emulator.advance(hours=25)
        for value in "ba":
            with pytest.raises(AirflowFailException, match="parked"):
                task.attempt(call_again=value)
        assert len(jobs(emulator)) == 1

    @needs_record
    def test_a_job_that_another_call_again_has_is_left_out(self, task: TaskInstance, emulator: Emulator) -> None:
        first = task.attempt(call_again="a")
        fail_first(task, emulator, LOST, call_again="b")
        emulator.advance(hours=25)
        second = task.attempt(call_again="b")
        assert {first, second} == {job.id for job in jobs(emulator)}

    def test_a_job_still_unseen_is_found_by_its_young_key(self, task: TaskInstance, emulator: Emulator) -> None:
        emulator.settings(report_lag=500.0)
        fail_first(task, emulator, NEVER_ARRIVED)
        emulator.advance(hours=23.9)
        fail_first(task, emulator, LOST)
        emulator.advance(seconds=450)
        assert task.attempt() == jobs(emulator)[0].id
        assert len(jobs(emulator)) == 1


class TestUnsureEntry:
    """The entry was emptied (clear_on_success, or by hand), so nothing proves that no send was made."""

    @pytest.fixture(autouse=True)
    def no_second_record(self, task: TaskInstance) -> None:
        task.assets = None

    @pytest.mark.parametrize("changed", [{}, {"payload": {"name": "Maria"}}], ids=["unchanged", "changed"])
    def test_young_with_a_job_it_is_parked_too(
        self, task: TaskInstance, emulator: Emulator, changed: dict[str, Any]
    ) -> None:
        """The key would find it, if nothing was changed; and add another one, if something was."""
        first = task.attempt()
        task.rows.clear()
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*Candidate jobs.*{first}"):
            task.attempt(**changed)
        assert len(jobs(emulator)) == 1

    def test_old_with_a_job_it_is_parked(self, task: TaskInstance, emulator: Emulator) -> None:
        first = task.attempt()
        task.rows.clear()
        task.run.run_after -= timedelta(hours=25)
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*Candidate jobs.*{first}"):
            task.attempt()
        assert len(jobs(emulator)) == 1

    def test_a_slow_worker_does_not_make_the_run_look_young(self, task: TaskInstance, emulator: Emulator) -> None:
        """By the worker's clock the run is 23 hours old, by the server's 25."""
        first = task.attempt()
        task.rows.clear()
        task.run.run_after -= timedelta(hours=23)
        emulator.advance(hours=2)
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            task.attempt()

    @needs_record
    def test_a_store_that_fails_to_find_the_entry_once_is_asked_again(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = task.attempt(payload={"bonus": 1})
        task.clear()
        operator, context = task.start(phone="79123456789", payload={"bonus": 2})
        store = context["task_state_store"]
        answers = iter([None])
        get = store.get
        monkeypatch.setattr(store, "get", lambda key: next(answers, get(key)))
        with pytest.raises(AirflowFailException, match=first):
            operator.execute(context)
        assert len(jobs(emulator)) == 1

    @needs_record
    def test_old_without_a_job_it_is_sent(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, NEVER_ARRIVED)
        task.rows.clear()
        task.run.run_after -= timedelta(hours=25)
        task.clear()
        with pytest.raises(AirflowException, match="only after its lag"):
            task.attempt()
        assert not jobs(emulator)
        emulator.advance(minutes=15)
        assert task.attempt() == jobs(emulator)[0].id

    def test_a_refusal_is_no_outcome_there(self, task: TaskInstance, emulator: Emulator) -> None:
        first = task.attempt()
        task.rows.clear()
        task.clear()
        emulator.campaign(status="finished")
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            task.attempt()


class TestMapped:
    """A task mapped over a list: one entry for each index, and lists that turn and grow."""

    PEOPLE = ("79120000001", "79120000002", "79120000003")

    def run(self, people: tuple[str, ...], instances: dict[int, TaskInstance]) -> list[Any]:
        results: list[Any] = []
        for index, phone in enumerate(people):
            made = TaskInstance(map_index=index, run=self.dag_run, assets=self.assets, has_store=self.has_store)
            instance = instances.setdefault(index, made)
            try:
                results.append(instance.attempt(phone=phone))
            except AirflowException as error:
                results.append(error)
        return results

    @pytest.fixture(autouse=True)
    def one_run(self, task: TaskInstance) -> None:
        self.dag_run, self.assets, self.has_store = task.run, task.assets, task.has_store

    def test_the_same_person_and_payload_twice_is_one_job(self, emulator: Emulator) -> None:
        first, second = self.run((self.PEOPLE[0],) * 2, {})
        assert first == second
        assert len(jobs(emulator)) == 1

    @needs_record
    @pytest.mark.parametrize("rule", [None, LOST, NEVER_ARRIVED], ids=["answered", "lost", "never arrived"])
    @pytest.mark.parametrize("hours", [1, 23])
    def test_a_list_that_turned_and_grew_within_the_day(
        self, emulator: Emulator, rule: dict[str, Any] | None, hours: float
    ) -> None:
        instances: dict[int, TaskInstance] = {}
        if rule:
            emulator.fault(**{**rule, "times": 9})
        self.run(self.PEOPLE, instances)
        emulator.clear_faults()
        emulator.advance(hours=hours)
        self.dag_run.clear_number += 1
        grown = ("79120000009", *reversed(self.PEOPLE))
        results = self.run(grown, instances)
        assert all(isinstance(result, str) for result in results), results
        assert sorted(job.phone for job in jobs(emulator)) == sorted(grown)

    @pytest.mark.parametrize("rule", [None, LOST, NEVER_ARRIVED], ids=["answered", "lost", "never arrived"])
    @pytest.mark.parametrize("hours", [1, 23, 25])
    def test_a_list_that_turned_and_grew_without_a_record_parks_whom_the_campaign_holds(
        self, emulator: Emulator, waits: list[float], rule: dict[str, Any] | None, hours: float
    ) -> None:
        """Whoever it doesn't hold is added, once the report is sure to show it."""
        self.has_store = False
        instances: dict[int, TaskInstance] = {}
        if rule:
            emulator.fault(**{**rule, "times": 9})
        self.run(self.PEOPLE, instances)
        emulator.clear_faults()
        emulator.advance(hours=hours)
        before = {job.phone: job.id for job in jobs(emulator)}
        self.dag_run.clear_number += 1
        waits.clear()
        grown = ("79120000009", *reversed(self.PEOPLE))
        for phone, result in zip(grown, self.run(grown, instances), strict=True):
            if phone in before:
                assert isinstance(result, AirflowFailException)
                assert f"job {before[phone]} (" in str(result)
            else:
                assert isinstance(result, str), result
        assert sorted(job.phone for job in jobs(emulator)) == sorted(grown), "nobody twice, nobody missed"
        assert [600 < seconds < 800 for seconds in waits] == [True] * (len(grown) - len(before))

    @needs_record
    @pytest.mark.parametrize("rule", [None, LOST, NEVER_ARRIVED], ids=["answered", "lost", "never arrived"])
    def test_a_list_that_turned_and_grew_after_the_day(self, emulator: Emulator, rule: dict[str, Any] | None) -> None:
        instances: dict[int, TaskInstance] = {}
        self.dag_run.run_after -= timedelta(hours=25)
        if rule:
            emulator.fault(**{**rule, "times": 9})
        self.run(self.PEOPLE, instances)
        emulator.clear_faults()
        emulator.advance(hours=25)
        self.dag_run.clear_number += 1
        self.dag_run.start_date = datetime.now(UTC)
        grown = (*reversed(self.PEOPLE), "79120000009")
        results = self.run(grown, instances)
        phones = [job.phone for job in jobs(emulator)]
        assert len(set(phones)) == len(phones), "nobody twice"
        for phone, result in zip(grown, results, strict=True):
            assert phone in phones or "parked" in str(result), "nobody missed"
            if isinstance(result, Exception):
                assert isinstance(result, AirflowFailException)
                assert "parked" in str(result)
        if rule is None:
            # The second is at the same index as before, and the last is new: of the others' jobs nothing is known.
            assert [isinstance(result, str) for result in results] == [False, True, False, True]

    @needs_record
    def test_a_later_record_refused_and_elsewhere_now_is_parked(self, emulator: Emulator) -> None:
        """Another index may have added the person before this one was given her."""
        instance = TaskInstance(map_index=0, run=self.dag_run)
        instance.attempt(phone=self.PEOPLE[0])
        instance.clear()
        emulator.campaign(status="finished")
        with pytest.raises(AirflowException):
            instance.attempt(phone=self.PEOPLE[1])
        with pytest.raises(AirflowFailException, match=r"(?s)parked.*another campaign"):
            instance.attempt(phone=self.PEOPLE[1], aimylogic_conn_id="aimylogic_other")
        assert jobs(emulator, 2) == []

    def test_a_refusal_after_a_turn_and_back_is_no_outcome(self, emulator: Emulator, waits: list[float]) -> None:
        """Index 0 was refused, index 1 then added the person, and the list turned back."""
        instances: dict[int, TaskInstance] = {}
        emulator.campaign(status="finished")
        self.run(self.PEOPLE[:2], instances)
        self.dag_run.clear_number += 1
        emulator.campaign(status="inProgress")
        turned = self.run((self.PEOPLE[1], self.PEOPLE[0]), instances)
        assert sorted(turned) == sorted(job.id for job in jobs(emulator))
        emulator.campaign(status="finished")
        results = self.run(self.PEOPLE[:2], instances)
        assert all("parked" in str(result) for result in results), results

    def test_a_refusal_counts_the_lag_from_the_last_clear(self, emulator: Emulator, waits: list[float]) -> None:
        """Index 0 was refused hours ago; since then the list turned, and index 1 may have added the person just now."""
        emulator.settings(report_lag=500.0)
        instances: dict[int, TaskInstance] = {}
        emulator.campaign(status="finished")
        self.run(self.PEOPLE[:2], instances)
        emulator.advance(hours=1)
        self.dag_run.clear_number += 1
        emulator.campaign(status="inProgress")
        turned = self.run((self.PEOPLE[1], self.PEOPLE[0]), instances)
        assert sorted(turned) == sorted(job.id for job in jobs(emulator))
        emulator.advance(seconds=120)
        self.dag_run.clear_number += 1
        emulator.campaign(status="finished")
        waits.clear()
        results = self.run(self.PEOPLE[:2], instances)
        if HAS_RECORD:
            assert all("can't be known yet" in str(result) for result in results), results
            assert not waits, "a later try asks again"
            emulator.advance(seconds=800)
            results = self.run(self.PEOPLE[:2], instances)
        else:
            assert len(waits) == 1, "no later try could know: the first waits, and by then the report shows both"
            assert 600 < waits[0] < 800
        assert all("parked" in str(result) for result in results), results

    @needs_record
    def test_a_changed_payload_of_a_mapped_person_is_parked(self, emulator: Emulator) -> None:
        instance = TaskInstance(map_index=0, run=self.dag_run)
        instance.attempt(payload={"bonus": "1"})
        instance.clear()
        with pytest.raises(AirflowFailException, match=r"(?s)parked.*another payload"):
            instance.attempt(payload={"bonus": "2"})
        assert len(jobs(emulator)) == 1


class TestNoStore:
    """Airflow 3.1 and 3.2: nothing is remembered from try to try."""

    @pytest.fixture(autouse=True)
    def without_store(self, task: TaskInstance) -> None:
        task.has_store = False

    def test_within_the_day_the_key_finds_the_job(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, LOST)
        assert task.attempt() == jobs(emulator)[0].id
        assert len(jobs(emulator)) == 1

    def test_after_the_day_a_job_of_the_run_is_parked(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, LOST)
        emulator.advance(hours=25)
        task.run.start_date -= timedelta(hours=25)
        for call_again in ("", "yes"):  # which is no way out, and isn't said to be one
            with pytest.raises(AirflowFailException, match="parked") as parked:
                task.attempt(call_again=call_again)
            assert "start a new DAG run" in str(parked.value)
            assert "call_again" not in str(parked.value)
        assert len(jobs(emulator)) == 1

    def test_after_the_day_one_that_never_arrived_is_added(self, task: TaskInstance, emulator: Emulator) -> None:
        fail_first(task, emulator, NEVER_ARRIVED)
        emulator.advance(hours=25)
        task.run.start_date -= timedelta(hours=25)
        assert task.attempt() == jobs(emulator)[0].id
        assert len(jobs(emulator)) == 1

    @pytest.mark.parametrize(
        "changed", [{"payload": {"name": "Maria"}}, {"aimylogic_conn_id": "aimylogic_other"}], ids=str
    )
    def test_what_was_changed_between_two_tries_is_added_again(
        self, task: TaskInstance, emulator: Emulator, changed: dict[str, Any]
    ) -> None:
        """Nobody can notice it; docs/bounds.md tells."""
        fail_first(task, emulator, LOST, **PARAMETERS)
        task.attempt(**{**PARAMETERS, **changed})
        assert len(emulator.jobs()) == 2

    def test_what_was_changed_and_cleared_is_parked(self, task: TaskInstance, emulator: Emulator) -> None:
        first = task.attempt(**PARAMETERS)
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)run was cleared.*{first}.*start a new DAG run"):
            task.attempt(payload={"name": "Maria"})
        assert len(emulator.jobs()) == 1

    def test_a_cleared_task_with_another_phone_calls_the_right_person_after_the_lag(
        self, task: TaskInstance, emulator: Emulator, waits: list[float]
    ) -> None:
        first = task.attempt()
        task.clear()
        assert task.attempt(phone="79120000001") == jobs(emulator)[1].id
        assert [600 < seconds < 800 for seconds in waits] == [True]
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}"):
            task.attempt()
        assert [job.phone for job in jobs(emulator)] == ["79123456789", "79120000001"]

    def test_another_call_again_is_parked_after_a_clear(self, task: TaskInstance, emulator: Emulator) -> None:
        """No record tells that the job is that of another value."""
        first = task.attempt()
        task.clear()
        with pytest.raises(AirflowFailException, match=f"(?s)parked.*{first}.*start a new DAG run"):
            task.attempt(call_again="second")
        assert len(jobs(emulator)) == 1

    @pytest.mark.parametrize("hours", [0, 25])
    def test_what_was_cleared_and_never_added_is_added_once_the_report_is_sure_to_show_it(
        self, task: TaskInstance, emulator: Emulator, waits: list[float], hours: float
    ) -> None:
        """No next try could know how long that is: this one waits."""
        fail_first(task, emulator, NEVER_ARRIVED)
        task.run.run_after -= timedelta(hours=hours)
        task.clear()
        waits.clear()
        assert task.attempt() == jobs(emulator)[0].id
        (seconds,) = waits
        assert 600 < seconds < 800

    def test_what_no_retry_can_settle_is_not_promised(self, task: TaskInstance, emulator: Emulator) -> None:
        """That there is no job shows after the report's lag, which begins with each try anew."""
        fail_first(task, emulator, NEVER_ARRIVED)
        emulator.campaign(status="finished")
        for _ in range(2):
            with pytest.raises(AirflowException, match=r"(?s)no record of earlier tries.*stopped") as unsettled:
                task.attempt()
            assert "settles it" not in str(unsettled.value)
            emulator.advance(hours=1)

    def test_one_that_goes_on_after_a_question_is_not_sure_that_nothing_was_sent(
        self, task: TaskInstance, emulator: Emulator
    ) -> None:
        """Though it is still the first try of its run."""
        from aimylogic_provider.airflow_task.required_actions import SEND_AGAIN

        operator, context = task.start(phone="79123456789")
        reference = operator._try(context, resumed=True).intent.reference
        emulator.fault(phase="before_commit", action="status", status=401, path="status")
        with pytest.raises(AirflowFailException, match="This try added no call"):
            operator.execute_complete(context, {"chosen_options": [SEND_AGAIN]}, reference, 0.0, [])


class TestTestCalls:
    """test/addPhone knows no duplicates and heeds no key: an unanswered send is never repeated blindly."""

    def test_a_lost_response_is_adopted_from_the_report(self, task: TaskInstance, emulator: Emulator) -> None:
        lost = emulator.fault(**{**LOST, "path": "test/addPhone"})
        assert task.attempt(test_call=True) == jobs(emulator)[0].id
        assert (len(jobs(emulator)), lost.hits) == (1, 1)

    @needs_record
    def test_one_that_never_arrived_waits_for_the_lag(self, task: TaskInstance, emulator: Emulator) -> None:
        lost = emulator.fault(**{**NEVER_ARRIVED, "path": "test/addPhone"})
        with pytest.raises(AirflowException, match="can't be known yet"):
            task.attempt(test_call=True)
        assert lost.hits == 1
        emulator.clear_faults()
        emulator.advance(seconds=800)
        assert task.attempt(test_call=True) == jobs(emulator)[0].id
        assert len(jobs(emulator)) == 1

    def test_the_same_number_again_and_again(self, task: TaskInstance, emulator: Emulator) -> None:
        task.attempt(test_call=True)
        TaskInstance(run_id="next").attempt(test_call=True)
        assert len(jobs(emulator)) == 2


def test_a_key_lost_on_the_way_never_calls_twice(task: TaskInstance, emulator: Emulator) -> None:
    """A proxy that strips the header makes the server answer phone.duplicated to a repeat."""
    AimylogicHook().add_phone("79123456789")  # our send, stripped and then lost
    emulator.fault(
        phase="before_commit", action="status", status=400, path="addPhone", times=1,
        body={"type": "phone.duplicated", "message": "duplicate", "phone": "79123456789"},
    )  # fmt: skip
    assert task.attempt() == jobs(emulator)[0].id
    assert len(jobs(emulator)) == 1


@needs_record
class TestFence:
    """A try that was replaced makes no second job, wherever it was stopped."""

    def test_stopped_before_its_note_it_sends_nothing(self, task: TaskInstance, emulator: Emulator) -> None:
        stopped, context = task.start(phone="79123456789")
        assert task.attempt() == jobs(emulator)[0].id
        before = sends(emulator)
        with pytest.raises(ReplacedError):
            stopped.execute(context)
        assert sends(emulator) == before

    def test_a_pause_between_note_and_send_decides_anew(
        self, task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process stands still for hours right after its note: it must not send on the old decision."""
        from aimylogic_provider.idempotence import server_time

        slept = 0.0
        wall = server_time.SystemClock.wall
        monkeypatch.setattr(server_time.SystemClock, "wall", lambda self: wall(self) + slept)
        operator, context = task.start(phone="79123456789")
        store = context["task_state_store"]
        note = store.set

        def note_and_stand_still(key: str, value: Any, **more: Any) -> None:
            nonlocal slept
            note(key, value, **more)
            if any(record["sends"] for record in value["records"].values()):
                slept = 25 * HOUR

        monkeypatch.setattr(store, "set", note_and_stand_still)
        with pytest.raises(AirflowException, match="nothing was sent"):
            operator.execute(context)
        assert sends(emulator) == 0


@needs_record
@pytest.mark.parametrize("jump", [2 * HOUR, -2 * HOUR])
def test_a_worker_whose_clock_is_set_in_mid_try_notes_the_servers_time(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """A time noted too late would make an old key look young; one noted too early would hide its job."""
    from aimylogic_provider.idempotence import server_time

    wall = server_time.SystemClock.wall
    monkeypatch.setattr(
        server_time.SystemClock, "wall", lambda self: wall(self) + (jump if emulator.count("status") else 0)
    )
    task.attempt()
    ((noted,),) = [record["sends"] for record in task.entry["records"].values()]
    assert noted["at"] == pytest.approx(emulator.now().timestamp(), abs=5)
    assert emulator.count("status") == 2, "the time was asked for anew"


class TestPermanent:
    """Bad input and permanent answers: the task fails at once, and the message says what to do."""

    @pytest.mark.parametrize("lag", [1e9, -1, timedelta(hours=12), True, "600"])
    def test_a_lag_that_can_not_be_used_is_told_while_the_dag_is_read(self, lag: Any) -> None:
        with pytest.raises(ValueError, match="from 0 to under 12 hours"):
            AddPhoneOperator(task_id="call", phone="79123456789", report_lag=lag)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"phone": "123"}, "not a possible number"),
            ({"phone": "call me"}, "characters that aren't part"),
            ({"phone": ""}, "phone is empty"),
            ({"phone": None}, "phone is None"),
            ({"phone": "89123456789"}, "phone_region"),
            ({"phone_region": "XX"}, "two-letter code"),
            ({"gmt_zone": "-25"}, "outside -18:00 to"),
            ({"payload": {"a": {"b": 1}}}, "addPhones"),
            ({"payload": {"a": None}}, "leave the name out"),
            ({"payload": {"phone": "1"}}, "rename it"),
            ({"payload": {"text": "x" * 9000}}, "8,000"),
            ({"test_call": "false"}, "True or False"),
        ],
    )
    def test_bad_input_never_reaches_the_network(
        self, task: TaskInstance, emulator: Emulator, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(AirflowFailException, match=f"Rejected before any request.*{message}"):
            task.attempt(**arguments)
        assert not emulator.requests()
        assert not task.rows

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ({"action": "status", "status": 401}, "access was denied"),
            ({"action": "status", "status": 403}, "access was denied"),
            ({"action": "status", "status": 404, "body": {"type": "invalid.token"}}, "copy the token again"),
            ({"action": "redirect", "headers": {"Location": "https://example.com/"}}, "final address"),
        ],
        ids=["401", "403", "404", "redirect"],
    )
    @pytest.mark.parametrize("path", ["status", "addPhone"])
    def test_permanent_answers(
        self, task: TaskInstance, emulator: Emulator, rule: dict[str, Any], message: str, path: str
    ) -> None:
        emulator.fault(phase="before_commit", path=path, times=None, **rule)
        with pytest.raises(AirflowFailException, match=message):
            task.attempt()
        assert sends(emulator) == (path == "addPhone")

    @pytest.mark.parametrize(
        ("connection", "message"),
        [
            ({"conn_type": "aimylogic"}, "no campaign token"),
            ({"conn_type": "aimylogic", "password": "t.1", "host": "http://example.com"}, "use https"),
            ({"conn_type": "aimylogic", "password": "t.1", "host": "https://a/b"}, "without a path"),
            ({"conn_type": "aimylogic", "password": "t 1"}, "copy it again"),
            ({"conn_type": "aimylogic", "password": "t.1", "extra": {"read_timeout": "soon"}}, "seconds"),
        ],
    )
    def test_bad_connections(
        self, task: TaskInstance, monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], message: str
    ) -> None:
        import json

        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", json.dumps(connection))
        with pytest.raises(AirflowFailException, match=message) as failure:
            task.attempt()
        assert "t.1" not in str(failure.value)

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_passing_answers_are_tried_again(self, task: TaskInstance, emulator: Emulator, status: int) -> None:
        emulator.fault(phase="before_commit", action="status", status=status, path="addPhone", times=3)
        with pytest.raises(AirflowException) as failure:
            task.attempt()
        assert not isinstance(failure.value, AirflowFailException)
        assert sends(emulator) == 3
        assert task.attempt() == jobs(emulator)[0].id

    def test_a_long_retry_after_ends_the_try_and_says_when(self, task: TaskInstance, emulator: Emulator) -> None:
        emulator.fault(
            phase="before_commit", action="status", status=429, path="addPhone",
            headers={"Retry-After": "120"},
        )  # fmt: skip
        with pytest.raises(AirflowException, match="120 seconds"):
            task.attempt()
        assert sends(emulator) == 1


@needs_record
def test_a_record_of_a_newer_format_stops_the_task(task: TaskInstance, emulator: Emulator) -> None:
    task.rows["aimylogic"] = '{"format": 99}'
    with pytest.raises(AirflowFailException, match="format 99"):
        task.attempt()
    assert not emulator.requests()


def test_no_message_tells_token_or_phone(task: TaskInstance, emulator: Emulator) -> None:
    from tests.conftest import TOKEN

    for rule in (LOST, {**LOST, "action": "html"}, {**LOST, "action": "redirect", "headers": {"Location": "/x"}}):
        emulator.fault(**rule)
        with pytest.raises(AirflowException) as failure:
            TaskInstance(run_id=str(rule)).attempt(phone="79123456789")
        emulator.clear_faults()
        assert TOKEN not in str(failure.value)
        assert "79123456789" not in str(failure.value)
        assert "7912***6789" in str(failure.value)
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__


def test_on_kill_nothing_more_is_sent(
    task: TaskInstance, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator, context = task.start(phone="79123456789")
    monkeypatch.setattr("aimylogic_provider.idempotence.server_time.SystemClock.sleep", lambda *_: operator.on_kill())
    emulator.fault(**LOST)
    with pytest.raises(AirflowException, match="being ended"):
        operator.execute(context)
    assert sends(emulator) == 1
    assert task.attempt() == jobs(emulator)[0].id
    assert len(jobs(emulator)) == 1


def test_on_kill_before_anything_was_begun_says_nothing(
    task: TaskInstance, emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    operator, context = task.start(phone="79123456789")
    operator.on_kill()
    assert (capsys.readouterr().out, sends(emulator)) == ("", 0)
    assert operator.execute(context) == jobs(emulator)[0].id


@pytest.mark.parametrize("mapped", [False, True])
def test_rendered_templates_show_the_phone_masked(connections: None, emulator: Emulator, mapped: bool) -> None:
    from airflow.sdk import DAG
    from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

    with DAG("dag", schedule=None):
        operator = AddPhoneOperator(task_id="call", phone="{{ phone }}", payload={"name": "{{ name }}"})
    context: Any = {"phone": "+7 912 345-67-89", "name": "Alex"}
    if mapped:  # as Airflow does it
        operator._do_render_template_fields(
            parent=operator,
            template_fields=operator.template_fields,
            context=context,
            jinja_env=operator.get_template_env(),
            seen_oids=set(),
        )
    else:
        operator.render_template_fields(context)
    shown = _serialize_rendered_fields(operator)
    assert (shown["phone"], shown["payload"]) == ("7912***6789", {"name": "Alex"})
    assert operator.execute(TaskInstance(current_try=1).context()) == jobs(emulator)[0].id
    assert jobs(emulator)[0].phone == "79123456789"
