"""The answers that questions offer, as people read them: labels with numbers, and what a chosen label means.

Airflow keeps a question's labels as they were first, while numbers go on. So a label is read by its words; the number
in it says how many calls the person who chose it was told of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from aimylogic_provider.idempotence.human_answer import Question

__all__ = [
    "ADOPT",
    "ADOPT_ONE",
    "CALL_JOB_ID",
    "GO_AHEAD",
    "LEAVE",
    "LEAVE_THEM",
    "SEND_AGAIN",
    "SEND_MISSING",
    "TAKE_JOBS",
    "WITHDRAW",
    "LabelMeaning",
    "candidate_of",
    "go_ahead_options",
    "kind_of_question",
    "list_options",
    "options_of",
    "read_go_ahead",
    "read_list_answer",
    "read_withdrawal",
    "so_many_calls",
    "withdrawal_options",
]

ADOPT = "Adopt the job"
ADOPT_ONE = "Adopt job "
"""With a candidate's id behind it. ``ADOPT`` is for any other job, whose id the form's field bears."""
CALL_JOB_ID = "call_job_id"
"""The name of that field."""
_MOST_OFFERED = 20
"""Candidates that have an answer each, at most."""
SEND_AGAIN = "Send again"
LEAVE = "Leave it"
TAKE_JOBS = "Take the jobs shown, send nobody"
"""Of a list's parked calls, all of which have jobs."""

# As they are without numbers: of questions that were asked before there were any.
SEND_MISSING = "Send those without a job"
GO_AHEAD = "Send"
WITHDRAW = "Withdraw them"
LEAVE_THEM = "Leave them"

_COUNT = r"(\d[\d,]{0,20})"
_CANDIDATE = re.compile(rf"{re.escape(ADOPT_ONE)}(\S{{1,100}})(?: \(.*\))?", re.DOTALL)


class LabelMeaning(NamedTuple):
    """What a label means.

    :param yes: whether something is to be done
    :param calls: of how many calls the label says so; None if it bears no number
    """

    yes: bool
    calls: int | None = None


def candidate_of(option: str) -> str | None:
    """Return the id of the job that an answer about a parked call adopts; None if it names none.

    What stands behind the id in brackets is for people.
    """
    found = _CANDIDATE.fullmatch(option)
    return found[1] if found else None


def kind_of_question(
    options: Sequence[str], operator: str
) -> Literal["call", "list", "go_ahead", "approval", "withdrawal"] | None:
    """Return what a question among *Required actions* is about; None if it is none of this provider's.

    ``call``: one parked call; ``list``: a list's parked calls; ``go_ahead``: whether a list is sent, or gone on with;
    ``approval``: :class:`ApproveCallListOperator`'s; ``withdrawal``: whether so many calls are withdrawn.

    :param options: its answers, as Airflow keeps them: of any release of this provider
    :param operator: the name of the task's operator, as Airflow shows it
    """
    first, last = (options[0], options[-1]) if options else ("", "")
    if {ADOPT, SEND_AGAIN, LEAVE} <= {*options}:
        return "call"
    if len(options) != 2:
        return None
    if operator == "ApproveCallListOperator" and {*options} == {"Approve", "Reject"}:
        return "approval"
    kinds = (("list", read_list_answer), ("go_ahead", read_go_ahead), ("withdrawal", read_withdrawal))
    for kind, read in kinds:
        yes, no = read(first), read(last)
        if yes is not None and no is not None and yes.yes and not no.yes:
            return kind  # type: ignore[return-value]
    return None


def options_of(question: Question) -> list[str]:
    """Return the answers that a question about a call offers."""
    return [*(f"{ADOPT_ONE}{job}" for job in question.candidates[:_MOST_OFFERED]), ADOPT, SEND_AGAIN, LEAVE]


def so_many_calls(count: int) -> str:
    """Return a number of calls in words."""
    return "1 call" if count == 1 else f"{count:,} calls"


def list_options(calls: int, without_job: int) -> list[str]:
    """Return the answers to what is to become of a list's parked calls.

    :param without_job: of how many of them the report shows no job
    """
    send = f"Send the {without_job:,} without a job" if without_job else TAKE_JOBS
    return [send, LEAVE if calls == 1 else f"Leave all {calls:,}"]


def go_ahead_options(calls: int, *, others: bool = False) -> list[str]:
    """Return the answers to whether a list is sent.

    :param calls: how many calls a yes sends
    :param others: whether others of the list were called by then, so that these are the rest
    """
    what = so_many_calls(calls)
    if others:
        return [f"Send the other {what}", "Leave it: none of these is called"]
    return [f"Send {what}", "Leave it: nobody is called"]


def withdrawal_options(calls: int) -> list[str]:
    """Return the answers to whether so many calls are withdrawn, at most."""
    return [f"Withdraw {so_many_calls(calls)}", "Leave them: nothing is cancelled"]


def read_list_answer(label: str) -> LabelMeaning | None:
    """Return what a label of :func:`list_options` means; None if it is none of them, with whatever number."""
    if label == TAKE_JOBS:
        return LabelMeaning(yes=True, calls=0)
    return _read(label, rf"Send the {_COUNT} without a job|{SEND_MISSING}", rf"Leave all {_COUNT}|{LEAVE}")


def read_go_ahead(label: str) -> LabelMeaning | None:
    """Return what a label of :func:`go_ahead_options` means; None if it is none of them, with whatever number."""
    noes = rf"{LEAVE}(?:: nobody is called|: none of these is called)?"
    return _read(label, rf"Send (?:the other )?{_COUNT} calls?|{GO_AHEAD}", noes)


def read_withdrawal(label: str) -> LabelMeaning | None:
    """Return what a label of :func:`withdrawal_options` means; None if it is none of them, with whatever number."""
    return _read(label, rf"Withdraw {_COUNT} calls?|{WITHDRAW}", rf"{LEAVE_THEM}(?:: nothing is cancelled)?")


def _read(label: str, yes: str, no: str) -> LabelMeaning | None:
    for meaning, pattern in ((True, yes), (False, no)):
        if found := re.fullmatch(pattern, label, re.ASCII):
            count = next((one for one in found.groups() if one), None)
            return LabelMeaning(meaning, None if count is None else int(count.replace(",", "")))
    return None
