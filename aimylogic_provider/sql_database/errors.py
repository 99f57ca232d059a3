"""That tables can't be gone on with, as one error for whoever owns them."""

from __future__ import annotations

from aimylogic_provider.calls_api.errors import AimylogicError

__all__ = ["TablesError", "kind_of"]


class TablesError(AimylogicError):
    """A database that doesn't take, or doesn't tell, what a task writes or asks.

    :param retryable: whether another try can help by itself
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


def kind_of(error: Exception) -> str:
    """The kind of an error of the database: its own words would quote the row."""
    return type(getattr(error, "orig", None) or error).__name__
