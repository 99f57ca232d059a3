"""One Airflow for all tests of this folder: PostgreSQL beneath it, and workers that run the provider's wheel."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow
from local_servers.postgres import LocalPostgres
from tests.airflow.campaign import TOKEN, Campaign
from tests.real.extent import SEED
from tests.real.installation import Installation
from tests.real.metadata import Metadata
from tests.real.tally import Tally

TALLY = Tally()
DAGS = Path(__file__).parent / "dags"
OF_AIRFLOW = Path(__file__).parents[1] / "airflow" / "dags"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture(scope="session")
def airflow(
    installation: Installation, postgres_server: LocalPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    postgres_server.create("airflow")
    # The workers of a killed scheduler keep its connection open, with the lock on scheduling that it may have held.
    postgres_server.execute("alter database airflow set idle_in_transaction_session_timeout = '8s'")
    folder = tmp_path_factory.mktemp("airflow")
    shutil.copytree(DAGS, folder / "dags")
    for name in ("syncs.py", "shards.py"):
        shutil.copy(OF_AIRFLOW / name, folder / "dags" / name)
    settings = {
        "PATH": f"{installation.bin}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres_server.url("airflow"),
        "AIRFLOW__CORE__PARALLELISM": "24",
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "24",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "6",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    }
    running = LocalAirflow(folder / "home", folder / "dags", settings=settings)
    try:
        running.start()
        for dag in ("eight_calls", "a_call", "backfilled", "sync_addPhones", "sync_addPhone", "sync_in_shards"):
            running.wait_for_dag(dag)
        yield running
    finally:
        running.stop()


@pytest.fixture
def dags(airflow: LocalAirflow) -> Path:
    """The folder of Airflow's DAG files."""
    return Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"])


@pytest.fixture
def campaign(airflow: LocalAirflow) -> Iterator[Campaign]:
    with Emulator(tokens=(TOKEN,)) as emulator:
        yield Campaign(airflow, emulator)


@pytest.fixture
def metadata(airflow: LocalAirflow, postgres_server: LocalPostgres) -> Iterator[Metadata]:
    opened = Metadata(postgres_server.url("airflow"))
    yield opened
    opened.close()


@pytest.fixture
def tally() -> Tally:
    return TALLY


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """What is random in a test is drawn by the seed and the test's name."""
    return random.Random(f"{SEED}{request.node.name}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.tries or TALLY.checked:
        terminalreporter.section(f"real kills, seed {SEED}")
        for line in TALLY.lines():
            terminalreporter.line(line)
