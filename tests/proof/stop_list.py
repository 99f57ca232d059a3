"""Who said no, in the simulation: a list that changes at random moments, also while it is read and while one sends."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tests.proof.simulation import DAY, Simulation, running_worker

__all__ = ["StopList"]

_WRITTEN = ("+{0}", "{0}", "8{1}", "8 ({2}) {3}-{4}")
_READS = (0.005, 0.5, 3.0)
"""Seconds for which the query is read."""
_CHANGES, _FAILS = 0.15, 0.04
"""Chances that somebody says no, or changes his mind, at a moment; and that a query fails."""
_MEANWHILE = 0.75
"""The chance that somebody says no while a worker stands still."""


class StopList:
    """The exclusion list of one world.

    :param phones: of those who may say no
    """

    def __init__(self, simulation: Simulation, phones: Sequence[str]) -> None:
        self._simulation = simulation
        self._phones = phones
        self._rng = simulation.rng("stop list")
        self.since: dict[str, float] = {}
        """Who stands there now, and since when."""
        self.ever: set[str] = set()
        """Who ever stood there."""
        self.changed: set[str] = set()
        """Who changed his mind since: what isn't durable yet of his exclusion doesn't bind the next try."""
        self.heals = False
        """Whether no query fails any more, and nobody says anything."""
        for one in phones:
            if self._rng.random() < 0.1:
                self._says_no(one)
        for _ in range(3):
            simulation.at(simulation.now + self._rng.random() ** 3 * DAY, self.moment)
        simulation.while_stopped = self._while_stopped

    def moment(self) -> None:
        """Somebody may say no now, or change his mind."""
        if not self.heals and self._rng.random() < _CHANGES:
            one = self._rng.choice(self._phones)
            if one in self.since:
                del self.since[one]
                self.changed.add(one)
            else:
                self._says_no(one)

    def _while_stopped(self, seconds: float) -> None:
        """A worker stands still, and somebody may say no as it begins to: what it saw before is old once it goes on."""
        chance = self._simulation.rng("says no meanwhile", self._simulation.now)
        silent = [one for one in self._phones if one not in self.since]
        if silent and not self.heals and chance.random() < _MEANWHILE:
            one = chance.choice(silent)
            self._simulation.at(self._simulation.now + seconds * chance.random() ** 2, lambda: self._says_no(one))

    def look(self) -> list[tuple[str | None]]:
        """What the query gives, as it begins; it is read for a while, in which that may change."""
        worker = running_worker()
        worker.point("before the exclusion query")
        if not self.heals and self._rng.random() < _FAILS:
            self._simulation.count("exclusion query failed")
            raise sqlite3.OperationalError("database is locked")
        found: list[tuple[str | None]] = [(self._written(one),) for one in self.since]
        worker.simulation.pass_time(self._rng.choice(_READS))
        self.moment()
        return [*found, (None,)]

    def _says_no(self, one: str) -> None:
        self.since.setdefault(one, self._simulation.now)
        self.ever.add(one)

    def _written(self, one: str) -> str:
        return self._rng.choice(_WRITTEN).format(one, one[1:], one[1:4], one[4:7], one[7:])
