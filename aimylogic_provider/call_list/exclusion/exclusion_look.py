"""The exclusion list, looked at again right before calls are sent: who said no since the list was frozen isn't called.

A long list takes seconds to read. So batches that are sent at the same time share a look; and what a look told is gone
by for twenty times the time that it took itself, and ten seconds at most: so that of a list that is read within half a
second no more than a twentieth of all time is spent looking, and nothing that is gone by is older than the time that
the query takes and ten seconds more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from aimylogic_provider.call_list.exclusion.excluded_phones import ExclusionQuery
from aimylogic_provider.call_list.exclusion.excluded_rule import tell
from aimylogic_provider.call_list.exclusion.phone_set import PhoneMarks, PhoneSet
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.last_look import Barred
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.server_time import Clock, Reading

__all__ = ["ExclusionLook"]

_GONE_BY = 20
"""How many times as long as it took, a look is gone by."""
_LONGEST = 10.0
"""Seconds that a look is gone by, at most, however long it took."""
_BARRED = Barred("excluded", "excluded: its phone stood on the exclusion list right before it was to be sent")


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen.

    :param began: when, by the worker's clocks
    :param ended: and until when it took
    """

    phones: PhoneMarks
    began: Reading
    ended: Reading


class ExclusionLook:
    """Looks at the exclusion list.

    :param query: that gives it
    :param phones: gives the phones that are to be called; asked once, in a thread
    """

    def __init__(self, query: ExclusionQuery, phones: Callable[[], PhoneSet], clock: Clock) -> None:
        self._query = query
        self._all_phones = phones
        self._phones: PhoneSet | None = None
        self._clock = clock
        self._most_entries = 0
        self._known: _Look | None = None
        self._looking: asyncio.Task[None] | None = None

    async def barred(self, under_way: BatchUnderWay, places: Sequence[int]) -> Mapping[int, Barred]:
        """Tell which calls are for somebody who is excluded by now.

        :raises NotAddedError: if it can't be known
        """
        excluded = await self._excluded()
        return {place: _BARRED for place in places if int(under_way.phone(place)) in excluded}

    async def left(self, under_way: BatchUnderWay) -> None:
        """Nothing is held of a batch."""

    async def _excluded(self) -> PhoneMarks:
        """The phones that are excluded now, as a look tells that began since, or that may be gone by."""
        asked = self._clock.monotonic()
        while not self._holds(asked):
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            await asyncio.shield(self._looking)  # whoever is ended ends it for nobody else
        assert self._known is not None
        return self._known.phones

    def _holds(self, asked: float) -> bool:
        known = self._known
        if known is None:
            return False
        gone_by = min(_GONE_BY * (known.ended.monotonic - known.began.monotonic), _LONGEST)
        # By both clocks, for one of them stands still in a suspended machine.
        return known.began.monotonic >= asked or known.ended.is_within(gone_by, self._clock)

    async def _look(self) -> None:
        try:
            began = Reading.of(self._clock)
            phones = await in_thread(self._ask)
            self._known = _Look(phones, began, Reading.of(self._clock))
        finally:
            self._looking = None

    def _ask(self) -> PhoneMarks:
        """Ask the database by a connection of its own: one that was open before might show what was there before.

        :raises NotAddedError: if that fails
        """
        is_first = self._phones is None
        if self._phones is None:
            self._phones = self._all_phones()
        query = self._query if is_first else replace(self._query, ran=lambda sql, cursor, rows: None)
        try:
            excluded = query.excluded(self._phones)
        except (CallListError, RejectedError) as error:
            retryable = isinstance(error, CallListError) and error.retryable
            raise NotAddedError(f"{error}. What was to be sent since isn't", retryable=retryable) from None
        if is_first:
            tell(query, excluded, len(self._phones))
        if 2 * excluded.entries < self._most_entries:
            query.log.warning(
                "exclude_sql gives %s by now, and gave %s before: whoever it doesn't give any more is called. If its "
                "table is being filled anew, have that done in one transaction.",
                excluded.in_words(), f"{self._most_entries:,}",
            )  # fmt: skip
            self._most_entries = 0
        self._most_entries = max(self._most_entries, excluded.entries)
        return excluded.phones


async def in_thread(act: Callable[[], PhoneMarks]) -> PhoneMarks:
    """Do something in a thread that nothing waits for if the task is ended: a query may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[PhoneMarks] = loop.create_future()

    def tell_loop(tell: Callable[[Any], None], what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed, for the task was ended meanwhile
            loop.call_soon_threadsafe(lambda: None if done.done() else tell(what))

    def run() -> None:
        try:
            tell_loop(done.set_result, act())
        except Exception as error:  # noqa: BLE001 - handed on
            tell_loop(done.set_exception, error)

    threading.Thread(target=run, name="aimylogic-exclusion", daemon=True).start()
    return await done
