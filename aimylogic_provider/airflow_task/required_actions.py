"""Questions among Airflow's *Required actions*: of a parked call, of a list; how they are put, and waited for.

Airflow keeps one question for each task instance, through retries and clears, in the words in which it was asked first.
So the answers are those of the first candidates, with the first numbers, and the subject bears a reference by which it
is known what was asked.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.airflow_task.index_labels import in_one_line, name_of_instance
from aimylogic_provider.airflow_task.shown.answer_labels import (
    ADOPT,
    ADOPT_ONE,
    CALL_JOB_ID,
    GO_AHEAD,
    LEAVE,
    SEND_AGAIN,
    SEND_MISSING,
    LabelMeaning,
    candidate_of,
    kind_of_question,
    list_options,
    options_of,
    read_go_ahead,
    read_list_answer,
    so_many_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.idempotence.errors import ParkedError
    from aimylogic_provider.idempotence.human_answer import Question

__all__ = [
    "ADOPT",
    "CALL_JOB_ID",
    "GO_AHEAD",
    "LEAVE",
    "SEND_AGAIN",
    "SEND_MISSING",
    "ask",
    "ask_about_list",
    "ask_to_go_on",
    "await_answer",
    "candidate_of",
    "defer_to_trigger",
    "kind_of_question",
    "options_of",
    "reaches_later_tries",
    "subject_kept",
    "where_and_which",
]

_METHOD = "execute_complete"
_KEPT = (
    "until 3.4 Airflow keeps one question for each task instance, in its first words, and this one's {}; a clear meets "
    "that question again"
)


def ask(context: Context, what: str, parked: ParkedError, conn_id: str = "") -> Question:
    """Put the question to people, and return what it tells them: perhaps less than is known now.

    :param what: the call, in words, its phone masked
    :param conn_id: of the campaign
    :raises AirflowFailException: if Airflow still shows a question that is about another call, or lacks a candidate job
    """
    from aimylogic_provider.airflow_task.task_state import has_store

    reference = parked.question.reference
    kept = _put(
        context,
        options_of(parked.question),
        f"Was the {what} added?{where_and_which(context, conn_id)} [{reference}]",
        _body(what, parked, remembered=has_store(context)),
        {CALL_JOB_ID: _field(parked.question)},
    )
    why = None
    if not _is_about(kept.subject, reference):
        why = f"is about another call: “{kept.subject}”"
    else:
        shown = _question_of(kept.params[CALL_JOB_ID])
        if unnamed := set(parked.question.candidates) - set(shown.candidates):
            why = f"was asked before, and does not name {', '.join(sorted(unnamed))}"
    if why is not None:
        raise AirflowFailException(f"{parked}\n(Nobody could be asked: {_KEPT.format(why)}.)")
    return shown


def where_and_which(context: Context, conn_id: object, otherwise: str = "") -> str:
    """Return what tells a question apart from others in a list of them, in brackets behind a blank; or nothing.

    :param conn_id: of the campaign; empty if there is none
    :param otherwise: what a mapped task instance is called, if the DAG gives it no label
    """
    told = [name_of_instance(context, otherwise), in_one_line(conn_id) if conn_id else ""]
    told = [one for one in told if one]
    return f" ({', '.join(told)})" if told else ""


def _is_about(subject: str, reference: str) -> bool:
    return subject.endswith(f" [{reference}]")


def _put(context: Context, options: list[str], subject: str, body: str, params: dict[str, Any]) -> Any:
    """Put a question to people; what Airflow keeps of it, in the words in which it was put first."""
    from airflow.sdk.execution_time.comms import CreateHITLDetailPayload

    return _supervisor().send(
        CreateHITLDetailPayload(
            ti_id=context["ti"].id,
            options=options,
            subject=subject,
            body=f"{body}{_runs_meanwhile(context)}",
            params=params,
            assigned_users=[],
        )
    )


def _runs_meanwhile(context: Context) -> str:
    """What waiting takes, in Markdown: the DAG run goes on, and of a DAG, Airflow has only so many at once."""
    most = getattr(context.get("dag"), "max_active_runs", None)
    if not most:
        return ""
    told = "the only run" if most == 1 else f"one of the {most:,} runs"
    return f"\n\nUntil somebody answers, this run counts as {told} of its DAG that may be active (`max_active_runs`)."


def subject_kept(context: Context, options: list[str], subject: str, body: str) -> str:
    """The subject that Airflow keeps of a question that was just put: that of its first words."""
    return str(_put(context, options, subject, body, {}).subject)


def ask_about_list(
    context: Context, reference: str, calls: int, without_job: int, known: str, where: str = "", otherwise: str = ""
) -> None:
    """Put to people what is to become of a list's parked calls.

    :param without_job: of how many of them the report shows no job
    :param known: what is known of them, in words
    :param where: as :func:`where_and_which` tells it
    :param otherwise: what to do if nobody can be asked, as sentences without the last stop
    :raises AirflowFailException: if Airflow still shows a question about others
    """
    send, leave = list_options(calls, without_job)
    subject = f"What is to become of {so_many_calls(calls)} of the list?{where} [{reference}]"
    body = (
        f"{known}\n\n**Your answer**, which retries and clears of the task follow\n\n"
        f"1. **{send}**: {_what_is_sent(calls, without_job)}. The report is asked anew before: whoever has a job by "
        "then is not sent. Whose job it doesn't show although there is one is called twice.\n"
        f"2. **{leave}**: nothing is sent, and the task fails."
    )
    kept = _put(context, [send, leave], subject, body, {})
    if (other := _other_question(kept, reference, without_job, read_list_answer)) is not None:
        raise AirflowFailException(f"{known}\nNobody could be asked: {other}. {otherwise}.")


def _what_is_sent(calls: int, without_job: int) -> str:
    with_job = calls - without_job
    told = []
    if with_job:
        count = f"{so_many_calls(with_job)} count{'s' if with_job == 1 else ''}"
        told.append(f"{count} as created, with the job that the report shows")
    if without_job:
        told.append(f"{so_many_calls(without_job)} {'is' if without_job == 1 else 'are'} sent, with new keys")
    return "; ".join(told)


def ask_to_go_on(
    context: Context,
    reference: str,
    subject: str,
    body: str,
    otherwise: str,
    *,
    options: Sequence[str],
    calls: int,
) -> Question:
    """Put to people whether to go on; return the question, as an answer to it is known by.

    :param reference: of what is asked
    :param subject: in one line
    :param body: what is known, and what each answer does, in Markdown
    :param otherwise: what to do if nobody can be asked, as sentences without the last stop
    :param options: the answers, as :func:`.go_ahead_options` makes them
    :param calls: how many calls a yes sends
    :raises AirflowFailException: if Airflow still shows a question about something else, or about fewer calls
    """
    from aimylogic_provider.idempotence.human_answer import Question

    kept = _put(context, [*options], f"{subject} [{reference}]", body, {})
    if (other := _other_question(kept, reference, calls, read_go_ahead)) is not None:
        raise AirflowFailException(f"Nobody could be asked “{subject}”: {other}. {otherwise}.\n{body}")
    return Question(reference, datetime.now(UTC).timestamp())


def _other_question(kept: Any, reference: str, calls: int, read: Callable[[str], LabelMeaning | None]) -> str | None:
    """Why the question that Airflow keeps is not the one that was put, in words; None if it is, or tells as much.

    One that was put by an earlier try may name more calls than a yes would send now: whoever says yes agrees to fewer.
    """
    why = None
    if not _is_about(kept.subject, reference):
        why = f"is about something else: “{kept.subject}”"
    else:
        told = [chosen.calls for option in kept.options if (chosen := read(option)) is not None and chosen.yes]
        if any(number is not None and number < calls for number in told):
            why = f"speaks of fewer calls, {told[0]:,} rather than {calls:,}"
    return None if why is None else _KEPT.format(why)


def await_answer(context: Context, question: Question, options: Sequence[str] | None = None) -> NoReturn:
    """Give the worker back until the question, just asked, is answered; the task goes on in ``execute_complete``.

    :raises TaskAwaitingInput: always, for Airflow to act on
    :raises TaskDeferred: always, before Airflow 3.3
    """
    try:
        from airflow.sdk.exceptions import TaskAwaitingInput
    except ImportError:  # before Airflow 3.3
        defer_to_trigger(context, question, options)
    raise TaskAwaitingInput(method_name=_METHOD, kwargs=_resumed_with(question))


def reaches_later_tries() -> bool:
    """Whether a question, and its answer, are there for the tries after the one that asked.

    Airflow 3.4 keeps them for that try alone: a later one would wait for ever for what nobody is shown.
    """
    from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

    return get_base_airflow_version_tuple() < (3, 4, 0)


def defer_to_trigger(context: Context, question: Question, options: Sequence[str] | None = None) -> NoReturn:
    """Give the worker back to a trigger, which waits for the answer, and finds one that was given before.

    A worker can't read an answer, and Airflow brings each once: to a try that may not have lived to heed it.

    :raises TaskDeferred: always, for Airflow to act on
    """
    from airflow.providers.standard.triggers.hitl import HITLTrigger

    from aimylogic_provider.airflow_task.airflow_imports import TaskDeferred

    trigger = HITLTrigger(
        ti_id=context["ti"].id,
        options=[*(options or options_of(question))],
        params={},
        timeout_datetime=None,
        poke_interval=2.0,
    )
    raise TaskDeferred(trigger=trigger, method_name=_METHOD, kwargs=_resumed_with(question))


def _resumed_with(question: Question) -> dict[str, Any]:
    return {"reference": question.reference, "asked": question.at, "candidates": list(question.candidates)}


def _body(what: str, parked: ParkedError, *, remembered: bool) -> str:
    followers = "retries and clears of the task follow" if remembered else "only this try follows"
    return (
        f"What became of the {what} can't be known: {parked.known}\n\n"
        f"**Your answer**, which {followers}\n\n"
        f"{_adopting(parked.question)}"
        f"- **{SEND_AGAIN}**: the call is added now. If an earlier request did add it, the person is called twice.\n"
        f"- **{LEAVE}**: nothing is sent, and the task fails."
    )


def _adopting(question: Question) -> str:
    """The answers that take a job for the call, in Markdown."""
    lines = []
    if question.candidates:
        lines.append(f"- **{ADOPT_ONE}…**: that job is this call. Nothing is sent, and the task returns it.\n")
    lines.append(
        f"- **{ADOPT}**: {'another' if question.candidates else 'a'} job of this phone is this call: the one whose id "
        "you write into the field. Nothing is sent, and the task returns it.\n"
    )
    return "".join(lines)


def _field(question: Question) -> dict[str, Any]:
    """The form's one field, in the shape in which Airflow keeps a Param.

    Its value is never null: the pages of Airflow 3.1 and 3.2 would show the whole Param instead, and send it.
    """
    return {
        "value": question.candidates[0] if len(question.candidates) == 1 else "",
        "description": f"The call job's id, for “{ADOPT}” alone. Otherwise left alone.",
        "schema": {
            "type": ["null", "string"],
            "title": "Call job",
            "pattern": "^[0-9]{0,40}$",
            "examples": list(question.candidates),
            "$comment": f"{question.reference} {question.at!r}",
        },
    }


def _question_of(field: Mapping[str, Any]) -> Question:
    """What :func:`_field` was made of."""
    from aimylogic_provider.idempotence.human_answer import Question

    schema = field["schema"]
    reference, at = schema["$comment"].split()
    return Question(reference, float(at), tuple(schema["examples"]))


def _supervisor() -> Any:
    from airflow.sdk.execution_time import task_runner

    return task_runner.SUPERVISOR_COMMS
