"""The call jobs of all campaigns by their numbers, and what else the campaigns of one server have in common.

What a campaign does with its jobs stands in ``campaign``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aimylogic_provider.emulator.world.calls_to_add import WantedCall
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.keys import Keys
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["FIRST_JOB", "Common", "JobRegister", "unused_first_job"]

FIRST_JOB = 5665334669
"""The id of the vendor's own example."""
_2026 = 1_767_225_600
"""The first second of that year, in Unix time."""


def unused_first_job() -> int:
    """Return an id to begin with, above all that a server gave that began at the same address before.

    Whoever asked that one may have kept its ids, and would take a new job for an old one.
    """
    return FIRST_JOB + 1000 * max(0, int(time.time()) - _2026)


class JobRegister:
    """All call jobs. Their numbers have no gaps.

    :param first: the number of the first one
    """

    def __init__(self, first: int = FIRST_JOB) -> None:
        self.first = first
        self._jobs: list[ServedJob] = []

    @property
    def next(self) -> int:
        """The number of the next one."""
        return self.first + len(self._jobs)

    def find(self, text: str) -> ServedJob | None:
        """Return the job with an id, if there is one."""
        index = int(text) - self.first if text.isascii() and text.isdigit() and len(text) < 20 else -1
        return self._jobs[index] if 0 <= index < len(self._jobs) and str(index + self.first) == text else None

    def by_number(self, number: int) -> ServedJob:
        """Return the job with a number."""
        return self._jobs[number - self.first]

    def all(self) -> Sequence[ServedJob]:
        """All jobs of all campaigns, in the order of their ids."""
        return self._jobs

    def make(
        self,
        campaign: int,
        wanted: Sequence[WantedCall],
        now: float,
        key: str | None,
        *,
        test: bool,
        redial: int | None = None,
    ) -> list[ServedJob]:
        """Make jobs, with the next ids."""
        jobs = [
            ServedJob(number, campaign, one.phone, now, one.payload, one.gmt_zone, key, one.policy, test, redial=redial)
            for number, one in enumerate(wanted, self.next)
        ]
        self._jobs.extend(jobs)
        return jobs

    def restore(self, jobs: Sequence[ServedJob]) -> None:
        """Take saved jobs in.

        :raises ValueError: if they can't belong together
        """
        self._jobs = list(jobs)
        self.first = self._jobs[0].number if self._jobs else self.first
        numbers = range(self.first, self.next)
        if any(job.number != number for number, job in zip(numbers, self._jobs, strict=True)):
            raise ValueError("the jobs' numbers have gaps")

    def check_payloads(self) -> None:
        """Check what a snapshot holds as text.

        :raises ValueError: if a payload is none
        """
        for job in self._jobs:
            if job.payload is not None:
                msgspec.json.decode(job.payload, type=dict[str, Any])

    def has(self, number: int) -> bool:
        """Whether there is a job with a number."""
        return 0 <= number - self.first < len(self._jobs)


@dataclass(slots=True)
class Common:
    """What all campaigns of a server share.

    :param to_ask: jobs whose addresses are to be asked, before they are rung
    """

    settings: Settings
    keys: Keys = field(default_factory=Keys)
    jobs: JobRegister = field(default_factory=JobRegister)
    to_ask: deque[ServedJob] = field(default_factory=deque)
