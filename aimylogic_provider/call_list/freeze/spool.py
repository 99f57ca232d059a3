"""Calls between their two readings: in a temporary file, in the order of rows, and which of them share a phone.

They are told with their full phones, so the files have no names: nothing of them stays, even if the worker is killed.

Nothing here lasts; what is kept of a list is written by ``list_files``.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import NamedTuple, Self

from aimylogic_provider.call_list.store.stored_call import (
    CallLine,
    PhoneAndPayload,
    decode_line,
    decode_phone_and_payload,
    encode_line,
)
from aimylogic_provider.call_list.tables.row_keys import Person, person_of

__all__ = ["Spool", "SpooledCall", "Spools"]

_PARTITIONS = 64
"""Phones are compared in so many parts, so that only one of them needs its hash table at a time."""


class SpooledCall(NamedTuple):
    """A call.

    :param line: of the file of its batch, with the line's end
    :param phone: as a number
    :param turn: how many calls of that phone with other payloads come before it
    :param double_of: the row whose call it repeats, or None
    :param first: the row of the phone's first call, if this one isn't that
    """

    line: bytes
    phone: int
    turn: int = 0
    double_of: int | None = None
    first: int | None = None


class Spools(ExitStack):
    """Spools, as a context manager; nothing is left of what they hold.

    :param consent: as of :class:`Spool`
    """

    def __init__(self, consent: str = "") -> None:
        super().__init__()
        self._consent = consent

    def fresh(self) -> Spool:
        """Return an empty one."""
        return self.enter_context(Spool(self._consent))


class Spool:
    """Calls between their two readings, as a context manager; nothing is left of them.

    :param consent: which of the key columns doesn't tell who a row is; empty for none
    """

    def __init__(self, consent: str = "") -> None:
        self._consent = consent

    def __enter__(self) -> Self:
        self._file = TemporaryFile(buffering=1 << 20)  # for the owner alone, and of no name
        self._phones = [array("Q") for _ in range(_PARTITIONS)]
        self._parts = bytearray()
        self._lengths = array("L")
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def add(self, row: int, phone: str, call: bytes, keys: bytes) -> None:
        """Add a call, and the key columns of its row, as JSON."""
        self._add(int(phone), encode_line(row, keys, call))

    def _add(self, number: int, line: bytes) -> None:
        part = number % _PARTITIONS
        self._phones[part].append(number)
        self._parts.append(part)
        self._lengths.append(len(line))
        self._file.write(line)

    def phones(self) -> Iterator[int]:
        """The phones of all calls, in the order of rows."""
        parts = [iter(part) for part in self._phones]
        return (next(parts[part]) for part in self._parts)

    def people(self) -> Iterator[Person]:
        """Who all calls are for, in the order of rows."""
        for line, phone, _ in self._read():
            told = decode_line(line)
            yield person_of(told.row, told.keys, str(phone), self._consent)

    def part(self, marks: Sequence[int], kept: Spool, aside: Callable[[CallLine, int], object]) -> None:
        """Part the calls: those with a mark go to *aside*, with it, and the others are kept in another spool."""
        for mark, (line, phone, _) in zip(marks, self._read(), strict=True):
            if mark:
                aside(decode_line(line), mark)
            else:
                kept._add(phone, line)

    def end(self) -> bool:
        """All calls were added. Return whether each phone occurs once."""
        self._again = self._repeated()
        return not self._again

    def runs(self, most: int, most_bytes: int, first: int | None = None) -> Iterator[tuple[int, bytes]]:
        """How many calls, and their lines, in the order of rows: as many at a time as the limits allow.

        A line is longer than what is sent of it.

        :param first: after so many calls one ends, whatever the limits allow
        """
        self._file.seek(0)
        calls = size = 0
        for number, length in enumerate(self._lengths):
            if calls and (calls >= most or size + length > most_bytes or number == first):
                yield calls, self._file.read(size)
                calls = size = 0
            calls += 1
            size += length
        if calls:
            yield calls, self._file.read(size)

    def calls(self) -> Iterator[SpooledCall]:
        """All calls, in the order of rows; of the same phone and payload, the later ones are doubles of the first."""
        with closing(self._compared(self._again)) as database:
            again = database.execute("select number, turn, double_of, first from again order by number")
            next_again, *told = next(again, (-1, 0, None, None))
            for number, (line, phone, _) in enumerate(self._read()):
                if number == next_again:
                    yield SpooledCall(line, phone, *told)
                    next_again, *told = next(again, (-1, 0, None, None))
                else:
                    yield SpooledCall(line, phone)

    def _read(self) -> Iterator[tuple[bytes, int, PhoneAndPayload]]:
        self._file.seek(0)
        for line in self._file:
            call = decode_phone_and_payload(decode_line(line).call)
            yield line, int(call.phone), call

    def _repeated(self) -> set[int]:
        """The phones that occur more than once."""
        repeated: set[int] = set()
        for phones in self._phones:
            if len(set(phones)) < len(phones):
                seen: set[int] = set()
                for phone in phones:
                    (repeated if phone in seen else seen).add(phone)
        return repeated

    def _compared(self, repeated: set[int]) -> sqlite3.Connection:
        """A database that tells which calls of those phones are doubles, and which are of a later turn."""
        database = sqlite3.connect("", isolation_level=None)  # a temporary file, of no name either
        database.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma temp_store = file;"
            "create table call(number integer primary key, row integer, payload blob, phone integer);"
            "create table again(number integer primary key, turn integer, double_of integer, first integer); begin"
        )
        database.executemany(
            "insert into call values (?, ?, ?, ?)",
            (
                (number, decode_line(line).row, blake2b(call.payload, digest_size=16).digest(), phone)
                for number, (line, phone, call) in enumerate(self._read())
                if phone in repeated
            ),
        )
        current, known = None, dict[bytes, tuple[int, int]]()  # the row and the turn of each payload
        for number, row, payload, phone in database.execute("select * from call order by phone, number"):
            if phone != current:
                current, known, first = phone, {}, row
            if payload in known:
                double_of, turn = known[payload]
                database.execute("insert into again values (?, ?, ?, ?)", (number, turn, double_of, first))
                continue
            if known:
                database.execute("insert into again values (?, ?, null, ?)", (number, len(known), first))
            known[payload] = row, len(known)
        return database
