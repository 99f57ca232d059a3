"""The dialler: call jobs are planned, inProcess, perhaps onRetry, and over, in virtual time and from a seed.

Nothing runs in the background: a campaign's calls are worked out up to the present whenever somebody looks or acts.
What happens hangs on the seed, the requests and their times alone, never on who looked when; but for jobs whose
address is to be asked first, which hang on the answer, and on when it comes. Whose turn it is stands in ``queue``, when
somebody may be rung in ``calling_hours``; what a job is, in ``jobs``.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import accumulate
from typing import TypeVar

from aimylogic_provider.emulator.world.dialling.calling_hours import hours_of
from aimylogic_provider.emulator.world.dialling.queue import DiallingQueue, HoursGroup
from aimylogic_provider.emulator.world.job_register import FIRST_JOB, JobRegister
from aimylogic_provider.emulator.world.jobs import Attempt, CheckAnswer, Result, ServedJob, State
from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["Dialler", "finished_at", "started_at"]

T = TypeVar("T")

_ENDS, _READY, _OPENS, _DEADLINE = range(4)
"""Events: an attempt ends; a job is ready to be rung; a group opens; the deadline of some jobs has come."""
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


class Dialler:
    """The calls of one campaign.

    :param lines: calls at once at most; 0 to call nobody
    :param dials: whether new attempts begin: the campaign is running
    :param register: tells which of the server's jobs one is
    :param to_ask: takes the jobs whose address is to be asked before they are rung; :meth:`answered` is told the answer
    """

    def __init__(
        self, settings: Settings, *, lines: int, dials: bool, register: JobRegister, to_ask: deque[ServedJob]
    ) -> None:
        self.settings = settings
        self._register = register
        self._to_ask = to_ask
        self._asking: set[int] = set()
        """Numbers of the jobs whose address is asked at the moment: each has a line kept for it."""
        self.has_checks = False
        """Whether any job was ever to be asked about."""
        self.lines = lines
        self.dials = dials
        self.reached = float("-inf")
        self.busy_lines = 0
        self.waiting_for_retry = 0
        self.retried_phones: set[str] = set()
        """Phones that were tried more than once."""
        self.talk = 0
        self.open: dict[int, ServedJob] = {}
        self.finished: list[ServedJob] = []
        """By the time of their end."""
        self.finished_by_result: Counter[str] = Counter()
        self.attempts: list[tuple[ServedJob, Attempt]] = []
        """By the time of their beginning."""
        self._queue = DiallingQueue()
        self._events: list[tuple[float, int, int, int, ServedJob | HoursGroup | float]] = []
        self._by_deadline: dict[float, list[ServedJob]] = {}
        self._order = itertools.count()

    def run(self, now: float) -> None:
        """Let happen what happens until *now*."""
        while self._events and self._events[0][0] <= now:
            moment = self._events[0][0]
            self.reached = max(self.reached, moment)
            while self._events and self._events[0][0] == moment:  # all of a moment, and only then who is next
                _, kind, _, _, what = heapq.heappop(self._events)
                self._handle(moment, kind, what)
            self._dial(moment)
        self.reached = max(self.reached, now)

    def _handle(self, moment: float, kind: int, what: ServedJob | HoursGroup | float) -> None:
        if isinstance(what, HoursGroup):
            self._queue.enqueue(what)
        elif isinstance(what, float):
            self._miss_deadline(what, moment)
        elif what.finished is None:
            if kind == _ENDS:
                self._end_attempt(what, moment)
            else:
                self._queue.put(what)

    def add(self, jobs: Iterable[ServedJob], now: float) -> None:
        """Take new jobs in. What was due before has happened (:meth:`run`)."""
        for job in jobs:
            self.open[job.number] = job
            policy = job.policy
            self.has_checks |= policy is not None and policy.check is not None
            job.ready = job.created if policy is None or policy.start is None else max(job.created, policy.start)
            if policy is not None and policy.finish is not None and policy.finish <= now:
                self._finish_job(job, now, State.NOT_DONE)
            else:
                self._queue_until_deadline(job, now)
        self._dial(now)

    def cancel(self, job: ServedJob, now: float) -> bool:
        """End a job; a running call ends now. Returns whether it was still open."""
        if job.finished is not None:
            return False
        attempt = self._running_attempt(job, max(now, self.reached))
        if attempt is not None:
            attempt.ended, attempt.cut = max(now, attempt.started), True
            attempt.talk = max(0, min(attempt.talk, int(now - attempt.started)))
            self.talk += attempt.talk
            self.busy_lines -= 1
        self._finish_job(job, now, State.CANCELLED)
        self._dial(now)
        return True

    def answered(self, job: ServedJob, answer: CheckAnswer, now: float) -> None:
        """Go on with a job whose address was asked, unless it is over by now.

        A yes is for now: if the job can't be rung at once any more, its address is asked again before it is.
        """
        self.run(now)
        if job.number not in self._asking:
            return
        self._asking.remove(job.number)
        job.checks = [*(job.checks or ()), answer]
        says_nothing = answer.says == "none"
        if answer.says == "don't call" or (says_nothing and self.settings.check_unanswered == "not_called"):
            ending = State.NOT_DONE if not says_nothing else Result.TECHNICAL_ERROR
            self._finish_job(job, now, job.attempts[-1].result if job.attempts else ending)
        elif self._has_line() and self._is_due(job, now):
            self._begin_attempt(job, now)
        else:
            self._queue_when_ready(job, now)
        self._dial(now)

    def stop(self, now: float) -> None:
        """End the jobs that aren't being rung; a running call goes on, and is its job's last."""
        self.dials = False
        for job in list(self.open.values()):
            if self._running_attempt(job, now) is None:
                self._finish_job(job, now, job.attempts[-1].result if job.attempts else State.NOT_DONE)
            else:
                job.last = True

    def change(self, now: float, *, lines: int | None = None, dials: bool | None = None) -> None:
        """Change how many lines there are, or whether they dial. What was due before has happened."""
        if lines is not None:
            self.lines = lines
        if dials is not None:
            self.dials = dials
        self._dial(now)

    def set_back(self, now: float) -> None:
        """Look again at who may be rung, for the clock was set back."""
        for job in sorted(self._queue.clear(), key=lambda job: (job.ready, job.number)):
            self._queue_when_ready(job, now)
        self._dial(now)

    def restore(self, jobs: Iterable[ServedJob], reached: float) -> None:
        """Take up saved jobs, whose calls had been worked out up to a moment."""
        self.reached = reached
        jobs = list(jobs)
        self.has_checks = any(job.policy is not None and job.policy.check is not None for job in jobs)
        self.open = {job.number: job for job in jobs if job.finished is None}
        self.attempts = sorted(((job, attempt) for job in jobs for attempt in job.attempts or ()), key=_attempt_order)
        self.finished = sorted((job for job in jobs if job.finished is not None), key=_finished_order)
        self.finished_by_result = Counter(job.ending for job in self.finished)
        self.retried_phones = {job.phone for job in jobs if job.attempts and len(job.attempts) > 1}
        self.talk = sum(attempt.talk for _, attempt in self.attempts)
        for job in sorted(self.open.values(), key=lambda job: (job.ready, job.number)):
            attempt = self._running_attempt(job, reached)
            if attempt is None:
                self.waiting_for_retry += job.attempts is not None
                self._queue_until_deadline(job, reached)
            else:
                self.busy_lines += 1
                self.talk -= attempt.talk
                self._schedule(attempt.ended, _ENDS, job.number, job)
                self._schedule_deadline(job)

    def _schedule(self, moment: float, kind: int, number: int, what: ServedJob | HoursGroup | float) -> None:
        heapq.heappush(self._events, (moment, kind, number, next(self._order), what))

    def _queue_until_deadline(self, job: ServedJob, now: float) -> None:
        """Let a job wait until it is ready, then for a line, and until its deadline at most."""
        self._schedule_deadline(job)
        self._queue_when_ready(job, now)

    def _queue_when_ready(self, job: ServedJob, now: float) -> None:
        if job.ready > now:
            self._schedule(job.ready, _READY, job.number, job)
        else:
            self._queue.put(job)

    def _schedule_deadline(self, job: ServedJob) -> None:
        if job.policy is None or job.policy.finish is None:
            return
        deadline = job.policy.finish
        if deadline not in self._by_deadline:
            self._by_deadline[deadline] = []
            self._schedule(deadline, _DEADLINE, 0, deadline)
        self._by_deadline[deadline].append(job)

    def _dial(self, moment: float) -> None:
        """Give free lines to the jobs that are ready, by priority and then in their order."""
        while self._has_line():
            found = self._queue.next(moment)
            if found is None:
                return
            group, opening = found
            if opening == moment:
                self._begin(group.take(), moment)
                self._queue.enqueue(group)
            elif opening is not None:
                group.is_closed = True
                self._schedule(opening, _OPENS, 0, group)

    def _has_line(self) -> bool:
        """Whether one more may be rung."""
        return self.dials and self.busy_lines + len(self._asking) < self.lines

    @staticmethod
    def _is_due(job: ServedJob, now: float) -> bool:
        """Whether a job may be rung just now, by its hours and its times."""
        hours = hours_of(job)
        return job.ready <= now and (hours is None or hours.next_opening(now) == now)

    def _begin(self, job: ServedJob, moment: float) -> None:
        """Ring, or ask first whether to."""
        if job.policy is None or job.policy.check is None:
            self._begin_attempt(job, moment)
        else:
            self._asking.add(job.number)
            self._to_ask.append(job)

    def _miss_deadline(self, deadline: float, moment: float) -> None:
        """End the jobs whose deadline has come, but for those that are being rung."""
        for job in self._by_deadline.pop(deadline):
            if job.finished is None and self._running_attempt(job, moment) is None:
                self._finish_job(job, moment, job.attempts[-1].result if job.attempts else State.NOT_DONE)

    def _begin_attempt(self, job: ServedJob, moment: float) -> None:
        number = len(job.attempts or ()) + 1
        result, seconds = self._draw(job, number)
        if job.attempts is None:
            job.attempts = []
        else:
            self.waiting_for_retry -= 1
        job.ready = moment
        attempt = Attempt(number, moment, moment + seconds, result, seconds if result in _TALKS else 0)
        job.attempts.append(attempt)
        if number == 2:
            self.retried_phones.add(job.phone)
        _insert_sorted(self.attempts, (job, attempt), _attempt_order)
        self.busy_lines += 1
        self._schedule(moment + seconds, _ENDS, job.number, job)

    def _draw(self, job: ServedJob, number: int) -> tuple[Result, int]:
        """How an attempt ends, and how many seconds it takes: drawn from the seed, and which of the jobs it is."""
        which = job.number - self._register.first + FIRST_JOB  # after a reset, the same ones as before it
        text = f"{self.settings.seed}/{job.campaign}/{which}/{number}"
        drawn = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
        ordered = self.settings.outcomes.get(job.phone)
        if ordered is not None:
            result = ordered[min(number, len(ordered)) - 1]
        else:
            weights = list(accumulate(self.settings.odds.values()))
            place = bisect_right(weights, (drawn >> 32) / 2**32 * weights[-1])
            result = list(self.settings.odds)[place]
        least, most = _SECONDS[result]
        return result, least + (drawn & 0xFFFFFFFF) % (most - least + 1)

    def _end_attempt(self, job: ServedJob, moment: float) -> None:
        assert job.attempts
        attempt = job.attempts[-1]
        self.busy_lines -= 1
        self.talk += attempt.talk
        policy, settings = job.policy, self.settings
        most = policy.max_attempts if policy is not None and policy.max_attempts else settings.max_attempts
        if attempt.result not in _RETRIED or attempt.number >= most or job.last:
            self._finish_job(job, moment, attempt.result)
            return
        interval = policy.retry_interval if policy is not None else None
        again = moment + (settings.retry_interval if interval is None else interval)
        if policy is not None and policy.finish is not None and again >= policy.finish:
            self._finish_job(job, moment, attempt.result)
            return
        job.ready = again
        self.waiting_for_retry += 1
        self._schedule(job.ready, _READY, job.number, job)

    def _finish_job(self, job: ServedJob, moment: float, ending: str) -> None:
        if job.attempts and job.ready > job.attempts[-1].started:
            self.waiting_for_retry -= 1
        self._asking.discard(job.number)
        job.finished, job.ending = moment, ending
        self.finished_by_result[ending] += 1
        del self.open[job.number]
        _insert_sorted(self.finished, job, _finished_order)

    @staticmethod
    def _running_attempt(job: ServedJob, moment: float) -> Attempt | None:
        """The attempt that is under way."""
        attempt = job.attempts[-1] if job.attempts else None
        return attempt if attempt is not None and attempt.ended > moment else None


def started_at(of_job: tuple[ServedJob, Attempt]) -> float:
    """When an attempt began."""
    return of_job[1].started


def finished_at(job: ServedJob) -> float:
    """When a finished job was over."""
    assert job.finished is not None
    return job.finished


def _attempt_order(of_job: tuple[ServedJob, Attempt]) -> tuple[float, int]:
    return of_job[1].started, of_job[0].number


def _finished_order(job: ServedJob) -> tuple[float, int]:
    return finished_at(job), job.number


def _insert_sorted(items: list[T], new: T, order: Callable[[T], tuple[float, int]]) -> None:
    """Put in at its place, which is nearly always the end."""
    if not items or order(items[-1]) <= order(new):
        items.append(new)
    else:
        insort(items, new, key=order)
