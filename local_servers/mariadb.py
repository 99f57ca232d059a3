"""A MariaDB server of one's own, on a free port of this machine, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_servers.airflow import free_port

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["LocalMariaDB", "mariadb_programs"]


def mariadb_programs() -> tuple[str, str] | None:
    """The program that makes a server's folder, and the server; None if one of them is absent."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    install, server = shutil.which("mariadb-install-db", path=path), shutil.which("mariadbd", path=path)
    return None if install is None or server is None else (install, server)


class LocalMariaDB:
    """A server, as a context manager. Its user ``warehouse`` needs the password ``warehouse``.

    :raises RuntimeError: if MariaDB isn't installed, or doesn't start
    """

    def __init__(self) -> None:
        programs = mariadb_programs()
        if programs is None:
            raise RuntimeError("MariaDB is absent: `make mariadb` installs Debian's")
        self._install, self._server = programs
        self.port = free_port()

    def __enter__(self) -> LocalMariaDB:
        self._folder = Path(tempfile.mkdtemp(prefix="aimylogic-mariadb-"))
        self.socket = str(self._folder / "socket")
        user = ["--user=mysql"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(self._folder, "mysql")
        data = f"--datadir={self._folder / 'data'}"
        quiet: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        subprocess.run(
            [self._install, "--no-defaults", *user, data, "--skip-test-db"], check=True, cwd=self._folder, **quiet
        )
        first = self._folder / "first.sql"
        first.write_text(
            "create user warehouse@'%' identified by 'warehouse';\n"
            "create user warehouse@localhost identified by 'warehouse';\n"
            "grant all on *.* to warehouse@'%' with grant option;\n"
            "grant all on *.* to warehouse@localhost with grant option;\n"
            "create database warehouse character set utf8mb4;\ncreate database sales character set utf8mb4;\n"
        )
        first.chmod(0o644)
        self._process = subprocess.Popen(
            [self._server, "--no-defaults", *user, data, f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--socket={self.socket}", f"--pid-file={self._folder / 'pid'}", f"--init-file={first}",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"],
            cwd=self._folder, **quiet,
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connection(self, database: str = "warehouse", **extra: object) -> str:
        """An Airflow connection to a database, as JSON for ``AIRFLOW_CONN_…``."""
        return json.dumps(
            {"conn_type": "mysql", "host": "127.0.0.1", "port": self.port, "login": "warehouse",
             "password": "warehouse", "schema": database, "extra": extra}
        )  # fmt: skip

    def engine(self, database: str = "warehouse") -> Engine:
        """SQLAlchemy's engine of a database, with the driver of Airflow's hook."""
        from sqlalchemy import create_engine

        return create_engine(f"mysql+mysqldb://warehouse:warehouse@127.0.0.1:{self.port}/{database}?charset=utf8mb4")

    def execute(self, *statements: str, database: str = "warehouse") -> None:
        """Execute statements."""
        import MySQLdb

        connection = MySQLdb.connect(
            host="127.0.0.1", port=self.port, user="warehouse", passwd="warehouse",  # noqa: S106 - of a server that lives for a test
            db=database, charset="utf8mb4",
        )  # fmt: skip
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def _wait(self) -> None:
        for _ in range(1800):
            try:
                self.execute("select 1")
                return
            except Exception:  # noqa: BLE001 - not up yet, in whatever way the driver says that
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("MariaDB does not start")
