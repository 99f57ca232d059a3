"""What the server tells a try: its time, and the jobs of a phone. Remembers both, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from aimylogic_provider.calls_api.phones.phone import mask_phone, same_phone
from aimylogic_provider.calls_api.statuses import why_nobody_is_called
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.ports import CampaignPort, Log, OtherTasks
from aimylogic_provider.idempotence.server_time import Clock, Reading, Timebase
from aimylogic_provider.idempotence.situation import Report, ReportedJob
from aimylogic_provider.idempotence.time_limits import SLACK, ClockSource, Time

__all__ = ["ServerView"]

_LOOKS = 3
"""How often the time is asked for, until the worker's clocks are steady enough to tell it."""


class ServerView:
    """A campaign as one try sees it.

    :param turn: waits until the time may be asked for
    :param others: tells which jobs are other tasks'; None if that is not known
    """

    def __init__(
        self,
        campaign: CampaignPort,
        clock: Clock,
        log: Log,
        turn: Callable[[], None] = lambda: None,
        others: OtherTasks | None = None,
    ) -> None:
        self._turn = turn
        self._others = others
        self._campaign = campaign
        self._clock = clock
        self._log = log
        self._timebase: Timebase | None = None
        self._agreed: Timebase | None = None
        """What was told twice."""
        self._told_status = ""
        self.jobs: dict[str, str] = {}
        """What the last report showed, in words, by the job's id."""

    def now(self) -> Time | None:
        """The server's time, by what it last told; None if it was not asked yet."""
        return None if self._timebase is None else self._timebase.now(self._clock)

    def forget_time(self) -> None:
        """Rely no more on what was told before."""
        self._timebase = None

    def fresh_time(self) -> Time:
        """The server's time, told so recently and by clocks so steady that it can be relied on; asked for if need be.

        :raises NotAddedError: if the worker's clocks don't agree
        """
        for _ in range(_LOOKS):
            if self._timebase is not None and self._timebase.is_fresh(self._clock):
                return self._timebase.now(self._clock)
            self._timebase = self._told_time()
        raise NotAddedError(
            "The clocks of this worker don't agree, or stood still: nothing was sent. The next try asks again; if this "
            "goes on, look at the worker's time service",
            retryable=True,
        )

    def told_alike(self) -> bool:
        """Whether the time was told so twice: asks for it once more, and goes by that answer from now on.

        A single answer may be far off, and what is done for good must not hang on it.
        """
        before = self._timebase
        if before is not None and before is self._agreed:
            return True
        self._timebase = self._told_time()
        if before is None:
            return False
        told, again = before.now(self._clock), self._timebase.now(self._clock)
        if max(told.earliest, again.earliest) > min(told.latest, again.latest) + SLACK or told.clock != again.clock:
            return False
        self._agreed = self._timebase
        return True

    def report(self, phone: str) -> Report:
        """Ask for the jobs of a phone, but for those that are another task's."""
        asked = self.fresh_time().earliest
        jobs = [job for job in self._campaign.jobs_of(phone).value if job.redial_number is None]  # the script's own
        owned, doubtful = self._others.owned(jobs, phone) if self._others is not None and jobs else ((), ())
        jobs = [job for job in jobs if job.id not in owned]
        self.jobs = {job.id: str(job) for job in jobs}
        # The server was asked for our phone alone. What it writes otherwise may still be ours, but is not adopted.
        reported = tuple(
            ReportedJob(
                job.id,
                job.created_at.timestamp() if job.created_at else None,
                ours=same_phone(job.phone, phone) and job.id not in doubtful,
            )
            for job in jobs
        )
        others = f", besides {len(owned)} that other tasks added" if owned else ""
        self._log.info("Jobs that the report shows for %s: %d%s.", mask_phone(phone), len(reported), others)
        return Report(reported, asked)

    def _told_time(self) -> Timebase:
        self._turn()
        before = Reading.of(self._clock)
        answer = self._campaign.status()
        date = answer.date
        after = Reading.of(self._clock)
        self._tell_status(answer.value)
        if date is not None:
            return Timebase(date, ClockSource.SERVER, before, after)
        if self._timebase is None:
            self._log.warning(
                "The server's answers bear no Date: its time is taken from this worker's clock, every limit is kept "
                "an hour early, and no request is repeated after one that went unanswered."
            )
        return Timebase(after.wall, ClockSource.WORKER, after, after)

    def _tell_status(self, status: object) -> None:
        """Tell, once, that whoever is added now is not called for the time being."""
        why = why_nobody_is_called(str(status))
        if why is not None and self._told_status != why:
            self._told_status = why
            self._log.warning("The campaign is %s: %s.", str(status).casefold(), why)
