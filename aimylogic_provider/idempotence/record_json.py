"""The JSON form of an entry, as it stands in the store."""

from __future__ import annotations

from typing import Any

from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.records import ClockSource, CreatedBy, Entry, Job, Outcome, Record, Send
from aimylogic_provider.idempotence.rulings import Choice, Question, Ruling

__all__ = ["FORMAT", "RecordError", "entry_from_json", "entry_to_json"]

FORMAT = 1
"""The version of the JSON form."""


class RecordError(AimylogicError, ValueError):
    """An entry that can't be read: written by a newer version, or changed by hand."""


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """Return the JSON form, for the store: dictionaries, lists, text, numbers, booleans and nothing else."""
    return {
        "format": FORMAT,
        "sure": entry.sure,
        "server_time": entry.server_time,
        "run_age": entry.run_age,
        "clock": entry.clock.value,
        "records": {name: _record_to_json(record) for name, record in entry.records.items()},
    }


def entry_from_json(content: object) -> Entry:
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
        return Entry(
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
        "asked": None if record.asked is None else _question_to_json(record.asked),
        "ruling": None if record.ruling is None else _ruling_to_json(record.ruling),
    }


def _ruling_to_json(ruling: Ruling) -> dict[str, Any]:
    return {
        "choice": ruling.choice.value,
        "by": ruling.by,
        "at": ruling.at,
        "job": ruling.job,
        "question": _question_to_json(ruling.question),
    }


def _question_to_json(question: Question) -> dict[str, Any]:
    return {"reference": question.reference, "at": question.at, "candidates": list(question.candidates)}


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
            "asked": content["asked"] and _question(content["asked"]),
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
            "question": _question(content["question"]),
        }
    )


def _question(content: Any) -> Question:
    return Question(_word(content["reference"]), float(content["at"]), tuple(map(_word, content["candidates"])))


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
