"""The phones of a list, packed, and which of them are marked."""

from __future__ import annotations

import random
import tracemalloc

from aimylogic_provider.call_list.exclusion.phone_set import PhoneSet


def test_only_phones_of_the_set_are_marked() -> None:
    phones = PhoneSet([79123456789, 380671234567, 79123456789])
    marks = phones.marks()
    marks.mark([79123456789, 79123456788, 1])
    assert (len(phones), len(marks)) == (2, 1)
    assert 79123456789 in marks
    assert 380671234567 not in marks
    assert 79123456788 not in marks
    assert phones.starts == {"791", "380"}
    assert len(phones.marks()) == 0, "each look has marks of its own"


def test_against_a_set_of_pythons_own() -> None:
    chosen = random.Random(1)
    phones = [79000000000 + chosen.randrange(20_000) for _ in range(5000)]
    marked = [79000000000 + chosen.randrange(20_000) for _ in range(5000)]
    marks = PhoneSet(phones).marks()
    marks.mark(marked)
    assert {one for one in phones if one in marks} == {*phones} & {*marked}
    assert len(marks) == len({*phones} & {*marked})


def test_it_takes_nine_bytes_a_phone() -> None:
    tracemalloc.start()
    phones = PhoneSet(79000000000 + number for number in range(20_000))
    marks = phones.marks()
    taken, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(phones) == 20_000
    assert len(marks) == 0
    assert taken < 20_000 * 11
    assert peak < 20_000 * 20
