"""An emulator whose clock stands still, and a campaign that was lived through."""

from __future__ import annotations

import random

import pytest

from aimylogic_provider.emulator import Emulator
from tests.campaign_report.reading import START, add


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    emulator.freeze()
    emulator.set_time(START)
    emulator.settings(max_attempts=3, retry_interval=600)
    return emulator


@pytest.fixture
def lived(emulator: Emulator) -> Emulator:
    """Some 60 jobs that were added within some hours, few or many at a time, and called by three lines."""
    emulator.campaign(lines=3)
    chance, first = random.Random(7), 0
    for pause in (0.5, 0.5, 60, 600, 3600, 0.5, 2, 60, 1200, 3600, 7200, 60, 600, 600, 900):
        count = chance.choice((1, 2, 5, 9))
        add(emulator, count, first)
        first += count
        emulator.advance(seconds=pause)
    emulator.advance(hours=2)
    return emulator
