"""CampaignStatusSensor against the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.sensors import CampaignStatusSensor
from tests.conftest import TaskInstance

pytestmark = pytest.mark.usefixtures("connections")


def sensor(**arguments: Any) -> CampaignStatusSensor:
    given = {"status": "inProgress", "deferrable": False, "poke_interval": 0.05, "timeout": 20, **arguments}
    return CampaignStatusSensor(task_id="wait", **given)


def test_it_returns_the_status_that_it_met(task: TaskInstance, emulator: Emulator) -> None:
    assert sensor().execute(task.context()) == "inProgress"
    AimylogicHook().pause_campaign()
    assert sensor(status=["finished", "paused"]).execute(task.context()) == "paused"


def test_it_waits(task: TaskInstance, emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="status", path="status", status=503, times=4)
    assert sensor().execute(task.context()) == "inProgress"
    with pytest.raises(AirflowSensorTimeout):
        sensor(status="paused", timeout=0.2).execute(task.context())


@pytest.mark.parametrize("status", ["stopped", "", [], ["paused", None], 7, None])
def test_a_status_that_no_campaign_has_is_told_as_the_dag_is_parsed(status: Any) -> None:
    with pytest.raises(ValueError, match="status"):
        sensor(status=status)


def test_it_never_waits_for_what_will_not_be(task: TaskInstance, emulator: Emulator) -> None:
    emulator.campaign(status="deleted")
    with pytest.raises(AirflowFailException, match="deleted"):
        sensor(status="paused").execute(task.context())
    assert sensor(status="deleted").execute(task.context()) == "deleted"


def test_by_a_trigger_it_gives_the_worker_back_unless_it_is_over(task: TaskInstance, emulator: Emulator) -> None:
    assert sensor(deferrable=True).execute(task.context()) == "inProgress"
    with pytest.raises(TaskDeferred) as deferred:
        sensor(status="paused", deferrable=True).execute(task.context())
    assert deferred.value.trigger.serialize()[1]["statuses"] == ["paused"]
    one = sensor(status="paused", deferrable=True)
    assert one.execute_after_wait(task.context(), {"status": "paused", "error": ""}) == "paused"
    with pytest.raises(AirflowSensorTimeout, match="Clear the task to wait on"):
        one.execute_after_wait(task.context(), {"status": None, "error": ""})
    with pytest.raises(AirflowSkipException):
        sensor(soft_fail=True).execute_after_wait(task.context(), {"status": None, "error": ""})
    with pytest.raises(AirflowFailException, match="denied"):
        one.execute_after_wait(task.context(), {"status": None, "error": "access was denied"})
