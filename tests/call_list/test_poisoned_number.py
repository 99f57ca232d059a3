"""One number among many whose requests the server answers by an error each time: nobody else waits for it.

``make prove-poisoned`` prints the table: requests, who was added, and how the task ended, for 5,000 rows.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

pytestmark = needs_record

ROWS = 5000 if os.environ.get("AIMYLOGIC_PROOF") == "whole" else 300
BATCH = ROWS // 5
PHONES = [phone(number) for number in range(ROWS)]
TYPE = {"type": "number.not.liked", "message": "No"}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a 400 of an unknown type": ("status", {"status": 400, "body": TYPE}),
    "500": ("status", {"status": 500}),
    "reset": ("reset", {}),
}
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def poison(sync: Sync, method: str, fault: str, *phones: str, phase: str = "before_commit") -> None:
    action, more = FAULTS[fault]
    for one in phones:
        sync.emulator.fault(phase, action, path=method, phone=one, times=None, **more)


def tries(sync: Sync, count: int, minutes: float, **arguments: Any) -> list[str]:
    """So many tries, so many minutes apart; how each of them ended."""
    ends: list[str] = []
    for number in range(count):
        if number:
            sync.emulator.advance(minutes=minutes)
        try:
            report = sync.attempt(**arguments)
        except AirflowException as error:
            ends.append(f"{type(error).__name__}: {error}")
            if isinstance(error, AirflowFailException):
                break
        else:
            ends.append(f"green: {report['created']} created, {report['refused']} refused")
            break
    return ends


def assert_called_once(sync: Sync, phones: list[str]) -> None:
    assert sync.calls_by_phone() == Counter(phones)


@METHODS
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("minutes", [30, 26 * 60])
def test_all_but_the_poisoned_number_are_called(
    make_sync: Callable[..., Sync], fault: str, method: str, minutes: float
) -> None:
    """The table: within four tries, at once and after 26 hours."""
    sync = make_sync(batch_size=BATCH, method=method)
    sync.add(PHONES)
    bad = PHONES[ROWS * 3 // 5 + 7]
    poison(sync, method, fault, bad)
    first, *later = tries(sync, 4, minutes)
    others = [one for one in PHONES if one != bad]
    assert_called_once(sync, others)
    print(f"\n{fault}, {method}, tries {minutes:g} minutes apart: {sync.sends()} requests, {ROWS - 1} of {ROWS} added")
    for end in (first, *later):
        print(f"    {end[:300]}")
    if method == "addPhones" and "400" in fault:
        assert (first, later) == (f"green: {ROWS - 1} created, 1 refused", [])
        assert sync.sends() < 5 + 2 + 2 * BATCH.bit_length()
    else:
        assert len(later) == 3
        assert "row" in later[-1]
        assert f"{bad[:4]}***{bad[-4:]}" in later[-1], "the end names who could not be added, with the last answer"
        assert sync.sends() <= (60 if method == "addPhones" else ROWS + 12)


@METHODS
@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_try_adds_all_that_share_no_request_with_it(
    make_sync: Callable[..., Sync], fault: str, method: str
) -> None:
    sync = make_sync(batch_size=BATCH, method=method)
    sync.add(PHONES)
    poison(sync, method, fault, PHONES[0])
    tries(sync, 1, 0, concurrency=1)
    shared = BATCH if method == "addPhones" and "400" not in fault else 1
    assert len(sync.calls_by_phone()) == ROWS - shared


@METHODS
@pytest.mark.parametrize("spread", ["apart", "side by side", "first", "last"])
@pytest.mark.parametrize("count", [2, 10])
def test_several_poisoned_numbers_are_refused_and_nobody_else(
    make_sync: Callable[..., Sync], spread: str, count: int, method: str
) -> None:
    sync = make_sync(batch_size=BATCH, method=method)
    sync.add(PHONES)
    start, step = {
        "apart": (7, ROWS // count),
        "side by side": (ROWS // 2, 1),
        "first": (0, 1),
        "last": (ROWS - count, 1),
    }[spread]
    bad = PHONES[start : start + count * step : step]
    poison(sync, method, "a 400 of an unknown type" if method == "addPhones" else "500", *bad)
    ends = tries(sync, 1, 0, concurrency=2)
    assert len(bad) == count
    assert_called_once(sync, [one for one in PHONES if one not in bad])
    if method == "addPhones":
        assert ends == [f"green: {ROWS - count} created, {count} refused"]
        assert sync.sends() <= 5 + 8 + count * 2 * BATCH.bit_length()
        outcomes = [json.loads(line) for file in sync.files("done/*") for line in file.read_text().splitlines()]
        assert {one.get("reason") for one in outcomes} == {None, "number.not.liked"}


def test_a_campaign_that_takes_nobody_is_told_from_a_number_after_few_requests(make_sync: Callable[..., Sync]) -> None:
    """As when its minutes have run out: the next try goes on, and nobody is set aside."""
    sync = make_sync(batch_size=BATCH)
    sync.add(PHONES)
    over = sync.emulator.fault("before_commit", "status", path="addPhones", times=None, status=400,
                               body={"type": "minutes.over", "message": ""})  # fmt: skip
    with pytest.raises(AirflowException, match=r"minutes\.over.*the campaign takes none") as told:
        sync.attempt()
    assert not isinstance(told.value, AirflowFailException)
    assert over.hits <= 5 + 7
    assert sync.calls_by_phone() == {}
    sync.emulator.clear_faults()
    assert sync.attempt()["created"] == ROWS
    assert_called_once(sync, PHONES)


def test_minutes_that_run_out_on_the_way_set_nobody_aside(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=BATCH, concurrency=1)
    sync.add(PHONES)
    for nth in range(3, 40):
        sync.emulator.fault("before_commit", "status", path="addPhones", nth=nth, status=400,
                            body={"type": "minutes.over", "message": ""})  # fmt: skip
    with pytest.raises(AirflowException, match="the campaign takes none"):
        sync.attempt()
    assert sync.sends() == 2 + 1 + 7
    sync.emulator.clear_faults()
    assert sync.attempt()["created"] == ROWS
    assert_called_once(sync, PHONES)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_a_poisoned_last_batch_of_few_is_refused_as_a_number(make_sync: Callable[..., Sync], size: int) -> None:
    sync = make_sync(batch_size=10)
    phones = PHONES[: 20 + size]
    sync.add(phones)
    poison(sync, "addPhones", "a 400 of an unknown type", phones[-1])
    assert tries(sync, 1, 0, concurrency=1) == [f"green: {len(phones) - 1} created, 1 refused"]
    assert_called_once(sync, phones[:-1])


def test_a_number_that_an_unknown_refusal_names_is_set_aside_at_once(sync: Sync) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[3], times=None, status=400,
                        body={**TYPE, "phone": f"+{PHONES[3]}"})  # fmt: skip
    report = sync.attempt()
    assert (report["created"], report["refused"]) == (9, 1)
    assert sync.sends() == 2


@METHODS
def test_a_server_that_answers_nobody_is_left_alone_after_few_requests(
    make_sync: Callable[..., Sync], method: str
) -> None:
    sync = make_sync(batch_size=BATCH, method=method)
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path=method, times=None, status=500)
    for _ in range(3):
        before = sync.sends()
        with pytest.raises(AirflowException, match="500"):
            sync.attempt()
        assert sync.sends() - before <= (24 if method == "addPhones" else 3 * 17 * 2)
        sync.emulator.advance(minutes=30)
    sync.emulator.clear_faults()
    assert sync.attempt()["created"] == ROWS
    assert_called_once(sync, PHONES)


def test_tries_that_come_too_soon_wait_and_tell_who_was_not_added(sync: Sync) -> None:
    """Five minutes apart, as Airflow has them: what two tries left unanswered is only waited for."""
    sync.add(PHONES[:25])
    poison(sync, "addPhones", "500", PHONES[12])
    ends = tries(sync, 5, 5)
    assert sync.calls_by_phone().keys() == {*PHONES[:10], *PHONES[20:25]}
    assert sync.emulator.count("addPhones") == 3 + 2 * 2 + 1
    for end in ends:
        assert "10 rows from 11 to 20 (batch 00002): addPhones was answered with 500" in end
    assert "which proves nothing for another" in ends[-1]
    sync.emulator.advance(minutes=20)
    tries(sync, 1, 0)
    assert_called_once(sync, [one for one in PHONES[:25] if one != PHONES[12]])


@METHODS
@pytest.mark.parametrize("phase", ["before_commit", "after_commit"])
def test_a_number_answered_with_500_each_time_is_settled_by_the_report(sync: Sync, phase: str, method: str) -> None:
    """If its job was made all the same, that shows, and the day needs not to pass."""
    sync.add(PHONES[:25])
    poison(sync, method, "500", PHONES[12], phase=phase)
    ends = tries(sync, 4, 30, method=method)
    if phase == "after_commit":
        assert ends[-1] == "green: 25 created, 0 refused"
        assert len(ends) <= 4
        assert_called_once(sync, PHONES[:25])
    else:
        assert_called_once(sync, [one for one in PHONES[:25] if one != PHONES[12]])


def test_the_second_call_of_a_person_whose_first_is_open_waits_and_no_one_elses_does(sync: Sync) -> None:
    sync.add(PHONES[:10])
    sync.add(PHONES[:10], name="Boris")
    poison(sync, "addPhone", "500", PHONES[3])
    tries(sync, 1, 0, method="addPhone", max_calls_per_phone=2)
    assert sync.calls_by_phone() == {one: 2 for one in PHONES[:10] if one != PHONES[3]}
    sync.emulator.clear_faults()
    assert sync.attempt(method="addPhone")["created"] == 20
    assert sync.calls_by_phone() == dict.fromkeys(PHONES[:10], 2)


def test_second_calls_by_lists_go_on_but_for_those_whose_first_is_open(make_sync: Callable[..., Sync]) -> None:
    sync = make_sync(batch_size=5, max_calls_per_phone=2)
    sync.add(PHONES[:10])
    sync.add(PHONES[:10], name="Boris")
    poison(sync, "addPhones", "500", PHONES[3])
    tries(sync, 1, 0)
    assert sync.calls_by_phone() == dict.fromkeys(PHONES[5:10], 2)
    sync.emulator.clear_faults()
    assert sync.attempt()["created"] == 20
    assert sync.calls_by_phone() == dict.fromkeys(PHONES[:10], 2)


def test_of_mapped_calls_each_is_a_task_of_its_own(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault("before_commit", "status", path="addPhone", phone=PHONES[1], times=None, status=500)
    mapped = [TaskInstance(map_index=index, run=task.run) for index in range(3)]
    for hours in (0, 26):
        emulator.advance(hours=hours)
        for instance, one in zip(mapped, PHONES, strict=False):
            if one == PHONES[1]:
                with pytest.raises(AirflowException, match="500"):
                    instance.attempt(phone=one)
            else:
                instance.attempt(phone=one)
    assert Counter(job.phone for job in emulator.jobs()) == Counter([PHONES[0], PHONES[2]])


def test_something_between_that_stops_one_batch_for_good_stops_no_other(sync: Sync) -> None:
    """As a firewall that takes a payload for an attack."""
    sync.add(PHONES[:25])
    sync.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[22], times=None, status=403)
    with pytest.raises(AirflowException, match=r"5 rows from 21 to 25.*403"):
        sync.attempt(concurrency=1)
    assert_called_once(sync, PHONES[:20])
    sync.emulator.advance(minutes=30)
    tries(sync, 1, 0, concurrency=1)
    assert_called_once(sync, [one for one in PHONES[:25] if one != PHONES[22]])


@METHODS
def test_a_parked_call_beside_an_unanswered_one_holds_up_nobody_and_is_told(sync: Sync, method: str) -> None:
    """Of the first person two jobs show, so that nobody can know; of the second no request is ever answered."""
    sync.add(PHONES[:2])
    sync.add(PHONES[:1], name="Boris")
    poison(sync, method, "reset", PHONES[0], PHONES[1])
    tries(sync, 1, 0, method=method, concurrency=1, max_calls_per_phone=2)
    sync.emulator.clear_faults()
    for other in range(2):
        AimylogicHook().add_phone(PHONES[0], {"other": str(other)})
    sync.emulator.advance(hours=25)
    poison(sync, method, "reset", PHONES[1])
    (end,) = tries(sync, 1, 0, method=method, concurrency=1)
    assert [job.payload for job in sync.emulator.jobs()[2:]] == [{"name": "Boris"}]
    assert "could not be added, while others were answered: row 2 (" in end
    assert "Of 1 calls it can't be known whether their jobs exist" in end
    (unknown,) = [json.loads(line) for file in sync.files("unknown/*") for line in file.read_text().splitlines()]
    assert (unknown["row"], len(unknown["jobs"])) == (1, 2)
