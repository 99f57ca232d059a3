"""A StatsD server that keeps what it gets, and Airflow's own stats of this process, set to tell it."""

from __future__ import annotations

import os
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple

from packaging.version import Version

__all__ = ["Received", "StatsdListener", "airflows_stats"]


class Received(NamedTuple):
    """One metric, as it was received."""

    name: str
    value: float
    kind: str
    tags: dict[str, str]


class StatsdListener:
    """A StatsD server on a port of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.lines: list[str] = []

    def __enter__(self) -> StatsdListener:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    @property
    def settings(self) -> dict[str, str]:
        """Airflow's configuration, as variables of its environment."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self.port),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        }

    def read(self) -> list[Received]:
        """All that has come until now, of this provider's."""
        self._socket.setblocking(False)
        try:
            while True:
                self.lines += self._socket.recv(65536).decode().splitlines()
        except BlockingIOError:
            pass
        return [_read(line) for line in self.lines if "aimylogic." in line.partition(",")[0]]

    def counters(self, **tags: str) -> dict[str, int]:
        """The counters' sums, by name, of those with such tags."""
        sums: Counter[str] = Counter()
        for one in self.read():
            if one.kind == "c" and tags.items() <= one.tags.items():
                sums[one.name.removeprefix("airflow.aimylogic.")] += int(one.value)
        return dict(sums)

    def timers(self) -> dict[str, list[float]]:
        """The timers' milliseconds, by name."""
        found: dict[str, list[float]] = {}
        for one in self.read():
            if one.kind == "ms":
                found.setdefault(one.name.removeprefix("airflow.aimylogic."), []).append(one.value)
        return found


def _read(line: str) -> Received:
    told = re.fullmatch(r"([^,:]+)((?:,[^,:=]+=[^,:=]+)*):([\d.]+)\|(c|ms)", line)
    assert told, line
    tags = dict(one.split("=", 1) for one in told[2].split(",")[1:])
    return Received(told[1], float(told[3]), told[4], tags)


@contextmanager
def airflows_stats(settings: dict[str, str]) -> Iterator[None]:
    """Have Airflow's stats be made as a task's process makes them, by such variables, and as they were afterwards."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        _initialize()
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        _initialize()


def _initialize() -> None:
    airflow = Version(version("apache-airflow-core")).release
    if airflow >= (3, 3):
        from airflow.sdk.observability import stats
        from airflow.sdk.observability.metrics import stats_utils

        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
        return
    from aimylogic_provider.airflow_task import airflow_imports

    airflows: Any = airflow_imports.Stats
    if airflow >= (3, 2):
        from airflow.sdk.observability.metrics import stats_utils

        utils: Any = stats_utils
        airflows.initialize(factory=utils.get_stats_factory(airflows))
    else:
        airflows.instance = None
        if hasattr(type(airflows), "factory"):
            del type(airflows).factory
        type(airflows).__init__(airflows)
