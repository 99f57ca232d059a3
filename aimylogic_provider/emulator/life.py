"""The life of call jobs: planned, inProcess, perhaps onRetry, and over, in virtual time and from a seed.

Nothing runs in the background: a campaign's life is worked out up to the present whenever somebody looks or acts. What
happens hangs on the seed, the requests and their times alone, never on who looked when.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from random import Random

from aimylogic_provider.emulator.jobs import Attempt, Job, Result, State
from aimylogic_provider.emulator.settings import Settings
from aimylogic_provider.emulator.waiting import Group, Waiting

__all__ = ["Life", "over", "started"]

_ENDS, _READY, _OPENS, _DEADLINE = range(4)
"""Events: an attempt ends; a job is ready to be rung again; a group opens; a group's deadline has come."""
_RETRIED = (Result.NO_ANSWER, Result.TECHNICAL_ERROR)
_SECONDS = {
    Result.LONG_CALL_WITH_RESULT: (20, 180),
    Result.LONG_CALL_WITH_NO_RESULT: (10, 60),
    Result.NO_ANSWER: (20, 45),
    Result.NONEXISTENT_NUMBER: (1, 3),
    Result.TECHNICAL_ERROR: (1, 5),
}
"""How long an attempt of each result takes, at least and at most."""
_TALKS = (Result.LONG_CALL_WITH_RESULT, Result.LONG_CALL_WITH_NO_RESULT)


