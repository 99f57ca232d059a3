"""One real Airflow for all tests of this folder, with the repository's example DAGs and those of the tests."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow
from local_servers.postgres import LocalPostgres, postgres_programs
from tests.airflow.campaign import TOKEN, Campaign, environment_connection
from tests.conftest import PATIENCE, PURGE_ENDS_SCHEDULER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def database() -> Iterator[dict[str, str]]:
    """Airflow's database: PostgreSQL, for tasks that write at once have SQLite locked, and that ends the scheduler.

    Where PostgreSQL is absent, SQLite will do.
    """
    if postgres_programs() is None:
        yield {}
        return
    with LocalPostgres() as postgres:
        postgres.create("airflow")
        yield {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url("airflow")}


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, database: dict[str, str]) -> Iterator[LocalAirflow]:
    settings = {
        **database,
        "AIRFLOW__CORE__PARALLELISM": "16",
        # On a busy machine the API server is silent for seconds: a task that lives isn't failed for that.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # Where a missed heartbeat ends the scheduler, a busy machine must not have one missed.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600" if PURGE_ENDS_SCHEDULER else "8",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
        # A triggerer that was killed is done without after so many seconds, not after 30.
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW_CONN_IN_ENVIRONMENT": environment_connection(),
        # A mistake that people make: the whole URL as the host, token and all.
        "AIRFLOW_CONN_AIMYLOGIC_PASTED": json.dumps(
            {
                "conn_type": "aimylogic",
                "host": f"https://app.aimylogic.com/api/crmCalls/campaign/{TOKEN}/addPhone",
                "password": TOKEN,
            }
        ),
    }
    folder = tmp_path_factory.mktemp("airflow")
    here = Path(__file__).parent
    shutil.copytree(here / "dags", folder / "dags")
    for example in (here.parent.parent / "dags").glob("*.py"):
        # A retry that Airflow makes on its own account, as when SQLite is locked, shall not take a quarter of an hour.
        quick = example.read_text().replace("timedelta(minutes=15)", "timedelta(seconds=2)")
        quick = quick.replace("timedelta(minutes=1)", "timedelta(seconds=1)")  # between two polls
        (folder / "dags" / example.name).write_text(far_from_its_next_run(quick))
    running = LocalAirflow(folder / "home", folder / "dags", settings=settings)
    try:
        running.start(LocalAirflow.COMPONENTS)
        for dag in (
            "one_call",
            "one_try",
            "timed",
            "asks",
            "mapped_calls_1",
            "mapped_calls_25",
            "stoppable",
            "add_phone_by_hand",
        ):
            running.wait_for_dag(dag)
        yield running
    finally:
        running.stop()


def far_from_its_next_run(example: str) -> str:
    """An example as it is, but that its daily run was due an hour or two ago, and is not while the tests run.

    Once unpaused, it runs for the last time that has passed; and would again in the middle of another test.
    """
    hour = (datetime.now(UTC) - timedelta(hours=1)).hour
    return re.sub(r'schedule="0 [0-9]+ \* \* \*"', f'schedule="0 {hour} * * *"', example)


@pytest.fixture(autouse=True)
def living(airflow: LocalAirflow) -> None:
    """A component of Airflow's that ended by itself, as over a locked SQLite, shall not fail all tests that follow."""
    if ended := airflow.ended:
        print(f"Ended by itself before this test, and started again: {', '.join(ended)}\n{tails(airflow)}")
        airflow.restart()


def tails(airflow: LocalAirflow, lines: int = 25) -> str:
    """The last lines of what Airflow's components wrote."""
    return "\n".join(
        f"--- {component}.log, {'ended' if component in airflow.ended else 'running'}:\n"
        + "\n".join((airflow.home / f"{component}.log").read_text(errors="replace").splitlines()[-lines:])
        for component in ("scheduler", "api-server")
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what Airflow wrote, for what fails may be Airflow itself."""
    report = yield
    running = getattr(item, "funcargs", {}).get("airflow")
    if report.failed and isinstance(running, LocalAirflow):
        report.sections.append(("Airflow", tails(running)))
    return report


@pytest.fixture
def campaign(airflow: LocalAirflow) -> Iterator[Campaign]:
    with Emulator(tokens=(TOKEN,)) as emulator, Campaign(airflow, emulator) as campaign:
        yield campaign


@pytest.fixture
def run(request: pytest.FixtureRequest) -> str:
    """The id of a DAG run that no other test has."""
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture(scope="module")
def page(chromium: Browser, airflow: LocalAirflow) -> Iterator[Page]:
    """A page of Airflow's, past its greeting."""
    from playwright.sync_api import expect

    context = chromium.new_context(viewport={"width": 1280, "height": 1300})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(airflow.url)  # Airflow 3.1 leads whoever comes first to its home page.
    expect(page.get_by_role("link", name="Dags").first).to_be_visible()
    yield page
    context.close()
