"""Until when a call can be dialled: by its finish, and by the days and times that are allowed where the person is."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from math import inf
from zoneinfo import ZoneInfo

import pytest

from aimylogic_provider.calls_api.calls.dialling_end import LEAST, Times, dialled_until
from aimylogic_provider.calls_api.calls.policy import WEEKDAYS
from aimylogic_provider.emulator.world.dialling.calling_hours import Hours

MOSCOW, YEKATERINBURG = "Europe/Moscow", "Asia/Yekaterinburg"
DAILY: Times = (("default", (("09:00", "20:00"),)),)
NOWHERE = "999"


def until(
    finish: str,
    *,
    start: str | None = None,
    days: tuple[str, ...] = (),
    times: Times = (),
    zone: str | None = "Z",
    phone: str = "79123456789",
) -> str:
    """Until when, as text of the day and time in UTC; a Monday is the 5th of January 2026."""
    found = dialled_until(start, f"2026-01-{finish}:00+00:00", days, times, zone, phone)
    return "never" if found == -inf else datetime.fromtimestamp(found, UTC).strftime("%d %H:%M:%S")


def test_a_finish_alone_leaves_the_time_up_to_a_minute_before() -> None:
    assert until("05T12:00") == "05 11:59:00"


@pytest.mark.parametrize(
    ("finish", "zone", "then"),
    [
        ("05T12:00", "Z", "05 11:59:00"),
        ("05T21:00", "Z", "05 19:59:00"),
        ("05T08:00", "Z", "04 19:59:00"),
        ("05T09:00", "Z", "04 19:59:00"),
        ("05T21:00", MOSCOW, "05 16:59:00"),
        ("05T21:00", "-03:00", "05 20:59:00"),
        ("05T21:00", "+03:30", "05 16:29:00"),
    ],
)
def test_allowed_hours_are_those_of_the_persons_zone(finish: str, zone: str, then: str) -> None:
    assert until(finish, times=DAILY, zone=zone) == then


def test_allowed_days_count_from_midnight_to_midnight_there() -> None:
    assert until("07T12:00", days=("sat",)) == "03 23:59:00"
    assert until("07T12:00", days=("sat",), zone="+03:00") == "03 20:59:00"
    assert until("07T12:00", days=("mon", "sat"), times=DAILY) == "05 19:59:00"


def test_a_day_that_is_not_named_is_allowed_whole_unless_there_is_a_default() -> None:
    assert until("06T12:00", times=(("mon", (("09:00", "10:00"),)),)) == "06 11:59:00"
    assert until("06T12:00", days=("mon",), times=(("mon", (("09:00", "10:00"),)),)) == "05 09:59:00"


@pytest.mark.parametrize(
    ("more", "then"),
    [
        ({"start": "2026-01-05T00:00:00+00:00", "days": ("sat",)}, "never"),
        ({"start": "2026-01-05T11:59:01+00:00"}, "never"),
        ({"start": "2026-01-05T11:59:00+00:00"}, "05 11:59:00"),
        ({"start": "2026-01-04T19:59:30+00:00", "times": DAILY, "finish": "05T09:00"}, "never"),
    ],
)
def test_less_than_a_minute_after_start_is_nothing(more: dict[str, object], then: str) -> None:
    assert until(**{"finish": "05T12:00", **more}) == then  # type: ignore[arg-type]


def test_without_a_named_zone_that_of_the_number_counts_and_of_several_the_latest() -> None:
    assert until("05T23:00", times=DAILY, zone=None) == "05 16:59:00"
    assert until("05T23:00", times=DAILY, zone=None, phone="447911123456") == "05 19:59:00"


def test_where_no_zone_is_known_any_may_be_meant() -> None:
    assert until("05T23:00", times=DAILY, zone=None, phone=NOWHERE) == "05 22:59:00"


@pytest.mark.parametrize("zone", [MOSCOW, YEKATERINBURG, "America/New_York", "Pacific/Apia", "+05:45", "Z"])
def test_whatever_the_policy_it_is_the_last_moment_at_which_the_emulator_would_still_dial(zone: str) -> None:
    """Which looks forward, by code of its own: at that moment calls are allowed, and a minute later no more."""
    chance = random.Random(zone)
    for _ in range(200):
        days = tuple(day for day in WEEKDAYS if chance.random() < 0.4)
        opens = chance.randrange(0, 1300)
        spans = ((opens, opens + chance.randint(1, 100)),)
        texts = tuple((f"{a // 60:02}:{a % 60:02}", f"{b // 60:02}:{b % 60:02}") for a, b in spans)
        finish = datetime(2026, chance.randint(1, 12), chance.randint(1, 28), chance.randrange(24), tzinfo=UTC)
        last = dialled_until(None, finish.isoformat(), days, (("default", texts),), zone, "79123456789")
        offset = {"Z": timedelta(0), "+05:45": timedelta(hours=5, minutes=45)}.get(zone)
        where = ZoneInfo(zone) if offset is None else timezone(offset)
        numbers = tuple(WEEKDAYS.index(day) for day in days) or None
        hours = Hours(numbers, (spans,) * 7, where)
        opening = hours.next_opening(last)
        assert opening == last, "at that moment calls are allowed"
        after = hours.next_opening(last + LEAST)
        assert after is None or after >= finish.timestamp(), "and a minute later they are over until the finish"
