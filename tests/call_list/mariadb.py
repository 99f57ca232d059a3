"""A MariaDB server of one's own, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

from demo.local_airflow import free_port

__all__ = ["LocalMariaDB", "why_not"]


def why_not() -> str | None:
    """Why no server can be had here; None if one can."""
    if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
        return "MariaDB is absent: install Debian's mariadb-server-core"
    return "its driver is absent: pip install pymysql" if find_spec("pymysql") is None else None


class LocalMariaDB:
    """A server, as a context manager, with a database ``warehouse``."""

    def __enter__(self) -> LocalMariaDB:
        self._folder = Path(tempfile.mkdtemp(prefix="aimylogic-mariadb-"))
        data, port = f"--datadir={self._folder / 'data'}", free_port()
        as_user = ["--user=root"] if os.geteuid() == 0 else []
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        made = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", *as_user]
        subprocess.run(made, check=True, **silent)  # type: ignore[call-overload]
        self._server = subprocess.Popen(
            ["mariadbd", "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1", *as_user,
             f"--socket={self._folder / 'socket'}", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"],
            **silent,
        )  # fmt: skip
        self._url = f"mysql+pymysql://root@127.0.0.1:{port}/"
        for _ in range(150):
            try:
                self.execute("create database warehouse")
                return self
            except sa.exc.OperationalError:
                time.sleep(0.2)
        self.__exit__()
        raise RuntimeError("MariaDB doesn't start")

    def __exit__(self, *exc: object) -> None:
        self._server.kill()
        self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def engine(self, database: str = "warehouse") -> sa.Engine:
        return sa.create_engine(f"{self._url}{database}")

    def execute(self, statement: str) -> None:
        engine = self.engine("")
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()
