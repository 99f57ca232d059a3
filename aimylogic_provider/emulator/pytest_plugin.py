"""The pytest plugin: the fixture ``aimylogic_emulator``. Imports nothing but pytest until the fixture is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aimylogic_provider.emulator.local import Emulator

__all__ = ["aimylogic_emulator"]


@pytest.fixture
def aimylogic_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The Calls API on a free port of this machine, with an Airflow connection ``aimylogic_default`` to it."""
    from aimylogic_provider.emulator.local import Emulator

    with Emulator() as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", emulator.connection())
        yield emulator
