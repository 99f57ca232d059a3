"""The pages as Airflow's API server mounts them, in this process: a real auth manager, its users, a real database.

That is a file of SQLite; with ``AIMYLOGIC_PAGES_DATABASE=mariadb`` or ``=postgres``, one of a server of one's own.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from local_servers.airflow import free_port
from tests.call_list.conftest import make_sync
from tests.call_list.sync import Sync
from tests.pages.airflow_rows import AirflowRows
from tests.pages.people import make_people, person, session_token, settings_of
from tests.pages.sent_list import SentList

__all__ = ["make_sync"]

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

_WITHOUT_KEYS = {
    "sqlite": "pragma foreign_keys=off",
    "mariadb": "set session foreign_key_checks=0",
    "postgres": "set local session_replication_role = replica",
}
"""Has a database drop rows in whatever order."""
Client = Callable[..., "TestClient"]


DATABASE = os.environ.get("AIMYLOGIC_PAGES_DATABASE", "sqlite")
"""The kind of Airflow's database."""
if DATABASE == "mariadb":
    # As Airflow has it by itself where its settings name such a database before it is imported.
    os.environ.setdefault("AIRFLOW__DATABASE__SQL_ENGINE_COLLATION_FOR_IDS", "utf8mb3_bin")


@pytest.fixture(scope="session")
def empty_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database of nothing."""
    if DATABASE == "mariadb":
        server = request.getfixturevalue("mariadb_server")
        server.execute("create database airflow character set utf8mb4 collate utf8mb4_unicode_ci")
        return f"mysql+mysqldb://warehouse:warehouse@127.0.0.1:{server.port}/airflow?charset=utf8mb4"
    if DATABASE == "postgres":
        server = request.getfixturevalue("postgres_server")
        server.create("airflow")
        return f"postgresql+psycopg2://postgres@127.0.0.1:{server.port}/airflow"
    return f"sqlite:///{tmp_path_factory.mktemp('database')}/airflow.db"


@pytest.fixture(scope="session")
def airflow_database(empty_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Airflow's database, empty; and everybody with a role."""
    folder = tmp_path_factory.mktemp("pages")
    settings = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": empty_database,
        **settings_of(folder),
        "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
        "AIRFLOW__API__SECRET_KEY": "y" * 32,
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, settings))
        from airflow import settings as airflow_settings
        from airflow.models.base import Base

        airflow_settings.configure_vars()
        airflow_settings.configure_orm()
        from airflow.utils.db import import_all_models

        import_all_models()
        Base.metadata.create_all(airflow_settings.engine)
        make_people(airflow_settings.engine)
        yield empty_database
        airflow_settings.dispose_orm()


@pytest.fixture
def session(airflow_database: str) -> Iterator[Any]:
    """A session of Airflow's database, whose rows are gone after the test."""
    from airflow import settings as airflow_settings
    from airflow.models.base import Base

    session = airflow_settings.Session()
    yield session
    session.rollback()
    session.close()
    with airflow_settings.engine.begin() as connection:
        connection.exec_driver_sql(_WITHOUT_KEYS[DATABASE])
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture(scope="session")
def app(airflow_database: str) -> Any:
    """An API server that mounts the plugin, and nothing else."""
    from fastapi import FastAPI

    from aimylogic_provider.plugins.aimylogic import AimylogicPlugin

    server = FastAPI()
    for one in AimylogicPlugin.fastapi_apps:
        server.mount(one["url_prefix"], one["app"])
    return server


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another one's pages have read."""
    from aimylogic_provider.pages.campaigns import last_day, standing

    monkeypatch.setattr(standing, "_looks", standing.SharedReadings(standing._KEPT))
    monkeypatch.setattr(standing, "_last", {})
    monkeypatch.setattr(last_day, "_days", {})
    monkeypatch.setattr(last_day, "_readings", last_day.SharedReadings(last_day._KEPT))


@pytest.fixture
def client(app: Any, session: Any) -> Client:
    """A browser of a person who is signed in, or of nobody: ``client("uma")``, ``client()``.

    Its ``csrf`` header is that of a page which the person has open.
    """
    from fastapi.testclient import TestClient

    from aimylogic_provider.pages.csrf import HEADER, token_for

    def browser(name: str | None = None, *, page: bool = True, follow: bool = False) -> TestClient:
        made = TestClient(app, base_url="http://localhost/aimylogic", follow_redirects=follow)
        if name is not None:
            made.cookies.set("_token", session_token(name))
            if page:
                made.headers[HEADER] = token_for(str(person(name).get_id()))
        return made

    return browser


@pytest.fixture
def address(app: Any, session: Any) -> Iterator[str]:
    """The app beneath a real server."""
    import uvicorn

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "it doesn't start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/aimylogic"
    server.should_exit = True
    thread.join()


@pytest.fixture
def rows(session: Any) -> AirflowRows:
    """What tests put into Airflow's database."""
    return AirflowRows(session)


@pytest.fixture
def batch_size() -> int:
    return 10


@pytest.fixture
def sent(make_sync: Callable[..., Sync], rows: AirflowRows, batch_size: int) -> SentList:
    """A list that can be frozen and sent."""
    return SentList(make_sync(batch_size=batch_size), rows)
