"""What is durably known of the calls of one task instance: an entry with a head, and a record per call.

All are frozen values with a JSON form. Nothing here decides. A send without an answer counts as unanswered, for that
is what a crash leaves behind. Times are seconds of the server's clock (Unix time), unless a send says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.idempotence.keys import Parameters, renewed_key
from aimylogic_provider.idempotence.rulings import Choice, Ruling

__all__ = ["FORMAT", "ClockSource", "CreatedBy", "Entry", "Job", "Outcome", "Record", "RecordError", "Send"]

FORMAT = 1
"""The version of the JSON form."""


class RecordError(AimylogicError, ValueError):
    """An entry that can't be read: written by a newer version, or changed by hand."""


class ClockSource(StrEnum):
    """Whose clock told a time."""

    SERVER = "server"
    WORKER = "worker"


class Outcome(StrEnum):
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
    outcome: Outcome = Outcome.NOTED
    detail: str = ""
    key_lost: bool = False
    clear_number: int = 0

    @property
    def unanswered(self) -> bool:
        """Whether a job may have come of it that is not known."""
        return self.outcome in (Outcome.NOTED, Outcome.UNANSWERED)


@dataclass(frozen=True, slots=True)
class Job:
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
    :param parameters: as they were first sent, or as they were when a person last decided
    :param asked: where a person was asked and has not answered yet: the candidate jobs that the question names
    :param ruling: what a person last said
    """

    key: str
    person: str
    phone: str
    masked_phone: str
    sure: bool
    parameters: Parameters
    sends: tuple[Send, ...] = ()
    job: Job | None = None
    asked: tuple[str, ...] | None = None
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
            case Choice.ADOPT if ruling.job is not None:
                return replace(record, job=Job(ruling.job, CreatedBy.PERSON), parameters=parameters)
            case Choice.SEND_AGAIN:
                return replace(
                    record.settled(Outcome.ABANDONED),
                    key=renewed_key(self.key, ruling.at),
                    sure=True,
                    parameters=parameters,
                )
        return record

    def noted(self, send: Send) -> Record:
        """With one more send, not yet answered."""
        return replace(self, sends=(*self.sends, send))

    def withdrawn(self) -> Record:
        """Without the last send: it was noted, and then surely did not leave."""
        return replace(self, sends=self.sends[:-1])

    def answered(self, outcome: Outcome, detail: str, *, key_lost: bool = False, job: str | None = None) -> Record:
        """With the last send's answer."""
        last = replace(self.sends[-1], outcome=outcome, detail=detail[:300], key_lost=key_lost)
        found = Job(job, CreatedBy.ANSWER) if job is not None else self.job
        return replace(self, sends=(*self.sends[:-1], last), job=found)

    def adopted(self, job: str) -> Record:
        """With a job that the report showed to be ours."""
        return replace(self, job=Job(job, CreatedBy.REPORT))

    def settled(self, outcome: Outcome) -> Record:
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

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, for the store: dictionaries, lists, text, numbers, booleans and nothing else."""
        return {
            "format": FORMAT,
            "sure": self.sure,
            "server_time": self.server_time,
            "run_age": self.run_age,
            "clock": self.clock.value,
            "records": {name: _record_to_json(record) for name, record in self.records.items()},
        }

    @classmethod
    def from_json(cls, content: object) -> Entry:
        """Read the JSON form.

        :raises RecordError: if it is not one of this format
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else type(content).__name__
            raise RecordError(
                f"the record of this task is of format {found!r}, which this version of the provider, whose format is "
                f"{FORMAT}, can't read: install the version that wrote it, or a newer one; nothing was sent"
            )
        try:
            return cls(
                sure=_boolean(content["sure"]),
                server_time=_seconds(content["server_time"]),
                run_age=_seconds(content["run_age"]),
                clock=ClockSource(content["clock"]),
                records={name: _record(value) for name, value in content["records"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordError(
                f"the record of this task can't be read ({type(error).__name__}: {error}): was it changed by hand? "
                "Restore it; nothing was sent"
            ) from None


def _record_to_json(record: Record) -> dict[str, Any]:
    return {
        "key": record.key,
        "person": record.person,
        "phone": record.phone,
        "masked_phone": record.masked_phone,
        "sure": record.sure,
        "parameters": {
            "campaign": record.parameters.campaign,
            "test_call": record.parameters.test_call,
            "payload": record.parameters.payload,
            "gmt_zone": record.parameters.gmt_zone,
        },
        "sends": [
            {
                "at": send.at,
                "until": send.until,
                "clock": send.clock.value,
                "outcome": send.outcome.value,
                "detail": send.detail,
                "key_lost": send.key_lost,
                "clear_number": send.clear_number,
            }
            for send in record.sends
        ],
        "job": None if record.job is None else {"id": record.job.id, "by": record.job.by.value},
        "asked": None if record.asked is None else list(record.asked),
        "ruling": None if record.ruling is None else _ruling_to_json(record.ruling),
    }


def _ruling_to_json(ruling: Ruling) -> dict[str, Any]:
    return {
        "choice": ruling.choice.value,
        "by": ruling.by,
        "at": ruling.at,
        "job": ruling.job,
        "shown": list(ruling.shown),
    }


def _record(content: Any) -> Record:
    return Record(
        **{
            **content,
            "key": _word(content["key"]),
            "sure": _boolean(content["sure"]),
            "parameters": Parameters(**content["parameters"]),
            "sends": tuple(
                Send(
                    **{
                        **send,
                        "at": float(send["at"]),
                        "until": float(send["until"]),
                        "clock": ClockSource(send["clock"]),
                        "outcome": Outcome(send["outcome"]),
                    }
                )
                for send in content["sends"]
            ),
            "job": content["job"] and Job(_word(content["job"]["id"]), CreatedBy(content["job"]["by"])),
            "asked": None if content["asked"] is None else tuple(map(_word, content["asked"])),
            "ruling": content["ruling"] and _ruling(content["ruling"]),
        }
    )


def _ruling(content: Any) -> Ruling:
    return Ruling(
        **{
            **content,
            "choice": Choice(content["choice"]),
            "at": float(content["at"]),
            "job": content["job"] and _word(content["job"]),
            "shown": tuple(map(_word, content["shown"])),
        }
    )


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is not text")
    return value


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)
