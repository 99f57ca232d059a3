"""A parked call among Airflow's *Required actions*: the question, and what a person answered.

Airflow keeps one question for each task instance, through retries and clears, in the words in which it was asked first.
So the answers are always the same three, and the subject bears a reference by which it is known what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from aimylogic_provider.idempotence.not_added import ParkedError
    from aimylogic_provider.idempotence.rulings import Question, Ruling

__all__ = ["ADOPT", "CALL_JOB_ID", "LEAVE", "SEND_AGAIN", "Answer", "ask", "look", "wait"]

ADOPT = "Adopt the job"
SEND_AGAIN = "Send again"
LEAVE = "Leave it"
CALL_JOB_ID = "call_job_id"
_METHOD = "execute_complete"


def ask(context: Context, phone: str, reference: str, parked: ParkedError) -> Question:
    """Put the question to people, and return what it tells them: perhaps less than is known now.

    :param phone: masked
    :param reference: tells this call from others of the same task instance
    :raises AirflowFailException: if Airflow still shows a question that is about another call, or lacks a candidate job
    """
    from airflow.sdk.execution_time.comms import CreateHITLDetailPayload

    from aimylogic_provider.operators.airflow_ports import has_store

    subject = f"Was the call to {phone} added? [{reference}]"
    kept = _supervisor().send(
        CreateHITLDetailPayload(
            ti_id=context["ti"].id,
            options=[ADOPT, SEND_AGAIN, LEAVE],
            subject=subject,
            body=_body(phone, parked, remembered=has_store(context)),
            params={CALL_JOB_ID: _field(parked.question)},
            assigned_users=[],
        )
    )
    shown = _question_of(kept.params[CALL_JOB_ID])
    why = None
    if kept.subject != subject:
        why = f"is about another call: “{kept.subject}”"
    elif unnamed := set(parked.question.candidates) - set(shown.candidates):
        why = f"was asked before, and does not name {', '.join(sorted(unnamed))}"
    if why is not None:
        raise AirflowFailException(
            f"{parked}\n(Nobody could be asked: Airflow keeps one question for each task instance, in its first words, "
            f"and this one's {why}.)"
        )
    return shown


def wait(context: Context, reference: str, question: Question) -> NoReturn:
    """Give the worker back until the question, just asked, is answered; the task goes on in ``execute_complete``."""
    try:
        from airflow.sdk.exceptions import TaskAwaitingInput
    except ImportError:  # before Airflow 3.3
        look(context, reference, question)
    raise TaskAwaitingInput(method_name=_METHOD, kwargs=_resumed_with(reference, question))


def look(context: Context, reference: str, question: Question) -> NoReturn:
    """Give the worker back to a trigger, which waits for the answer, and finds one that was given before.

    A worker can't read an answer, and Airflow brings each once: to a try that may not have lived to heed it.
    """
    from airflow.providers.common.compat.sdk import TaskDeferred
    from airflow.providers.standard.triggers.hitl import HITLTrigger

    trigger = HITLTrigger(
        ti_id=context["ti"].id, options=[ADOPT, SEND_AGAIN, LEAVE], params={}, timeout_datetime=None, poke_interval=2.0
    )
    raise TaskDeferred(trigger=trigger, method_name=_METHOD, kwargs=_resumed_with(reference, question))


def _resumed_with(reference: str, question: Question) -> dict[str, Any]:
    return {"reference": reference, "asked": question.at, "candidates": list(question.candidates)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What Airflow brings when a person has answered.

    :param event: the options that were chosen, the form's fields, when, and by whom
    :param reference: of the call that was asked about
    :param question: what the person was told
    """

    event: Mapping[str, Any]
    reference: str
    question: Question

    def ruling(self) -> Ruling:
        """Return what the person said.

        :raises RejectedError: if that is nothing of the kind
        """
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.rulings import Choice, Ruling

        event = self.event
        if "error" in event:
            raise RejectedError(f"the answer can't be used: {event['error']}. Clear the task to be asked again")
        choices = {ADOPT: Choice.ADOPT, SEND_AGAIN: Choice.SEND_AGAIN, LEAVE: Choice.LEAVE}
        chosen = list(event["chosen_options"])
        if len(chosen) != 1 or chosen[0] not in choices:
            raise RejectedError(
                f"the answer {chosen!r} can't be used: give one of {', '.join(choices)}. Clear the task to be asked "
                "again"
            )
        choice = choices[chosen[0]]
        job = str((event.get("params_input") or {}).get(CALL_JOB_ID) or "").strip()
        return Ruling(
            choice,
            by=_name(event.get("responded_by_user")),
            at=_seconds(event.get("responded_at")),
            question=self.question,
            job=job if choice is Choice.ADOPT and job else None,
        )


def _body(phone: str, parked: ParkedError, *, remembered: bool) -> str:
    followers = "retries and clears of the task follow" if remembered else "only this try follows"
    return (
        f"What became of the call to {phone} can't be known: {parked.known}\n\n"
        f"**Your answer**, which {followers}\n\n"
        f"1. **{ADOPT}**: one of these jobs, or another of this phone, is this call. Nothing is sent, and the task "
        "returns that job.\n"
        f"2. **{SEND_AGAIN}**: the call is added now. If an earlier request did add it, the person is called twice.\n"
        f"3. **{LEAVE}**: nothing is sent, and the task fails."
    )


def _field(question: Question) -> dict[str, Any]:
    """The form's one field, in the shape in which Airflow keeps a Param.

    Its value is never null: the pages of Airflow 3.1 and 3.2 would show the whole Param instead, and send it.
    """
    return {
        "value": question.candidates[0] if len(question.candidates) == 1 else "",
        "description": f"Its number, for “{ADOPT}”. Otherwise left alone.",
        "schema": {
            "type": ["null", "string"],
            "title": "Call job",
            "pattern": "^[0-9]{0,40}$",
            "examples": list(question.candidates),
            "$comment": repr(question.at),
        },
    }


def _question_of(field: Mapping[str, Any]) -> Question:
    """What :func:`_field` was made of."""
    from aimylogic_provider.idempotence.rulings import Question

    schema = field["schema"]
    return Question(float(schema["$comment"]), tuple(schema["examples"]))


def _supervisor() -> Any:
    from airflow.sdk.execution_time import task_runner

    return task_runner.SUPERVISOR_COMMS


def _name(user: Mapping[str, Any] | None) -> str:
    if not user:
        return "somebody unnamed"
    name, number = user.get("name"), user.get("id")
    return str(name) if name == number else f"{name} ({number})"


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment or datetime.now(UTC)).timestamp()
