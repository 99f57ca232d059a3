"""The phones that a query excludes, streamed past those of a list: which of them are hit.

Nothing here says what becomes of whoever is excluded. No message quotes what the query's rows hold, but masked phones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.call_list.exclusion.phone_set import PhoneMarks, PhoneSet
from aimylogic_provider.call_list.freeze import database_drivers
from aimylogic_provider.call_list.freeze.warehouse import Ran, UnreadableRowError, streamed
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.phones.possible_phones import PossiblePhones, UnreadablePhoneError

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from aimylogic_provider.idempotence.ports import Log

__all__ = ["Excluded", "ExclusionQuery", "ExclusionQueryError", "UnreadableEntriesError"]

_SHOWN = 3
"""Entries that a message shows, masked."""
_OF_STATEMENTS = ("08", "28", "3D", "3F", "42", "53", "57")
"""Classes of PostgreSQL's states whose errors name tables, columns and connections, and no values."""


class ExclusionQueryError(CallListError):
    """Whom the query excludes can't be known now: another try can help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class UnreadableEntriesError(CallListError):
    """The query gives what is no phone, so that it isn't known who is meant."""


@dataclass(slots=True)
class Excluded:
    """Whom the query excludes.

    :param phones: of the list, those marked that are
    :param entries: rows of the query
    :param empty: of those, how many hold nothing
    :param unreadable: and how many something that is no phone
    :param shown: some of those, masked
    """

    phones: PhoneMarks
    entries: int = 0
    empty: int = 0
    unreadable: int = 0
    shown: list[str] = field(default_factory=list)

    def in_words(self) -> str:
        """How many rows of the query there are, and what is the matter with some of them."""
        more = [f"{self.empty:,} of them empty"] if self.empty else []
        more += [f"{self.unreadable:,} of them no phone that could be read"] if self.unreadable else []
        return f"{self.entries:,} rows" + (f" ({', '.join(more)})" if more else "")

    def unreadable_in_words(self) -> str:
        """What can't be read, with the first of it, masked."""
        return f"{self.unreadable:,} of {self.entries:,} rows, as {', '.join(self.shown)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionQuery:
    """A query that tells who isn't to be called.

    :param hook: of the database, as Airflow gives it
    :param column: which one bears the phones, if the query gives several
    :param region: the country of national numbers, beside those of the list's own phones
    :param unreadable: whether rows that can't be read fail the task
    :param ran: is told of the statement, as of :func:`.streamed`
    """

    hook: DbApiHook
    sql: str
    column: str
    region: str | None
    unreadable: Literal["fail", "skip"]
    log: Log
    ran: Ran = lambda sql, cursor, rows: None

    def excluded(self, phones: PhoneSet) -> Excluded:
        """Ask the database; in as much memory as the list's own phones take.

        :param phones: those of the list
        :raises RejectedError: if the query can't be used
        :raises ExclusionQueryError: if it fails
        :raises UnreadableEntriesError: if it gives what can't be read, unless that is to be skipped
        """
        found = Excluded(phones.marks())
        try:
            with streamed(self.hook, self.sql, None, self.log, self.ran) as (names, rows):
                place = self._place(names)
                _go_through(rows, place, PossiblePhones(phones.starts, self.region), found)
        except UnreadableRowError as error:
            raise ExclusionQueryError(f"whom exclude_sql excludes can't be known: {error.where}") from None
        except RejectedError as error:
            raise RejectedError(f"exclude_sql can't be used: {error}") from None
        except Exception as error:  # noqa: BLE001 - of any driver; its words may quote a row
            raise ExclusionQueryError(
                f"whom exclude_sql excludes can't be known, for the query failed ({_words(error)}): nothing is sent "
                "until it can be asked"
            ) from None
        if found.unreadable and self.unreadable == "fail":
            raise UnreadableEntriesError(
                f"exclude_sql gives what is no phone that could be read: {found.unreadable_in_words()}. Whoever is "
                "meant would be called, so nothing is sent. Correct them, or leave them out in the query; or give "
                "phone_region if they are national numbers of a country that the list doesn't call; or set "
                "exclude_unreadable='skip' to go on without them, and clear the task"
            )
        return found

    def _place(self, names: Sequence[str]) -> int:
        """Where the phones stand among the columns.

        :raises RejectedError: if that can't be told
        """
        if len(names) == 1:
            return 0
        for wanted in (self.column, "phone"):
            exact = [place for place, name in enumerate(names) if name == wanted]
            found = exact or [place for place, name in enumerate(names) if name.casefold() == wanted.casefold()]
            if len(found) == 1:
                return found[0]
        raise RejectedError(
            f"it gives the columns {', '.join(map(repr, names))}, and none of them is surely the phones: "
            f"select one column, or name it {self.column!r}, with AS"
        )


def _go_through(rows: Iterable[Sequence[Any]], place: int, possible: PossiblePhones, found: Excluded) -> None:
    of, mark = possible.of, found.phones.mark
    for number, row in enumerate(rows, 1):
        found.entries = number
        try:
            phones = of(row[place])
        except UnreadablePhoneError as error:
            found.unreadable += 1
            if len(found.shown) < _SHOWN:
                found.shown.append(f"{error}")
            continue
        if phones:
            mark(phones)
        else:
            found.empty += 1


def _words(error: Exception) -> str:
    """What an error of a driver says, if it names no values; else its kind, and the database's own number of it."""
    kind, state = type(error).__name__, database_drivers.state_of(error)
    told = f"{error}".strip().partition("\n")[0][:300]
    driver = type(error).__module__.partition(".")[0]
    # Without a state it is one of SQLite's, or of a connection that PostgreSQL's driver couldn't make.
    stateless = kind == "OperationalError" and driver in ("sqlite3", "psycopg", "psycopg2") and not state
    if state.startswith(_OF_STATEMENTS) or stateless:
        return f"{kind}: {told}"
    number = next((one for one in islice(error.args, 1) if isinstance(one, int)), "")
    return " ".join(filter(None, (kind, state, f"{number}")))
