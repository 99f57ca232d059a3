"""What ``make up`` makes is what the examples in ``dags/`` need: connections, variables, tables."""

from __future__ import annotations

import re
import runpy
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from aimylogic_provider.calls_api.phones.phone import canonical_phone
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from demo.examples import CAMPAIGNS, CONNECTIONS, DAGS, TOKENS, VARIABLES, live_through, make_examples_warehouse

FILES = sorted(DAGS.glob("*.py"))


@lru_cache
def tasks(file: Path) -> list[Any]:
    """The tasks of an example, mapped ones too."""
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = __name__
    try:
        runpy.run_path(str(file))
        return [task for dag, _ in DagContext.autoregistered_dags for task in dag.tasks]
    finally:
        DagContext.current_autoregister_module_name = None
        DagContext.autoregistered_dags.clear()


def arguments(task: Any) -> dict[str, Any]:
    return {**vars(task), **getattr(task, "partial_kwargs", {})}


def used(file: Path) -> set[str]:
    """The connections that an example's tasks name."""
    named = {
        value
        for task in tasks(file)
        for name, value in arguments(task).items()
        if name.endswith("conn_id") and isinstance(value, str) and "{{" not in value
    }
    return named | ({AimylogicHook.default_conn_name} if "AimylogicHook()" in file.read_text() else set())


def told(file: Path) -> set[str]:
    """The connections of which an example's first lines tell."""
    sentences = re.findall(r"[Cc]onnections? [^.]*", file.read_text().split('"""')[1].replace("\n", " "))
    words = {word for sentence in sentences for word in re.findall(r"``(\w+)``", sentence)}
    return words - {one.stem for one in FILES} - set(VARIABLES)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_connection_that_an_example_needs_is_made_and_told(file: Path) -> None:
    assert told(file) - set(CONNECTIONS) == set()
    assert used(file) - told(file) == set()
    assert told(file), "each example needs one"


def test_none_is_made_that_no_example_needs() -> None:
    assert len(FILES) >= 17
    assert set(CONNECTIONS) == set().union(*map(told, FILES))
    assert set(CAMPAIGNS.values()) == set(TOKENS)


def test_every_variable_that_an_example_needs_is_made() -> None:
    named = {name for file in FILES for name in re.findall(r"var\.value\.(?!get\()(\w+)", file.read_text())}
    named |= {name for file in FILES for name in re.findall(r"var\.value\.get\('(\w+)'", file.read_text())}
    assert named == set(VARIABLES)
    assert {canonical_phone(phone)[:7] for phone in VARIABLES.values()} == {"1202555"}, "numbers that nobody has"


def test_every_query_of_an_example_finds_its_tables(tmp_path: Path) -> None:
    make_examples_warehouse(tmp_path / "warehouse.db")
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as warehouse:
        for table in ("aimylogic_results", "aimylogic_calls", "aimylogic_collections"):  # the tasks make these
            warehouse.execute(f"create table {table}(id, phone, outcome, finished_at, job_status)")
        asked = [
            query
            for file in FILES
            for task in tasks(file)
            for name, query in arguments(task).items()
            if name in ("sql", "exclude_sql") and isinstance(query, str) and query.strip()
        ]
        assert len(asked) > 8
        assert all(warehouse.execute(query).fetchone() for query in asked)


def test_each_campaign_has_a_past() -> None:
    with Emulator(tokens=TOKENS) as emulator:
        live_through(emulator)
        assert [campaign.name for campaign in emulator.campaigns()] == ["Payments due", "Moscow", "Perm"]
        assert all(campaign.jobs >= 200 for campaign in emulator.campaigns())
