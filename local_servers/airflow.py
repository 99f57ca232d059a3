"""A real Airflow on this machine, in a folder of its own: API server, scheduler, DAG processor, SQLite.

Everything listens on loopback, and everybody is an admin.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["AirflowError", "LocalAirflow", "free_port", "wait_for"]


class AirflowError(RuntimeError):
    """Airflow did not do what was asked of it in time.

    :param status: of its answer, if there was one
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _DatabaseLockedError(AirflowError):
    """Airflow's database refused a write."""


patience = 1.0
"""How many times longer than is told each wait may take: tests set it, for a machine that has other work, too."""
_HELD: list[socket.socket] = []


def free_port() -> int:
    """Return a port of this machine that is free now, beneath those that the system gives to connections meanwhile.

    Whoever asks here, in any process, is given another one: until this process ends, it holds the port for UDP, which
    no server here listens by.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                held.bind(("127.0.0.1", port))
                probe.bind(("127.0.0.1", port))
            except OSError:
                held.close()
                continue
        _HELD.append(held)
        return port


def wait_for(what: str, check: Callable[[], Any], seconds: float = 60, every: float = 0.2) -> Any:
    """Return the first true result of *check*.

    :raises AirflowError: if there is none within *seconds*, times :data:`patience`
    """
    seconds *= patience
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := check():
            return result
        time.sleep(every)
    raise AirflowError(f"waited {seconds:g} s in vain for {what}")


class LocalAirflow:
    """Airflow in *home*, as a context manager.

    :param home: becomes AIRFLOW_HOME; logs of the components lie in it as ``<component>.log``
    :param dags: folder of the DAG files
    :param port: of the API server and the pages; None for any free one
    :param settings: further environment variables, ``AIRFLOW__…`` and ``AIRFLOW_CONN_…``
    """

    COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")

    def __init__(
        self, home: Path, dags: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._killed: list[subprocess.Popen[bytes]] = []
        self._started: tuple[str, ...] = ()
        self._token = ""
        scripts = str(Path(sys.executable).parent)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PATH": scripts + os.pathsep + os.environ.get("PATH", ""),
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # A file that is new, or has changed, is read at the next refresh all the same.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **(settings or {}),
        }

    def __enter__(self) -> LocalAirflow:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self, components: tuple[str, ...] = ("api-server", "scheduler", "dag-processor")) -> None:
        """Migrate the database and start the components; return when they are up."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("db", "migrate")
        self.launch(components)
        self.wait_until_up()

    def launch(self, components: Sequence[str]) -> None:
        """Start some components on the database that is there, and wait for none of them."""
        self._started = tuple(dict.fromkeys([*self._started, *components]))
        for component in components:
            self._start(component)

    def wait_until_up(self, seconds: float = 120) -> None:
        """Wait until the API server answers, and all that was started here lives."""
        wait_for("Airflow's API server", self._is_up, seconds)

    def _start(self, component: str) -> None:
        # Logs are read from the folder itself; the servers of them would listen on every interface.
        options = ["--skip-serve-logs"] if component in ("scheduler", "triggerer") else []
        with (self.home / f"{component}.log").open("ab") as log:
            self._processes[component] = subprocess.Popen(
                ["airflow", component, *options],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_up(self) -> bool:
        for component, process in self._processes.items():
            if process.poll() is not None:
                raise AirflowError(f"Airflow's {component} ended: see {self.home / component}.log")
        try:
            self.api("GET", "/api/v2/dags")
        except (OSError, AirflowError):
            return False
        return True

    def kill(self, component: str) -> None:
        """KILL a component, and leave what it started: a scheduler's tasks and their supervisors live on."""
        process = self._processes.pop(component)
        process.kill()
        process.wait()
        self._killed.append(process)

    @property
    def ended(self) -> list[str]:
        """The components that have ended by themselves."""
        return [component for component, process in self._processes.items() if process.poll() is not None]

    def restart(self, seconds: float = 300) -> None:
        """Start what was killed, or has ended by itself, and wait until all is up."""
        self._killed += [self._processes.pop(component) for component in self.ended]
        self.launch([component for component in self._started if component not in self._processes])
        self.wait_until_up(seconds)

    def stop(self) -> None:
        """End all components and what they started."""
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        end = time.monotonic() + 5
        for process in self._processes.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        for process in self._processes.values():
            _signal_group(process, signal.SIGKILL)
            process.wait()
        for process in self._killed:
            _signal_group(process, signal.SIGKILL)
        self._processes.clear()
        self._killed.clear()

    @property
    def pids(self) -> dict[str, int]:
        """The processes that :meth:`stop` ends, each with its group, by component."""
        return {component: process.pid for component, process in self._processes.items()}

    def unwell(self) -> list[str]:
        """The components that don't answer, or have not been heard of for longer than Airflow allows."""
        names = {"scheduler": "scheduler", "dag_processor": "dag-processor", "triggerer": "triggerer"}
        try:
            health = self.api("GET", "/api/v2/monitor/health")
        except (OSError, ValueError, AirflowError):
            return ["api-server"]
        return [component for name, component in names.items() if (health.get(name) or {}).get("status") != "healthy"]

    def run(self, *arguments: str) -> str:
        """Run an ``airflow`` command and return what it prints."""
        done = subprocess.run(
            ["airflow", *arguments], env=self.environment, cwd=self.home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AirflowError(f"airflow {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Ask Airflow's REST API; again where SQLite was locked, for nothing was done then.

        :raises AirflowError: for an answer of 400 and more
        """
        for _ in range(20):
            with suppress(_DatabaseLockedError):
                return self._ask(method, path, body)
            time.sleep(0.5)
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        if not path.startswith("/auth"):
            if not self._token:
                self._token = self.api("GET", "/auth/token")["access_token"]
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path, method=method, headers=headers, data=None if body is None else json.dumps(body).encode()
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30 * patience) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            told = error.read().decode()
            kind = _DatabaseLockedError if error.code == 500 and "Database error" in told else AirflowError
            raise kind(f"{method} {path}: {error.code} {told[:500]}", error.code) from None
        return json.loads(content) if content else None

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until Airflow knows the DAG, and let it run."""

        def known() -> bool:
            try:
                return self.api("GET", f"/api/v2/dags/{dag_id}") is not None
            except AirflowError:
                errors = self.api("GET", "/api/v2/importErrors")["import_errors"]
                if errors:
                    raise AirflowError(errors[0]["stack_trace"]) from None
                return False

        wait_for(f"DAG {dag_id}", known, 60)
        self.api("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def connect(self, url: str, token: str, conn_id: str = "aimylogic_default", **extra: object) -> None:
        """Save, anew if it exists, a connection of type ``aimylogic`` to the campaign with this token at *url*."""
        host, _, port = url.rpartition(":")
        body = {
            "connection_id": conn_id, "conn_type": "aimylogic", "host": host, "port": int(port), "password": token,
            "extra": json.dumps(extra) if extra else None,
        }  # fmt: skip
        self._connect(body)

    def connect_sqlite(self, path: Path, conn_id: str) -> None:
        """Save, anew if it exists, a connection to a database file."""
        self._connect({"connection_id": conn_id, "conn_type": "sqlite", "host": str(path)})

    def connect_database(self, connection: str, conn_id: str) -> None:
        """Save, anew if it exists, a connection that is given as JSON."""
        self._connect({"connection_id": conn_id, **json.loads(connection)})

    def _connect(self, body: Mapping[str, object]) -> None:
        with suppress(AirflowError):  # there is none yet
            self.api("DELETE", f"/api/v2/connections/{body['connection_id']}")
        self.api("POST", "/api/v2/connections", body)

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, object] | None = None) -> None:
        """Start a run by hand."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def clear(self, dag_id: str, run_id: str, tasks: Sequence[str] | None = None) -> None:
        """Clear tasks of a run, once it is over, so that they run again.

        :param tasks: their ids; None for all

        Cleared in the moment between the end of its last task and its own, a run may stay as it is.
        """
        self.wait_for_run(dag_id, run_id)
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        if tasks is not None:
            body["task_ids"] = list(tasks)
        self.api("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 90) -> str:
        """Wait until a DAG run has ended; return as what: ``success`` or ``failed``."""

        def ended() -> str | None:
            state = self.run_state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        state: str = wait_for(f"run {run_id} of {dag_id} to end", ended, seconds)
        return state

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a DAG run."""
        state: str = self.api("GET", self._run_path(dag_id, run_id))["state"]
        return state

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return a task instance: ``state``, ``try_number``, ``pid`` and more."""
        found: dict[str, Any] = self.api("GET", f"{self._run_path(dag_id, run_id)}/taskInstances/{task_id}")
        return found

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, states: tuple[str, ...], *, tries: int = 0, seconds: float = 60
    ) -> dict[str, Any]:
        """Wait until a task instance is in one of *states*, with at least *tries* tries; return it."""

        def there() -> dict[str, Any] | None:
            task = self.task(dag_id, run_id, task_id)
            return task if task["state"] in states and task["try_number"] >= tries else None

        what, every = f"{task_id} of {dag_id} to be {' or '.join(states)}", 0.2
        if "up_for_retry" in states:
            every = 0.05  # this one passes by
        try:
            found: dict[str, Any] = wait_for(what, there, seconds, every)
        except AirflowError as error:
            raise AirflowError(f"{error}; it is {self.task(dag_id, run_id, task_id)}") from None
        return found

    def wait_for_workers_ends(self, dag_id: str, run_id: str, task_id: str, seconds: float = 15) -> None:
        """Wait until the scheduler has seen the ends of a task's workers; or a while, if it never sees one.

        Whoever answers a question before that has Airflow take the end of the try that asked for a failure.
        """
        event = f"dag_id={dag_id!r}, task_id={task_id!r}, run_id={run_id!r}, "
        begun = re.compile(rf"<TaskInstance: {re.escape(f'{dag_id}.{task_id} {run_id}')} ")

        def seen() -> bool:
            lines = (self.home / "scheduler.log").read_text(errors="replace").splitlines()
            started = sum(len(begun.findall(line)) for line in lines if "Trying to enqueue tasks: " in line)
            ended = sum("Received executor event with state " in line and event in line for line in lines)
            return ended >= started > 0

        with suppress(AirflowError):
            wait_for("the workers' ends", seen, seconds / patience)
        time.sleep(0.2)  # the line is written just before

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return what a task returned."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        path += f"?map_index={map_index}"
        return self.api("GET", path)["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int, map_index: int = -1) -> str:
        """Return the log of a try, a line of JSON for each event."""
        path = f"{self._run_path(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}?full_content=true"
        path += f"&map_index={map_index}"
        content = self.api("GET", path)["content"]
        return "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in content)

    @staticmethod
    def _run_path(dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
