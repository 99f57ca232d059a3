"""A person's yes to more withdrawals than may be without: the question among *Required actions*, and its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException, AirflowSkipException
from aimylogic_provider.call_list_task.open_jobs.withdrawal_notes import PersonsYes

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list_task.open_jobs.withdrawing import Withdrawing
    from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs

__all__ = ["ask", "yes_of"]

_SUBJECT = re.compile(r"Withdraw ([\d,]+) of [\d,]+ open calls\?.*", re.DOTALL)


def ask(context: Context, withdrawing: Withdrawing, jobs: WithdrawnJobs, excess: str, conn_id: str = "") -> NoReturn:
    """Put the question, and give the worker back until it is answered.

    Airflow keeps one question for each task instance, in its first words: an earlier one holds for so many as it named.

    :param conn_id: of the campaign
    :raises AirflowFailException: if Airflow still shows a question about fewer
    """
    from aimylogic_provider.airflow_task import required_actions
    from aimylogic_provider.airflow_task.shown.answer_labels import withdrawal_options
    from aimylogic_provider.idempotence.human_answer import Question

    total, open = jobs.deselected + withdrawing.notes.done, jobs.open + withdrawing.notes.done
    subject = f"Withdraw {total:,} of {open:,} open calls?{required_actions.where_and_which(context, conn_id)}"
    options = withdraw, leave = withdrawal_options(total)
    body = (
        f"{excess[:1].upper()}{excess[1:]}.\n\nOf {open:,} open calls, the query selects {jobs.still_selected:,} "
        f"people's still, and {total:,} people's no longer. "
        + (f"Of {jobs.without_key:,} it can't be told: they are kept. " if jobs.without_key else "")
        + f"\n\n**Your answer**, which holds for a day\n\n1. **{withdraw}**: so many are cancelled at most, of those "
        f"whom the query doesn't select then.\n2. **{leave}**, and the task is skipped."
    )
    kept = required_actions.subject_kept(context, options, subject, body)
    named = _SUBJECT.fullmatch(kept)
    if named is None or int(named[1].replace(",", "")) < total:
        raise AirflowFailException(
            f"{excess}. Nothing is cancelled. (Nobody could be asked: until 3.4 Airflow keeps one question for "
            f"each task instance, in its first words, and this one's is another: “{kept}”. Start a new run)"
        )
    question = Question(named[1].replace(",", ""), time.time())
    asked_before = withdrawing.notes.asked and required_actions.reaches_later_tries()
    withdrawing.note_asked()
    if asked_before:  # which may have been answered, and Airflow brings an answer once
        required_actions.defer_to_trigger(context, question, options)
    required_actions.await_answer(context, question, options)


def yes_of(event: Mapping[str, Any], most: int) -> PersonsYes:
    """What a person said, if it was a yes.

    :param most: how many calls the question named
    :raises AirflowSkipException: if it was a no
    :raises AirflowFailException: if the answer can't be used
    """
    from aimylogic_provider.airflow_task.shown.answer_labels import read_withdrawal, withdrawal_options
    from aimylogic_provider.airflow_task.shown.given_answers import answer_of

    try:
        chosen, by, at = answer_of(event, read_withdrawal, withdrawal_options(most))
    except ValueError as error:
        raise AirflowFailException(f"{error}. Nothing is cancelled. Start a new run to be asked again") from None
    if not chosen.yes:
        raise AirflowSkipException(f"Nothing is cancelled: {by} said to leave the calls")
    return PersonsYes(most if chosen.calls is None else min(most, chosen.calls), by, at)
