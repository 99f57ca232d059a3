"""Numbers that a campaign was done with in each hour of the last day, by its report: bounded, and hours kept.

An hour that is long over is read once; the newest ones, each minute. The reading goes on behind a page that waits no
longer, and what it brings is there for the next look. Of an hour with more rows than are read, "at least" is told.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aimylogic_provider.calls_api import report_endpoints
from aimylogic_provider.calls_api.client import AsyncCampaignClient
from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection
from aimylogic_provider.pages.asking import LIMIT, NotReachedError, ask_once, client_of
from aimylogic_provider.pages.campaigns.shared_readings import SharedReadings

__all__ = ["HOURS", "MOST_OF_HOUR", "Hour", "LastDay", "known_day_of", "last_day_of"]

HOURS = 24
_HOUR = 3600.0
_PAGE = 200
_PAGES_OF_HOUR = 10
MOST_OF_HOUR = _PAGE * _PAGES_OF_HOUR
"""Rows that are read of an hour, where the server serves pages as large as were asked for."""
_SETTLED = 900.0
"""Seconds after its end from which on an hour's report is taken to change no more: its lag is ten minutes."""
_KEPT = 60.0
"""Seconds for which a newer hour is good."""
_AT_ONCE = 4
"""Requests at a time."""
_WHOLE_LIMIT = 20.0
"""Seconds for which a reading goes on."""
_DAYS_AT_ONCE = 4
"""Campaigns whose day is read at a time, by one process."""
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class NotBelievedError(Exception):
    """The server shows that it doesn't read time limits as they are meant."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What the report shows of an hour.

    :param numbers: that were done in it; a repeat that the campaign's script makes counts none
    :param talk: seconds that their calls took
    :param more: whether there are more than were read
    :param at: when it was read, by the server's clock
    """

    numbers: int
    talk: int
    more: bool
    at: float


@dataclass(slots=True)
class LastDay:
    """A campaign's last day as far as it was read.

    :param hours: by the hour's beginning, in Unix seconds
    :param problem: why it was not read any further
    :param began: the beginning of its newest hour
    """

    hours: dict[float, Hour] = field(default_factory=dict)
    problem: str | None = None
    began: float = 0.0
    understood: bool = False

    def beginnings(self) -> list[float]:
        """The beginnings of its hours, the oldest first."""
        return [self.began - _HOUR * back for back in range(HOURS - 1, -1, -1)]

    def columns(self) -> list[tuple[str, int]]:
        """A label and a count for each hour, the oldest first; of one that wasn't read the label says so."""
        return [self._column(start) for start in self.beginnings()]

    def _column(self, start: float) -> tuple[str, int]:
        hour, label = self.hours.get(start), f"{datetime.fromtimestamp(start, UTC):%d %b %H:%M} UTC"
        if hour is None:
            return f"{label}, not read yet", 0
        return (f"{label}, at least" if hour.more else label), hour.numbers

    @property
    def unread(self) -> int:
        """How many of its hours were not read yet."""
        return sum(start not in self.hours for start in self.beginnings())

    @property
    def numbers(self) -> int:
        """The numbers that were done in the hours that were read."""
        return sum(self.hours[start].numbers for start in self.beginnings() if start in self.hours)

    @property
    def talk(self) -> int:
        """Seconds of their calls."""
        return sum(self.hours[start].talk for start in self.beginnings() if start in self.hours)

    @property
    def is_more(self) -> bool:
        """Whether there are more numbers than were counted."""
        return bool(self.unread) or any(hour.more for hour in self.hours.values())

    def due(self, now: float) -> list[float]:
        """The hours that are to be read, the newest first; forgets those that are of another day."""
        self.began = now // _HOUR * _HOUR
        wanted = self.beginnings()[::-1]
        self.hours = {start: hour for start, hour in self.hours.items() if start in set(wanted)}
        return [start for start in wanted if self._is_due(start, now)]

    def _is_due(self, start: float, now: float) -> bool:
        hour = self.hours.get(start)
        if hour is None:
            return True
        return hour.at < start + _HOUR + _SETTLED and now >= hour.at + _KEPT


_days: dict[str, LastDay] = {}
_readings: SharedReadings[LastDay] = SharedReadings(_KEPT)
_turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
_MOST_DAYS = 500


