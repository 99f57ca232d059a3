"""What a person answered to a question among Airflow's *Required actions*, as Airflow brings it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.index_labels import in_one_line
from aimylogic_provider.airflow_task.shown.answer_labels import (
    ADOPT,
    CALL_JOB_ID,
    GO_AHEAD,
    LEAVE,
    SEND_AGAIN,
    SEND_MISSING,
    LabelMeaning,
    candidate_of,
    options_of,
    read_go_ahead,
    read_list_answer,
    so_many_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aimylogic_provider.idempotence.human_answer import Question, Ruling

__all__ = ["FewerCallsError", "HumanAnswer", "answer_of", "answered_by", "go_ahead_answer", "list_answer"]


class FewerCallsError(ValueError):
    """A yes was to fewer calls than would be sent."""


@dataclass(frozen=True, slots=True)
class HumanAnswer:
    """What Airflow brings when a person has answered.

    :param event: the options that were chosen, the form's fields, when, and by whom
    :param question: what the person was told
    """

    event: Mapping[str, Any]
    question: Question

    def ruling(self) -> Ruling:
        """Return what the person said.

        :raises ValueError: if that is nothing of the kind
        """
        from aimylogic_provider.idempotence.human_answer import Choice, Ruling

        event = self.event
        choices = {ADOPT: Choice.ADOPT, SEND_AGAIN: Choice.SEND_AGAIN, LEAVE: Choice.LEAVE}
        chosen = _only_choice(event)
        # Whoever chooses a job by its name means that one, whatever the field was left with.
        job = candidate_of(chosen)
        if chosen not in choices and job not in self.question.candidates:
            raise _unusable(event, options_of(self.question))
        choice = choices.get(chosen, Choice.ADOPT)
        job = job or str((event.get("params_input") or {}).get(CALL_JOB_ID) or "").strip()
        return Ruling(
            choice,
            by=_name(event.get("responded_by_user")),
            at=_seconds(event.get("responded_at")),
            question=self.question,
            job=job if choice is Choice.ADOPT and job else None,
        )


def go_ahead_answer(event: Mapping[str, Any], calls: int) -> tuple[bool, str, float]:
    """What a person said who was asked whether to go on: whether to, who said so, and when.

    :param calls: how many calls a yes sends
    :raises FewerCallsError: if that is a yes to fewer calls
    :raises ValueError: if it is nothing of the kind
    """
    chosen, by, at = answer_of(event, read_go_ahead, (GO_AHEAD, LEAVE))
    if chosen.yes and chosen.calls is not None and chosen.calls < calls:
        raise FewerCallsError(f"The answer was about {so_many_calls(chosen.calls)}, and {calls:,} would be sent")
    return chosen.yes, by, at


def list_answer(event: Mapping[str, Any]) -> tuple[bool, str, float]:
    """What a person said of a list's parked calls: whether to send, who said so, and when.

    :raises ValueError: if that is nothing of the kind
    """
    chosen, by, at = answer_of(event, read_list_answer, (SEND_MISSING, LEAVE))
    return chosen.yes, by, at


def answer_of(
    event: Mapping[str, Any], read: Callable[[str], LabelMeaning | None], options: Sequence[str]
) -> tuple[LabelMeaning, str, float]:
    """Which of some answers a person gave, who did, and when.

    :param read: tells what a label means, whatever number it bears
    :param options: the answers, for people
    :raises ValueError: if it is none of them
    """
    chosen = read(_only_choice(event))
    if chosen is None:
        raise _unusable(event, options)
    return chosen, _name(event.get("responded_by_user")), _seconds(event.get("responded_at"))


def _unusable(event: Mapping[str, Any], options: Sequence[str]) -> ValueError:
    chosen = [in_one_line(one) for one in event["chosen_options"]]
    return ValueError(f"The answer {chosen!r} can't be used: give one of {', '.join(options)}")


def answered_by(event: Mapping[str, Any]) -> str:
    """Return who gave an answer, in words."""
    if event.get("timedout"):
        return "the default answer (nobody gave one in time)"
    return _name(event.get("responded_by_user"))


def _only_choice(event: Mapping[str, Any]) -> str:
    """The one option that was chosen; empty if none was, or more.

    :raises ValueError: if Airflow brings an error instead
    """
    if "error" in event:
        raise ValueError(f"The answer can't be used: {event['error']}")
    chosen = list(event["chosen_options"])
    return str(chosen[0]) if len(chosen) == 1 else ""


def _name(user: Mapping[str, Any] | None) -> str:
    if not user:
        return "somebody unnamed"
    name, number = user.get("name"), user.get("id")
    return f"{name} ({number})" if name and number and name != number else str(name or number)


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment or datetime.now(UTC)).timestamp()
