"""What a row of a query is claimed by: its key columns; and where those tell nobody apart, the phone besides.

Digests stand for both, of DAG and task too.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from aimylogic_provider.idempotence.keys import begun_digest, digest_after

__all__ = ["NO_KEYS", "Person", "RowKey", "RowKeys", "key_names", "person_of"]

NO_KEYS = "-"
"""What stands for the names of no key columns."""
_PARTITIONS = 64
"""Keys are compared in so many parts, so that only one of them needs its hash table at a time."""


class Person(NamedTuple):
    """Who a row of a query is.

    :param row: its number
    :param keys: its key columns
    """

    row: int
    keys: Mapping[str, object]
    phone: str


def person_of(row: int, kept: Mapping[str, object], phone: str, consent: str) -> Person:
    """Who a row is, by what is kept beside its call, but for what tells of consent: that may change.

    :param consent: the column in which that stands; empty for none
    """
    keys = {name: value for name, value in kept.items() if name != consent} if consent else kept
    return Person(row, keys, phone)


class RowKey(NamedTuple):
    """What a row may be claimed by.

    :param by_keys: its key columns; empty if one of them says nothing, or there are none
    :param by_both: those and the phone
    :param by_phone: the phone alone
    """

    by_keys: str
    by_both: str
    by_phone: str


def key_names(keys: Mapping[str, object]) -> str:
    """The names of key columns, as lists are compared by them."""
    return ",".join(sorted(name.casefold() for name in keys)) or NO_KEYS


class RowKeys:
    """What the rows of a task's queries are claimed by."""

    def __init__(self, dag_id: str, task_id: str) -> None:
        self._begun = begun_digest("claim", dag_id, task_id)

    def of(self, people: Iterable[Person]) -> Iterator[RowKey]:
        """The keys of some people, in their order."""
        from aimylogic_provider.call_list.tables.results_table import key_as_text

        for _, keys, phone in people:
            told = sorted((name.casefold(), key_as_text(value) or "") for name, value in keys.items())
            whole = told and all(value for _, value in told)
            fields = [one for pair in told for one in pair]
            yield RowKey(
                digest_after(self._begun, *fields).hex() if whole else "",
                digest_after(self._begun, *fields, phone).hex(),
                digest_after(self._begun, "phone alone", phone).hex(),
            )

    def of_groups(self, people: Callable[[], Iterable[Person]]) -> set[str]:
        """The keys that several phones of a list have: they name no person, but a group, as a region does."""
        keys = [array("Q") for _ in range(_PARTITIONS)]
        phones = [array("Q") for _ in range(_PARTITIONS)]
        for key in self.of(people()):
            if key.by_keys:
                number = _number(key.by_keys)
                keys[number % _PARTITIONS].append(number)
                phones[number % _PARTITIONS].append(_number(key.by_phone))
        found = {number for part in zip(keys, phones, strict=True) for number in _repeated(*part)}
        return (
            {key.by_keys for key in self.of(people()) if key.by_keys and _number(key.by_keys) in found}
            if found
            else set()
        )


def _number(digest: str) -> int:
    return int(digest[:16], 16)


def _repeated(keys: Iterable[int], phones: Iterable[int]) -> Iterator[int]:
    first: dict[int, int] = {}
    for key, phone in zip(keys, phones, strict=True):
        if first.setdefault(key, phone) != phone:
            yield key