async def last_day_of(campaign: CampaignOfConnection, now: float, done: int | None) -> LastDay:
    """Return a campaign's last day as far as it is known, waiting for more of it for some seconds at most.

    :param now: the server's time
    :param done: numbers that the campaign itself says are done
    """
    name = _name_of(campaign)
    day = _days.pop(name, None) or LastDay()
    _days[name] = day
    while len(_days) > _MOST_DAYS:
        del _days[next(iter(_days))]
    if not day.began:
        day.began = now // _HOUR * _HOUR
    try:
        async with asyncio.timeout(LIMIT):
            return await _readings.get(name, lambda: _read(day, campaign, now, done))
    except TimeoutError:
        return day


def known_day_of(campaign: CampaignOfConnection) -> LastDay | None:
    """Return what is known of a campaign's last day, without asking; None if nothing is."""
    return _days.get(_name_of(campaign))


def _name_of(campaign: CampaignOfConnection) -> str:
    return f"{campaign.address.base_url} {campaign.address.token}"


async def _read(day: LastDay, campaign: CampaignOfConnection, now: float, done: int | None) -> LastDay:
    """Read what is due; whatever keeps it from being read is told by the day itself."""
    try:
        async with asyncio.timeout(_WHOLE_LIMIT), _turn(), client_of(campaign, connections=_AT_ONCE) as client:
            due = day.due(now)
            await _read_hours(day, client, due, now)
            if done and not day.numbers and not day.understood:
                day.understood = await _is_understood(client)
        day.problem = None
    except TimeoutError:
        day.problem = "the server is slow: what is missing is read by and by"
    except (NotReachedError, NotBelievedError) as error:
        day.problem = str(error)
        if isinstance(error, NotBelievedError):
            day.hours.clear()
    except AimylogicError as error:
        day.problem = str(error)
    return day


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns.clear()  # of loops that are over
        _turns[loop] = asyncio.Semaphore(_DAYS_AT_ONCE)
    return _turns[loop]


async def _read_hours(day: LastDay, client: AsyncCampaignClient, due: list[float], now: float) -> None:
    """Read some hours, several at a time. The first that fails ends it all."""
    left = iter(due)

    async def some() -> None:
        for start in left:
            day.hours[start] = await _read_hour(day, client, start, now)

    tasks = [asyncio.create_task(some()) for _ in range(min(_AT_ONCE, len(due)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _read_hour(day: LastDay, client: AsyncCampaignClient, start: float, now: float) -> Hour:
    """Read an hour's pages until one is empty. What stands on two, for pages may shift, counts once."""
    found: dict[str, CallJob] = {}
    for page in range(_PAGES_OF_HOUR):
        rows = await _page(client, start - 0.001, start + _HOUR, page, _PAGE)
        if any(row.finished_at is None or not _is_about(row.finished_at, start, start + _HOUR) for row in rows):
            raise NotBelievedError("asked for an hour, the server shows another: its report by time can't be believed")
        day.understood = day.understood or bool(rows)
        found.update((row.id, row) for row in rows)
        if not rows:
            break
    counted = [row for row in found.values() if row.redial_number is None and _is_within(row, start)]
    talk = sum(max(0, row.call_duration or 0) for row in found.values() if _is_within(row, start))
    return Hour(len(counted), talk, bool(rows), now)


def _is_about(moment: datetime, start: float, end: float) -> bool:
    return start - 2 <= moment.timestamp() <= end + 2


def _is_within(row: CallJob, start: float) -> bool:
    return row.finished_at is not None and start <= row.finished_at.timestamp() < start + _HOUR


async def _is_understood(client: AsyncCampaignClient) -> bool:
    """Whether the server has shown that it reads time limits, by a row that is known to be there.

    :raises NotBelievedError: if it shows that it doesn't
    """
    request = report_endpoints.call_job_report_by_date(finished_from=_BEGINNING, page_size=1)
    known = next((row.finished_at for row in (await ask_once(client, request)).value if row.finished_at), None)
    if known is None:
        return False
    at = known.timestamp()
    if not await _page(client, at - 2, at + 2, 0, 1):
        raise NotBelievedError(
            "asked for the moments about a number that is done, the server shows none: its report by time can't be "
            "believed"
        )
    return True


async def _page(client: AsyncCampaignClient, start: float, end: float, page: int, size: int) -> tuple[CallJob, ...]:
    request = report_endpoints.call_job_report_by_date(
        finished_from=datetime.fromtimestamp(start, UTC),
        finished_to=datetime.fromtimestamp(end, UTC),
        page=page,
        page_size=size,
    )
    return (await ask_once(client, request)).value
