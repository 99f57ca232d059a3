"""How fast requests go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.call_list.send.request_rate import RateLimitedClient, RequestRate
from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record


@pytest.mark.parametrize(("rate", "most"), [(None, None), (30.0, 24), (0.01, 1)])
def test_fewer_requests_are_noted_than_go_in_a_time_but_at_least_one(rate: float | None, most: int | None) -> None:
    pace = RequestRate(rate)
    assert pace.is_limited is (rate is not None)
    assert pace.most_within(1.0) == most


@pytest.mark.parametrize(("rate", "seconds"), [(None, 0.0), (50.0, 0.18)])
def test_requests_that_come_at_once_go_one_after_the_other(rate: float | None, seconds: float) -> None:
    async def run() -> float:
        pace = RequestRate(rate)
        began = time.monotonic()
        await asyncio.gather(*(pace.wait() for _ in range(10)))
        return time.monotonic() - began

    assert seconds <= asyncio.run(run()) < seconds + 10.0


class _Clock:
    """A clock that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 100.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_requests_that_ask_go_at_the_same_pace() -> None:
    clock, began = _Clock(), []

    class Client:
        address = None

        def ask(self, request: object) -> None:
            began.append(clock.now)

    pace = RequestRate(4.0)
    client = RateLimitedClient(Client(), pace, clock)  # type: ignore[arg-type]
    for _ in range(2):
        client.ask(object())  # type: ignore[arg-type]
    pace.hold(clock)
    client.ask(object())  # type: ignore[arg-type]
    assert began == [100.0, 100.25, 100.75]


@needs_record
@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_each_request_of_a_sync_waits_for_its_turn(
    make_sync: Callable[..., Sync], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Also those for the time and the report, as after a day in which nobody knew what became of a batch."""
    sync = make_sync(batch_size=3, method=method, requests_per_second=1000)
    sync.add([phone(number) for number in range(6)])
    turns = 0
    pause = RequestRate._pause

    def counted(pace: RequestRate, now: float, per_second: float) -> float:
        nonlocal turns
        turns += 1
        return pause(pace, now, per_second)

    monkeypatch.setattr(RequestRate, "_pause", counted)
    sync.emulator.fault("after_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=25)
    assert sync.attempt()["created"] == 6
    assert sync.emulator.count("callJob/getReportByDate") > 0
    # The campaign is asked for once, before there is anything to pace.
    paced = [one for one in sync.emulator.requests() if one.endpoint != "campaign"]
    assert turns >= len(paced)
