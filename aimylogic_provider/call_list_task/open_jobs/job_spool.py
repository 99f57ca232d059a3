"""Open jobs and the people of a query, compared: in a temporary file of no name, so that memory doesn't hang on them.

Digests stand for people. Nothing of it stays, even if the worker is killed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

__all__ = ["JobSpool", "SpooledRow"]


class SpooledRow(NamedTuple):
    """A row whose job is open.

    :param call_list: the id of its list
    :param row: its number there
    """

    call_list: str
    row: int
    job: str


class JobSpool:
    """A context manager: what it holds is gone with it."""

    def __enter__(self) -> Self:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma temp_store = file; pragma cache_size = -8000;"
            "create table shown(job text primary key) without rowid;"
            "create table line(list text, row integer, job text, key blob, primary key (list, row)) without rowid;"
            "create table asked(key blob primary key) without rowid;"
            "create table kept(job text primary key) without rowid;"
            "create table withdrawn(number integer primary key, job text); begin"
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._database.close()

    def show(self, jobs: Iterable[str], *, over: Iterable[str] = ()) -> None:
        """Note jobs that the report shows, and that are open; and which of them are over by now."""
        self._database.executemany("insert or ignore into shown values (?)", ((job,) for job in jobs))
        self._database.executemany("delete from shown where job = ?", ((job,) for job in over))

    def add(self, lines: Iterable[tuple[SpooledRow, bytes | None]]) -> None:
        """Add rows; those whose job isn't shown as open are left out.

        :param lines: each with its person's digest, or None if nothing tells who it is
        """
        self._database.executemany(
            "insert or ignore into line select ?1, ?2, ?3, ?4 where exists (select 1 from shown where job = ?3)",
            ((*row, key) for row, key in lines),
        )

    def lists(self) -> list[str]:
        """The lists that have rows."""
        return [one for (one,) in self._database.execute("select distinct list from line order by list")]

    def ask(self, keys: Iterable[bytes]) -> None:
        """Note people whom the query selects."""
        self._database.executemany("insert or ignore into asked values (?)", ((key,) for key in keys))

    def selects(self, keys: Iterable[bytes | None]) -> bool:
        """Whether the query selects one of some people."""
        one = "select 1 from asked where key = ?"
        return any(self._database.execute(one, (key,)).fetchone() for key in keys if key is not None)

    def part(self) -> None:
        """Part the jobs: those that are kept, for a person of theirs is selected or can't be told, and the others."""
        self._database.execute(
            "insert or ignore into kept select job from line where key is null or key in (select key from asked)"
        )
        self._database.execute(
            "insert into withdrawn(job) select job from line where job not in (select job from kept) "
            "group by job order by min(list), min(row)"
        )

    @property
    def open(self) -> int:
        """How many jobs are open."""
        return self._count("select count(distinct job) from line")

    @property
    def without_key(self) -> int:
        """Of how many of them it can't be told whose they are, and so whether they are selected."""
        return self._count(
            "select count(distinct job) from line where key is null and job not in "
            "(select job from line where key in (select key from asked))"
        )

    @property
    def kept(self) -> int:
        """How many are kept."""
        return self._count("select count(*) from kept")

    @property
    def left(self) -> int:
        """How many are to be withdrawn."""
        return self._count("select count(*) from withdrawn")

    def left_of(self, lists: Sequence[str]) -> tuple[int, bool]:
        """How many jobs of some lists are to be withdrawn, and whether the query selects somebody of them.

        For use once the jobs are parted.
        """
        left, selected = 0, False
        for one in lists:
            left += self._database.execute(
                "select count(distinct job) from line where list = ? and job not in (select job from kept)", (one,)
            ).fetchone()[0]
            asked = "select 1 from line where list = ? and key in (select key from asked) limit 1"
            selected = selected or self._database.execute(asked, (one,)).fetchone() is not None
        return left, selected

    @property
    def selected(self) -> int:
        """How many people the query selects, each counted once."""
        return self._count("select count(*) from asked")

    def withdrawn(self, at_once: int) -> Iterator[list[SpooledRow]]:
        """The rows of the jobs that are to be withdrawn, those of so many jobs at a time."""
        self._database.execute("create index line_of_job on line(job)")
        last = 0
        while numbers := self._database.execute(
            "select number from withdrawn where number > ? order by number limit ?", (last, at_once)
        ).fetchall():
            first, last = numbers[0][0], numbers[-1][0]
            yield [SpooledRow(*told) for told in self._database.execute(
                "select list, row, job from withdrawn join line using (job) where number between ? and ? "
                "order by number, list, row", (first, last),
            )]  # fmt: skip

    def _count(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])
