"""The life of call jobs: planned, inProcess, perhaps onRetry, and over, in virtual time and from a seed.

Nothing runs in the background: a campaign's life is worked out up to the present whenever somebody looks or acts. What
happens hangs on the seed, the requests and their times alone, never on who looked when.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable
from random import Random

from aimylogic_provider.emulator.jobs import Attempt, Job, Result, State
from aimylogic_provider.emulator.policies import next_opening
from aimylogic_provider.emulator.settings import Settings

__all__ = ["Life", "over", "started"]

_OPENS, _ENDS, _DEADLINE = range(3)
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
        self._ready: tuple[deque[Job], ...] = tuple(deque() for _ in range(5))
        self._events: list[tuple[float, int, int, int, Job]] = []
        self._order = itertools.count()

    def run(self, now: float) -> None:
        """Let happen what happens until *now*."""
        while self._events and self._events[0][0] <= now:
            moment, _, kind, _, job = heapq.heappop(self._events)
            self.reached = max(self.reached, moment)
            if job.finished is None:
                if kind == _ENDS:
                    self._end(job, moment)
                elif kind == _OPENS:
                    self._line_up(job)
                elif self._ringing(job, moment) is None:
                    self._finish(job, moment, self._last_result(job))
            self._dial(moment)
        self.reached = max(self.reached, now)

    def add(self, jobs: Iterable[Job], now: float) -> None:
        """Take new jobs in. What was due before has happened (:meth:`run`)."""
        for job in jobs:
            self.open[job.number] = job
            job.ready = job.created
            policy = job.policy
            if policy is not None and policy.finish is not None:
                if policy.finish <= now:
                    self._finish(job, now, State.NOT_DONE)
                    continue
                self._expect(policy.finish, _DEADLINE, job)
            self._line_up(job)
        self._dial(now)

    def cancel(self, job: Job, now: float) -> bool:
        """End a job; a running call ends now. Returns whether it was still open."""
        if job.finished is not None:
            return False
        attempt = self._ringing(job, max(now, self.reached))
        if attempt is not None:
            attempt.ended, attempt.cut = now, True
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
        self.rung = sorted(((job, attempt) for job in known for attempt in job.attempts or ()), key=started)
        for job in sorted(known, key=lambda job: (job.ready, job.number)):
            self.talk += sum(attempt.talk for attempt in job.attempts or ())
            if job.finished is not None:
                insort(self.finished, job, key=over)
                self.endings[job.ending] += 1
                continue
            if job.policy is not None and job.policy.finish is not None:
                self._expect(job.policy.finish, _DEADLINE, job)
            attempt = self._ringing(job, now)
            if attempt is not None:
                self.busy += 1
                self.talk -= attempt.talk
                self._expect(attempt.ended, _ENDS, job)
                continue
            self.waiting_for_retry += job.attempts is not None
            if job.ready > now:
                self._expect(job.ready, _OPENS, job)
            else:
                self._line_up(job)
        self.open = {job.number: job for job in known if job.finished is None}

    def _expect(self, moment: float, kind: int, job: Job) -> None:
        heapq.heappush(self._events, (moment, job.number, kind, next(self._order), job))

    def _line_up(self, job: Job) -> None:
        self._ready[job.policy.priority - 1 if job.policy else 2].append(job)

    def _dial(self, moment: float) -> None:
        """Give free lines to the jobs that are ready, by priority and then in their order."""
        if not self.dials:
            return
        for queue in self._ready:
            while queue and self.busy < self.lines:
                job = queue.popleft()
                if job.finished is not None:
                    continue
                opening = next_opening(job, moment)
                if opening == moment:
                    self._ring(job, moment)
                elif opening is not None:
                    job.ready = opening
                    self._expect(opening, _OPENS, job)
                elif job.policy is None or job.policy.finish is None:
                    self._finish(job, moment, self._last_result(job))  # nothing would end it, for it never opens

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
        insort(self.rung, (job, attempt), key=started)
        self.busy += 1
        self._expect(moment + seconds, _ENDS, job)

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
        self._expect(job.ready, _OPENS, job)

    def _finish(self, job: Job, moment: float, ending: str) -> None:
        if job.attempts and job.ready > job.attempts[-1].started:
            self.waiting_for_retry -= 1
        job.finished, job.ending = moment, ending
        self.endings[ending] += 1
        del self.open[job.number]
        insort(self.finished, job, key=over)

    @staticmethod
    def _ringing(job: Job, moment: float) -> Attempt | None:
        """The attempt that is under way."""
        attempt = job.attempts[-1] if job.attempts else None
        return attempt if attempt is not None and attempt.ended > moment else None

    @staticmethod
    def _last_result(job: Job) -> str:
        return job.attempts[-1].result if job.attempts else State.NOT_DONE


def started(rung: tuple[Job, Attempt]) -> float:
    """When an attempt began."""
    return rung[1].started


def over(job: Job) -> float:
    """When a finished job was over."""
    assert job.finished is not None
    return job.finished
