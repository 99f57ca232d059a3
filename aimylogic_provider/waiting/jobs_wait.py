"""A wait for call jobs: what is asked in each poll, when it is over, and what is told. Asks nothing itself.

The same for a worker, which asks by a blocking hook, and a triggerer, which asks by another: :meth:`JobsWait.poll`
yields questions and takes their answers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import ceil
from typing import Any, Literal

from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.statuses import campaign_status, shown_status, why_nobody_is_called
from aimylogic_provider.idempotence.ports import Log
from aimylogic_provider.waiting.watched_jobs import MORE_REQUESTS, WatchedJobs

__all__ = ["AskJobs", "AskStatus", "JobsWait", "Question", "WaitEnd", "WaitOutcome", "WaitTerms"]

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class AskStatus:
    """Ask for the campaign's status; the answer is its word, or None if it isn't told."""


@dataclass(frozen=True, slots=True)
class AskJobs:
    """Ask for the jobs with these ids; the answer is those jobs, or None if an id is not known."""

    ids: tuple[str, ...]


Question = AskStatus | AskJobs
Answer = str | tuple[CallJob, ...] | None


@dataclass(frozen=True, slots=True)
class WaitTerms:
    """What is waited for.

    :param until: Unix seconds, by this machine's clock, at which the wait is given up
    :param since: Unix seconds at which the newest of the jobs was there at the latest
    :param report_lag: seconds after which a job shows in the report
    :param share: of the jobs that are to be over, above 0 and at most 1
    :param on_paused: whether a paused campaign is waited for, or ends the wait
    """

    until: float
    since: float
    report_lag: float
    share: float = 1.0
    on_paused: Literal["wait", "fail"] = "wait"


class WaitOutcome(StrEnum):
    """How a wait ends."""

    OVER = "over"
    TIMEOUT = "timeout"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WaitEnd:
    """How a wait ended, and what is known of the jobs by then. Plain values, for Airflow to bring to a worker.

    :param ends: of the jobs that are over, how many ended with which status
    :param open: how many are open
    :param not_found: how many the report doesn't know; ``named`` are the first of their ids
    :param message: why it failed
    :param retryable: whether another try may end better
    """

    outcome: WaitOutcome
    ends: Mapping[str, int] = field(default_factory=dict)
    open: int = 0
    not_found: int = 0
    named: tuple[str, ...] = ()
    message: str = ""
    retryable: bool = False

    def as_event(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "outcome": self.outcome.value, "ends": dict(self.ends), "named": list(self.named)}

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> WaitEnd:
        """Read it."""
        return cls(**{**event, "outcome": WaitOutcome(event["outcome"]), "named": tuple(event["named"])})

    @property
    def counts(self) -> dict[str, int]:
        """The jobs by what became of them, most frequent first, with ``open`` and ``not_found`` where there are any."""
        counts = dict(sorted(self.ends.items(), key=lambda one: -one[1]))
        return {**counts, **{name: n for name, n in (("open", self.open), ("not_found", self.not_found)) if n}}

    def in_words(self) -> str:
        """Return the counts, in words."""
        return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in self.counts.items()) or "no call jobs"


class JobsWait:
    """A wait for some call jobs.

    :param ids: of the jobs
    :param more_requests: of a poll, beyond those that its open ids take
    """

    def __init__(self, ids: Iterable[str], terms: WaitTerms, log: Log, more_requests: int = MORE_REQUESTS) -> None:
        self.jobs = WatchedJobs(ids)
        self._terms = terms
        self._log = log
        self._more_requests = more_requests
        self._told = ""
        self._told_status = ""

    def poll(self, now: float) -> Generator[Question, Answer, WaitEnd | None]:
        """Ask once for whatever is open, by questions that are to be answered; return the wait's end, or None.

        A failure may end it in between: what was answered until then counts.

        :param now: Unix seconds
        """
        if not self.jobs.open:
            return self._end()
        must_show = now >= self._terms.since + self._terms.report_lag
        polled = self.jobs.poll(must_show=must_show, more_requests=self._more_requests)
        try:
            ids = next(polled)
            while True:
                jobs = yield AskJobs(ids)
                assert not isinstance(jobs, str), "jobs are asked for"
                ids = polled.send(jobs)
        except StopIteration:
            pass
        finally:
            polled.close()
        self._tell()
        if (end := self._end()) is not None:
            return end
        # It is of use where jobs are open, and no more: a server that doesn't tell it holds up nothing.
        status = yield AskStatus()
        assert status is None or isinstance(status, str), "a status is asked for"
        if status is not None:
            self._tell_campaign(status)
        return (None if status is None else self._of_campaign(status)) or self.given_up(now)

    def given_up(self, now: float, because: str = "") -> WaitEnd | None:
        """Return the end of a wait for which the time is up; None before that.

        :param because: what failed last
        """
        return self._known(WaitOutcome.TIMEOUT, because, retryable=False) if now >= self._terms.until else None

    def failed(self, message: str, *, retryable: bool = False) -> WaitEnd:
        """Return the end of a wait that can't go on."""
        return self._known(WaitOutcome.FAILED, message, retryable=retryable)

    def _end(self) -> WaitEnd | None:
        if self.jobs.over + len(self.jobs.not_found) < ceil(self._terms.share * self.jobs.total - 1e-9):
            return None
        if not self.jobs.not_found:
            return self._known(WaitOutcome.OVER)
        return self.failed(
            f"the campaign's report doesn't know {len(self.jobs.not_found):,} of {self.jobs.total:,} call jobs, though "
            "it must show them by now: are the ids those of this campaign, and is the connection still that campaign's?"
        )

    def _tell_campaign(self, written: str) -> None:
        """Tell of the campaign's state, once, and that it calls nobody for the time being."""
        status = campaign_status(written)
        if status == self._told_status:
            return
        self._told_status = status
        if why_nobody_is_called(written) is not None:
            self._log.warning("The campaign is %s: open calls wait, or end as notDone.", status)
        else:
            self._log.info("The campaign is %s.", shown_status(status) or "in a state that can't be told")

    def _of_campaign(self, written: str) -> WaitEnd | None:
        """Return the wait's end, if jobs are open that nobody calls any more, or that nobody waits for."""
        status = campaign_status(written)
        if status == "deleted":
            return self.failed(f"the campaign was deleted: {self.jobs.open:,} call jobs are open for ever")
        if status == "paused" and self._terms.on_paused == "fail":
            return self.failed(
                f"the campaign is paused, and {self.jobs.open:,} call jobs are open: resume it, and clear the task",
            )
        return None

    def _tell(self) -> None:
        """Tell how far it is, where that has changed."""
        told = self._known(WaitOutcome.OVER).in_words()
        if told != self._told:
            self._told = told
            self._log.info("Call jobs, %s in all: %s.", f"{self.jobs.total:,}", told)

    def _known(self, outcome: WaitOutcome, message: str = "", *, retryable: bool = False) -> WaitEnd:
        jobs = self.jobs
        return WaitEnd(
            outcome, dict(jobs.ends), jobs.open, len(jobs.not_found), tuple(jobs.not_found[:_MOST_NAMED]), message,
            retryable,
        )  # fmt: skip
