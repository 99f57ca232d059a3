"""Syncs in a DAG run whose state somebody sets to *queued*: it begins anew, and Airflow counts no clear."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence import retry
from tests.call_list.sync import Sync, phone

PHONES = [phone(number) for number in range(30)]


@pytest.fixture(params=[True, False], ids=["with a store", "without"])
def has_store(request: pytest.FixtureRequest, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(retry, "_jitter", lambda seconds: 0.0)
    sync.task.has_store = sync.task.has_store and request.param
    sync.add(PHONES)
    return sync.task.has_store


def finish(sync: Sync, emulator: Emulator) -> None:
    """A few tries, until one ends well."""
    for _ in range(4):
        try:
            assert sync.attempt()["created"] == len(PHONES)
        except AirflowException:
            emulator.advance(minutes=15)
        else:
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("hours", [1, 25])
def test_a_clear_that_leaves_the_run_and_then_queued_calls_nobody_twice(
    sync: Sync, emulator: Emulator, has_store: bool, hours: float
) -> None:
    sync.attempt()
    emulator.advance(hours=hours)
    sync.task.clear(discards=True, counted=False)
    sync.task.queue(hours)
    finish(sync, emulator)
    sync.assert_once(PHONES)


@pytest.mark.parametrize("table", [{}, {"results_table": "calls"}], ids=["plain", "with a results table"])
def test_a_retry_in_a_run_that_was_queued_goes_on_with_its_list(
    sync: Sync, emulator: Emulator, has_store: bool, table: dict[str, str]
) -> None:
    half = {"batch_size": 10, "concurrency": 1, **table}
    emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[25], times=None)
    with pytest.raises(AirflowException):
        sync.attempt(**half)
    assert len(emulator.jobs()) == 20
    emulator.clear_faults()
    emulator.advance(hours=1)
    sync.task.queue(1)
    assert sync.attempt(**half)["created"] == len(PHONES)
    sync.assert_once(PHONES)
