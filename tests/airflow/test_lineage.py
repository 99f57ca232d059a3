"""OpenLineage's events of a sync and of a report brought home, as its plugin sends them from real tasks of Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow
from local_servers.warehouse import make_warehouse
from tests.airflow.campaign import TOKEN
from tests.conftest import absent


@pytest.mark.long
def test_events_of_real_tasks(airflow: LocalAirflow, tmp_path: Path) -> None:
    """By ``dag.test()``, in whose process the plugin listens as in a worker's; the DAG is paused for the scheduler."""
    if find_spec("airflow.providers.openlineage") is None:
        absent("OpenLineage is absent: `make mariadb` installs what tests/optional.lock names")
    warehouse, events = tmp_path / "warehouse.db", tmp_path / "events"
    make_warehouse(warehouse, 30)
    folder = airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]
    with Emulator(tokens=(TOKEN,)) as emulator:
        settings = {
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
            # In the process that asks a task for its lineage, dag.test() has no API to ask for connections.
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(warehouse)}),
            "AIRFLOW_CONN_AIMYLOGIC_DEFAULT": emulator.connection(TOKEN),
            "PYTHONPATH": folder,
        }
        done = subprocess.run(
            [sys.executable, "-c", "from lineage import dag; assert dag.test().state == 'success'"],
            env=airflow.environment | settings, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        phones = [job.phone[-7:] for job in emulator.jobs()]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "will be terminated" not in done.stdout, "it was told at once"
    text = events.read_text()
    told = {(one["job"]["name"], one["eventType"]): one for one in map(json.loads, text.splitlines())}
    sync, home = told["told.sync", "COMPLETE"], told["told.home", "COMPLETE"]
    campaign = {"namespace": "aimylogic://campaign", "name": "aimylogic_default"}
    assert sync["job"]["facets"]["sql"]["query"] == "select id, phone, name from customer where id >= :first"
    (output,) = sync["outputs"]
    assert {name: output[name] for name in campaign} == campaign
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == len(phones) == 30
    assert [{name: one[name] for name in campaign} for one in home["inputs"]] == [campaign]
    assert ("told.sync", "START") in told
    for secret in (TOKEN, "customer 1", *phones):
        assert secret not in text
