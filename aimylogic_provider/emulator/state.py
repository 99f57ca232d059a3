"""All that the emulator remembers, in one place. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable

from aimylogic_provider.emulator import DEFAULT_TOKEN
from aimylogic_provider.emulator.campaigns import Campaigns
from aimylogic_provider.emulator.clock import VirtualClock
from aimylogic_provider.emulator.faults import Faults
from aimylogic_provider.emulator.journal import Journal

__all__ = ["State"]


class State:
    """All that the emulator remembers."""

    def __init__(self, tokens: Iterable[str] = (DEFAULT_TOKEN,)) -> None:
        self.clock = VirtualClock()
        self.campaigns = Campaigns(tokens, self.clock.now())
        self.faults = Faults()
        self.journal = Journal()

    def reset(self) -> None:
        """Forget all."""
        self.clock.reset()
        self.campaigns.reset(self.clock.now())
        self.faults.rules.clear()
        self.journal.reset()
