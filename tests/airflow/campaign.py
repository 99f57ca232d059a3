"""A campaign on an emulator of its own, and Airflow's connection to it."""

from __future__ import annotations

import json
import secrets
import string
from contextlib import suppress
from itertools import count
from typing import Any, Self

from aimylogic_provider.emulator import Emulator, OrderedFault
from aimylogic_provider.emulator.http.admin_types import JobView
from local_servers.airflow import AirflowError, LocalAirflow, free_port

__all__ = ["ENVIRONMENT_PORT", "TOKEN", "Campaign", "environment_connection", "random_token"]

numbers = count(1)


def random_token() -> str:
    """A campaign's token that nobody else has, with characters that a URL must encode."""
    letters = [secrets.choice(string.ascii_letters + string.digits) for _ in range(24)]
    letters[8], letters[16] = "+", "~"
    return f"{secrets.randbelow(9000) + 1000}.{secrets.randbelow(9000) + 1000}.{''.join(letters)}"


# Of all campaigns in this folder's tests: whatever they make Airflow write is searched for it.
TOKEN = random_token()


ENVIRONMENT_PORT = free_port()


def environment_connection() -> str:
    """A connection that stands in Airflow's environment, to an emulator that may be started at a port of its own."""
    host = {"host": "http://127.0.0.1", "port": ENVIRONMENT_PORT}
    return json.dumps({"conn_type": "aimylogic", "password": TOKEN, **host})


class Campaign:
    """A campaign of its own for each test, on an emulator of its own, and the connection to it.

    As a context manager it takes the connection away: Airflow's page of them shows fifty.
    """

    def __init__(self, airflow: LocalAirflow, emulator: Emulator) -> None:
        self.conn_id = f"campaign_{next(numbers)}"
        self.emulator = emulator
        self._airflow = airflow
        airflow.connect(emulator.url, TOKEN, self.conn_id, read_timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(AirflowError):
            self._airflow.api("DELETE", f"/api/v2/connections/{self.conn_id}")

    def fault(self, phase: str, action: str, **rule: Any) -> OrderedFault:
        return self.emulator.fault(phase, action, **{"path": "addPhone", **rule})

    @property
    def jobs(self) -> list[JobView]:
        return self.emulator.jobs()

    @property
    def conf(self) -> dict[str, Any]:
        return {"phone": "+7 912 345-67-89", "conn_id": self.conn_id}
