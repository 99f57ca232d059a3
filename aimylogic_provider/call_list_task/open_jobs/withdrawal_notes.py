"""What a task that withdraws calls keeps of itself in its entry, for its next try: values alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.open_jobs.job_spool import SpooledRow

if TYPE_CHECKING:
    from aimylogic_provider.idempotence.ports import Store

__all__ = ["PersonsYes", "WithdrawalNotes"]

_LONGEST = 24 * 3600.0
"""Seconds for which a yes holds: whoever clears a task later asks anew."""
_NAME = "withdrawal"


@dataclass(frozen=True, slots=True)
class PersonsYes:
    """That a person said yes.

    :param most: to so many calls
    :param by: who did
    :param at: when, in Unix seconds by Airflow's clock
    """

    most: int
    by: str
    at: float

    @property
    def is_old(self) -> bool:
        """Whether it was given too long ago."""
        return time.time() - self.at > _LONGEST


@dataclass(frozen=True, slots=True)
class WithdrawalNotes:
    """What earlier tries did.

    :param under_way: the rows whose jobs the last one was about to cancel
    :param withdrawn: how many jobs the earlier ones withdrew
    :param too_late: for how many they were too late
    :param gone: how many the campaign knew no more
    :param asked: whether a person was asked
    :param yes: what that one said, if it was a yes
    """

    under_way: Sequence[SpooledRow] = ()
    withdrawn: int = 0
    too_late: int = 0
    gone: int = 0
    asked: bool = False
    yes: PersonsYes | None = None

    @property
    def done(self) -> int:
        """How many jobs were acted on."""
        return self.withdrawn + self.too_late + self.gone

    @classmethod
    def read(cls, store: Store) -> WithdrawalNotes:
        """Read what stands in a task's entry."""
        entry: Any = store.read()
        told = entry.get(_NAME) if isinstance(entry, dict) else None
        if not told:
            return cls()
        under_way = tuple(SpooledRow(*row) for row in told.pop("under_way"))
        yes = None if told["yes"] is None else PersonsYes(*told.pop("yes"))
        return cls(**{**told, "under_way": under_way, "yes": yes})

    def write(self, store: Store) -> None:
        """Write it there. Any error ends the try: Airflow has replaced it."""
        yes = None if self.yes is None else [self.yes.most, self.yes.by, self.yes.at]
        rows = [list(row) for row in self.under_way]
        store.write({_NAME: {
            "under_way": rows, "withdrawn": self.withdrawn, "too_late": self.too_late, "gone": self.gone,
            "asked": self.asked, "yes": yes,
        }})  # fmt: skip

    def but(self, **changes: Any) -> WithdrawalNotes:
        """The same with changes."""
        return replace(self, **changes)

    def end(self, store: Store) -> None:
        """Keep nothing once a task came to its end, but that a person was asked: what is cleared begins anew."""
        WithdrawalNotes(asked=self.asked).write(store)
