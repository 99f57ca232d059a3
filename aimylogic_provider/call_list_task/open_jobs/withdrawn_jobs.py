"""What became of open jobs of which some are withdrawn, as a task returns it. Counts and ids alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aimylogic_provider.campaign_task.cancelling_calls import Some

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.withdrawal_notes import WithdrawalNotes
    from aimylogic_provider.call_list_task.open_jobs.withdrawing import Withdrawing

__all__ = ["WithdrawnJobs"]


@dataclass(slots=True)
class WithdrawnJobs:
    """What became of open jobs, of all tries together.

    :param open: that were there
    :param still_selected: whose people the query selects
    :param without_key: of which it can't be told whose they are; they are kept
    :param deselected: whose people it doesn't select
    :param withdrawn: that were cancelled before they rang, or between their rings
    :param too_late: that were over before, or rang just then, and were ended
    :param gone: that the campaign knew no more
    :param not_shown: that the table tells are open, and the report doesn't show; they are kept, and not among the open
    """

    open: int = 0
    still_selected: int = 0
    without_key: int = 0
    deselected: int = 0
    withdrawn: int = 0
    too_late: int = 0
    gone: int = 0
    not_shown: int = 0
    withdrawn_ids: Some = field(default_factory=Some)
    too_late_ids: Some = field(default_factory=Some)

    def sum(self, before: WithdrawalNotes, withdrawing: Withdrawing) -> None:
        """Count what became of the jobs, and those of earlier tries.

        :param before: what those did
        """
        notes = withdrawing.notes
        self.withdrawn, self.too_late, self.gone = notes.withdrawn, notes.too_late, notes.gone
        self.open += before.done
        self.deselected += before.done
        self.withdrawn_ids, self.too_late_ids = withdrawing.withdrawn_ids, withdrawing.too_late_ids

    def as_json(self) -> dict[str, Any]:
        """Return it as a task returns it."""
        counts = (
            "open", "still_selected", "without_key", "deselected", "withdrawn", "too_late", "gone", "not_shown"
        )  # fmt: skip
        ids = {"withdrawn_ids": self.withdrawn_ids.first, "too_late_ids": self.too_late_ids.first}
        return {**{name: getattr(self, name) for name in counts}, **ids}
