"""Hours without a server: the first moment at which they are open, compared with a look at the clock each minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimylogic_provider.emulator.world.dialling.calling_hours import Hours

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata", "UTC")
SPANS = st.lists(st.integers(0, 1440), min_size=2, max_size=4, unique=True).map(
    lambda minutes: tuple(zip(sorted(minutes)[::2], sorted(minutes)[1::2], strict=False))
)
# Days around the changes of the clocks, on both sides of the globe, and of Havana, whose clocks change at midnight.
DAYS = st.sampled_from([(2030, 3, 9), (2030, 3, 30), (2030, 4, 6), (2030, 10, 5), (2030, 10, 26), (2030, 11, 2)])


def naive(hours: Hours, moment: float, minutes: int) -> float | None:
    """Look at the clock on the wall, minute by minute."""
    for step in range(minutes):
        candidate = moment if step == 0 else moment // 60 * 60 + 60 * step
        shown = datetime.fromtimestamp(candidate, hours.zone)
        if hours.days is not None and shown.weekday() not in hours.days:
            continue
        spans = hours.times[shown.weekday()] if hours.times else None
        if spans is None or any(a <= shown.hour * 60 + shown.minute < b for a, b in spans):
            return candidate
    return None


@settings(max_examples=150)
@given(
    zone=st.sampled_from(ZONES),
    day=DAYS,
    spans=SPANS,
    days=st.none() | st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    minute=st.integers(0, 2880),
    second=st.floats(0, 59.9),
)
@example(zone="America/New_York", day=(2030, 11, 2), spans=((90, 180),), days=None, minute=1500, second=0.0)
@example(zone="America/New_York", day=(2030, 3, 9), spans=((60, 150),), days=None, minute=1620, second=0.0)
@example(zone="America/New_York", day=(2030, 3, 9), spans=((135, 165),), days=(6,), minute=0, second=0.0)
def test_they_open_when_the_clock_on_the_wall_says_so(
    zone: str,
    day: tuple[int, int, int],
    spans: tuple[tuple[int, int], ...],
    days: tuple[int, ...] | None,
    minute: int,
    second: float,
) -> None:
    hours = Hours(days, (spans,) * 7, ZoneInfo(zone))
    moment = datetime(*day, tzinfo=UTC).timestamp() + minute * 60 + second
    expected = naive(hours, moment, 8 * 1440)
    if expected is not None:
        assert hours.next_opening(moment) == expected


def test_a_time_that_the_clock_leaps_over_waits_for_the_next_week() -> None:
    hours = Hours((6,), (((135, 165),),) * 7, ZoneInfo("America/New_York"))
    sunday = datetime(2030, 3, 10, 1, tzinfo=ZoneInfo("America/New_York"))
    opening = hours.next_opening(sunday.timestamp())
    assert opening == (sunday + timedelta(days=7)).replace(hour=2, minute=15).timestamp()


@pytest.mark.parametrize("moment", [253402300000.0, 1e18])
def test_after_the_last_day_of_the_calendar_they_never_open(moment: float) -> None:
    assert Hours((0,), None, UTC).next_opening(moment) is None
