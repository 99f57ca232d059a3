"""Who a row is, of a query and of what is open: by key columns, or by the phone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.open_jobs.key_digests import key_digest
from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.phones.phone import PhoneRules

__all__ = ["PeopleBy", "places_of"]


@dataclass(frozen=True, slots=True)
class PeopleBy:
    """What tells people apart.

    :param columns: of the query: key columns, or the one that has the phone
    :param rules: how phones are read; None if it is by key columns
    """

    columns: Sequence[str]
    rules: PhoneRules | None = None

    @property
    def columns_of_rows(self) -> Sequence[str]:
        """The columns of a results table that tell the same."""
        return self.columns if self.rules is None else ("phone",)

    def selecting(self, starts: Iterable[str]) -> Callable[[Sequence[Any]], Collection[bytes]]:
        """What takes from a query's values the digests of those who may be meant; of none if nothing tells who.

        A phone is read generously: whoever may be meant is kept. It raises RejectedError if a phone can't be read.

        :param starts: the first three digits of the phones that are called
        """
        if (rules := self.rules) is None:
            return lambda values: [] if (digest := key_digest(values)) is None else [digest]
        from aimylogic_provider.calls_api.phones.possible_phones import PossiblePhones

        possible = PossiblePhones(starts, rules.region)

        def phones(values: Sequence[Any]) -> Collection[bytes]:
            if values[0] is None or values[0] == "":
                return []
            if not (found := possible.of(values[0])):
                raise RejectedError("text without a digit")
            return [digest for one in found if (digest := key_digest([str(one)])) is not None]

        return phones

    def of_row(self, values: Sequence[Any]) -> bytes | None:
        """The digest of a row's person; None if nothing tells who that is.

        :param values: of the results table, or of a list's file
        :raises RejectedError: if phones are masked there
        """
        if self.rules is not None and values[0] is not None and "*" in values[0]:
            raise RejectedError(
                f"phone_column can't be used with this results_table, for phones are masked in it, as in {values[0]}: "
                "several people may have the same. Give key_columns in its place; or give call_list without "
                "results_table, for the files of a list have its phones; or have a table of another name written with "
                "results_phones='full'"
            )
        return key_digest(values)


def places_of(columns: Sequence[str], names: Sequence[str], argument: str) -> Callable[[Sequence[Any]], list[Any]]:
    """What takes the values of some columns from a query's row.

    :param names: the query's columns, in their order
    :param argument: that names the columns, for errors
    :raises RejectedError: if one is missing, or there twice
    """
    places = []
    for column in columns:
        found = [place for place, name in enumerate(names) if name == column] or [
            place for place, name in enumerate(names) if name.casefold() == column.casefold()
        ]
        if len(found) != 1:
            what = "no column" if not found else "several columns"
            raise RejectedError(
                f"{argument}: the query has {what} {column!r}; it gives {', '.join(map(repr, names))}: select it, once"
            )
        places += found
    return lambda row: [row[place] for place in places]
