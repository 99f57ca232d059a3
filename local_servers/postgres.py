"""A PostgreSQL server of one's own, on a free port of this machine, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from local_servers.airflow import free_port

__all__ = ["LocalPostgres", "postgres_programs"]


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian keeps off the PATH; None if there is none."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


class LocalPostgres:
    """A server, as a context manager. Its user ``postgres`` needs no password.

    :raises RuntimeError: if PostgreSQL isn't installed
    """

    def __init__(self) -> None:
        programs = postgres_programs()
        if programs is None:
            raise RuntimeError("PostgreSQL is absent: `make postgresql` installs Debian's")
        self._programs = programs
        self.port = free_port()

    def __enter__(self) -> LocalPostgres:
        self._folder = Path(tempfile.mkdtemp(prefix="aimylogic-postgres-"))
        if os.geteuid() == 0:  # initdb refuses root
            shutil.chown(self._folder, "postgres")
        read_alike = ("-E", "UTF8", "--locale=C")  # whatever the locale of this machine
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "postgres", "-A", "trust", "-N", *read_alike)
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server, and wait until it is up."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c fsync=off -c max_connections=300"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-o", options, "-w", "-t", "180", "start")

    def stop(self) -> None:
        """Stop the server at once, as if its machine had failed; what was committed stays."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def create(self, database: str) -> bool:
        """Create a database; return whether it is new."""
        from psycopg2.errors import DuplicateDatabase

        try:
            self.execute(f'create database "{database}"')
        except DuplicateDatabase:
            return False
        return True

    def empty(self, database: str) -> None:
        """Drop all that stands in a database."""
        self.execute("drop schema public cascade; create schema public", database)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement on the server, outside of any transaction of ours."""
        import psycopg2

        connection = psycopg2.connect(self.dsn(database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def dsn(self, database: str) -> str:
        """How psycopg2 finds a database."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"

    def url(self, database: str) -> str:
        """How SQLAlchemy finds a database."""
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def connection(self, database: str) -> str:
        """An Airflow connection to a database, as JSON for ``AIRFLOW_CONN_…``."""
        return json.dumps(
            {"conn_type": "postgres", "host": "127.0.0.1", "port": self.port, "login": "postgres", "schema": database}
        )

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Its server inherits what it is given, and would keep a pipe open for ever.
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed with {done.returncode}: see {self._folder}")
