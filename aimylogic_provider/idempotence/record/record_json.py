"""The JSON form of an entry, as it stands in the store."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.calls_api.phones.phone import shown
from aimylogic_provider.idempotence.human_answer import Question, Ruling
from aimylogic_provider.idempotence.record.records import Entry, Record

__all__ = ["FORMAT", "RecordError", "entry_from_json", "entry_to_json", "record_to_json"]

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
        "records": {name: record_to_json(record) for name, record in entry.records.items()},
    }


def entry_from_json(content: object) -> Entry:
    """Read the JSON form.

    :raises RecordError: if it is not one of this format
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = shown(content.get("format")) if isinstance(content, dict) else type(content).__name__
        raise RecordError(
            f"the record of this task is of format {found}, which this version of the provider, whose format is "
            f"{FORMAT}, can't read: install the version that wrote it, or a newer one; nothing was sent"
        )
    try:
        json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
        entry = msgspec.convert(content, Entry)
        if entry_to_json(entry) != content:
            raise ValueError("it holds more or less than what was written")
        for record in entry.records.values():
            _check_words(record)
        return entry
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"the record of this task can't be read ({type(error).__name__}: {error}): was it changed by hand? "
            "Restore it; nothing was sent"
        ) from None


def record_to_json(record: Record) -> dict[str, Any]:
    """Return the JSON form of one record."""
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


def _check_words(record: Record) -> None:
    """What a send or a person's word is known by is not empty."""
    asked = (record.asked, None if record.ruling is None else record.ruling.question)
    words = (
        record.key,
        *(() if record.job is None else (record.job.id,)),
        *(() if record.ruling is None or record.ruling.job is None else (record.ruling.job,)),
        *(word for question in asked if question is not None for word in (question.reference, *question.candidates)),
    )
    if not all(words):
        raise ValueError("a key, a job's id or a reference is empty")
