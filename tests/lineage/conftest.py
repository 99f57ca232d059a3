"""Two databases by their connections, and a listener that receives OpenLineage's events by HTTP."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import absent
from tests.lineage.events import Emitted

ROWS = [(1, "+7 912 345-67-89", "Alexandra"), (2, "+7 912 345-67-80", "Maria"), (3, "79123456780", "Maria")]
TABLE = "create table customer(id integer, phone text, name text)"


@pytest.fixture
def sqlite_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(TABLE)
        database.executemany("insert into customer values (?, ?, ?)", ROWS)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))


@pytest.fixture
def warehouse(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """PostgreSQL; how it is reached, as OpenLineage tells it."""
    import psycopg2

    with closing(psycopg2.connect(postgres.dsn("warehouse"))) as database, database:
        cursor = database.cursor()
        cursor.execute(f"drop schema public cascade; create schema public; {TABLE}")
        cursor.executemany("insert into customer values (%s, %s, %s)", ROWS)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres.connection("warehouse"))
    return f"postgres://127.0.0.1:{postgres.port}"


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    """What the provider's own adapter sends by its http transport, as a real socket receives it."""
    if find_spec("airflow.providers.openlineage") is None or find_spec("openlineage") is None:
        absent("OpenLineage is absent: `make mariadb` installs what tests/optional.lock names")
    bodies: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Emitted(f"http://127.0.0.1:{server.server_port}", bodies)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