class Life:
    """The calls of one campaign.

    :param lines: calls at once at most; 0 to call nobody
    :param dials: whether new attempts begin: the campaign is running
    """

    def __init__(self, settings: Settings, *, lines: int, dials: bool) -> None:
        self.settings = settings
        self.lines = lines
        self.dials = dials
        self.reached = float("-inf")
        self.busy = 0
        self.waiting_for_retry = 0
        self.talk = 0
        self.open: dict[int, Job] = {}
        self.finished: list[Job] = []
        """By the time of their end."""
        self.endings: Counter[str] = Counter()
        self.rung: list[tuple[Job, Attempt]] = []
        """By the time of their beginning."""
        self._waiting = Waiting()
        self._events: list[tuple[float, int, int, int, Job | Group]] = []
        self._order = itertools.count()

    def run(self, now: float) -> None:
        """Let happen what happens until *now*."""
        while self._events and self._events[0][0] <= now:
            moment, kind, _, _, what = heapq.heappop(self._events)
            self.reached = max(self.reached, moment)
            if isinstance(what, Group):
                if kind == _OPENS:
                    self._waiting.line_up(what)
                else:
                    self._end_group(what, moment)
            elif what.finished is None:
                if kind == _ENDS:
                    self._end(what, moment)
                else:
                    self._waiting.put(self._waiting.group_of(what), what)
            self._dial(moment)
        self.reached = max(self.reached, now)

    def add(self, jobs: Iterable[Job], now: float) -> None:
        """Take new jobs in. What was due before has happened (:meth:`run`)."""
        for job in jobs:
            self.open[job.number] = job
            job.ready = job.created
            group = self._join(job)
            if group.deadline is not None and group.deadline <= now:
                self._finish(job, now, State.NOT_DONE)
            else:
                self._waiting.put(group, job)
        self._dial(now)

    def cancel(self, job: Job, now: float) -> bool:
        """End a job; a running call ends now. Returns whether it was still open."""
        if job.finished is not None:
            return False
        attempt = self._ringing(job, max(now, self.reached))
        if attempt is not None:
            attempt.ended, attempt.cut = max(now, attempt.started), True
            attempt.talk = max(0, min(attempt.talk, int(now - attempt.started)))
            self.talk += attempt.talk
            self.busy -= 1
        self._finish(job, now, State.CANCELLED)
        self._dial(now)
        return True

    def change(self, now: float, *, lines: int | None = None, dials: bool | None = None) -> None:
        """Change how many lines there are, or whether they dial. What was due before has happened."""
        if lines is not None:
            self.lines = lines
        if dials is not None:
            self.dials = dials
        self._dial(now)

    def restore(self, jobs: Iterable[Job], now: float) -> None:
        """Take up the life of jobs that were saved at *now*."""
        self.reached = now
        known = list(jobs)
        self.open = {job.number: job for job in known if job.finished is None}
        self.rung = sorted(((job, attempt) for job in known for attempt in job.attempts or ()), key=started)
        self.finished = sorted((job for job in known if job.finished is not None), key=over)
        self.endings = Counter(job.ending for job in self.finished)
        self.talk = sum(attempt.talk for _, attempt in self.rung)
        for job in sorted(self.open.values(), key=lambda job: (job.ready, job.number)):
            group = self._join(job)
            attempt = self._ringing(job, now)
            if attempt is not None:
                self.busy += 1
                self.talk -= attempt.talk
                self._expect(attempt.ended, _ENDS, job.number, job)
                continue
            self.waiting_for_retry += job.attempts is not None
            if job.ready > now:
                self._expect(job.ready, _READY, job.number, job)
            else:
                self._waiting.put(group, job)

    def _expect(self, moment: float, kind: int, number: int, what: Job | Group) -> None:
        heapq.heappush(self._events, (moment, kind, number, next(self._order), what))

    def _join(self, job: Job) -> Group:
        group = self._waiting.join(job)
        if group.deadline is not None and not group.ends:
            group.ends = True
            self._expect(group.deadline, _DEADLINE, job.number, group)
        return group

    def _dial(self, moment: float) -> None:
        """Give free lines to the jobs that are ready, by priority and then in their order."""
        while self.dials and self.busy < self.lines:
            found = self._waiting.next(moment)
            if found is None:
                return
            group, opening = found
            if opening == moment:
                self._ring(group.waiting.popleft(), moment)
                self._waiting.line_up(group)
            elif opening is not None:
                self._expect(opening, _OPENS, group.waiting[0].number, group)
            else:
                group.is_lined_up = False  # its deadline comes before it would open again

    def _end_group(self, group: Group, moment: float) -> None:
        """End the jobs whose deadline has come, but for those that are being rung."""
        members, group.members, group.ends = group.members, [], False
        for job in members:
            if job.finished is None and self._ringing(job, moment) is None:
                self._finish(job, moment, job.attempts[-1].result if job.attempts else State.NOT_DONE)

    def _ring(self, job: Job, moment: float) -> None:
        number = len(job.attempts or ()) + 1
        chance = Random(f"{self.settings.seed}/{job.campaign}/{job.number}/{number}")  # noqa: S311 - drawn, not secret
        result = self._drawn(job, number, chance)
        seconds = chance.randint(*_SECONDS[result])
        talk = seconds if result in _TALKS else 0
        if job.attempts is None:
            job.attempts = []
        else:
            self.waiting_for_retry -= 1
        job.ready = moment
        attempt = Attempt(number, moment, moment + seconds, result, talk)
        job.attempts.append(attempt)
        insort(self.rung, (job, attempt), key=lambda rung: (started(rung), rung[0].number))
        self.busy += 1
        self._expect(moment + seconds, _ENDS, job.number, job)

    def _drawn(self, job: Job, number: int, chance: Random) -> Result:
        drawn = chance.choices(list(self.settings.odds), list(self.settings.odds.values()))[0]
        told = self.settings.outcomes.get(job.phone)
        return drawn if told is None else told[min(number, len(told)) - 1]

    def _end(self, job: Job, moment: float) -> None:
        assert job.attempts
        attempt = job.attempts[-1]
        self.busy -= 1
        self.talk += attempt.talk
        policy, settings = job.policy, self.settings
        most = policy.max_attempts if policy is not None and policy.max_attempts else settings.max_attempts
        if attempt.result not in _RETRIED or attempt.number >= most:
            self._finish(job, moment, attempt.result)
            return
        interval = policy.retry_interval if policy is not None else None
        again = moment + (settings.retry_interval if interval is None else interval)
        if policy is not None and policy.finish is not None and again >= policy.finish:
            self._finish(job, moment, attempt.result)
            return
        job.ready = again
        self.waiting_for_retry += 1
        self._expect(job.ready, _READY, job.number, job)

    def _finish(self, job: Job, moment: float, ending: str) -> None:
        if job.attempts and job.ready > job.attempts[-1].started:
            self.waiting_for_retry -= 1
        job.finished, job.ending = moment, ending
        self.endings[ending] += 1
        del self.open[job.number]
        insort(self.finished, job, key=lambda job: (over(job), job.number))

    @staticmethod
    def _ringing(job: Job, moment: float) -> Attempt | None:
        """The attempt that is under way."""
        attempt = job.attempts[-1] if job.attempts else None
        return attempt if attempt is not None and attempt.ended > moment else None


def started(rung: tuple[Job, Attempt]) -> float:
    """When an attempt began."""
    return rung[1].started


def over(job: Job) -> float:
    """When a finished job was over."""
    assert job.finished is not None
    return job.finished
