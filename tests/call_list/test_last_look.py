"""The rules' two looks: when a list is frozen, and right before each request. What they find out is never sent."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.last_look import Barred, BarredCalls
from aimylogic_provider.call_list.tables.row_keys import Person
from aimylogic_provider.call_list_task.prepare_base import PrepareBase
from aimylogic_provider.call_list_task.send_base import SendBase
from aimylogic_provider.idempotence.server_time import Reading
from tests.call_list.sync import Sync, phone
from tests.conftest import needs_record

PHONES = [phone(number) for number in range(30)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


class Look:
    """Forbids phones."""

    def __init__(self, *phones: str) -> None:
        self.phones = {*phones}
        self.left_of: list[str] = []

    async def barred(self, under_way: BatchUnderWay, places: Sequence[int]) -> Mapping[int, Barred]:
        return {place: Barred("excluded", "said no") for place in places if under_way.phone(place) in self.phones}

    async def left(self, under_way: BatchUnderWay) -> None:
        self.left_of.append(under_way.batch.name)


class Rule:
    """Spares phones."""

    def __init__(self, kind: SparedKind, *phones: str) -> None:
        self.kind = kind
        self.phones = phones

    def marked(self, people: Callable[[], Iterable[Person]]) -> Marked:
        marks = [self.phones.index(one.phone) + 1 if one.phone in self.phones else 0 for one in people()]
        return Marked(marks, [f"spared as {one}" for one in self.phones])


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    found = Look()
    monkeypatch.setattr(SendBase, "_last_looks", lambda self, call_list, opened: [found])
    return found


def results(sync: Sync) -> dict[str, tuple[str, str]]:
    with closing(sqlite3.connect(sync.database)) as database:
        rows = database.execute("select c.phone, outcome, reason from calls join customer c on c.id = calls.id")
        return {one: (outcome, reason) for one, outcome, reason in rows}


@METHODS
def test_who_is_forbidden_right_before_the_request_is_not_called_and_counted(
    sync: Sync, look: Look, method: str
) -> None:
    sync.add(PHONES)
    look.phones = {PHONES[3], PHONES[17]}
    report = sync.attempt(method=method, batch_size=10, results_table="calls")
    assert (report["rows"], report["created"], report["excluded"]) == (30, 28, 2)
    sync.assert_once([one for one in PHONES if one not in look.phones])
    assert results(sync)[PHONES[3]] == ("excluded", "said no")
    assert sorted(look.left_of) == ["00001", "00002", "00003"]
    names = [path.name for path in sync.files("done/*")]
    assert sum(".excluded-1." in name for name in names) == 2
    assert sync.attempt(method=method, results_table="calls")["excluded"] == 2, "told by the files alone"


@METHODS
def test_nobody_is_called_of_a_list_all_of_whose_calls_are_forbidden_and_it_ends_well(
    sync: Sync, look: Look, method: str
) -> None:
    sync.add(PHONES[:20])
    look.phones = {*PHONES}
    report = sync.attempt(method=method, batch_size=10)
    assert (report["created"], report["excluded"]) == (0, 20)
    assert sync.sends() == 0


@needs_record
@METHODS
def test_a_request_that_was_not_answered_is_settled_by_the_report_before_anybody_leaves_it(
    sync: Sync, look: Look, method: str
) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("after_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    sync.emulator.clear_faults()
    sends = sync.sends()
    look.phones = {PHONES[0]}
    report = sync.attempt(method=method)
    assert sync.sends() == sends, "found in the report, and not by a repeat of its key"
    assert (report["created"], report["excluded"]) == (10, 0), "who was called before they said no, was called"
    sync.assert_once(PHONES[:10])


@needs_record
def test_who_is_forbidden_leaves_a_batch_of_which_nothing_came(sync: Sync, look: Look) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    look.phones = {PHONES[0]}
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.advance(minutes=25)
    report = sync.attempt()
    assert (report["created"], report["excluded"]) == (9, 1)
    sync.assert_once(PHONES[1:10])


def test_rules_are_applied_when_the_list_is_frozen_each_to_whom_the_one_before_leaves(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add([*PHONES[:10], PHONES[1], PHONES[2]])  # of whom two are doubles
    rules = [Rule("excluded", PHONES[1], PHONES[3]), Rule("capped", PHONES[3], PHONES[4]), Rule("held_out", PHONES[5])]
    monkeypatch.setattr(PrepareBase, "_freeze_rules", lambda self, stack: rules)
    report = sync.attempt(results_table="calls", payload_columns=["name"])
    counts: dict[str, Any] = {name: report[name] for name in ("created", "excluded", "capped", "held_out", "doubles")}
    assert counts == {"created": 6, "excluded": 3, "capped": 1, "held_out": 1, "doubles": 1}
    sync.assert_once([one for one in PHONES[:10] if one not in (PHONES[1], *PHONES[3:6])])
    assert results(sync)[PHONES[3]] == ("excluded", f"spared as {PHONES[3]}")
    assert results(sync)[PHONES[4]] == ("capped", f"spared as {PHONES[4]}")
    assert results(sync)[PHONES[5]] == ("held_out", f"spared as {PHONES[5]}")


class Ticking:
    """Clocks that go on as others say."""

    now = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def test_what_was_looked_at_first_is_looked_at_again_if_what_came_next_took_long() -> None:
    """Somebody says no while the batch waits for its claims, which a hundred others are making."""
    clock, under_way = Ticking(), SimpleNamespace(batch=SimpleNamespace(name="00001"), phone=lambda place: f"{place}")
    excluding = Look()

    class Claiming:
        granted = False

        async def barred(self, under_way: Any, places: Sequence[int]) -> Mapping[int, Barred]:
            if not self.granted:
                self.granted = True
                clock.now += 25
                excluding.phones.add("1")
                return {2: Barred("capped", "called")}
            return {}

        async def left(self, under_way: Any) -> None:
            """Nothing."""

    unused: Any = None
    looks = BarredCalls([excluding, Claiming()], unused, unused, unused, clock)  # type: ignore[arg-type]
    barred = asyncio.run(looks.among(under_way, [0, 1, 2]))  # type: ignore[arg-type]
    assert {place: one.outcome for place, one in barred.items()} == {1: "excluded", 2: "capped"}


def test_a_request_counts_its_seconds_from_the_first_look() -> None:
    clock, under_way = Ticking(), SimpleNamespace(batch=SimpleNamespace(name="00001"), phone=lambda place: f"{place}")

    class Slow(Look):
        async def barred(self, under_way: Any, places: Sequence[int]) -> Mapping[int, Barred]:
            clock.now += 25
            return {}

    unused: Any = None
    looks = BarredCalls([Look(), Slow()], unused, unused, unused, clock)  # type: ignore[arg-type]
    asyncio.run(looks.among(under_way, [0]))  # type: ignore[arg-type]
    now = Reading.of(clock)  # type: ignore[arg-type]
    assert looks.fresh_since(under_way, now).monotonic == clock.now - 25  # type: ignore[arg-type]
