"""A call of which isn't known whether its job exists: a person is asked about it, and what they say is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from aimylogic_provider.airflow_task import required_actions
from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.airflow_task.argument_checks import conn_id_of

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.shown.given_answers import HumanAnswer
    from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
    from aimylogic_provider.idempotence.errors import ParkedError
    from aimylogic_provider.idempotence.human_answer import Ruling
    from aimylogic_provider.operators.add_phone import AddPhoneOperator

__all__ = ["ask_about", "go_on_asking", "ruling_of"]


def go_on_asking(task: AddPhoneOperator, context: Context, attempt: AddPhoneAttempt) -> None:
    """If a person was asked about the call by an earlier try, wait for the answer to that: the task is deferred."""
    question = attempt.call.open_question
    if question is not None and required_actions.reaches_later_tries():
        task.log.info("A person was asked about this call: going on with the answer, or waiting for it.")
        required_actions.defer_to_trigger(context, question)


def ask_about(task: AddPhoneOperator, context: Context, attempt: AddPhoneAttempt, parked: ParkedError) -> NoReturn:
    """Ask a person about the call, and wait for the answer: the task is deferred.

    :raises AirflowFailException: if the task's question about another call is still open
    """
    if attempt.call.asked_about_another:
        raise AirflowFailException(
            f"{parked}\n(Nobody could be asked: this task's question about another call is still open.)"
        ) from None
    what = f"{'test ' if task.test_call else ''}call to {attempt.intent.call.masked_phone}"
    question = required_actions.ask(context, what, parked, conn_id_of(task.aimylogic_conn_id) or "")
    attempt.call.note_question(question)
    task.log.warning(
        "The %s is parked, and a person is asked about it: see Required actions in Airflow.\n%s", what, parked.known
    )
    required_actions.await_answer(context, question)


def ruling_of(answer: HumanAnswer, attempt: AddPhoneAttempt) -> Ruling:
    """What a person said of this call.

    :raises AirflowFailException: if they were asked about another one, or what they said can't be used
    """
    if answer.question.reference != attempt.intent.reference:
        raise AirflowFailException(
            "The person who answered was asked about another call: phone, call_again or campaign have changed "
            "since. Nothing was sent. Clear the task to have the call of now added, or asked about"
        )
    try:
        return answer.ruling()
    except ValueError as error:
        attempt.call.note_question(None)
        raise AirflowFailException(f"{error}. Nothing was sent. Clear the task to be asked again") from None
