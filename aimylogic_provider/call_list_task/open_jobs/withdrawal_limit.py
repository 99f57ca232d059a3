"""How many calls may be withdrawn at once, and when a query tells so little that none is. Values and words alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.argument_checks import is_share_or_count

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.withdrawal_notes import WithdrawalNotes
    from aimylogic_provider.call_list_task.open_jobs.withdrawn_jobs import WithdrawnJobs

    Ask = Callable[[WithdrawnJobs, str], None]
    """Has a person asked whether so many may be withdrawn; returns if one said yes."""

__all__ = [
    "FEW", "WithdrawalLimit", "check_limit", "check_max_withdrawn", "nobody_selected", "none_of_ours", "none_of_task",
]  # fmt: skip

FEW = 10
"""So many calls may be withdrawn whatever share they are: of few, any share is soon exceeded."""


def check_max_withdrawn(most: object) -> None:
    """Check the argument ``max_withdrawn``.

    :raises ValueError: if it can't be used
    """
    if most is not None and not is_share_or_count(most):
        raise ValueError(
            f"max_withdrawn {most!r} can't be used: give a share of the open calls from 0.0 to 1.0, as in 0.2, a count "
            "of them, as in 500, or None for no limit"
        )


@dataclass(frozen=True, slots=True)
class WithdrawalLimit:
    """How many calls may be withdrawn.

    :param most: a share of the open ones, a count, or None for any number
    """

    most: float | int | None

    def allowed(self, open: int) -> int | None:
        """How many of so many open calls; None for all."""
        if self.most is None:
            return None
        if isinstance(self.most, float):
            return max(FEW, int(open * self.most)) if self.most else 0
        return self.most

    def excess(self, withdrawn: int, open: int) -> str | None:
        """What is to be told if it is exceeded, in words."""
        allowed = self.allowed(open)
        if allowed is None or withdrawn <= allowed:
            return None
        return (
            f"the query selects {withdrawn:,} of {open:,} open calls no longer ({withdrawn / open:.0%}), and "
            f"max_withdrawn={self.most!r} allows {allowed:,}"
        )


def nobody_selected(open: int, rows: int, unreadable: str) -> str:
    """What is to be told if a query selects nobody at all."""
    gave = "gave no rows" if not rows else f"gave {rows:,} rows, and no phone that can be read ({unreadable})"
    return (
        f"the query {gave}, while {open:,} calls are open: it would have all of them cancelled. Nothing is cancelled. "
        "Look at the query, and whether its tables are just being filled. If really nobody is to be called any more, "
        "set allow_empty=True, and max_withdrawn=1.0"
    )


def none_of_ours(selected: int, open: int, columns: str) -> str:
    """What is to be told if a query selects only people who were never called."""
    return (
        f"the query selects {selected:,} people, and none of them is among those of the {open:,} open calls, nor of "
        f"the other calls of their lists: it would have all of them cancelled. Nothing is cancelled. Do {columns} of "
        "the query hold what they held when the list was made? Does it look, by a view perhaps, to where those stand "
        "who were called already? It must tell who is still to be called. If that is really nobody of them, set "
        "allow_empty=True, and max_withdrawn=1.0"
    )


def none_of_task(task: str, left: int) -> str:
    """What is to be told if a query selects people of some tasks, and nobody of another one's lists."""
    return (
        f"the query selects nobody of task {task}, neither of its {left:,} open calls nor of the other calls of their "
        "lists, though of other tasks' it does: it would have all of that task's cancelled. Nothing is cancelled. If "
        "the query tells of other tasks' people, name those by task_ids; if really nobody of these is to be called any "
        "more, set allow_empty=True"
    )


def check_limit(limit: WithdrawalLimit, jobs: WithdrawnJobs, notes: WithdrawalNotes, ask: Ask | None) -> None:
    """Check that no more are to be withdrawn than may be, those of earlier tries with them.

    :param ask: None if nobody is asked
    :raises ActionError: if there are more
    """
    from aimylogic_provider.campaign_task.action_errors import ActionError

    total, open = jobs.deselected + notes.done, jobs.open + notes.done
    excess = limit.excess(total, open) if jobs.deselected else None
    if excess is None or (notes.yes is not None and not notes.yes.is_old and total <= notes.yes.most):
        return
    if notes.yes is not None:
        meant = "that yes is more than a day old" if notes.yes.is_old else f"{total:,} are more than that"
        excess += f". {notes.yes.by} said yes to {notes.yes.most:,}, but {meant}"
    elif ask is not None:
        ask(jobs, excess)
        return
    raise ActionError(
        f"{excess}. Nothing{'' if not notes.done else ' more'} is cancelled. If they are right, set max_withdrawn, a "
        "count or a share, or on_excess='ask' to have a person asked; if not, correct the query. Start a new run then",
        retryable=True,
    )
