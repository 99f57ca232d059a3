"""A sync on an emulator, without pauses between repetitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.idempotence import retry
from tests.call_list.sync import Sync


@pytest.fixture
def make_sync(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Sync]:
    monkeypatch.setattr(retry, "_jitter", lambda state: 0.0)
    return lambda **arguments: Sync(tmp_path, emulator, monkeypatch, **arguments)


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    return make_sync(batch_size=10)
