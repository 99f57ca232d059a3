"""Where the rows of a call list come from, as an operator that freezes one tells it. Imported once a task runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimylogic_provider.call_list.freeze.rows_read import Reader

__all__ = ["RowSource"]


@dataclass(frozen=True, slots=True)
class RowSource:
    """Where the rows of a list come from: all is checked of it that can be before any row is read.

    :param has_finish: whether a call may have a finish, so that the server's time matters
    :param opened: begins to read; returns what makes calls of rows, and the rows, which end with the stack
    :param typed: as of :func:`.freeze`
    """

    has_finish: bool
    opened: Callable[[ExitStack], tuple[Reader, Iterable[Any]]]
    typed: bool = False
