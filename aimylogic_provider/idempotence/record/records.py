"""What is durably known of the calls of one task instance: an entry with a head, and a record per call.

All are frozen values; :mod:`.record_json` writes them down. Nothing here decides. A send without an answer counts as
unanswered, for that is what a crash leaves behind. Times are seconds of the server's clock (Unix
time), unless a send says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from aimylogic_provider.idempotence.human_answer import Choice, Question, Ruling
from aimylogic_provider.idempotence.keys import Parameters, renewed_key
from aimylogic_provider.idempotence.time_limits import ClockSource

__all__ = ["ClockSource", "CreatedBy", "Entry", "Record", "RecordedJob", "Send", "SendOutcome"]


class SendOutcome(StrEnum):
    """What a send was answered."""

    NOTED = "noted"
    """Nothing yet: noted before it left."""
    UNANSWERED = "unanswered"
    CREATED = "created"
    REFUSED = "refused"
    ABSENT = "absent"
    """Unanswered, and the report showed later, after its lag, that no job came of it."""
    ABANDONED = "abandoned"
    """Unanswered, and a person said to send again, whatever became of it."""


class CreatedBy(StrEnum):
    """How a job became known as ours."""

    ANSWER = "answer"
    REPORT = "report"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Send:
    """One request that may create a job.

    :param at: when it was noted, before it left, at the earliest
    :param until: when it had taken effect, at the latest, or never would
    :param detail: what was answered, in words without token and phone
    :param clear_number: how often the DAG run had been cleared
    :param key_lost: whether the answer showed that the idempotence key had not reached the server
    """

    at: float
    until: float
    clock: ClockSource = ClockSource.SERVER
    outcome: SendOutcome = SendOutcome.NOTED
    detail: str = ""
    key_lost: bool = False
    clear_number: int = 0

    @property
    def unanswered(self) -> bool:
        """Whether a job may have come of it that is not known."""
        return self.outcome in (SendOutcome.NOTED, SendOutcome.UNANSWERED)


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """The call job that is a call's outcome."""

    id: str
    by: CreatedBy


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one call.

    :param key: the idempotence key, made once and kept
    :param person: digest of phone and ``call_again``
    :param phone: digest of the phone alone
    :param masked_phone: for people who look into the store
    :param sure: whether it was begun surely before any send of its key
    :param parameters: as they were first sent, or when a person last said to adopt a job or to send again
    :param asked: the question that a person was asked, and whose answer is not noted yet
    :param ruling: what a person last said
    """

    key: str
    person: str
    phone: str
    masked_phone: str
    sure: bool
    parameters: Parameters
    sends: tuple[Send, ...] = ()
    job: RecordedJob | None = None
    asked: Question | None = None
    ruling: Ruling | None = None

    @property
    def unanswered(self) -> tuple[Send, ...]:
        """The sends that may have created a job that is not known; none once a job is known."""
        return () if self.job else tuple(send for send in self.sends if send.unanswered)

    @property
    def only_refused(self) -> bool:
        """Whether there is no job, and no send that could have made one."""
        return self.job is None and not self.unanswered

    @property
    def key_lost(self) -> bool:
        """Whether the server's own protection can't be relied on, for the key got lost on the way."""
        return any(send.key_lost for send in self.sends)

    @property
    def sent_again(self) -> bool:
        """Whether a person said to send again: the key is new since, and no other task instance can have it."""
        return self.ruling is not None and self.ruling.choice is Choice.SEND_AGAIN

    @property
    def left(self) -> bool:
        """Whether a person said to leave the call as it is."""
        return self.ruling is not None and self.ruling.choice is Choice.LEAVE

    def ruled(self, ruling: Ruling, parameters: Parameters) -> Record:
        """With what a person said of the call as it is now.

        :param ruling: with a job, if it is to be adopted
        :param parameters: of the call as it is now
        """
        record = replace(self, asked=None, ruling=ruling)
        match ruling.choice:
            case Choice.ADOPT:
                if ruling.job is None:
                    raise ValueError("no job to adopt")
                return replace(record, job=RecordedJob(ruling.job, CreatedBy.PERSON), parameters=parameters)
            case Choice.SEND_AGAIN:
                return replace(
                    record.settled(SendOutcome.ABANDONED),
                    key=renewed_key(self.key, ruling.question.at),
                    sure=True,
                    parameters=parameters,
                )
            case Choice.LEAVE:
                return record

    def noted(self, send: Send) -> Record:
        """With one more send, not yet answered."""
        return replace(self, sends=(*self.sends, send))

    def withdrawn(self) -> Record:
        """Without the last send: it was noted, and then surely did not leave."""
        return replace(self, sends=self.sends[:-1])

    def answered(self, outcome: SendOutcome, detail: str, *, key_lost: bool = False, job: str | None = None) -> Record:
        """With the last send's answer."""
        last = replace(self.sends[-1], outcome=outcome, detail=detail[:300], key_lost=key_lost)
        found = RecordedJob(job, CreatedBy.ANSWER) if job is not None else self.job
        return replace(self, sends=(*self.sends[:-1], last), job=found)

    def adopted(self, job: str) -> Record:
        """With a job that the report showed to be ours."""
        return replace(self, job=RecordedJob(job, CreatedBy.REPORT))

    def settled(self, outcome: SendOutcome) -> Record:
        """With that outcome for each of its unanswered sends."""
        return replace(
            self,
            sends=tuple(replace(send, outcome=outcome) if send.unanswered else send for send in self.sends),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is durably known of one task instance.

    :param sure: whether it was begun surely before any send of this task instance
    :param server_time: the server's time when the run's age was taken, or None if not yet taken
    :param run_age: the age of the DAG run at that time, in seconds by Airflow's clock; None if Airflow doesn't say
    :param clock: whose clock told ``server_time``
    """

    sure: bool
    server_time: float | None = None
    run_age: float | None = None
    clock: ClockSource = ClockSource.SERVER
    records: Mapping[str, Record] = field(default_factory=dict)

    def timed(self, server_time: float, clock: ClockSource, run_age: float | None) -> Entry:
        """With its time, unless it has one: the first one stays."""
        if self.server_time is not None:
            return self
        return replace(self, server_time=server_time, clock=clock, run_age=run_age)

    def with_record(self, name: str, record: Record) -> Entry:
        """With one record added or replaced."""
        return replace(self, records={**self.records, name: record})
