"""A campaign and a database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from aimylogic_provider.campaign_report.report_pages import PageBounds
from aimylogic_provider.campaign_report.report_reader import ReportReader
from aimylogic_provider.campaign_task import report_to_tables
from aimylogic_provider.emulator import Emulator
from tests.report_tables.conftest import empty, engine
from tests.transfers.home import Home

__all__ = ["engine"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which one it is."""
    return empty(request, tmp_path, monkeypatch)


@pytest.fixture
def home(emulator: Emulator, engine: sa.Engine, connections: None, no_pauses: None) -> Home:
    emulator.freeze()
    emulator.set_time(emulator.now().replace(hour=12, minute=0, second=0, microsecond=0))
    return Home(emulator, engine)


@pytest.fixture
def few_shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have no more than three pages of five rows be shown of a time range, from when it is called."""

    def few() -> None:
        few_pages = functools.partial(ReportReader, bounds=PageBounds(5, 3))
        monkeypatch.setattr(report_to_tables, "ReportReader", few_pages)

    return few
