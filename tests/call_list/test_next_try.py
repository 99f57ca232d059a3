"""What a sync that failed tells of its next try: as long as the server asks, the report's lag, the end of keys."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.call_list.send.sending import Sending
from aimylogic_provider.retries import AimylogicRetryPolicy, RetryLaterError
from tests.call_list.sync import Sync, phone
from tests.conftest import HOUR, needs_record

pytestmark = needs_record

PHONES = [phone(number) for number in range(25)]
BUSY: dict[str, Any] = {"phase": "before_commit", "action": "status", "status": 503, "times": None}
DAY = 24 * HOUR
SENDS = 3 * 60.0 + 2 * 20.0 + 100


def fails(sync: Sync, **arguments: Any) -> RetryLaterError:
    with pytest.raises(RetryLaterError) as failed:
        sync.attempt(**arguments)
    return failed.value


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_the_server_asks_to_wait(sync: Sync, method: str, everywhere: bool) -> None:
    sync.add(PHONES)
    sync.emulator.fault(**BUSY, path="" if everywhere else method, headers={"Retry-After": "90"})
    error = fails(sync, method=method)
    assert (error.retry_after, error.shown_after) == (90, 0)
    assert (error.retry_within is None) is everywhere, "only what was sent has a key that can end"


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_unanswered_requests_have_keys_that_end(sync: Sync, method: str) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path=method, times=1)
    sync.emulator.fault(**BUSY, path=method, headers={"Retry-After": "90"})
    within = fails(sync, method=method).retry_within
    assert within is not None
    assert DAY - SENDS - 120 < within < DAY - 60
    sync.emulator.advance(hours=10)
    later = fails(sync, method=method).retry_within
    assert later is not None
    assert within - 10 * HOUR - 60 < later < within - 10 * HOUR + 60, "the first of them counts"


def test_what_is_repeated_no_more_has_the_report_waited_for(sync: Sync) -> None:
    """A batch that went unanswered in two tries is left to the report, and that for twice its lag."""
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=None)
    assert fails(sync).shown_after == 0
    assert 1260 < fails(sync).shown_after < 1400


def test_the_report_is_waited_for_and_then_settles_it(sync: Sync) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=1)
    sync.emulator.settings(bad_numbers=[PHONES[0]])
    error = fails(sync)
    assert 660 < error.shown_after < 800
    sync.emulator.advance(seconds=error.shown_after)
    assert sync.attempt()["created"] == 9


def refuse_after_no_answer(sync: Sync) -> None:
    """The first batch waits for the report: its first request goes unanswered, and the others are refused."""
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[0], times=1)
    sync.emulator.settings(bad_numbers=[PHONES[0]])


def test_what_waits_for_the_report_holds_up_nothing_whose_key_protects_it(sync: Sync) -> None:
    """One batch waits for the report; another one is not answered, and can be repeated by its key."""
    sync.add(PHONES)
    refuse_after_no_answer(sync)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[22], times=3)
    error = fails(sync, concurrency=1)
    assert "wait for the report" in str(error)
    assert (error.shown_after, error.all_shown_after) == (0, 0)
    assert error.retry_within is not None
    assert fails(sync, concurrency=1).shown_after > 600
    assert len(sync.calls_by_phone()) == 15


def test_nor_whom_the_server_asked_to_wait_with_and_who_would_be_too_late(sync: Sync) -> None:
    sync.add(PHONES[:20])
    refuse_after_no_answer(sync)
    sync.emulator.fault(**{**BUSY, "times": 1}, path="addPhones", phone=PHONES[10], headers={"Retry-After": "30"})
    arguments = {"concurrency": 1, "call_before": sync.emulator.now() + timedelta(minutes=5)}
    error = fails(sync, **arguments)
    assert (error.retry_after, error.shown_after) == (30, 0)
    sync.emulator.advance(seconds=60)
    assert fails(sync, **arguments).shown_after > 550
    sync.assert_once(PHONES[10:20])


def test_nor_what_a_try_that_was_stopped_never_came_to(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    refuse_after_no_answer(sync)
    settle = Sending._settle

    async def stopped(sending: Sending, *given: Any) -> None:
        await settle(sending, *given)
        sending.end()

    with monkeypatch.context() as patched:
        patched.setattr(Sending, "_settle", stopped)
        with pytest.raises(RetryLaterError) as failed:
            sync.attempt(concurrency=1)
    assert "wait for the report" in str(failed.value)
    assert failed.value.shown_after == 0
    assert fails(sync, concurrency=1).shown_after > 600
    sync.assert_once(PHONES[10:])


def test_a_number_that_never_is_answered_is_repeated_by_addphone_in_every_try(sync: Sync) -> None:
    sync.add(PHONES[:3])
    sync.emulator.fault("before_commit", "reset", path="addPhone", phone=PHONES[0], times=None)
    for _ in range(4):
        error = fails(sync, method="addPhone")
        assert error.shown_after == 0
        assert error.retry_within is not None


def test_of_several_waits_the_first_counts_and_for_the_last_try_the_last(sync: Sync) -> None:
    """A batch that went unanswered in two tries waits for twice the lag; one that is refused then, once."""
    sync.add(PHONES[:20])
    sync.emulator.settings(bad_numbers=[PHONES[0]])
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[10], times=None)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[0], times=3)
    fails(sync, concurrency=1)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[0], times=1)
    error = fails(sync, concurrency=1)
    assert 660 < error.shown_after < 900
    assert 1260 < error.all_shown_after < 1500


def test_a_list_whose_policy_gives_up_holds_nobody_any_more(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the last try: whom it surely sent nothing to, the next run calls."""
    sync.add(PHONES)
    sync.emulator.fault(**BUSY, headers={"Retry-After": "7200"})
    released: list[object] = []
    for policy, lets_go in ((AimylogicRetryPolicy(), False), (AimylogicRetryPolicy(max_delay=3600), True)):
        operator, context = sync.operator(results_table="calls", results_conn_id="warehouse"), sync.task.context()
        context["ti"].max_tries = 3
        context["ti"].task = SimpleNamespace(retries=3, retry_policy=policy)
        monkeypatch.setattr(operator, "_let_go", lambda *given: released.append(given))
        with pytest.raises(AirflowException):
            operator.execute(context)
        assert bool(released) is lets_go
