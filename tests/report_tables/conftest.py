"""Databases that are empty, of each kind, by an Airflow connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aimylogic_provider.call_list_task.databases import engine_of
from aimylogic_provider.report_tables import report_table
from aimylogic_provider.report_tables.upserts_by_reading import in_others


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    """Of the empty database, as the operator reaches it."""
    made = engine_of("sql_conn_id", "home")
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgres", "mariadb", "any"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which one it is."""
    return empty(request, tmp_path, monkeypatch)


def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the connection ``home`` name an empty one; "any" is one whose own upsert isn't known."""
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "home.db")})
    if request.param == "postgres":
        import psycopg2

        postgres = request.getfixturevalue("postgres")
        with closing(psycopg2.connect(postgres.dsn("warehouse"))) as plain:
            plain.autocommit = True
            plain.cursor().execute(
                "drop schema public cascade; create schema public; drop schema if exists other cascade; "
                "create schema other"
            )
        connection = postgres.connection("warehouse")
    if request.param == "mariadb":
        server = request.getfixturevalue("mariadb")
        server.execute("drop database warehouse", "create database warehouse character set utf8mb4")
        connection = server.connection("warehouse", charset="utf8mb4")
    if request.param == "any":
        monkeypatch.setattr(report_table, "upsert_for", lambda dialect: in_others)
    monkeypatch.setenv("AIRFLOW_CONN_HOME", connection)
    kind: Any = request.param
    return str(kind)
