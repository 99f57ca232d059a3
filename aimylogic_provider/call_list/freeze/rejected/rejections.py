"""Rows that are rejected while a list is frozen: counted by reason, and told where a column's type is the reason.

Whether a row is rejected is decided in ``rows`` and ``finish_times``.
"""

from __future__ import annotations

from collections import Counter

from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of, most_frequent
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
from aimylogic_provider.call_list.store.outcomes import RowCounts
from aimylogic_provider.calls_api.calls.consent import NoConsentError
from aimylogic_provider.calls_api.errors import RejectedError, RejectedTypeError
from aimylogic_provider.idempotence.ports import Log

__all__ = ["NobodyToCallError", "Rejections"]


class NobodyToCallError(CallListError):
    """The query found rows, none of them is called, and most of them can't be.

    :param pointer: to the list that tells why
    """

    def __init__(self, message: str, pointer: Pointer) -> None:
        super().__init__(message)
        self.pointer = pointer


class Rejections:
    """Counts them. ``hint`` says what would settle many of them at once, once all rows are read.

    ``way_out`` says what to correct, for whoever gave the rows.
    """

    way_out = "Correct the rows, and clear the task"

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reasons: Counter[str] = Counter()
        self._types: set[str] = set()
        self._without_consent = 0
        self.hint = ""

    def add(self, row: int, error: RejectedError) -> None:
        """Count a row; where its column's type is the reason, tell so at the first one.

        :param row: of the query, from 1
        """
        self._without_consent += isinstance(error, NoConsentError)
        if not isinstance(error, RejectedTypeError):
            self._reasons[kind_of(str(error))] += 1
            return
        reason = f"{error.what} is of type {error.kind}"
        self._reasons[reason] += 1
        if reason not in self._types:
            self._types.add(reason)
            # A cast of a phone may lose digits, so none is advised.
            way_out = (
                "take the numbers from a column of text"
                if error.what == "phone"
                else "cast the column in the query, or leave it out"
            )
            self._log.warning(
                "Row %s is rejected: %s. A column has one type, so whatever stands there is rejected alike in all "
                "rows: %s.", f"{row:,}", error, way_out,
            )  # fmt: skip

    def most_frequent(self) -> str:
        """The most frequent reasons with their counts, in words; empty if no row is rejected."""
        return most_frequent(self._reasons)

    def told(self) -> str:
        """The most frequent reasons, and what would settle many at once."""
        return ". ".join(filter(None, (self.most_frequent(), self.hint)))

    def check_somebody(self, pointer: Pointer) -> None:
        """Go on only if there are calls, or fewer rows can't be read than are spared.

        Who didn't agree is rejected by a rule of the user's, and stays in his table: he counts for neither.

        :raises NobodyToCallError: if not
        """
        counts = RowCounts.of_frozen(pointer)
        too_many = counts.rejected - self._without_consent > counts.spared
        if pointer.calls or not (counts.reached_nobody or too_many):
            return
        every = "every one is rejected"
        most = f"{counts.rejected:,} are rejected, and the other {counts.spared:,} aren't to be called by this run"
        raise NobodyToCallError(
            f"Nobody can be called: there are {pointer.rows:,} rows, and {most if counts.spared else every}. Most "
            f"frequent: {self.told()}. Each row with its reason: {pointer.rejected_rows}. {self.way_out}",
            pointer,
        )
