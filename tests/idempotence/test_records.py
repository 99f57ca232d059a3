"""Records: their JSON form reads back the same, and nothing else is read."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from aimylogic_provider.idempotence.human_answer import Choice, Question, Ruling
from aimylogic_provider.idempotence.keys import Parameters
from aimylogic_provider.idempotence.record.record_json import RecordError, entry_from_json, entry_to_json
from aimylogic_provider.idempotence.record.records import Entry, Record, Send, SendOutcome
from aimylogic_provider.idempotence.time_limits import ClockSource

RECORD = Record("key", "person", "phone", "7912***6789", True, Parameters("c", False, "p", "z"))
NOTED = RECORD.noted(Send(2.5, 42.5, ClockSource.WORKER))


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        NOTED,
        NOTED.answered(SendOutcome.CREATED, "", job="7"),
        NOTED.answered(SendOutcome.UNANSWERED, "duplicated", key_lost=True),
        NOTED.answered(SendOutcome.REFUSED, "no").noted(Send(3.0, 43.0)),
        NOTED.adopted("8"),
        NOTED.settled(SendOutcome.ABSENT),
        replace(NOTED, asked=Question("r", 4.5)),
        replace(NOTED, asked=Question("r", 4.5, ("7", "8"))),
        *(
            NOTED.ruled(
                Ruling(choice, "Maria (7)", 5.25, Question("r", 4.5, ("7", "8")), "8"),
                Parameters("c2", True, "p2", "z2"),
            )
            for choice in Choice
        ),
    ],
)
def test_an_entry_reads_back_the_same(record: Record) -> None:
    entry = Entry(sure=False).timed(9.0, ClockSource.WORKER, None).with_record("name", record)
    assert entry_from_json(json.loads(json.dumps(entry_to_json(entry)))) == entry


def test_what_counts_as_unanswered() -> None:
    assert NOTED.unanswered
    assert NOTED.answered(SendOutcome.UNANSWERED, "").unanswered
    for settled in (
        NOTED.answered(SendOutcome.REFUSED, ""),
        NOTED.settled(SendOutcome.ABSENT),
        NOTED.withdrawn(),
        NOTED.adopted("1"),
    ):
        assert not settled.unanswered
    assert NOTED.settled(SendOutcome.ABSENT).only_refused
    assert not NOTED.adopted("1").only_refused


def test_the_head_keeps_its_first_time() -> None:
    entry = Entry(sure=True).timed(5.0, ClockSource.SERVER, 1.0)
    assert entry.timed(9.0, ClockSource.WORKER, 2.0) == entry


def broken(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = copy.deepcopy(entry_to_json(Entry(sure=True).with_record("n", NOTED)))
    if "surplus_of_entry" in changes:
        return content | changes
    for name, value in changes.items():
        (content if name in content else content["records"]["n"])[name] = value
    return content


SEND: dict[str, Any] = entry_to_json(Entry(sure=True).with_record("n", NOTED))["records"]["n"]["sends"][0]
QUESTION: dict[str, Any] = {"reference": "r", "at": 4.5, "candidates": []}


def deep() -> list[Any]:
    content: list[Any] = []
    for _ in range(100_000):
        content = [content]
    return content


@pytest.mark.parametrize(
    "content",
    [
        "text", [], {}, {"format": 2}, {"format": 1}, broken(sure=1), broken(clock="sun"), broken(records=[]),
        broken(key=""),  broken(sends=[{}]), broken(sends=5), broken(job={"id": 5, "by": "x"}),
        broken(parameters={}), broken(surplus=1), broken(surplus_of_entry=1),
        # What Python takes for true, false, a number or nothing, and JSON didn't write.
        broken(job=""), broken(job=0), broken(job=[]), broken(asked={}), broken(ruling=False), broken(person=None),
        broken(masked_phone=7), broken(parameters={"campaign": "c", "test_call": 1, "payload": "p", "gmt_zone": "z"}),
        broken(server_time="9"), broken(server_time=True), broken(run_age=float("nan")),
        broken(sends=[SEND | {"at": "1"}]),
        broken(sends=[SEND | {"at": float("nan")}]), broken(sends=[SEND | {"until": float("inf")}]),
        broken(sends=[SEND | {"key_lost": "no"}]), broken(sends=[SEND | {"clear_number": None}]),
        broken(sends=[SEND | {"detail": "\ud800"}]), broken(job={"id": "", "by": "answer"}),
        broken(asked=QUESTION | {"reference": ""}),
        broken(person=deep()), {"format": 10**5000},
    ],
)  # fmt: skip
def test_anything_else_is_an_error_that_says_so(content: object) -> None:
    with pytest.raises(RecordError, match="nothing was sent"):
        entry_from_json(content)
