"""CallJobsTrigger against the emulator: one trigger for all jobs, restarted, paused, with another token, killed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.triggers import CallJobsTrigger
from aimylogic_provider.waiting.job_source import JobSource
from aimylogic_provider.waiting.jobs_wait import WaitEnd, WaitOutcome
from tests.conftest import OTHER_TOKEN, connection_json

pytestmark = pytest.mark.usefixtures("connections")


def trigger(jobs: JobSource | list[str], **arguments: Any) -> CallJobsTrigger:
    now = time.time()
    source = jobs if isinstance(jobs, JobSource) else JobSource(ids=tuple(jobs))
    return CallJobsTrigger(
        **{
            "aimylogic_conn_id": "aimylogic_default",
            "jobs": source.as_json(),
            "poll_interval": 0.05,
            "until": now + 60,
            "since": now - 3600,
            "report_lag": 600,
            **arguments,
        }
    )


async def event_of(emulator: Emulator, one: CallJobsTrigger, *meanwhile: Callable[[], object]) -> WaitEnd:
    """Run a trigger as Airflow does, made anew of its arguments; do something after each of its polls."""
    path, kwargs = one.serialize()
    assert path.rpartition(".")[2] == "CallJobsTrigger"
    made = CallJobsTrigger(**json.loads(json.dumps(kwargs)))
    events: AsyncIterator[Any] = made.run()
    waiting = asyncio.ensure_future(anext(events))
    for do in meanwhile:
        await polled(emulator)
        assert not waiting.done(), waiting.result()
        await asyncio.to_thread(do)
    event = await asyncio.wait_for(waiting, 60)
    assert [other async for other in events] == [], "one event"
    payload: dict[str, Any] = json.loads(json.dumps(event.payload))
    return WaitEnd.of_event(payload)


async def polled(emulator: Emulator) -> None:
    """Wait until a trigger has begun to poll, and done so to the end: with the status each of them begins."""
    before = emulator.count("status")
    async with asyncio.timeout(60):
        while emulator.count("status") < before + 2:
            await asyncio.sleep(0.02)


def added(count: int = 3) -> list[str]:
    hook = AimylogicHook()
    return [hook.add_phone(f"7912000{number:04}") for number in range(count)]


def sends(emulator: Emulator) -> int:
    return sum(emulator.count(path) for path in ("addPhone", "addPhones", "callJob/cancel"))


def test_it_ends_when_all_jobs_are_over_and_tells_how(emulator: Emulator) -> None:
    ids = added()
    end = asyncio.run(event_of(emulator, trigger(ids), lambda: emulator.advance(days=1)))
    assert (end.outcome, sum(end.ends.values()), end.open) == (WaitOutcome.OVER, 3, 0)
    assert sends(emulator) == 3, "it sends nothing"


def test_a_share_of_them_is_enough(emulator: Emulator) -> None:
    ids = added(4)
    emulator.freeze()
    hook = AimylogicHook()
    hook.cancel_call_jobs(ids=ids[:2])
    end = asyncio.run(event_of(emulator, trigger(ids, share=0.5)))
    assert (end.outcome, end.counts) == (WaitOutcome.OVER, {"cancelledByUser": 2, "open": 2})


def test_when_the_time_is_up_it_tells_what_is_known(emulator: Emulator) -> None:
    emulator.freeze()
    end = asyncio.run(event_of(emulator, trigger(added(), until=time.time() + 0.5)))
    assert (end.outcome, end.open, end.retryable) == (WaitOutcome.TIMEOUT, 3, False)


def test_it_is_restarted_and_run_twice_and_nothing_is_sent(emulator: Emulator) -> None:
    ids = added()
    one = trigger(ids)

    async def two_lives() -> list[WaitEnd]:
        killed = asyncio.ensure_future(event_of(emulator, one))
        await polled(emulator)
        killed.cancel()
        twins = [asyncio.ensure_future(event_of(emulator, one)) for _ in range(2)]
        await polled(emulator)
        await asyncio.to_thread(emulator.advance, days=1)
        return list(await asyncio.gather(*twins))

    first, second = asyncio.run(two_lives())
    assert first == second
    assert sends(emulator) == 3


def test_a_status_that_is_not_told_keeps_no_job_from_being_over(emulator: Emulator) -> None:
    ids = added()
    emulator.fault(phase="before_commit", action="status", path="status", status=503, times=None)
    end = asyncio.run(event_of(emulator, trigger(ids), lambda: emulator.advance(days=1)))
    assert end.outcome is WaitOutcome.OVER


def test_failures_that_pass_are_waited_out_and_told(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    ids = added()
    emulator.advance(days=1)
    emulator.fault(
        phase="before_commit", action="status", path="status", status=429, headers={"Retry-After": "1"}, times=2
    )
    emulator.fault(phase="before_commit", action="status", path="callJob/getReport", status=503, times=3)
    end = asyncio.run(event_of(emulator, trigger(ids)))
    assert end.outcome is WaitOutcome.OVER
    assert "Asking again" in capsys.readouterr().out


def test_a_failure_that_does_not_pass_is_no_success(emulator: Emulator) -> None:
    ids = added()
    emulator.fault(phase="before_commit", action="status", path="", status=401, times=None)
    end = asyncio.run(event_of(emulator, trigger(ids)))
    assert (end.outcome, end.retryable) == (WaitOutcome.FAILED, False)
    assert "access was denied" in end.message


def test_a_server_that_fails_until_the_time_is_up_is_told_of(emulator: Emulator) -> None:
    ids = added()
    emulator.fault(phase="before_commit", action="status", path="", status=503, times=None)
    end = asyncio.run(event_of(emulator, trigger(ids, until=time.time() + 0.2)))
    assert end.outcome is WaitOutcome.TIMEOUT
    assert "503" in end.message


def test_a_paused_campaign_is_waited_for_or_fails(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    ids = added()
    emulator.freeze()
    hook = AimylogicHook()

    def resume() -> None:
        hook.resume_campaign()
        emulator.advance(days=1)

    end = asyncio.run(event_of(emulator, trigger(ids), hook.pause_campaign, resume))
    assert end.outcome is WaitOutcome.OVER
    assert "The campaign is paused" in capsys.readouterr().out
    hook.pause_campaign()
    assert asyncio.run(event_of(emulator, trigger(ids, on_paused="fail"))).outcome is WaitOutcome.OVER, (
        "nothing is open"
    )
    hook.resume_campaign()
    more = [hook.add_phone("79121111111")]
    hook.pause_campaign()
    end = asyncio.run(event_of(emulator, trigger(more, on_paused="fail")))
    assert end.outcome is WaitOutcome.FAILED
    assert "paused" in end.message


def test_a_stopped_campaign_ends_its_jobs(emulator: Emulator) -> None:
    emulator.freeze()
    emulator.campaign(lines=0)
    end = asyncio.run(event_of(emulator, trigger(added()), AimylogicHook().stop_campaign))
    assert (end.outcome, end.ends) == (WaitOutcome.OVER, {"notDone": 3})


def test_a_token_that_is_changed_in_mid_wait(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = added()
    emulator.freeze()

    def change() -> None:
        emulator.fault(phase="before_commit", action="status", path="", status=401, times=1)
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator, OTHER_TOKEN))

    end = asyncio.run(event_of(emulator, trigger(ids), change))
    assert (end.outcome, end.not_found, end.named) == (WaitOutcome.FAILED, 3, tuple(ids))
    assert "still that campaign's" in end.message, "another campaign doesn't know them, and is not waited for"


def test_an_id_that_the_campaign_does_not_know(emulator: Emulator) -> None:
    ids = added()
    emulator.advance(days=1)
    end = asyncio.run(event_of(emulator, trigger([*ids, "1"])))
    assert (end.outcome, end.named, sum(end.ends.values())) == (WaitOutcome.FAILED, ("1",), 3)


def test_many_ids_lie_in_a_file_and_not_in_airflows_database(emulator: Emulator, tmp_path: Path) -> None:
    ids = [str(number) for number in range(10_000)]
    source = JobSource(ids=tuple(ids)).small(str(tmp_path))
    assert len(json.dumps(trigger(source).serialize())) < 1000
    assert list(source.read_ids()) == ids
    source.forget()
    assert list(tmp_path.iterdir()) == []
    end = asyncio.run(event_of(emulator, trigger(source)))
    assert (end.outcome, end.retryable) == (WaitOutcome.FAILED, True)
    assert "can't be read" in end.message


def test_a_persons_end_of_it_cancels_if_that_is_wished(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    ids = added()
    emulator.freeze()
    asyncio.run(trigger(ids).on_kill())
    assert emulator.count("callJob/cancel") == 0
    asyncio.run(trigger(ids, cancel_on_kill=True).on_kill())
    assert "cancelled: 3 of 3" in capsys.readouterr().out
    more = [AimylogicHook().add_phone(f"7913000{number:04}") for number in range(3)]
    asyncio.run(trigger([*more, "1"], cancel_on_kill=True).on_kill())
    assert "cancelled: 3 of 4" in capsys.readouterr().out, "one that isn't known keeps no other from being cancelled"
    emulator.fault(phase="before_commit", action="status", path="callJob/cancel", status=401, times=None)
    asked = emulator.count("callJob/cancel")
    asyncio.run(trigger(ids, cancel_on_kill=True).on_kill())
    assert "cancelled: 0 of 3. The others are over, or go on (callJob/cancel" in capsys.readouterr().out
    assert emulator.count("callJob/cancel") == asked + 1, "what is denied is not asked for again"
    assert {job.status for job in AimylogicHook().get_call_jobs(ids=ids)} == {"cancelledByUser"}
