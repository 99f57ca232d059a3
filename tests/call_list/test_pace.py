"""How fast requests go."""

from __future__ import annotations

import asyncio
import time

import pytest

from aimylogic_provider.call_list.pace import Pace


@pytest.mark.parametrize(("rate", "most"), [(None, None), (30.0, 24), (0.01, 1)])
def test_fewer_requests_are_noted_than_go_in_a_time_but_at_least_one(rate: float | None, most: int | None) -> None:
    pace = Pace(rate)
    assert pace.is_limited is (rate is not None)
    assert pace.most_within(1.0) == most


@pytest.mark.parametrize(("rate", "seconds"), [(None, 0.0), (50.0, 0.18)])
def test_requests_that_come_at_once_go_one_after_the_other(rate: float | None, seconds: float) -> None:
    async def run() -> float:
        pace = Pace(rate)
        began = time.monotonic()
        await asyncio.gather(*(pace.wait() for _ in range(10)))
        return time.monotonic() - began

    assert seconds <= asyncio.run(run()) < seconds + 1.0
