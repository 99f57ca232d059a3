"""How the tests of this folder read a report: by a client that asks again, without pauses; and what is there."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import ListedCall
from aimylogic_provider.calls_api.client import Answer, CampaignClient
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport, TransportSettings
from aimylogic_provider.campaign_report.report_pages import PageBounds
from aimylogic_provider.campaign_report.report_reader import ATTEMPTS, ReportKind, ReportReader
from aimylogic_provider.emulator import Emulator
from tests.conftest import TOKEN

LOG = logging.getLogger("report")
START = datetime(2030, 1, 7, 9, tzinfo=UTC)
MS = timedelta(milliseconds=1)
FEW = PageBounds(rows=5, pages=3)
"""Rows of a page, pages of a range: so that more than 10 rows are too many to be shown, as else more than 39,800."""


class Asking:
    """Asks a campaign, up to six times, and knows how often, and how many requests there were at a time."""

    def __init__(self, emulator: Emulator, *, token: str = TOKEN, times: int = 6, **settings: Any) -> None:
        address = CampaignAddress(emulator.url, token)
        self.client = CampaignClient(address, RequestsTransport(TransportSettings(**settings)))
        self.times = times
        self.requests = 0
        self.at_once = 0
        self.most_at_once = 0
        self.before: Callable[[int], object] = lambda number: None
        self._lock = threading.Lock()

    def __call__(self, request: Request[Any]) -> Answer[Any]:
        with self._lock:
            self.requests += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            number = self.requests
        try:
            self.before(number)
            for left in range(self.times - 1, -1, -1):
                try:
                    return self.client.ask(request)
                except ApiError as error:
                    if not left or not error.retryable or error.is_too_large:
                        raise
        finally:
            with self._lock:
                self.at_once -= 1
        raise AssertionError


class Trimming(Asking):
    """Sees two rows of a page at most, however many were asked for."""

    def __call__(self, request: Request[Any]) -> Answer[Any]:
        def parse(body: bytes) -> Any:
            content = json.loads(body)
            if isinstance(content, dict) and "items" in content:
                del content["items"][2:]
            return request.parse(json.dumps(content).encode())

        return super().__call__(replace(request, parse=parse))


def add(emulator: Emulator, count: int, first: int = 0, token: str = TOKEN) -> list[str]:
    """Add numbers by one request, which all have one ``createdAt``; return their jobs' ids."""
    calls = [ListedCall.of(f"7912{number:07}") for number in range(first, first + count)]
    return list(Asking(emulator, token=token).client.add_phones(calls, idempotence_key=None).value)


def reader(kind: ReportKind[Any], asking: Asking, **more: Any) -> ReportReader[Any]:
    return ReportReader(kind, asking, LOG, **{"bounds": FEW, "at_once": 1, **more})


def read(
    kind: ReportKind[Any],
    asking: Asking,
    start: datetime = START - timedelta(hours=1),
    end: datetime = START + timedelta(hours=12),
    **more: Any,
) -> set[Any]:
    """Read a range; return what is told apart by its identity."""
    return set(identities(kind, rows_of(reader(kind, asking, **more), start, end)))


def rows_of(reader: ReportReader[Any], start: datetime, end: datetime) -> Iterator[Any]:
    at = start
    for window in reader.windows(start, end):
        assert abs(window.start - at) <= MS, "windows have no gap"
        at = window.end
        for rows in window.pages():
            yield from rows
    assert abs(at - end) <= MS


def identities(kind: ReportKind[Any], rows: Iterable[Any]) -> Iterator[Any]:
    for row in rows:
        yield (row.call_job_id, row.attempt_number) if kind is ATTEMPTS else row.id


def there(kind: ReportKind[Any], emulator: Emulator) -> set[Any]:
    """What is there, by the emulator's own account."""
    jobs = [job for job in emulator.jobs() if job.campaign == 1]
    if kind is ATTEMPTS:
        return {(job.id, number) for job in jobs for number in range(1, job.attempts + 1)}
    return {job.id for job in jobs}
