"""How far a sync is: told in the log every few seconds, and in the task's state.

Calls are counted here, and not known: which ones they are, batches tell.
"""

from __future__ import annotations

import asyncio
import time

from aimylogic_provider.call_list.store.outcomes import Counts
from aimylogic_provider.call_list.store.sync_entry import SyncEntry
from aimylogic_provider.idempotence.ports import Log

__all__ = ["SyncProgress"]

_EVERY = 5.0
"""Seconds between two lines of the log."""

_REASONS_SHOWN = 10
_SELDOM = ("expired", "excluded", "capped")
"""Outcomes that are told where there are such."""


class SyncProgress:
    """How far a sync is.

    :param calls: to be made
    """

    def __init__(self, calls: int, log: Log) -> None:
        self.calls = calls
        self.counts = Counts()
        self.unknown = 0
        self._earlier = Counts()
        self._log = log
        self._reasons: list[str] = []
        self._began = time.monotonic()

    @property
    def left(self) -> int:
        """Calls that aren't settled."""
        return self.calls - self.counts.settled

    @property
    def created_now(self) -> int:
        """Calls that this try created, or found to be created."""
        return self.counts.created - self._earlier.created

    @property
    def seconds(self) -> float:
        """Since this try began to send."""
        return time.monotonic() - self._began

    @property
    def rate(self) -> float:
        """Numbers a second, of this try."""
        settled = self.counts.settled - self._earlier.settled
        return settled / self.seconds if self.seconds > 0 else 0.0

    def add(self, counts: Counts, *, earlier: bool = False) -> None:
        """Count calls that are settled.

        :param earlier: whether an earlier try settled them
        """
        self.counts += counts
        if earlier:
            self._earlier += counts

    def refused(self, reason: str) -> None:
        """Count a call that the server refused."""
        self.counts += Counts(0, 1)
        self._reasons.append(reason)
        if len(self._reasons) <= _REASONS_SHOWN:
            self._log.warning("Refused by the server and set aside: %s.", reason)

    def expired(self, reason: str, calls: int) -> None:
        """Tell of calls that are too late to be sent.

        :param reason: of the first of them
        """
        more = f" And {calls - 1:,} more of its batch." if calls > 1 else ""
        self._log.warning("Too late to be sent, and set aside: %s.%s", reason, more)

    def barred(self, outcome: str, calls: int) -> None:
        """Tell of calls that a rule forbids, right before they were to be sent."""
        self._log.info("Not called: %s calls, which are %s since the list was frozen.", f"{calls:,}", outcome)

    def reasons(self) -> str:
        """What the server refused in this try, as one sentence for each; the first of them."""
        shown = " ".join(f"{reason[:1].upper()}{reason[1:]}." for reason in self._reasons[:_REASONS_SHOWN])
        more = len(self._reasons) - _REASONS_SHOWN
        return f"{shown} And {more:,} more." if more > 0 else shown

    def summary(self) -> str:
        """The counts, in words."""
        counts = self.counts
        text = f"{counts.created:,} of {self.calls:,} calls are created"
        if counts.refused:
            text += f", {counts.refused:,} refused"
        for outcome in _SELDOM:
            if count := getattr(counts, outcome):
                text += f", {count:,} {outcome}"
        return f"{text}, {self.left:,} left" if self.left else text

    def note(self, entry: SyncEntry) -> None:
        """Have the task's state tell it at its next write."""
        entry.progress = {
            "calls": self.calls, "created": self.counts.created, "refused": self.counts.refused,
            **{outcome: getattr(self.counts, outcome) for outcome in _SELDOM},
            "left": self.left, "numbers_per_second": round(self.rate, 1),
        }  # fmt: skip

    async def tell(self, entry: SyncEntry) -> None:
        """Tell it in the log from time to time, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            rate = self.rate
            left = f", about {self.left / rate:,.0f} seconds left" if rate and self.left else ""
            share = (self.calls - self.left) / self.calls if self.calls else 1.0
            self._log.info("%s (%.0f%%), %s numbers a second%s.", self.summary(), 100 * share, f"{rate:,.0f}", left)
