"""Whom a query excludes while a list is frozen: his rows are set aside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from aimylogic_provider.call_list.exclusion.excluded_phones import Excluded, ExclusionQuery
from aimylogic_provider.call_list.exclusion.phone_set import PhoneSet
from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind

__all__ = ["ExcludedRule", "tell"]

_REASON = "excluded: its phone stood on the exclusion list when the list was frozen"


class ExcludedRule:
    """Marks whose phone a query gives.

    :param query: that gives them
    """

    kind: SparedKind = "excluded"

    def __init__(self, query: ExclusionQuery) -> None:
        self._query = query
        self.phones: PhoneSet | None = None
        """Those of the list, once they were looked for."""

    @property
    def starts(self) -> Collection[str]:
        """The first three digits of those."""
        return () if self.phones is None else self.phones.starts

    def marked_phones(self, phones: Callable[[], Iterable[int]]) -> Marked:
        """Ask the database, and mark whom it gives.

        :raises CallListError: if that can't be known
        :raises RejectedError: if the query can't be used
        """
        self.phones = PhoneSet(phones())
        if not len(self.phones):
            return Marked(b"", ())
        excluded = self._query.excluded(self.phones)
        tell(self._query, excluded, len(self.phones))
        if not len(excluded.phones):
            return Marked(b"", ())
        return Marked(bytearray(phone in excluded.phones for phone in phones()), (_REASON,))


def tell(query: ExclusionQuery, excluded: Excluded, phones: int) -> None:
    """Tell in the log what a query gave."""
    log, hit = query.log, f"{len(excluded.phones):,} of the {phones:,} phones of this list are excluded"
    if not excluded.entries:
        log.warning("exclude_sql gives no rows: nobody is excluded.")
    elif excluded.unreadable:
        log.warning(
            "exclude_sql gives %s: %s. What can't be read excludes nobody: %s.", excluded.in_words(), hit,
            ", ".join(excluded.shown),
        )  # fmt: skip
    elif excluded.empty == excluded.entries:
        log.warning("exclude_sql gives %s, and so no phone: %s.", excluded.in_words(), hit)
    elif 2 * len(excluded.phones) > phones:
        # Likelier a query of all customers than of those who said no; and yet it may be meant.
        log.warning(
            "exclude_sql gives %s: %s. That is most of them: is exclude_sql meant to give them?",
            excluded.in_words(),
            hit,
        )
    else:
        log.info("exclude_sql gives %s: %s.", excluded.in_words(), hit)
