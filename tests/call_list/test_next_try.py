"""What a sync that failed tells of its next try: as long as the server asks, the report's lag, the end of keys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

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


def test_what_waits_for_the_report_does_so_though_others_have_keys(sync: Sync) -> None:
    """One batch waits for the report; the server answers nothing about the others any more."""
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[0], times=1)
    sync.emulator.settings(bad_numbers=[PHONES[0]])
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[22], times=None)
    error = fails(sync, concurrency=1)
    assert error.shown_after > 660
    assert error.retry_within is not None


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
