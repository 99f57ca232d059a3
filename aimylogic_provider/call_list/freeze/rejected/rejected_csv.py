"""The rows that can't be called as a file for people: ``rejected.csv``, which spreadsheet programs open as it is.

For people: what tells the task of rejected rows is the list itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import Self

from aimylogic_provider.call_list.store.objects import Folder

__all__ = ["NAME", "RejectedCsv", "plain_cell"]

NAME = "rejected.csv"
_FORMULA = re.compile(r"(^|[;；\t\r\n])(?=[ \"]*[=+\-@＝＋－＠\t\r])")
"""Where a formula may begin, for programs too that separate cells otherwise, or read each line by itself."""


class RejectedCsv:
    """Takes rows one by one, as a context manager; waits in a temporary file.

    :param keys: the names of the key columns
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def __enter__(self) -> Self:
        self._file = TemporaryFile()  # for the owner alone, and of no name
        # With a mark at the beginning, for some programs take a file without one for another encoding.
        self._text = io.TextIOWrapper(
            self._file, encoding="utf-8-sig", errors="replace", newline="", write_through=True
        )
        self._csv = csv.writer(self._text)
        self._csv.writerow(["row", *map(plain_cell, self._keys), "reason"])
        return self

    def __exit__(self, *exc: object) -> None:
        self._text.close()

    def add(self, row: int, keys: Mapping[str, object], reason: str) -> None:
        """Add a row of the query."""
        self._csv.writerow([row, *(plain_cell(keys.get(name)) for name in self._keys), plain_cell(reason)])

    def write(self, folder: Folder) -> None:
        """Write the file.

        :raises OSError: if it can't be written
        """
        self._text.flush()
        self._file.seek(0)
        folder.write_from(NAME, self._file)


def plain_cell(value: object) -> object:
    """A value that no program takes for a formula."""
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
