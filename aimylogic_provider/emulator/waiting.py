"""Jobs that wait for a line. Those of one policy and zone open and close together, so that they wait as one group."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import tzinfo

from aimylogic_provider.emulator.jobs import Job, Policy
from aimylogic_provider.emulator.policies import next_opening, zone_of

__all__ = ["Group", "Waiting"]


@dataclass(eq=False, slots=True)
class Group:
    """Jobs of one policy and zone.

    :param waiting: those that are ready, in their order; over ones may still be among them
    :param members: all, where the policy has a deadline
    :param is_lined_up: whether it waits for a line, or for its next opening
    :param ends: whether its deadline is yet to come
    """

    policy: Policy | None
    zone: tzinfo | None
    waiting: deque[Job] = field(default_factory=deque)
    members: list[Job] = field(default_factory=list)
    is_lined_up: bool = False
    ends: bool = False

    @property
    def priority(self) -> int:
        """1 is the highest."""
        return 3 if self.policy is None else self.policy.priority

    @property
    def deadline(self) -> float | None:
        """From when on nobody of it is rung."""
        return None if self.policy is None else self.policy.finish

    def first(self) -> Job | None:
        """The job that is next, if one is left."""
        while self.waiting and self.waiting[0].finished is not None:
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None


class Waiting:
    """All groups, and those that wait for a line: by priority, and then by how long their first job has been ready."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Policy | None, tzinfo | None], Group] = {}
        self._lined_up: list[tuple[int, float, int, int, Group]] = []
        self._order = itertools.count()

    def join(self, job: Job) -> Group:
        """Let a new job into its group."""
        identity = _identity(job)
        group = self._groups.get(identity)
        if group is None:
            group = self._groups[identity] = Group(*identity)
        if group.deadline is not None:
            group.members.append(job)
        return group

    def group_of(self, job: Job) -> Group:
        """Return the group that a job has joined."""
        return self._groups[_identity(job)]

    def put(self, group: Group, job: Job) -> None:
        """Let a job wait for a line."""
        group.waiting.append(job)
        if not group.is_lined_up:
            self.line_up(group)

    def line_up(self, group: Group) -> None:
        """Let a group wait for a line, if any of its jobs is left."""
        job = group.first()
        group.is_lined_up = job is not None
        if job is not None:
            heapq.heappush(self._lined_up, (group.priority, job.ready, job.number, next(self._order), group))

    def next(self, moment: float) -> tuple[Group, float | None] | None:
        """Take the group whose turn it is out of the line, and tell when it opens: now, later, or never again."""
        while self._lined_up:
            _, ready, number, _, group = heapq.heappop(self._lined_up)
            job = group.first()
            if job is None:
                group.is_lined_up = False
            elif (job.ready, job.number) != (ready, number):
                self.line_up(group)  # its first job was cancelled meanwhile
            else:
                return group, next_opening(group.policy, group.zone, moment)
        return None


def _identity(job: Job) -> tuple[Policy | None, tzinfo | None]:
    policy = job.policy
    has_hours = policy is not None and (policy.days is not None or policy.times is not None)
    return policy, zone_of(job) if has_hours else None
