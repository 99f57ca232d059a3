"""Caps as they are held: a look at whoever is capped by now when a list is frozen, and the claim before each request.

The look makes counts, questions and brakes honest; what binds is the claim.
"""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.call_list.persons.person_calls import PersonCalls, Wanted
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.last_look import Barred
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.stored_call import CallLine
from aimylogic_provider.call_list.tables.row_keys import Person
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.ports import Log

__all__ = ["CappedPeople", "PersonClaiming", "is_keyless"]


def is_keyless(keys: Mapping[str, Any], consent: str = "") -> bool:
    """Whether the key columns of a row don't tell who it is: one of them says nothing, or there are none.

    :param consent: the column among them that doesn't tell that in any case
    """
    telling = [value for name, value in keys.items() if name != consent]
    return not telling or any(value is None or value == "" for value in telling)


class CappedPeople:
    """A :class:`.FreezeRule`: who is capped as of now.

    :param open: opens the calls that are looked at, or returns None if they are left to the claim; called only if a cap
        holds for somebody
    :param keyed: whether there are caps for rows whose keys tell who they are
    :param consent: as :func:`is_keyless` takes it
    """

    kind: SparedKind = "capped"

    def __init__(self, open: Callable[[], PersonCalls | None], *, keyed: bool, consent: str = "") -> None:
        self._open = open
        self._keyed = keyed
        self._consent = consent

    def marked(self, people: Callable[[], Iterable[Person]]) -> Marked:
        """Mark who is capped.

        :raises CallListError: if the database fails
        """
        marks, numbers = array("L"), dict[str, int]()
        of_cap = (self._keyed or is_keyless(one.keys, self._consent) for one in people())
        calls = self._open() if any(of_cap) else None
        if calls is None:
            return Marked(array("L", (0 for _ in people())), ())
        wanted = (Wanted(one.row, one.phone, is_keyless(one.keys, self._consent)) for one in people())
        for reason in calls.look(wanted):
            marks.append(numbers.setdefault(reason, len(numbers) + 1) if reason else 0)
        return Marked(marks, [*numbers])


class PersonClaiming:
    """A :class:`.LastLook`: claims the calls of a request, and bars those that a cap forbids.

    :param open: opens the tables
    :param keyed: whether there are caps for rows whose keys tell who they are
    :param consent: as :func:`is_keyless` takes it
    """

    def __init__(self, open: Callable[[], PersonCalls], *, keyed: bool, consent: str, log: Log) -> None:
        self._open = open
        self._keyed = keyed
        self._consent = consent
        self._log = log
        self._calls: PersonCalls | None = None
        self._opening = threading.Lock()
        self._granted: dict[str, set[int]] = {}
        """The rows that this try has claimed, of the batches that it isn't done with."""

    def close(self) -> None:
        """Close the connections."""
        if self._calls is not None:
            self._calls.close()

    def opened(self) -> PersonCalls:
        """The tables.

        :raises CallListError: if they can't be used
        """
        with self._opening:
            if self._calls is None:
                self._calls = self._open()
            return self._calls

    async def barred(self, under_way: BatchUnderWay, places: Sequence[int]) -> Mapping[int, Barred]:
        """Claim calls; return which of them may not be made.

        :raises NotAddedError: if it can't be known
        """
        granted = self._granted.setdefault(under_way.batch.name, set())
        wanted = {place: self._wanted(under_way.lines[place]) for place in places if place not in granted}
        wanted = {place: one for place, one in wanted.items() if self._keyed or one.keyless}
        if not wanted:
            return {}
        try:
            reasons = await asyncio.to_thread(self._claim, [*wanted.values()])
        except CallListError as error:
            raise NotAddedError(f"{error}", retryable=error.retryable) from None
        granted.update(place for place, one in wanted.items() if one.row not in reasons)
        return {place: Barred("capped", reasons[one.row]) for place, one in wanted.items() if one.row in reasons}

    async def left(self, under_way: BatchUnderWay) -> None:
        """Let go of the calls that were settled without a job. What fails here is made good at the list's end."""
        self._granted.pop(under_way.batch.name, None)
        rows = [one.row for one in under_way.outcomes.values() if one.outcome != "created"]
        if self._calls is None or not rows:
            return
        try:
            await asyncio.to_thread(self._calls.let_go, rows)
        except CallListError as error:
            self._log.warning("%s. %d calls that came to no job count until the list's end.", error, len(rows))

    def _wanted(self, line: CallLine) -> Wanted:
        return Wanted(line.row, line.phone, is_keyless(line.keys, self._consent))

    def _claim(self, wanted: Sequence[Wanted]) -> dict[int, str]:
        return self.opened().claim(wanted)
