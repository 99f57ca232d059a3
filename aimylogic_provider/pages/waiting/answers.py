"""Which question gets which answer, and how that is told before it is given. Pure: asks nobody, and sends nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from aimylogic_provider.airflow_task.required_actions import ADOPT, CALL_JOB_ID, LEAVE, SEND_AGAIN, candidate_of
from aimylogic_provider.airflow_task.shown.answer_labels import read_list_answer
from aimylogic_provider.pages.waiting.questions import WaitingQuestion

__all__ = ["AnswerPlan", "GivenAnswer", "Way", "fault_of", "planned", "planned_one"]

_JOB = re.compile(r"[0-9]{1,40}")
_CALLED_TWICE = "Whose job the report does not show although there is one is called twice."


class Way(StrEnum):
    """How many questions are answered at once."""

    ADOPT = "adopt"
    """Those calls that have exactly one job that could be theirs take that one."""
    SEND = "send"
    """Those calls that have no such job are sent again; of lists, those calls that have none."""
    LEAVE = "leave"
    """Nothing is sent."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer to one question.

    :param option: the label, as Airflow keeps it
    :param job: that the call takes for its own; empty if it takes none
    """

    question: WaitingQuestion
    option: str
    job: str = ""

    @property
    def content(self) -> dict[str, object]:
        """What Airflow's REST API takes."""
        job = {CALL_JOB_ID: self.job} if self.job else {}
        return {"chosen_options": [self.option], "params_input": job}


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What is about to be answered, and how a person is told so.

    :param title: a question, with numbers
    :param text: what it does, and what stays as it is
    :param yes: what the button says
    """

    title: str
    text: str
    yes: str
    answers: list[GivenAnswer] = field(default_factory=list)


def planned(
    questions: Sequence[WaitingQuestion], way: Way, waiting: Sequence[WaitingQuestion] | None = None
) -> AnswerPlan:
    """Plan one way of answering for many questions of one kind: those that it doesn't fit stay as they are.

    :param waiting: all that wait: a job that several of them name can be one call's alone
    """
    ready = [one for one in questions if not one.settling]
    answers = [answer for one in ready if (answer := _answer(one, way)) is not None]
    shared = _shared(questions if waiting is None else waiting)
    own = [one for one in answers if one.job not in shared]
    rest = _rest(questions, ready, own)
    if named_by_others := len(answers) - len(own):
        several = named_by_others > 1
        rest += (
            f" {named_by_others:,} of {'those name jobs' if several else 'those names a job'} that another question "
            f"names, too: a job is one call's alone, so read {_them(named_by_others)}, and answer one by one."
        )
    rest, answers = rest.strip(), own
    if not answers:
        return AnswerPlan("Nothing to answer", f"None of {len(questions):,} fits this answer. {rest}".rstrip(), "")
    lists = answers[0].question.kind == "list"
    title, text = _told_of_lists(answers, way) if lists else _told_of_calls(len(answers), way)
    return AnswerPlan(f"{title}?", f"{text} {rest}".rstrip(), title, answers)


def _answer(question: WaitingQuestion, way: Way) -> GivenAnswer | None:
    """The answer that this way gives; None if it gives none."""
    if question.kind == "list":
        meant = {Way.SEND: True, Way.LEAVE: False}.get(way)
        options = [one for one in question.options if (read := read_list_answer(one)) and read.yes is meant]
        return GivenAnswer(question, options[0]) if options else None
    if question.kind != "call":
        return None
    if way is Way.LEAVE:
        return GivenAnswer(question, LEAVE)
    if way is Way.SEND:
        return None if question.candidates else GivenAnswer(question, SEND_AGAIN)
    named = [one for one in question.options if candidate_of(one) is not None]
    return GivenAnswer(question, named[0], candidate_of(named[0]) or "") if len(named) == 1 else None


def _shared(questions: Sequence[WaitingQuestion]) -> set[str]:
    """The jobs that more than one question names."""
    named = Counter(job for one in questions for job in {*one.candidates})
    return {job for job, count in named.items() if count > 1}


def _rest(
    questions: Sequence[WaitingQuestion], ready: Sequence[WaitingQuestion], answers: Sequence[GivenAnswer]
) -> str:
    """What stays as it is, in words."""
    told = []
    if others := len(ready) - len(answers):
        told.append(f"{others:,} {'other stays' if others == 1 else 'others stay'} as {_it_is(others)}.")
    if early := len(questions) - len(ready):
        told.append(f"{early:,} began to wait this very moment: answer {_them(early)} in a few seconds.")
    return " ".join(told)


def _told_of_calls(count: int, way: Way) -> tuple[str, str]:
    what = "1 call is" if count == 1 else f"{count:,} calls are"
    if way is Way.ADOPT:
        title = f"Adopt {count:,} that {'has' if count == 1 else 'have'} exactly one job"
        return title, f"{what} taken as created, with the one job that the question names. Nothing is sent."
    if way is Way.SEND:
        return f"Send the {count:,} without a job", f"{what} sent now. {_CALLED_TWICE}"
    tasks = "its task fails" if count == 1 else "their tasks fail"
    return ("Leave it" if count == 1 else f"Leave all {count:,}"), f"{what} left: nothing is sent, and {tasks}."


def _told_of_lists(answers: Sequence[GivenAnswer], way: Way) -> tuple[str, str]:
    of = "1 list" if len(answers) == 1 else f"{len(answers):,} lists"
    numbers = [read.calls for one in answers if (read := read_list_answer(one.option)) is not None]
    calls = "those" if None in numbers else f"the {sum(number or 0 for number in numbers):,}"
    if way is Way.SEND:
        told = "Calls with a job count as created, with that job; the others are sent now."
        return f"Send {calls} without a job, of {of}", f"{told} {_CALLED_TWICE}"
    tasks = "its task fails" if len(answers) == 1 else "their tasks fail"
    return f"Leave {of}", f"Nothing is sent, and {tasks}."


def planned_one(question: WaitingQuestion, option: str, job: str) -> AnswerPlan:
    """Plan one answer to one question; without an answer, its text tells why it can't be given."""
    job = job.strip()
    if fault := fault_of(question, option, job):
        return AnswerPlan("Not answered", fault, "")
    job = candidate_of(option) or (job if option == ADOPT else "")
    does = ""
    if question.kind == "call":
        does = {
            ADOPT: f" Job {job} is taken for this call. Nothing is sent.",
            SEND_AGAIN: f" The call is sent now. {_CALLED_TWICE}",
            LEAVE: " Nothing is sent, and the task fails.",
        }.get(option, f" Job {job} is taken for this call. Nothing is sent.")
    elif (read := read_list_answer(option)) is not None and question.kind == "list":
        does = f" {_CALLED_TWICE}" if read.yes else " Nothing is sent, and the task fails."
    elif question.kind == "approval":
        does = (
            " They are then added to the campaign."
            if option == "Approve"
            else " Nobody of the list is called, and it is deleted."
        )
    name = f" ({question.name})" if question.name else ""
    return AnswerPlan(f"{option}?", f"{question.told.asked}{name}{does}", option, [GivenAnswer(question, option, job)])


def fault_of(question: WaitingQuestion, option: str, job: str) -> str:
    """Why an answer can't be given, in words; empty if it can."""
    if option not in question.options:
        return "This answer isn't offered: load the page again."
    if question.settling:
        return "The task began to wait this very moment: answer it in a few seconds."
    if option == ADOPT and question.kind == "call" and not _JOB.fullmatch(job):
        return "Write the id of the job, in digits, as the campaign's report shows it."
    return ""


def _it_is(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
