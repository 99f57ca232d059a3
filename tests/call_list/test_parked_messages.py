"""What a parked call's message says of requests: how many went unanswered, or that none is on record."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance, needs_record

pytestmark = needs_record
PHONES = [phone(number) for number in range(5)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def told(sync: Sync, **arguments: Any) -> str:
    with pytest.raises(AirflowFailException) as failed:
        sync.attempt(**arguments)
    return str(failed.value)


@METHODS
def test_where_all_that_was_noted_is_lost_no_request_is_said_to_be_unanswered(sync: Sync, method: str) -> None:
    """Of a try that is said to have been, nothing is left, and some of the people have jobs of somebody else's."""
    sync.add(PHONES)
    sync.task.current_try = 1
    for one in PHONES[:2]:
        AimylogicHook().add_phone(one, {"other": "1"})
    sync.task.clear()
    sync.emulator.advance(hours=25)
    sync.task.run.run_after = datetime.now(UTC) - timedelta(hours=1)
    shutil.rmtree(sync.lists, ignore_errors=True)
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt(method=method)
    sync.emulator.advance(minutes=30)
    message = told(sync, method=method)
    assert "no request for them is on record, but what was on record is lost" in message
    assert "unanswered" not in message
    assert [sync.calls_by_phone()[one] for one in PHONES[:2]] == [1, 1]


@METHODS
def test_requests_that_went_unanswered_are_counted(sync: Sync, method: str) -> None:
    sync.add(PHONES[:1])
    sync.emulator.fault("before_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    sync.emulator.clear_faults()
    for _ in range(2):
        AimylogicHook().add_phone(PHONES[0], {"other": str(len(sync.emulator.jobs()))})
    sync.emulator.advance(hours=25)
    assert "3 requests went unanswered, and" in told(sync, method=method)


def test_a_call_of_which_no_request_is_known_is_not_said_to_be_unanswered(
    task: TaskInstance, emulator: Emulator
) -> None:
    AimylogicHook().add_phone("79123456789", {"other": "1"})
    task.current_try = 1
    task.run.start_date = datetime.now(UTC) - timedelta(hours=25)
    with pytest.raises(AirflowFailException) as failed:
        task.attempt(report_lag=0)
    assert "no request to add it is unanswered on record" in str(failed.value)
    assert "went unanswered" not in str(failed.value)


def test_a_refused_call_whose_connection_names_another_campaign_now_is_not_said_to_be_unanswered(
    task: TaskInstance, emulator: Emulator
) -> None:
    emulator.campaign(status="finished")
    task.current_try = 1
    with pytest.raises(AirflowException):
        task.attempt(report_lag=0)
    with pytest.raises(AirflowFailException) as failed:
        task.attempt(report_lag=0, aimylogic_conn_id="aimylogic_other")
    assert "parked" in str(failed.value)
    assert "no request to add it is unanswered on record" in str(failed.value)
    assert "went unanswered" not in str(failed.value)
