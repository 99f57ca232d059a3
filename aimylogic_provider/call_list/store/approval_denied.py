"""A person's no to a call list: as a pointer that bears it and so keeps its place among others, and as an error.

How a person is asked is the operator's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aimylogic_provider.call_list.store.manifest import CallListError, Pointer

__all__ = ["BECAUSE", "SaidNoError", "check_nobody_said_no", "said_no", "said_no_by"]

BECAUSE = "for a person said no to it"
"""Why such a list was deleted, as what is left of it tells."""

_BY = "said_no"


class SaidNoError(CallListError):
    """A list that is not sent, for a person said no to it.

    :param by: who did, in words
    """

    def __init__(self, message: str, by: str) -> None:
        super().__init__(message)
        self.by = by


def said_no(pointer: Pointer, by: str) -> dict[str, Any]:
    """Return a pointer to a list, as plain JSON values, that says who said no to it.

    :param by: who did, in words
    """
    return {**pointer.as_json(), _BY: by}


def said_no_by(content: object) -> str | None:
    """Return who said no to a list, as a pointer bears it that is given as plain JSON values; None if nobody did."""
    by = content.get(_BY) if isinstance(content, Mapping) else None
    return None if by is None else str(by)


def check_nobody_said_no(content: object) -> None:
    """Check that a pointer, as plain JSON values, bears no person's no.

    :raises SaidNoError: if it does
    """
    by = said_no_by(content)
    if by is not None and isinstance(content, Mapping):
        raise SaidNoError(f"nothing of the call list in {content.get('path')} is sent: {by} said no to it", by)
