"""How many rows may be rejected, and what is raised where more are."""

from __future__ import annotations

from dataclasses import dataclass

from aimylogic_provider.call_list.store.manifest import CallListError

__all__ = ["Limit", "TooManyRejectedError"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows may be rejected or refused.

    :param most: a count, or a share of all rows, from 0 to 1, as a float; None for any number
    """

    most: int | float | None = None

    def of(self, rows: int) -> int | None:
        """How many of *rows*."""
        # A share of 0.29 of a hundred is 29, whatever floats make of it.
        return int(self.most * rows + 1e-6) if isinstance(self.most, float) else self.most


class TooManyRejectedError(CallListError):
    """More rows were rejected than allowed.

    :param rejected: how many
    """

    def __init__(self, message: str, rejected: int) -> None:
        super().__init__(message)
        self.rejected = rejected
