"""What the examples in ``dags/`` need: campaigns on the emulator, connections, variables, a warehouse; and a past."""

from __future__ import annotations

from pathlib import Path

from aimylogic_provider.emulator import DEFAULT_TOKEN, EmulatorClient
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from local_servers.warehouse import add_debtors, make_warehouse

__all__ = [
    "CONNECTIONS", "DAGS", "TOKENS", "VARIABLES", "connect_missing", "live_through", "make_examples_warehouse",
    "move_connections", "send_a_list",
]  # fmt: skip

DAGS = Path(__file__).parent.parent / "dags"
TOKENS = {DEFAULT_TOKEN: "Payments due", "4312.8809.51c07be2": "Moscow", "4312.8810.7e22d1a9": "Perm"}
"""The emulator's campaigns."""
_MOSCOW, _PERM = list(TOKENS)[1:]
CAMPAIGNS = {"aimylogic_default": DEFAULT_TOKEN, "aimylogic_moscow": _MOSCOW, "aimylogic_perm": _PERM}
"""Whose token each connection to a campaign bears."""
WAREHOUSE = "warehouse"
CONNECTIONS = (*CAMPAIGNS, WAREHOUSE)
VARIABLES = {"on_call_phone": "+1 202 555 0142", "phone_on_duty": "+1 202 555 0143"}
"""Of numbers that nobody has."""
CUSTOMERS, DEBTORS = 1000, 200
_PAST = {1: 2000, 2: 600, 3: 200}
"""How many calls each campaign is given from the day before."""
_SYNC, _SYNC_TASK = "warehouse_to_campaign", "call_customers"


def make_examples_warehouse(path: Path) -> None:
    """Make the tables that the examples select from."""
    make_warehouse(path, CUSTOMERS)
    add_debtors(path, DEBTORS)


def live_through(emulator: EmulatorClient) -> None:
    """Have the campaigns live through a day, so that there is something to see."""
    for number, jobs in _PAST.items():
        emulator.live_through(jobs=jobs, campaign=number)


def connect_missing(airflow: LocalAirflow, emulator_url: str, warehouse: Path) -> list[str]:
    """Make the connections and variables that aren't there, and leave those that are; return what was made."""
    held = {one["connection_id"] for one in airflow.api("GET", "/api/v2/connections?limit=1000")["connections"]}
    made = [conn_id for conn_id in CONNECTIONS if conn_id not in held]
    for conn_id in made:
        if conn_id == WAREHOUSE:
            airflow.connect_sqlite(warehouse, conn_id)
        else:
            airflow.connect(emulator_url, CAMPAIGNS[conn_id], conn_id)
    known = {one["key"] for one in airflow.api("GET", "/api/v2/variables?limit=1000")["variables"]}
    for key in VARIABLES.keys() - known:
        airflow.api("POST", "/api/v2/variables", {"key": key, "value": VARIABLES[key]})
    return made + sorted(VARIABLES.keys() - known)


def move_connections(airflow: LocalAirflow, before: str, after: str) -> None:
    """Have the connections to the emulator follow it to another address; those that lead elsewhere are left alone."""
    for conn_id, token in CAMPAIGNS.items():
        try:
            held = airflow.api("GET", f"/api/v2/connections/{conn_id}")
        except AirflowError:
            continue
        if f"{held['host']}:{held['port']}" == before:
            airflow.connect(after, token, conn_id)


def send_a_list(airflow: LocalAirflow) -> str:
    """Have one example call the warehouse's customers, and rest again; return what became of its task.

    It must not stay on: somebody may give its connection a real campaign, and its customers are called each morning.
    """
    airflow.wait_for_dag(_SYNC)
    runs = f"/api/v2/dags/{_SYNC}/dagRuns"
    states = ("success", "failed", "up_for_retry")
    try:
        run = wait_for(f"a run of {_SYNC}", lambda: airflow.api("GET", runs)["dag_runs"], 60)[0]["dag_run_id"]
        return str(airflow.wait_for_task(_SYNC, run, _SYNC_TASK, states, seconds=90)["state"])
    finally:
        airflow.api("PATCH", f"/api/v2/dags/{_SYNC}", {"is_paused": True})
