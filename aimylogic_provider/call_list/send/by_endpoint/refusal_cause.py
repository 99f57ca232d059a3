"""Whom a refusal blames that names no number: one of the numbers, or the campaign, which takes none of them.

A list that holds one bad number is refused as a list is whose campaign has run out of minutes. So a few numbers are
tried alone: if one of them is taken after the list was refused, it was for a number of the list; if all of them are
refused alike, it is the campaign.

Sends nothing: ``refused_parts`` is what tries the numbers.
"""

from __future__ import annotations

import asyncio

from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.idempotence.errors import NotAddedError

__all__ = ["PROBES", "RefusalCause", "names_a_number"]

PROBES = (0.5, 0.0, 1.0, 0.25, 0.75, 0.125, 0.875)
"""Where in a list the numbers stand that are tried alone, one after the other: so many refused alike are enough."""

_TOO_LARGE = 413
_OF_A_ROW = frozenset({"invalid.call.allowed.time", "invalid.dialer_priority"})


def names_a_number(refusal: ApiError) -> bool:
    """Whether a refusal tells, by its type or otherwise, that it is not of the campaign."""
    of_numbers = (refusal.type or "").startswith("phone.") or refusal.type in _OF_A_ROW
    return of_numbers or refusal.phone is not None or refusal.status == _TOO_LARGE


class RefusalCause:
    """What the refusals of a try blame, by their types.

    ``inquiry`` is held by whoever tries numbers alone, for one such inquiry at a time tells enough.
    """

    def __init__(self) -> None:
        self.inquiry = asyncio.Lock()
        self._moment = 0
        self._first: dict[str | None, int] = {}
        """When each type was first told, of a list or a number."""
        self._of_numbers: set[str | None] = set()
        self._alike = 0
        self._accepted_any = False

    def now(self) -> int:
        """A moment: requests that leave later have a later one."""
        self._moment += 1
        return self._moment

    def refused(self, refusal: ApiError) -> None:
        """A list, or a number alone, was refused."""
        self._first.setdefault(refusal.type, self.now())

    def accepted(self, left: int) -> None:
        """A request was accepted that left at a moment: what was refused before was not refused by the campaign."""
        self._of_numbers |= {type for type, at in self._first.items() if at < left}
        self._alike = 0
        self._accepted_any = True

    def is_of_numbers(self, refusal: ApiError) -> bool:
        """Whether it is known that it blames one of the numbers."""
        return names_a_number(refusal) or refusal.type in self._of_numbers

    def differs(self, refusal: ApiError) -> None:
        """A number alone was refused for another reason than the list that holds it."""
        self._of_numbers.add(refusal.type)

    def is_alone(self) -> bool:
        """Whether this number alone was refused so, and others were taken: it has no list by which to tell more."""
        return self._alike == 1 and self._accepted_any

    def refused_alone(self, refusal: ApiError) -> None:
        """A number was refused alone, as the list was that holds it.

        :raises NotAddedError: if so many were that it is the campaign
        """
        self._alike += 1
        if self._alike >= len(PROBES):
            raise NotAddedError(
                f"{refusal}. So were {self._alike} numbers that were sent alone, none was taken since, and no number "
                "is named: the campaign takes none, as when its minutes have run out. See what it says in Aimylogic. "
                "What is not sent yet is sent by the next try, or when the task is cleared",
                retryable=True,
            )
