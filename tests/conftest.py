"""What the tests share: an emulator over a real socket, and a task instance that is tried, retried and cleared."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import UUID, uuid4

# Before any import of Airflow: a home of its own, no examples.
os.environ.setdefault("AIRFLOW_HOME", mkdtemp(prefix="aimylogic-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
# A proxy that this machine's network needs is none for servers on the machine itself.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(
    filter(None, (os.environ.get("NO_PROXY", os.environ.get("no_proxy")), "127.0.0.1", "localhost"))
)

import pytest
import sqlalchemy as sa
from packaging.version import Version

from aimylogic_provider.emulator import DEFAULT_TOKEN, Emulator
from local_servers import airflow as local_airflow
from local_servers.mariadb import LocalMariaDB, mariadb_programs
from local_servers.postgres import LocalPostgres, postgres_programs
from tests.chance import calm_properties

calm_properties()
local_airflow.patience = 4.0

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000
"""Milliseconds in which a page must come to be as is expected."""
TOKEN = DEFAULT_TOKEN
OTHER_TOKEN = "77.88.secondcampaign"
HOUR = 3600.0

AIRFLOW = Version(version("apache-airflow-core"))
HAS_RECORD = AIRFLOW.release >= (3, 3)
needs_record = pytest.mark.skipif(not HAS_RECORD, reason="needs Airflow's task state store, which came with 3.3")

CLEAR_FORGETS = AIRFLOW.release >= (3, 4)
"""Whether a clear by the UI or REST discards what a task noted, and the questions that it asked."""
PURGE_ENDS_SCHEDULER = str(AIRFLOW) == "3.4.0b2"
needs_purge = pytest.mark.skipif(
    PURGE_ENDS_SCHEDULER,
    reason="the scheduler of 3.4.0b2 ends itself once a task is without heartbeat and has retries left: UNIQUE "
    "constraint failed in prepare_db_for_next_try",
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(tokens=(TOKEN, OTHER_TOKEN)) as running:
        yield running


def connection_json(emulator: Emulator, token: str = TOKEN, **extra: object) -> str:
    return emulator.connection(token, **{"connect_timeout": 5, "read_timeout": 5, **extra})


@pytest.fixture
def connections(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two campaigns, each with a connection of its own."""
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator))
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_OTHER", connection_json(emulator, OTHER_TOKEN))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repetitions within a try follow at once."""
    from aimylogic_provider.idempotence import server_time

    monkeypatch.setattr(server_time.SystemClock, "sleep", lambda self, seconds: None)


class ReplacedError(Exception):
    """What Airflow's store raises when a try that was replaced writes."""


@dataclass
class StateStore:
    """Airflow's task state store at its seam: rows of a task instance, JSON only, refusing a try that was replaced."""

    rows: dict[str, str]
    instance: TaskInstance
    try_number: int
    writes: list[Any] = field(default_factory=list)

    def get(self, key: str, default: Any = None) -> Any:
        if self.instance.current_try != self.try_number:
            return default
        return json.loads(self.rows[key]) if key in self.rows else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        from airflow.sdk import NEVER_EXPIRE

        assert retention is NEVER_EXPIRE
        if self.instance.current_try != self.try_number:
            raise ReplacedError
        self.rows[key] = json.dumps(value)
        assert json.loads(self.rows[key]) == value, "Airflow takes plain JSON only: no tuples, no enums"
        self.writes.append(value)


class AssetStates:
    """The state of assets at Airflow's seam, for all tasks: by asset, of no run, without a fence.

    :param active: whether its assets are; a read of one that isn't finds nothing, and a write fails
    """

    def __init__(self, *, active: bool = True) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.active = active
        self.declared: set[str] | None = None
        """The names of the assets that the task at hand has as inlets or outlets."""

    def __getitem__(self, asset: Any) -> AssetState:
        if self.declared is not None and asset.name not in self.declared:
            raise KeyError(asset.name)
        return AssetState(self, self.rows.setdefault(asset.name, {}))


@dataclass
class AssetState:
    """The state of one asset."""

    states: AssetStates
    rows: dict[str, str]

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.rows[key]) if self.states.active and key in self.rows else default

    def set(self, key: str, value: Any) -> None:
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        if not self.states.active:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404}))
        self.rows[key] = json.dumps(value)
        assert json.loads(self.rows[key]) == value, "Airflow takes plain JSON only: no tuples, no enums"

    def delete(self, key: str) -> None:
        self.rows.pop(key, None)


