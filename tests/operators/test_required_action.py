"""A parked call that a person decides about, at the seam where a task speaks to its supervisor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import exceptions

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.index_labels import INDEX_LABEL
from aimylogic_provider.airflow_task.required_actions import (
    ADOPT,
    CALL_JOB_ID,
    LEAVE,
    SEND_AGAIN,
    candidate_of,
    kind_of_question,
)
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import AddPhoneOperator
from tests.answers import said
from tests.conftest import TOKEN, TaskInstance, needs_record

pytestmark = needs_record
# Before Airflow 3.3, a trigger waits.
TaskAwaitingInput: Any = getattr(exceptions, "TaskAwaitingInput", TaskDeferred)


@dataclass
class Questions:
    """What Airflow keeps of the questions: one for each task instance, in the words in which it was asked first."""

    asked: dict[Any, Any] = field(default_factory=dict)

    def send(self, msg: Any) -> Any:
        kept = self.asked.setdefault(msg.ti_id, msg)
        return SimpleNamespace(subject=kept.subject, body=kept.body, options=kept.options, params=kept.params)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    from airflow.sdk.execution_time import task_runner

    questions = Questions()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", questions, raising=False)
    return questions


def theirs(emulator: Emulator, phone: str = "79123456789") -> str:
    add = f"{emulator.url}/api/crmCalls/campaign/{TOKEN}/addPhone"
    headers = {"Idempotence-Key": f"theirs-{len(emulator.jobs())}"}
    job: str = requests.post(add, params={"phone": phone}, headers=headers, timeout=5).json()
    return job


def jobs(emulator: Emulator) -> list[str]:
    return [job.id for job in emulator.jobs(campaign=1)]


@dataclass
class Parked:
    """A task that asked, and how it goes on."""

    task: TaskInstance
    kwargs: dict[str, Any]
    ours: str
    theirs: str

    def answer(self, option: str, job: str | None = None, **arguments: Any) -> str:
        """Airflow resumes the task with the answer."""
        operator = AddPhoneOperator(
            task_id=self.task.task_id, **{"phone": "79123456789", "on_unknown": "ask", **arguments}
        )
        event = said(option, {CALL_JOB_ID: job})
        result: str = operator.execute_complete(self.task.context(), event, **self.kwargs)
        return result

    def attempt(self, **arguments: Any) -> str:
        return self.task.attempt(**{"on_unknown": "ask", **arguments})

    @property
    def record(self) -> Any:
        (record,) = self.task.entry["records"].values()
        return record


def park(task: TaskInstance, emulator: Emulator, **arguments: Any) -> Parked:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        task.attempt(on_unknown="ask", **arguments)
    other = theirs(emulator)
    emulator.advance(hours=25)
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask", **arguments)
    assert waiting.value.method_name == "execute_complete"
    return Parked(task, waiting.value.kwargs, jobs(emulator)[0], other)


@pytest.fixture
def parked(task: TaskInstance, emulator: Emulator, questions: Questions) -> Parked:
    return park(task, emulator)


def test_the_question_names_the_candidates_and_no_phone(parked: Parked, questions: Questions) -> None:
    (question,) = questions.asked.values()
    assert question.options == [
        f"Adopt job {parked.ours}", f"Adopt job {parked.theirs}", ADOPT, SEND_AGAIN, LEAVE,
    ]  # fmt: skip
    assert f"job {parked.ours} (" in question.body
    assert f"job {parked.theirs} (" in question.body
    assert question.params[CALL_JOB_ID]["schema"]["examples"] == [parked.ours, parked.theirs]
    assert "9123456789" not in str(question)
    assert TOKEN not in str(question)


@pytest.mark.parametrize("others", [0, 1, 20, 25])
def test_each_candidate_is_an_answer_of_its_own_that_can_be_told_from_the_others(
    task: TaskInstance, emulator: Emulator, questions: Questions, others: int
) -> None:
    first = task.attempt()
    task.assets = None  # no second record
    task.rows.clear()
    for minute in range(others):
        emulator.advance(minutes=1 + minute)
        theirs(emulator)
    emulator.advance(hours=25)
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask")
    (question,) = questions.asked.values()
    candidates = jobs(emulator)
    assert question.options == [*(f"Adopt job {job}" for job in candidates[:20]), ADOPT, SEND_AGAIN, LEAVE]
    assert [candidate_of(option) for option in question.options[:-3]] == candidates[:20]
    assert kind_of_question(question.options, "AddPhoneOperator") == "call"
    told = [line for line in question.body.splitlines() if line.startswith("- job ")]
    assert len(told) == len(candidates)
    assert len({line.partition("created at")[2] for line in told}) == len(candidates), "by when they were created"
    last = candidates[:20][-1]
    assert Parked(task, waiting.value.kwargs, first, "").answer(f"Adopt job {last}", "left as it was") == last
    task.clear()
    assert task.attempt(on_unknown="ask") == last


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (None, "#3"),
        ("Maria, order 17", "Maria, order 17"),
        ("", "#3"),
        ("<script>alert(1)</script> **b** [x](http://y)", "<script>alert(1)</script> **b** [x](http://y)"),
        ("two\nlines\tand\u202eback", "two lines and back"),
        ("é" * 5_000, "é" * 59 + "…"),
        ("+7 912 345-67-89", "7912***6789"),
        ("order 17] [0badcafe", "order 17] [0badcafe"),
    ],
)
def test_the_subject_tells_mapped_calls_apart_in_one_line(
    task: TaskInstance, emulator: Emulator, questions: Questions, label: str | None, shown: str
) -> None:
    task.map_index = 3
    context = task.context

    def labelled() -> dict[str, Any]:
        told = context()
        told["map_index_template"] = INDEX_LABEL if label is None else "{{ the DAG's }}"
        told["ti"].rendered_map_index = "3: 7912***6789" if label is None else label
        told["ti"].task = SimpleNamespace(retries=0, dag=None)
        told["dag"] = SimpleNamespace(max_active_runs=16)
        return told

    task.context = labelled  # type: ignore[method-assign]
    parked = park(task, emulator)
    (question,) = questions.asked.values()
    reference = parked.kwargs["reference"]
    assert question.subject == f"Was the call to 7912***6789 added? ({shown}, aimylogic_default) [{reference}]"
    assert question.body.endswith("one of the 16 runs of its DAG that may be active (`max_active_runs`).")
    assert parked.answer(SEND_AGAIN)


def test_a_question_in_the_words_of_another_release_is_still_about_this_call(
    parked: Parked, questions: Questions
) -> None:
    (question,) = questions.asked.values()
    question.subject = f"Was the call to 7912***6789 added? [{parked.kwargs['reference']}]"
    with pytest.raises(AirflowFailException):
        parked.task.attempt()  # which waits for no answer any more
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput) as waiting:
        parked.attempt()
    assert waiting.value.kwargs == parked.kwargs


def test_adopt(parked: Parked, emulator: Emulator) -> None:
    before = len(emulator.requests())
    assert parked.answer(ADOPT, parked.theirs) == parked.theirs
    ruling = parked.record["ruling"]
    assert (ruling["choice"], ruling["by"], ruling["job"]) == ("adopt", "Maria (7)", parked.theirs)
    parked.task.clear()
    assert parked.attempt() == parked.theirs
    assert len(emulator.requests()) == before, "a candidate needs no look-up"


@pytest.mark.parametrize("field", [None, "", "1", "theirs"])
def test_a_candidate_is_adopted_by_an_option_of_its_own_whatever_the_field_holds(
    parked: Parked, emulator: Emulator, field: str | None
) -> None:
    before = len(emulator.requests())
    job = parked.theirs if field == "theirs" else field
    assert parked.answer(f"Adopt job {parked.ours}", job) == parked.ours
    parked.task.clear()
    assert parked.attempt() == parked.ours
    assert len(emulator.requests()) == before, "a candidate needs no look-up"


def test_an_option_that_was_not_offered_is_not_followed(parked: Parked, emulator: Emulator) -> None:
    third = theirs(emulator)
    with pytest.raises(AirflowFailException, match=rf"can't be used: give one of Adopt job {parked.ours}, Adopt job"):
        parked.answer(f"Adopt job {third}")
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()
    assert parked.answer(ADOPT, third) == third


def test_a_later_question_with_fewer_candidates_is_answered_by_the_options_of_the_first(
    parked: Parked, questions: Questions
) -> None:
    with pytest.raises(AirflowFailException, match="no call job was named"):
        parked.answer(ADOPT)
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput) as waiting:
        parked.attempt()
    (question,) = questions.asked.values()
    assert waiting.value.kwargs["candidates"] == [parked.ours, parked.theirs]
    parked.kwargs = waiting.value.kwargs
    assert parked.answer(question.options[1]) == parked.theirs


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (None, "call job (none named) is this call"),
        ("1", "call job 1 is this call"),
        ("5665339999", "call job 5665339999 is this call"),
        ("79120000001", r"shows no job 7912\*\*\*0001 for this phone"),
        ("9123456789", "that is the phone, not a call job"),
    ],
)
def test_what_was_named_is_told_and_no_phone(parked: Parked, named: str | None, says: str) -> None:
    with pytest.raises(
        AirflowFailException, match=says.replace("(none", r"\(none").replace("named)", r"named\)")
    ) as error:
        parked.answer(ADOPT, named)
    assert "79120000001" not in str(error.value)
    assert "3456789" not in str(error.value)


def test_send_again_has_a_key_of_its_own_and_sends_once(parked: Parked, emulator: Emulator) -> None:
    new = parked.answer(SEND_AGAIN)
    assert jobs(emulator) == [parked.ours, parked.theirs, new]
    assert len({job.key for job in emulator.jobs()}) == 3
    assert parked.answer(SEND_AGAIN) == new, "brought twice, it counts once"
    emulator.advance(hours=25)
    parked.task.clear()
    assert parked.attempt() == new
    assert len(jobs(emulator)) == 3


@pytest.mark.parametrize("hours", [0, 1, 25, 50])
@pytest.mark.parametrize("phase", ["after_commit", "before_commit"])
def test_send_again_and_no_answer_then_a_retry(parked: Parked, emulator: Emulator, phase: str, hours: int) -> None:
    emulator.fault(phase, "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        parked.answer(SEND_AGAIN)
    emulator.advance(hours=hours)
    new = parked.attempt()
    assert jobs(emulator) == [parked.ours, parked.theirs, new]


def test_a_job_created_just_before_is_not_taken_for_the_one_that_was_sent_again(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    """The candidates that the person saw and did not adopt are somebody else's, whenever they were created."""
    task.attempt()
    task.assets = None  # no second record
    task.rows.clear()
    emulator.advance(hours=25)
    late = theirs(emulator)
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask")
    parked = Parked(task, waiting.value.kwargs, jobs(emulator)[0], late)
    emulator.fault("before_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        parked.answer(SEND_AGAIN)
    emulator.advance(hours=25)
    new = parked.attempt()
    assert jobs(emulator) == [parked.ours, late, new]


def test_an_answer_that_airflow_brings_twice_counts_once_though_the_first_time_ended_without_an_answer(
    parked: Parked, emulator: Emulator
) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        parked.answer(SEND_AGAIN)
    new = parked.answer(SEND_AGAIN)
    assert jobs(emulator) == [parked.ours, parked.theirs, new]


@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize("map_index", [-1, 0])
def test_send_again_where_the_record_was_lost_and_no_answer(
    task: TaskInstance, emulator: Emulator, questions: Questions, map_index: int, hours: int
) -> None:
    """The new key's sends are all on record, whatever of the old one's are not."""
    task.map_index = map_index
    first = task.attempt()
    task.assets = None  # no second record
    task.rows.clear()
    emulator.advance(hours=25)
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask")
    emulator.advance(hours=1)
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    parked = Parked(task, waiting.value.kwargs, first, "")
    with pytest.raises(AirflowException, match="not known"):
        parked.answer(SEND_AGAIN)
    emulator.advance(hours=hours)
    new = parked.attempt()
    assert jobs(emulator) == [first, new]


def test_send_again_in_a_mapped_task_whose_parameters_changed(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    task.map_index = 0
    first = task.attempt()
    task.clear()
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask", payload={"name": "Maria"})
    parked = Parked(task, waiting.value.kwargs, first, "")
    new = parked.answer(SEND_AGAIN, payload={"name": "Maria"})
    assert jobs(emulator) == [first, new]


def test_send_again_then_refused_then_in_another_campaign_keeps_its_key(parked: Parked, emulator: Emulator) -> None:
    emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException, match="was refused"):
        parked.answer(SEND_AGAIN)
    key = parked.record["key"]
    parked.attempt(aimylogic_conn_id="aimylogic_other")
    assert [job.key for job in emulator.jobs(campaign=2)] == [key]


def test_another_calls_job_is_not_adopted(task: TaskInstance, emulator: Emulator, questions: Questions) -> None:
    other = task.attempt(call_again="before")
    parked = park(task, emulator)
    with pytest.raises(AirflowFailException, match=f"{other} is another call's"):
        parked.answer(ADOPT, other)


def test_send_again_said_without_knowing_of_a_newer_job(parked: Parked, emulator: Emulator) -> None:
    """It is parked anew; and as Airflow shows a question in its first words, which lack the job, nobody is asked."""
    late = theirs(emulator)
    for attempt in (lambda: parked.answer(SEND_AGAIN), parked.attempt):
        with pytest.raises(AirflowFailException, match=rf"(?s)not told.*{late}.*does not name {late}"):
            attempt()
        parked.task.clear()
    assert jobs(emulator) == [parked.ours, parked.theirs, late]
    new = parked.attempt(call_again="yes")
    assert jobs(emulator) == [parked.ours, parked.theirs, late, new]


def test_asked_anew_a_person_is_told_no_more_than_the_page_shows(
    parked: Parked, emulator: Emulator, questions: Questions
) -> None:
    with pytest.raises(AirflowFailException, match="parked"):
        parked.task.attempt()  # without asking
    first = parked.record
    with pytest.raises(TaskAwaitingInput) as waiting:
        parked.attempt()
    assert first["asked"] is None
    assert parked.record["asked"] == {
        "reference": parked.kwargs["reference"],
        "at": parked.kwargs["asked"],
        "candidates": [parked.ours, parked.theirs],
    }
    assert waiting.value.kwargs == parked.kwargs, "the time and the jobs of the question that Airflow kept"


def test_leave_it_until_call_again(parked: Parked, emulator: Emulator) -> None:
    for attempt in (lambda: parked.answer(LEAVE), parked.attempt, lambda: parked.attempt(payload={"name": "Maria"})):
        with pytest.raises(AirflowFailException, match=r"left as it is.*said by Maria \(7\) at 2026-01-02"):
            attempt()
        parked.task.clear()
    assert jobs(emulator) == [parked.ours, parked.theirs]
    new = parked.attempt(call_again="yes")
    assert jobs(emulator) == [parked.ours, parked.theirs, new]


@pytest.mark.parametrize(
    ("job", "why"), [(None, "no call job was named"), ("", "no call job"), ("1", "shows no job 1 for this phone")]
)
def test_an_answer_that_cant_be_followed_leaves_the_call_parked(
    parked: Parked, emulator: Emulator, job: str | None, why: str
) -> None:
    with pytest.raises(AirflowFailException, match=why):
        parked.answer(ADOPT, job)
    assert parked.record["job"] is None
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()
    assert parked.answer(ADOPT, f" {parked.ours} ") == parked.ours


def test_a_job_that_the_question_did_not_name_is_looked_up(parked: Parked, emulator: Emulator) -> None:
    third, other = theirs(emulator), theirs(emulator, "79120000001")
    with pytest.raises(AirflowFailException, match="shows no job"):
        parked.answer(ADOPT, other)
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()
    assert parked.answer(ADOPT, third) == third


def test_a_next_try_asks_anew_where_a_question_is_that_of_one_try(
    parked: Parked, emulator: Emulator, questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Airflow 3.4, where it would wait for ever for what nobody is shown."""
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: False)
    before = jobs(emulator)
    questions.asked.clear()  # the next try is another task instance to Airflow
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()
    assert len(questions.asked) == 1
    assert jobs(emulator) == before


def test_a_report_that_fails_keeps_the_question_open(
    parked: Parked, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(required_actions, "reaches_later_tries", lambda: True)
    third = theirs(emulator)
    emulator.fault("before_commit", "status", status=503, path="callJob/getReport", times=3)
    with pytest.raises(AirflowException, match="did not succeed") as error:
        parked.answer(ADOPT, third)
    assert not isinstance(error.value, AirflowFailException)
    with pytest.raises(TaskDeferred) as looking:
        parked.attempt()
    assert looking.value.kwargs == parked.kwargs
    assert TOKEN not in str(looking.value.trigger.serialize())
    assert parked.answer(ADOPT, third) == third


def test_an_answer_about_another_call_is_not_followed(parked: Parked, emulator: Emulator) -> None:
    with pytest.raises(AirflowFailException, match="asked about another call"):
        parked.answer(SEND_AGAIN, phone="79120000001")
    assert jobs(emulator) == [parked.ours, parked.theirs]


def park_another_phone(parked: Parked, emulator: Emulator) -> None:
    """Have a call to another person parked in the same task instance, whose phone has changed."""
    parked.task.clear()
    parked.task.run.run_after = datetime(2025, 1, 1, tzinfo=UTC)
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        parked.attempt(phone="79120000001")
    theirs(emulator, "79120000001")
    emulator.advance(hours=25)


def test_while_a_question_about_another_call_is_open_nobody_is_asked(parked: Parked, emulator: Emulator) -> None:
    """Or the answer that the other question has got, and that was not heeded yet, would be lost."""
    park_another_phone(parked, emulator)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="question about another call is still open"):
            parked.attempt(phone="79120000001")
    assert [record["asked"] is None for record in parked.task.entry["records"].values()] == [False, True]


def test_airflow_shows_another_calls_question(parked: Parked, emulator: Emulator) -> None:
    """Then nobody is asked, and no later answer to that question is taken for one about this call."""
    assert parked.answer(ADOPT, parked.ours) == parked.ours
    park_another_phone(parked, emulator)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"(?s)Nobody could be asked.*7912\*\*\*6789"):
            parked.attempt(phone="79120000001")
    assert all(record["asked"] is None for record in parked.task.entry["records"].values())


def test_a_question_of_another_campaign_is_not_waited_for(parked: Parked, emulator: Emulator) -> None:
    """Its answer, had it been given, would be about the call there: the call is decided anew, by what is known."""
    with pytest.raises(AirflowFailException, match=r"Nobody could be asked"):
        parked.attempt(aimylogic_conn_id="aimylogic_other")
    assert emulator.jobs(campaign=2) == []
    assert parked.record["asked"] is None


def test_set_back_the_campaign_decides_by_itself(task: TaskInstance, emulator: Emulator, questions: Questions) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        task.attempt(on_unknown="ask")
    with pytest.raises(TaskAwaitingInput):
        task.attempt(on_unknown="ask", aimylogic_conn_id="aimylogic_other")
    task.clear()
    assert [task.attempt(on_unknown="ask")] == jobs(emulator), "the question there is not waited for here"


def test_an_answer_about_a_test_call_adds_no_real_one(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        task.attempt(on_unknown="ask")
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask", test_call=True)
    assert "test call to 7912***6789" in next(iter(questions.asked.values())).subject
    parked = Parked(task, waiting.value.kwargs, jobs(emulator)[0], "")
    with pytest.raises(AirflowFailException, match="asked about another call"):
        parked.answer(SEND_AGAIN)
    assert len(jobs(emulator)) == 1


def test_the_job_of_the_former_parameters_can_be_adopted(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    task.map_index = 0
    first = task.attempt()
    task.clear()
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask", payload={"name": "Maria"})
    assert Parked(task, waiting.value.kwargs, first, "").answer(ADOPT, first, payload={"name": "Maria"}) == first


def test_without_a_record_the_same_answer_twice_makes_one_job(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    task.has_store = False
    first = task.attempt()
    emulator.settings(report_lag=300.0)
    emulator.advance(hours=25)
    task.run.start_date -= timedelta(hours=25)
    for _ in range(2):
        with pytest.raises(TaskAwaitingInput) as waiting:
            task.attempt(on_unknown="ask")
        parked = Parked(task, waiting.value.kwargs, first, "")
        emulator.fault("after_commit", "reset", path="addPhone", times=3)
        with pytest.raises(AirflowException, match="not known"):
            parked.answer(SEND_AGAIN)
    assert len(jobs(emulator)) == 2


def test_the_phone_in_place_of_a_job_is_not_adopted_and_not_shown(parked: Parked) -> None:
    with pytest.raises(AirflowFailException, match="that is the phone, not a call job") as error:
        parked.answer(ADOPT, "79123456789")
    assert "9123456789" not in str(error.value)


def test_asked_about_in_one_campaign_it_is_not_added_in_another(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    first = task.attempt()
    task.assets = None  # no second record
    task.rows.clear()
    emulator.advance(hours=25)
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask")
    with pytest.raises(AirflowFailException, match="no call job was named"):
        Parked(task, waiting.value.kwargs, first, "").answer(ADOPT)
    task.clear()
    with pytest.raises(AirflowFailException, match="parked"):
        task.attempt(aimylogic_conn_id="aimylogic_other")
    assert emulator.jobs(campaign=2) == []


def test_a_report_that_is_denied_closes_the_question(parked: Parked, emulator: Emulator) -> None:
    """Or each clear would bring the same answer to the same error."""
    third = theirs(emulator)
    emulator.fault("before_commit", "status", status=403, path="callJob/getReport")
    with pytest.raises(AirflowFailException, match="access was denied"):
        parked.answer(ADOPT, third)
    parked.task.clear()
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()
    assert parked.answer(ADOPT, parked.ours) == parked.ours


def test_refused_when_sent_again_it_says_nothing_of_the_requests_before(parked: Parked, emulator: Emulator) -> None:
    emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException, match="what became of the requests before is not known"):
        parked.answer(SEND_AGAIN)


def test_a_try_that_does_not_ask_goes_on_without_the_answer(parked: Parked) -> None:
    with pytest.raises(AirflowFailException, match="parked"):
        parked.task.attempt()
    assert parked.record["asked"] is None
    with pytest.raises(TaskAwaitingInput):
        parked.attempt()


@pytest.mark.parametrize("event", [{"error": "bad", "error_type": "validation"}, {"chosen_options": ["Perhaps"]}])
def test_answers_that_are_none(parked: Parked, event: dict[str, Any]) -> None:
    operator = AddPhoneOperator(task_id="add_phone", phone="79123456789", on_unknown="ask")
    with pytest.raises(AirflowFailException, match="can't be used"):
        operator.execute_complete(parked.task.context(), event, **parked.kwargs)
    assert (parked.record["ruling"], parked.record["asked"]) == (None, None), "and it is not waited for any more"


def test_a_token_that_was_rotated_is_for_a_person_to_say(
    task: TaskInstance, emulator: Emulator, questions: Questions
) -> None:
    emulator.fault("after_commit", "reset", path="addPhone", times=3)
    with pytest.raises(AirflowException, match="not known"):
        task.attempt(on_unknown="ask")
    with pytest.raises(TaskAwaitingInput) as waiting:
        task.attempt(on_unknown="ask", aimylogic_conn_id="aimylogic_other")
    (ours,) = jobs(emulator)
    parked = Parked(task, waiting.value.kwargs, ours, "")
    emulator.fault("before_commit", "status", status=503, times=None)
    assert parked.answer(ADOPT, ours, aimylogic_conn_id="aimylogic_other") == ours, "it can't be looked up from here"
    emulator.clear_faults()
    task.clear()
    assert parked.attempt(aimylogic_conn_id="aimylogic_other") == ours


def test_a_mapped_task_asks_and_follows(task: TaskInstance, emulator: Emulator, questions: Questions) -> None:
    task.map_index = 0
    parked = park(task, emulator)
    new = parked.answer(SEND_AGAIN)
    task.clear()
    assert parked.attempt() == new


def test_on_unknown_is_fail_or_ask() -> None:
    with pytest.raises(ValueError, match="'fail' or 'ask'"):
        AddPhoneOperator(task_id="a", phone="1", on_unknown="guess")  # type: ignore[arg-type]
