"""Harness of the record of a call's task, and of the entry of a list's: what is read is what was written, or refused.

An input is the JSON of either, as it stands in the store.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.sync_entry import ENTRY_FORMAT, SyncEntry
from aimylogic_provider.idempotence.human_answer import Choice
from aimylogic_provider.idempotence.record.record_json import RecordError, entry_from_json, entry_to_json
from aimylogic_provider.idempotence.record.records import CreatedBy, Entry, Record, SendOutcome
from aimylogic_provider.idempotence.time_limits import ClockSource
from tests.fuzz.parsers.harness import Harness, check_told, json_value, writable

__all__ = ["HARNESS"]


def _check(content: bytes) -> None:
    value = json_value(content, plain=True)
    _check_record(value)
    _check_entry(value)
    if isinstance(value, dict) and value.get("format") != ENTRY_FORMAT:
        _check_entry({**value, "format": ENTRY_FORMAT})


def _check_record(content: Any) -> None:
    before = deepcopy(content)
    try:
        entry = entry_from_json(content)
    except RecordError as error:
        check_told(error)
        assert "nothing was sent" in str(error)
        return
    assert content == before, "reading changed it"
    written = entry_to_json(entry)
    assert writable(written) == writable(entry_to_json(entry_from_json(written)))
    assert written == content, "what was read is not what was written"
    assert type(entry.sure) is bool
    assert isinstance(entry.clock, ClockSource)
    for record in entry.records.values():
        _check_one(record)
    entry.timed(1.0, ClockSource.SERVER, None)
    assert entry_from_json(entry_to_json(Entry(True, records=entry.records))).records == entry.records


def _check_one(record: Record) -> None:
    texts = [record.key, record.person, record.phone, record.masked_phone]
    parameters = record.parameters
    texts += [parameters.campaign, parameters.payload, parameters.gmt_zone]
    flags = [record.sure, parameters.test_call]
    for send in record.sends:
        assert isinstance(send.clock, ClockSource)
        assert isinstance(send.outcome, SendOutcome)
        assert type(send.clear_number) is int
        assert send.until < float("inf")
        assert send.at > -float("inf")
        texts.append(send.detail)
        flags.append(send.key_lost)
    if record.job is not None:
        assert isinstance(record.job.by, CreatedBy)
        texts.append(record.job.id)
    if record.ruling is not None:
        assert isinstance(record.ruling.choice, Choice)
        texts += [record.ruling.by, record.ruling.question.reference, *record.ruling.question.candidates]
    if record.asked is not None:
        texts += [record.asked.reference, *record.asked.candidates]
    assert all(type(one) is str for one in texts)
    assert all(type(one) is bool for one in flags)
    assert record.only_refused == (record.job is None and not any(send.unanswered for send in record.sends))


def _check_entry(content: Any) -> None:
    try:
        entry = SyncEntry.of(content)
    except CallListError as error:
        check_told(error)
        return
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper

    store = _Kept()
    EntryKeeper(store, entry).save_now()
    writable(store.content)
    assert SyncEntry.of(store.content) == entry, "what is written back is another entry"
    for batch in entry.open.values():
        assert all(send.until < float("inf") for send in batch.open_sends)
        assert batch.parts >= 1


class _Kept:
    """A store that keeps what is written."""

    remembers = True
    content: Any = None

    def read(self) -> object | None:
        return self.content

    def write(self, content: dict[str, object]) -> None:
        self.content = content


HARNESS = Harness(
    "records",
    _check,
    (
        "idempotence/record/record_json.py",
        "idempotence/record/records.py",
        "call_list/store/sync_entry.py",
        "call_list/store/open_batch.py",
    ),
)