@dataclass
class TaskInstance:
    """A task instance at Airflow's seam: what a context holds of it, try by try."""

    dag_id: str = "winter_sale"
    run_id: str = "scheduled__2026-01-01T00:00:00+00:00"
    task_id: str = "add_phone"
    map_index: int = -1
    has_store: bool = HAS_RECORD
    run: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            clear_number=0, start_date=datetime.now(UTC), run_after=datetime.now(UTC)
        )
    )
    current_try: int = 0
    id: UUID = field(default_factory=uuid4)
    rows: dict[str, str] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    assets: AssetStates | None = field(default_factory=lambda: AssetStates() if HAS_RECORD else None)
    most_tries: int = 0
    """``max_tries``, of a task without retries: a clear raises it by the tries that were had."""

    def context(self) -> dict[str, Any]:
        ti = SimpleNamespace(
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_id=self.task_id,
            map_index=self.map_index,
            try_number=self.current_try,
            id=self.id,
            xcom_push=lambda key, value: self.pushed.update({key: value}),
            max_tries=self.most_tries,
            task=SimpleNamespace(retries=0),
        )
        context: dict[str, Any] = {"ti": ti, "dag_run": self.run, "run_id": self.run_id}
        if self.has_store:
            context["task_state_store"] = StateStore(self.rows, self, self.current_try)
            if self.assets is not None:
                context["asset_state_store"] = self.assets
        return context

    def start(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin the next try, without running it: the operator and its context."""
        from aimylogic_provider.operators import AddPhoneOperator

        self.current_try += 1
        operator = AddPhoneOperator(task_id=self.task_id, **arguments)
        if self.assets is not None:
            self.assets.declared = {asset.name for asset in (*operator.inlets, *operator.outlets)}
        return operator, self.context()

    def attempt(self, **arguments: Any) -> str:
        """Run the next try."""
        operator, context = self.start(**{"phone": "79123456789", **arguments})
        result: str = operator.execute(context)
        return result

    def clear(self, *, discards: bool = False, counted: bool = True) -> None:
        """What a person does with the button *Clear*.

        :param discards: the task's state, as Airflow 3.4 does
        :param counted: by the run; not with ``reset_dag_runs: false``
        """
        if counted:
            self.run.clear_number += 1
            self.run.start_date = datetime.now(UTC)
        self.most_tries = self.current_try
        if discards:
            self.rows.clear()

    def queue(self, hours: float = 0) -> None:
        """Set the run's state to *queued*: it begins anew, hours from now, and Airflow counts no clear."""
        self.run.start_date = datetime.now(UTC) + timedelta(hours=hours, seconds=1)

    @property
    def entry(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.rows["aimylogic"])
        return content


@pytest.fixture
def task(connections: None, no_pauses: None) -> TaskInstance:
    return TaskInstance()


def absent(reason: str) -> NoReturn:
    """Skip a test, for want of what it needs; but not where all is expected to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, headless, as a ``playwright.sync_api.Browser``."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        absent("Chromium is absent: `make chromium` installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    if postgres_programs() is None:
        absent("PostgreSQL is absent: `make postgresql` installs Debian's")
    with LocalPostgres() as running:
        running.create("warehouse")
        yield running


@pytest.fixture
def postgres(postgres_server: LocalPostgres) -> LocalPostgres:
    """The server, with its database ``warehouse`` empty: which tests used that before hangs on who runs which."""
    import psycopg2

    with closing(psycopg2.connect(postgres_server.dsn("warehouse"))) as plain:
        plain.autocommit = True
        plain.cursor().execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = 'warehouse' and pid <> pg_backend_pid(); "
            "drop schema if exists public cascade; create schema public; drop schema if exists other cascade"
        )
    return postgres_server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[LocalMariaDB]:
    if mariadb_programs() is None:
        absent("MariaDB is absent: `make mariadb` installs Debian's")
    if find_spec("MySQLdb") is None:
        absent("The MySQL provider is absent: `make mariadb` installs it, with the driver mysqlclient")
    with LocalMariaDB() as running:
        yield running


@pytest.fixture
def mariadb(mariadb_server: LocalMariaDB) -> LocalMariaDB:
    """The server, and its databases empty."""
    for name in ("warehouse", "sales"):
        mariadb_server.execute(f"drop database {name}", f"create database {name} character set utf8mb4")
    return mariadb_server


def told(engine: sa.Engine, *columns: str, table: str = "calls", run: str | None = None) -> list[tuple[Any, ...]]:
    """The rows of a results table, by row number: those of a DAG run, or all."""
    chosen = sa.Table(table, sa.MetaData(), autoload_with=engine)
    query = sa.select(*(chosen.c[name] for name in columns)).order_by(chosen.c.row_number)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query if run is None else query.where(chosen.c.run_id == run))]


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent
