"""The pytest plugin: the fixture ``aimylogic_emulator``. Imports nothing but pytest until the fixture is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aimylogic_provider.emulator.local import Emulator

__all__ = ["aimylogic_emulator", "aimylogic_emulator_options"]


@pytest.fixture
def aimylogic_emulator_options() -> Mapping[str, Any]:
    """The arguments of the emulator that ``aimylogic_emulator`` is: override it for tokens and settings of your own."""
    return {}


@pytest.fixture
def aimylogic_emulator(
    monkeypatch: pytest.MonkeyPatch, aimylogic_emulator_options: Mapping[str, Any]
) -> Iterator[Emulator]:
    """The Calls API on a free port of this machine, with an Airflow connection ``aimylogic_default`` to it."""
    from aimylogic_provider.emulator.local import Emulator

    with Emulator(**aimylogic_emulator_options) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", emulator.connection())
        yield emulator
