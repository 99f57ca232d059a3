"""Whom a query selects, read into the spool: each person's digest, as the rows come in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.open_jobs.people import PeopleBy, places_of
from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from aimylogic_provider.call_list_task.open_jobs.job_spool import JobSpool
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["StillToBeCalled"]


@dataclass(slots=True)
class StillToBeCalled:
    """A query that tells who is still to be called.

    :param hook: of its database
    :param by: what tells people apart
    :param rows: how many it gave
    :param nobody: how many of them don't tell whom they mean
    :param unreadable: how many have a phone that can't be read
    :param first_unreadable: why, of the first
    """

    hook: Any
    sql: str
    parameters: Any
    by: PeopleBy
    rows: int = 0
    nobody: int = 0
    unreadable: int = 0
    first_unreadable: str = ""

    def read(self, spool: JobSpool, log: Log, starts: Iterable[str] = ()) -> None:
        """Ask the query, and note whom it selects.

        :param starts: the first three digits of the phones that are called
        :raises RejectedError: if it can't be used
        :raises Exception: whatever the database raises
        """
        from aimylogic_provider.call_list.freeze.warehouse import streamed
        from aimylogic_provider.lineage.hook_lineage import tell_query

        argument = "key_columns" if self.by.rules is None else "phone_column"
        with streamed(self.hook, self.sql, self.parameters, log, partial(tell_query, self.hook)) as (names, rows):
            values = places_of(self.by.columns, names, argument)
            spool.ask(self._digests((values(row) for row in rows), self.by.selecting(starts)))

    def _digests(
        self, people: Iterator[list[Any]], selected: Callable[[Sequence[Any]], Collection[bytes]]
    ) -> Iterator[bytes]:
        for values in people:
            self.rows += 1
            try:
                digests = selected(values)
            except RejectedError as error:
                self.unreadable += 1
                self.first_unreadable = self.first_unreadable or str(error)
                continue
            self.nobody += not digests
            yield from digests
