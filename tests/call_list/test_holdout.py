"""A holdout: the same people each time, and about as many as were asked for."""

from __future__ import annotations

import pytest

from aimylogic_provider.call_list.exclusion.holdout import Holdout

PHONES = [str(79000000000 + number * 7) for number in range(100_000)]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
def test_the_share_is_what_was_asked_for(share: float) -> None:
    held_out = sum(map(Holdout(share).holds_out, PHONES))
    assert abs(held_out - share * len(PHONES)) < 5 * (share * (1 - share) * len(PHONES)) ** 0.5


def test_a_larger_share_holds_out_the_same_people_and_more() -> None:
    less, more = Holdout(0.05, "spring"), Holdout(0.1, "spring")
    few = {phone for phone in PHONES[:20_000] if less.holds_out(phone)}
    assert few < {phone for phone in PHONES[:20_000] if more.holds_out(phone)}


def test_another_salt_holds_out_others() -> None:
    one, other = ({phone for phone in PHONES[:20_000] if Holdout(0.1, salt).holds_out(phone)} for salt in ("a", "b"))
    assert len(one & other) < 0.03 * 20_000


def test_it_stays_the_same_people_for_ever() -> None:
    """By whatever version: whoever changes the recipe ends measurements that are under way."""
    assert [phone for phone in PHONES[:60] if Holdout(0.1, "spring").holds_out(phone)] == HELD_OUT


HELD_OUT = ["79000000000", "79000000077", "79000000217", "79000000329", "79000000336"]


def test_rows_of_one_phone_are_held_out_alike() -> None:
    phone = next(int(phone) for phone in PHONES if Holdout(0.05).holds_out(phone))
    marked = Holdout(0.05).marked_phones(lambda: [phone, phone])
    assert list(marked.marks) == [1, 1]
    assert "holdout=0.05" in marked.reasons[0]
