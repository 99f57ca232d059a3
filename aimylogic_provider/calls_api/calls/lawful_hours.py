"""Hours in which laws let people be called, by name, each with its source and date: values, never on by themselves.

They are no legal advice. Which law holds for a call, what it asks besides, and whether its text has changed since, is
for whoever has people called to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

__all__ = ["LAWFUL_HOURS", "LawfulHours", "lawful_hours"]

Pairs = tuple[tuple[str, str], ...]


class LawfulHours(NamedTuple):
    """Hours in which a law lets people be called, by the clock of whoever is called.

    :param times: for each weekday the pairs of local times, as in ``{"mon": (("08:00", "22:00"),)}``
    :param source: the law, and its place in it
    :param as_of: of which day its text was
    :param unknown: what the hours depend on besides, and can't know
    """

    times: Mapping[str, Pairs]
    source: str
    as_of: date
    unknown: str


def _week(weekdays: tuple[str, str], weekends: tuple[str, str]) -> dict[str, Pairs]:
    return {
        **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (weekdays,)),
        **dict.fromkeys(("sat", "sun"), (weekends,)),
    }


_US_DAY = ("08:00", "21:00")
_NO_STATES = (
    "the laws of single states, some of which are narrower; and which times a person said don't suit, or agreed to"
)
_NO_AGREEMENTS = "and what was agreed with a person apart"
_RU_SOURCE = (
    "Russia, Federal Law No. 230-FZ of 3 July 2016 (overdue debts of natural persons), article 7, part 3, item 1: not "
    "from 22:00 to 8:00 on working days, nor from 20:00 to 9:00 on days off and public holidays"
)
_RU_AS_OF = date(2024, 2, 1)

LAWFUL_HOURS: Mapping[str, LawfulHours] = {
    "RU 230-FZ": LawfulHours(
        _week(("08:00", "22:00"), ("09:00", "20:00")),
        _RU_SOURCE,
        _RU_AS_OF,
        "public holidays, and days off that are moved, which fall on a Monday to Friday: 'RU 230-FZ any day' keeps to "
        f"the hours of days off then; {_NO_AGREEMENTS}",
    ),
    "RU 230-FZ any day": LawfulHours(
        _week(("09:00", "20:00"), ("09:00", "20:00")),
        f"{_RU_SOURCE}. The hours of days off, on every day",
        _RU_AS_OF,
        f"nothing of holidays, for these hours are allowed on any day; {_NO_AGREEMENTS}",
    ),
    "US TCPA": LawfulHours(
        _week(_US_DAY, _US_DAY),
        "United States, 47 CFR 64.1200(c)(1) (telephone solicitations): not before 8 a.m. or after 9 p.m.",
        date(2025, 1, 1),
        _NO_STATES,
    ),
    "US TSR": LawfulHours(
        _week(_US_DAY, _US_DAY),
        "United States, 16 CFR 310.4(c) (Telemarketing Sales Rule): not before 8 a.m. or after 9 p.m.",
        date(2025, 1, 1),
        _NO_STATES,
    ),
    "US Regulation F": LawfulHours(
        _week(_US_DAY, _US_DAY),
        "United States, 12 CFR 1006.6(b)(1) and 15 USC 1692c(a)(1) (debt collection): before 8 a.m. and after 9 p.m. "
        "count as inconvenient",
        date(2025, 1, 1),
        _NO_STATES,
    ),
}
"""By the name that ``allowed_time`` takes."""


def lawful_hours(name: str) -> LawfulHours | None:
    """Return the hours that go by a name, in capitals or not; None if none do."""
    plain = _plain(name)
    return next((hours for known, hours in LAWFUL_HOURS.items() if _plain(known) == plain), None)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
