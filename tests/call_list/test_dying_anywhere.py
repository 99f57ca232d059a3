"""A sync that dies at every point of its way, and is tried again at once or after 25 hours: each number is called once.

Points are before and after each write of the task's state, each write into the list's folder, and each request that may
create a job. All single deaths are tried, by both methods; of deaths that follow each other a sample, larger by
``make prove-model``.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence import retry
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import StateStore, needs_record

pytestmark = needs_record

PHONES = [phone(number) for number in range(7)]
"""In batches of three; the first one has two calls, with different payloads."""
EXPECTED = Counter([*PHONES, PHONES[0]])
SAMPLES = 600 if os.environ.get("AIMYLOGIC_PROOF") == "whole" else 40


class Points:
    """Counts the points that a try passes, and has it die at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0
        self.dies_at: int | None = None
        for owner, name in ((StateStore, "set"), (Folder, "write")):
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name)))
        send = AiohttpTransport.send

        async def watched_send(transport: AiohttpTransport, request: Any, url: str) -> Any:
            self.point()
            answer = await send(transport, request, url)
            self.point()
            return answer

        monkeypatch.setattr(AiohttpTransport, "send", watched_send)

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **more: Any) -> Any:
            self.point()
            result = original(*arguments, **more)
            self.point()
            return result

        return watched

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.dies_at:
            raise CrashError

    def begin(self, dies_at: int | None) -> None:
        self.passed, self.dies_at = 0, dies_at


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Points:
    monkeypatch.setattr(retry, "_jitter", lambda state: 0.0)
    return Points(monkeypatch)


class Runs:
    """Syncs of the same rows, each afresh."""

    def __init__(self, emulator: Emulator, folder: Path, points: Points, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = emulator
        self.folder = folder
        self.points = points
        self._monkeypatch = monkeypatch
        self._number = 0

    def begin(self, method: str, concurrency: int) -> Sync:
        self._number += 1
        folder = self.folder / str(self._number)
        folder.mkdir()
        self.emulator.reset()
        sync = Sync(
            folder, self.emulator, self._monkeypatch, batch_size=3, method=method, concurrency=concurrency,
            max_rejected=None, max_calls_per_phone=2,
        )  # fmt: skip
        sync.add(PHONES)
        sync.add(PHONES[:1], name="Boris")
        return sync

    def attempt(self, sync: Sync, dies_at: int | None) -> str:
        """One try; how it ended."""
        self.points.begin(dies_at)
        try:
            report = sync.attempt()
        except CrashError:
            return "died"
        except AirflowFailException as error:
            return f"failed: {error}"
        except AirflowException:
            return "to be retried"
        assert report["created"] == 8
        return "done"

    def finish(self, sync: Sync, *, wiped: bool = False) -> None:
        """Try until it is done, with half an hour between.

        :param wiped: whether its state was: then calls may be parked, if the report shows their jobs
        """
        for _ in range(5):
            ended = self.attempt(sync, None)
            assert max(sync.calls_by_phone().values(), default=0) <= 2
            if ended == "done":
                assert sync.calls_by_phone() == EXPECTED
                return
            if wiped and ended.startswith("failed: Of"):
                # Those that were not called are among those that a person is told of.
                told = max(sync.files("unknown/*"), key=os.path.getmtime).read_text().splitlines()
                called = sync.calls_by_phone()
                assert called <= EXPECTED
                missing = {mask_phone(one) for one in EXPECTED - called}
                assert missing <= {json.loads(line)["phone"] for line in told}
                return
            assert ended == "to be retried", ended
            self.emulator.advance(minutes=30)
        raise AssertionError("never done")


@pytest.fixture
def runs(
    emulator: Emulator, connections: None, no_pauses: None, tmp_path: Path, points: Points,
    monkeypatch: pytest.MonkeyPatch,
) -> Runs:  # fmt: skip
    return Runs(emulator, tmp_path, points, monkeypatch)


@pytest.mark.parametrize(
    ("method", "hours"),
    [
        ("addPhones", 0),
        ("addPhone", 25),
        pytest.param("addPhones", 25, marks=pytest.mark.long),
        pytest.param("addPhone", 0, marks=pytest.mark.long),
    ],
)
def test_dying_once_at_every_point(runs: Runs, method: str, hours: int) -> None:
    point = 0
    while True:
        point += 1
        sync = runs.begin(method, concurrency=1)
        ended = runs.attempt(sync, point)
        if ended == "done":
            break
        assert ended == "died"
        runs.emulator.advance(hours=hours)
        runs.finish(sync)
    assert point > 30, "there are so many points"
    print(f"\n{point - 1} points, by {method}, retried after {hours} hours")


@pytest.mark.parametrize("method", ["addPhones", pytest.param("addPhone", marks=pytest.mark.long)])
def test_dying_again_and_again(runs: Runs, method: str) -> None:
    """Answers are lost besides, and the state's row is wiped now and then."""
    drawn = random.Random(method)
    for sample in range(SAMPLES):
        sync = runs.begin(method, concurrency=drawn.choice([1, 3]))
        story: list[Any] = [sample]
        for _ in range(drawn.randint(1, 4)):
            if drawn.random() < 0.4:
                phase = drawn.choice(["before_commit", "after_commit"])
                rule = drawn.choice([{"nth": drawn.randint(1, 3)}, {"times": drawn.randint(1, 4)}])
                runs.emulator.fault(phase, "reset", path=method, **rule)
                story.append(phase)
            point = drawn.randint(1, 40)
            story.append((point, runs.attempt(sync, point)))
            if drawn.random() < 0.15:
                sync.task.rows.clear()
                story.append("wiped")
            hours = drawn.choice([0, 0, 1, 23.9, 24.1, 25])
            runs.emulator.advance(hours=hours)
            story.append(hours)
        runs.emulator.clear_faults()
        try:
            runs.finish(sync, wiped="wiped" in story)
        except AssertionError as error:
            raise AssertionError(f"{error}: {story}, {sync.calls_by_phone()}") from None
