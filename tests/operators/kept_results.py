"""A results table in a database of its own, for the tasks that look at what became of its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import BaseHook

from tests.call_list.sync import Sync

__all__ = ["results"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def results(
    request: pytest.FixtureRequest, sync: Sync, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """Of an empty database, in which the sync keeps its results."""
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "results.db")})
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        postgres.empty("warehouse")
        connection = postgres.connection("warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_RESULTS", connection)
    sync.arguments |= {"results_table": "calls", "results_conn_id": "results"}
    made = BaseHook.get_hook("results").get_sqlalchemy_engine()
    yield made
    made.dispose()
