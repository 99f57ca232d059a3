"""An emulator that holds many calls which are over, made in its own process: over sockets they would take hours.

``python -m benchmarks.many_calls ATTEMPTS [SETTING=VALUE …]`` serves it as a process; ``ManyCalls`` starts one.
Of two jobs one has two attempts. They began one after the other within thirty days, which ended yesterday.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from aimylogic_provider.emulator import EmulatorClient
from aimylogic_provider.emulator.http.server import EmulatorServer
from aimylogic_provider.emulator.world.job_register import FIRST_JOB
from aimylogic_provider.emulator.world.jobs import Attempt, Result, ServedJob
from aimylogic_provider.emulator.world.settings import Settings
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["DAYS", "ManyCalls", "jobs_with_attempts"]

DAYS = 30
_RESULTS = tuple(Result)


def jobs_with_attempts(attempts: int, end: float) -> Iterator[ServedJob]:
    """Make jobs that are over, with so many attempts in all, the last of which began about *end* (Unix seconds)."""
    step, begun, number = DAYS * 86400 / attempts, 0, 0
    while begun < attempts:
        created = end - DAYS * 86400 + begun * step
        count = min(1 + number % 2, attempts - begun)
        rings = [
            Attempt(one + 1, created + one * step, created + one * step + 20, Result.NO_ANSWER) for one in range(count)
        ]
        rings[-1].result = _RESULTS[number % len(_RESULTS)]
        rings[-1].talk = 15 if "longCall" in rings[-1].result else 0
        yield ServedJob(
            FIRST_JOB + number, 1, f"79{number + 100_000_000:09}", created, attempts=rings, ready=created,
            finished=rings[-1].ended, ending=rings[-1].result,
        )  # fmt: skip
        begun, number = begun + count, number + 1


class ManyCalls(EmulatorClient):
    """Such an emulator as a process of its own, as a context manager.

    :param settings: of the emulator
    """

    def __init__(self, attempts: int, **settings: Any) -> None:
        chosen = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.many_calls", str(attempts), *chosen],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        if not url:
            raise RuntimeError("the emulator did not start")
        super().__init__(url)

    def __enter__(self) -> ManyCalls:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


async def _serve(attempts: int, settings: dict[str, Any]) -> None:
    state = EmulatorState(settings=msgspec.convert(settings, Settings))
    now = time.time()
    gc.disable()
    state.campaigns.restore(list(jobs_with_attempts(attempts, now - 86400)), [], [now])
    gc.enable()
    gc.freeze()
    port = await EmulatorServer(state).start("127.0.0.1", 0)
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[2:])
    asyncio.run(_serve(int(sys.argv[1]), {name: json.loads(value) for name, value in given.items()}))
