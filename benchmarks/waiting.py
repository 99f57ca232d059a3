"""What a wait for many jobs costs a triggerer: the longest time that its event loop is held up, and requests a poll.

``python -m benchmarks.waiting [JOBS]``. One trigger waits for all jobs; a second coroutine wakes every millisecond and
notes by how much it was late. The raw way beside it: the same reports, asked for by a blocking client in the loop.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

TURNS = 5
SECONDS = 4.0


def main(jobs: int) -> None:
    """Print a table."""
    from aimylogic_provider.calls_api.calls.call import ListedCall
    from aimylogic_provider.emulator import Emulator
    from aimylogic_provider.hooks import AimylogicHook

    with Emulator() as emulator:
        os.environ["AIRFLOW_CONN_AIMYLOGIC_DEFAULT"] = emulator.connection()
        emulator.freeze()
        hook = AimylogicHook()
        ids = [
            id
            for start in range(0, jobs, 1000)
            for id in hook.add_phones([ListedCall.of(f"7912{n:07}") for n in range(start, min(start + 1000, jobs))])
        ]
        held: dict[str, list[float]] = {"trigger": [], "blocking client": []}
        requests = []
        for _ in range(TURNS):
            polls, asked = emulator.count("status"), emulator.count("callJob/getReport")
            held["trigger"].append(asyncio.run(longest_block(lambda: trigger(ids))))
            polls, asked = emulator.count("status") - polls, emulator.count("callJob/getReport") - asked
            requests.append((polls + asked) / polls)
            held["blocking client"].append(asyncio.run(longest_block(lambda: blocking(hook, ids))))
    print(f"Waiting for {jobs:,} jobs for {SECONDS:g} seconds, medians of {TURNS} turns\n")
    print("| in the event loop | longest block, ms | requests a poll |\n|---|---|---|")
    for name, times in held.items():
        a_poll = statistics.median(requests) if name == "trigger" else -(-jobs // 200)
        print(f"| {name} | {statistics.median(times) * 1000:.0f} | {a_poll:.0f} |")


async def longest_block(work: Callable[[], Awaitable[None]]) -> float:
    """The longest time, in seconds, for which the loop let nobody else run."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    longest = 0.0
    await work()
    await asyncio.sleep(0.01)  # so that a block until the very end is noticed
    watching.cancel()
    return longest


async def trigger(ids: list[str]) -> None:
    """Some polls of the trigger, until its time is up."""
    from aimylogic_provider.triggers import CallJobsTrigger

    now = time.time()
    waiting = CallJobsTrigger(
        aimylogic_conn_id="aimylogic_default", jobs={"ids": ids}, poll_interval=0.5, until=now + SECONDS, since=now,
        report_lag=600,
    )  # fmt: skip
    async for _ in waiting.run():
        break


async def blocking(hook: Any, ids: list[str]) -> None:
    """The raw way: a client that blocks, in the loop."""
    for start in range(0, len(ids), 200):
        hook.get_call_jobs(ids=ids[start : start + 200])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
