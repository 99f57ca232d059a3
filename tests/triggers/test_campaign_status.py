"""CampaignStatusTrigger against the emulator."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.triggers import CampaignStatusTrigger

pytestmark = pytest.mark.usefixtures("connections")


async def event_of(statuses: list[str], *, seconds: float = 30, meanwhile: Any = None) -> dict[str, Any]:
    one = CampaignStatusTrigger(
        aimylogic_conn_id="aimylogic_default", statuses=statuses, poll_interval=0.05, until=time.time() + seconds
    )
    events = CampaignStatusTrigger(**json.loads(json.dumps(one.serialize()[1]))).run()
    waiting = asyncio.ensure_future(anext(events))
    if meanwhile is not None:
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await asyncio.to_thread(meanwhile)
    payload: dict[str, Any] = (await asyncio.wait_for(waiting, 60)).payload
    return payload


def test_it_ends_when_the_campaign_is_in_one_of_the_states(emulator: Emulator) -> None:
    event = asyncio.run(event_of(["paused", "finished"], meanwhile=AimylogicHook().pause_campaign))
    assert event == {"status": "paused", "error": ""}


def test_another_writing_of_the_status_is_the_same(emulator: Emulator) -> None:
    emulator.settings(running_status="inProcess")
    assert asyncio.run(event_of(["inProgress"])) == {"status": "inProcess", "error": ""}


def test_the_time_is_up(emulator: Emulator) -> None:
    assert asyncio.run(event_of(["paused"], seconds=0.2)) == {"status": None, "error": "", "failed": ""}
    emulator.fault(phase="before_commit", action="status", path="status", status=503, times=None)
    event = asyncio.run(event_of(["paused"], seconds=0.2))
    assert (event["status"], event["error"]) == (None, "")
    assert "503" in event["failed"]


def test_what_will_never_be_is_an_error(emulator: Emulator) -> None:
    emulator.campaign(status="deleted")
    event = asyncio.run(event_of(["paused"]))
    assert event["status"] is None
    assert "deleted" in event["error"]


def test_a_denial_is_an_error_and_a_failure_that_passes_is_not(emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="status", path="status", status=503, times=4)
    assert asyncio.run(event_of(["inProgress"]))["status"] == "inProgress"
    emulator.fault(phase="before_commit", action="status", path="status", status=403, times=None)
    assert "access was denied" in asyncio.run(event_of(["inProgress"]))["error"]
