"""A past that a campaign is given: who was added when, over the last hours, drawn from a seed.

What became of them is the campaign's own to work out, by its rules; nothing of it is made up here. Nobody is real: the
phones are of ranges that their countries keep for films and books.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import cycle, groupby
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from aimylogic_provider.emulator.world.calls_to_add import WantedCall
from aimylogic_provider.emulator.world.campaign import ServedCampaign
from aimylogic_provider.emulator.world.jobs import Policy
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["LivedDayError", "live_through"]

_HOUR, _SLOT = 3600.0, 600.0
_LATE_SHARE, _LATE_MOST = 0.03, 60
"""Of the calls, those that came just now: some of them are being rung, others wait for a line."""
_LATE = 60.0
_CANCELLED_EVERY = 7
"""One call of every so many lists is cancelled, if it is open an hour later."""
_RHYTHM = {9: 6, 10: 10, 11: 10, 12: 7, 13: 5, 14: 7, 15: 8, 16: 9, 17: 10, 18: 8, 19: 4}
"""How many calls are added in an hour of people's own clock, as weights; none by night."""
_POLICY = Policy(times=(((540, 1200),),) * 7, max_attempts=3, retry_interval=_HOUR)
_NAMES = ("Alex", "Maria", "Boris", "Anna", "Ivan", "Olga", "Sam", "Ruth", "Omar", "Lucy", "Noah", "Mia")


class LivedDayError(ValueError):
    """A campaign that can't be given a past: says why."""


class _Place(NamedTuple):
    """Where people live.

    :param weight: how many do
    :param beginnings: of its numbers for fiction
    :param digits: how many digits follow
    """

    zone: str
    weight: int
    beginnings: tuple[str, ...]
    digits: int


_PLACES = (
    # North America: 555-0100 to 555-0199 of any area.
    _Place("America/New_York", 4, tuple(f"1{area}55501" for area in (202, 212, 305, 404, 617, 646, 704, 813)), 2),
    _Place("America/Chicago", 3, tuple(f"1{area}55501" for area in (312, 504, 512, 612, 713, 816)), 2),
    _Place("America/Los_Angeles", 3, tuple(f"1{area}55501" for area in (206, 213, 415, 503, 619, 702)), 2),
    # The United Kingdom: a thousand of each of some areas, and of mobiles.
    _Place("Europe/London", 7, ("442079460", "447700900", "441214960", "441314960", "441614960", "441632960"), 3),
    # Australia: ten thousand and more of each region; of those, some.
    _Place("Australia/Sydney", 3, ("61255500", "61270101", "61355502", "61370103"), 3),
)  # at any hour, it is day in one of them


class _Added(NamedTuple):
    """A number, and when it is added."""

    at: float
    call: WantedCall


def live_through(campaign: ServedCampaign, now: float, *, jobs: int, hours: float, seed: int) -> None:
    """Have a campaign live through the hours before *now*: lists come in by day, and people are rung.

    :param jobs: how many numbers were added; fewer, where so many would come in ten minutes that they aren't different
    :param seed: what is drawn from; the same one at the same time gives the same past
    :raises LivedDayError: if the campaign isn't running, has jobs already, or takes nobody's number
    """
    if campaign.status != "inProgress":
        raise LivedDayError(f"campaign {campaign.number} is {campaign.status}, and rings nobody: have it run first")
    if campaign.jobs:
        raise LivedDayError(
            f"campaign {campaign.number} has call jobs already, and a past can't be put before them: forget all first"
        )
    random = Random(f"{seed}/{campaign.number}")  # noqa: S311 - drawn, not secret
    added = _drawn(random, campaign.settings, now, jobs, hours)
    campaign.created = min(campaign.created, now - hours * _HOUR)
    cancelled: list[tuple[float, str]] = []
    for number, (slot, items) in enumerate(groupby(added, key=lambda one: one.at), 1):
        while cancelled and cancelled[0][0] <= slot:
            at, job_id = cancelled.pop(0)
            campaign.cancel(at, [], [job_id], None, "")
        calls = list({one.call.phone: one.call for one in items}.values())
        key = f"lived-day-{seed}-{campaign.number}-{number}"
        made = campaign.add_phones(slot, lambda calls=calls: calls, key, "")  # type: ignore[misc]
        if not number % _CANCELLED_EVERY:
            at = slot + max(_HOUR, campaign.settings.report_lag) + random.random() * _HOUR
            cancelled = sorted([*cancelled, (at, made[0].id)])
    campaign.dialler.run(now)


def _drawn(random: Random, settings: Settings, now: float, jobs: int, hours: float) -> list[_Added]:
    """Who is added when, oldest first; those of ten minutes come in one list."""
    phones = {place: _phones(place, random, settings) for place in _PLACES}
    possible = [place for place in _PLACES if phones[place]]
    if not possible:
        raise LivedDayError("the setting bad_numbers refuses everybody who could be added")
    held = {place: cycle(found) for place, found in phones.items()}
    moments = {place: _hours_by_weight(ZoneInfo(place.zone), now, hours) for place in possible}
    awake = [place for place in possible if _weight(ZoneInfo(place.zone), now)] or possible
    late = min(max(1, round(jobs * _LATE_SHARE)), _LATE_MOST)
    added = [_of(next(held[place]), place, now - _LATE, random) for place in _places(random, awake, late)]
    for place in _places(random, [place for place in possible if moments[place][0]] or awake, jobs - late):
        begins, weights = moments[place]
        drawn = random.choices(begins, weights)[0] + random.random() * _HOUR if begins else now - _LATE
        at = min(max(drawn // _SLOT * _SLOT, now - hours * _HOUR), now - _LATE)
        added.append(_of(next(held[place]), place, at, random))
    return sorted(added, key=lambda one: one.at)


def _places(random: Random, places: Sequence[_Place], count: int) -> Iterator[_Place]:
    return iter(random.choices(places, [place.weight for place in places], k=count))


def _of(phone: str, place: _Place, at: float, random: Random) -> _Added:
    payload = msgspec.json.encode({"name": random.choice(_NAMES)}).decode()
    return _Added(at, WantedCall(phone, payload, place.zone, _POLICY))


def _phones(place: _Place, random: Random, settings: Settings) -> list[str]:
    """A place's numbers that the server takes, in some order."""
    numbers = range(10**place.digits)
    phones = [f"{beginning}{number:0{place.digits}}" for beginning in place.beginnings for number in numbers]
    random.shuffle(phones)
    return [phone for phone in phones if not settings.knows_bad(phone)]


def _hours_by_weight(zone: ZoneInfo, now: float, hours: float) -> tuple[list[float], list[int]]:
    """The beginnings of the last hours in which people of a zone are called, and how many are in each."""
    begins = [now - ago * _HOUR for ago in range(1, int(hours) + 1)]
    weighed = [(begin, _weight(zone, begin)) for begin in begins]
    return [begin for begin, weight in weighed if weight], [weight for _, weight in weighed if weight]


def _weight(zone: ZoneInfo, moment: float) -> int:
    return _RHYTHM.get(datetime.fromtimestamp(moment, zone).hour, 0)
