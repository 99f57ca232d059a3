"""The queue of jobs that wait for a line: by priority, readiness and number, and only while their hours are open.

Jobs of the same hours open and close together, so that they wait as one group. When hours are open stands in
``calling_hours``; that a line is free, in ``dialler``.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque

from aimylogic_provider.emulator.world.dialling.calling_hours import Hours, hours_of
from aimylogic_provider.emulator.world.jobs import DEFAULT_PRIORITY, ServedJob

__all__ = ["DiallingQueue", "HoursGroup"]

_PRIORITIES = 5
QueuePlace = tuple[int, float, int]
"""Priority, readiness and number of a group's first job."""


class HoursGroup:
    """Jobs of the same hours, by priority, and then in their order. Over ones may still be among them.

    :param place: where it stands in the queue; None if it doesn't
    :param is_closed: whether it waits for its next opening
    """

    def __init__(self, hours: Hours | None) -> None:
        self.hours = hours
        self.place: QueuePlace | None = None
        self.is_closed = False
        self._queues: tuple[deque[ServedJob], ...] = tuple(deque() for _ in range(_PRIORITIES))

    def put(self, job: ServedJob) -> None:
        """Add a job."""
        self._queues[_priority(job) - 1].append(job)

    def take_all(self) -> list[ServedJob]:
        """Take out all jobs that wait. Nothing is left here, for an opening that is yet to come to find."""
        jobs = [job for queue in self._queues for job in queue if job.finished is None]
        for queue in self._queues:
            queue.clear()
        return jobs

    def first(self) -> ServedJob | None:
        """The job that is next, if one is left."""
        for queue in self._queues:
            while queue and queue[0].finished is not None:
                queue.popleft()
            if queue:
                return queue[0]
        return None

    def take(self) -> ServedJob:
        """Take out the job that is next."""
        job = self.first()
        assert job is not None
        return self._queues[_priority(job) - 1].popleft()


class DiallingQueue:
    """All groups, and those that wait for a line, by the place of their first job."""

    def __init__(self) -> None:
        self._groups: dict[Hours | None, HoursGroup] = {}
        self._heap: list[tuple[QueuePlace, int, HoursGroup]] = []
        self._order = itertools.count()

    def put(self, job: ServedJob) -> None:
        """Add a job to its group."""
        hours = hours_of(job)
        group = self._groups.get(hours)
        if group is None:
            group = self._groups[hours] = HoursGroup(hours)
        group.put(job)
        if not group.is_closed and (group.place is None or _place(job) < group.place):
            self.enqueue(group)

    def enqueue(self, group: HoursGroup) -> None:
        """Give a group the place of its first job, if one is left. Where it stood before no longer counts."""
        job = group.first()
        group.is_closed = False
        group.place = None if job is None else _place(job)
        if group.place is not None:
            heapq.heappush(self._heap, (group.place, next(self._order), group))

    def clear(self) -> list[ServedJob]:
        """Take all waiting jobs out."""
        jobs = [job for group in self._groups.values() for job in group.take_all()]
        self._groups.clear()
        self._heap.clear()
        return jobs

    def next(self, moment: float) -> tuple[HoursGroup, float | None] | None:
        """Take out the group whose turn it is, and return when it opens: now, later, or never again."""
        while self._heap:
            place, _, group = heapq.heappop(self._heap)
            if place != group.place:
                continue
            job = group.first()
            if job is None or _place(job) != place:
                self.enqueue(group)  # its first job was cancelled meanwhile
                continue
            group.place = None
            return group, moment if group.hours is None else group.hours.next_opening(moment)
        return None


def _place(job: ServedJob) -> QueuePlace:
    return _priority(job), job.ready, job.number


def _priority(job: ServedJob) -> int:
    """1 is the highest."""
    return DEFAULT_PRIORITY if job.policy is None else job.policy.priority
