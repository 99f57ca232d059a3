"""The token in nothing that Airflow writes: logs, database, REST answers, pages, XComs, rendered templates.

Everything that the tests of this folder made Airflow write is searched for the token that all their campaigns bear. A
second secret is planted in every place, to see that the search finds what is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from playwright.sync_api import Browser
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN, random_token
from tests.conftest import HAS_RECORD
from tests.secrets.echo import echo_servers
from tests.secrets.leaks import FORMS, leaks

PLANTED = random_token()
LEAKY = '''
"""Leaks what it is told, in every way that a DAG can."""
from datetime import datetime, timedelta
from airflow.sdk import DAG, BaseOperator, task
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

class Waits(BaseOperator):
    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="done")

    def done(self, context, event):
        pass

print("dag file", {planted!r})
with DAG("leaky", schedule=None, start_date=datetime(2026, 1, 1), params={{"planted": ""}}):
    @task(retries=0)
    def leak(planted):
        print(planted)
        return planted

    @task(retries=0)
    def fail(planted):
        raise RuntimeError(planted)

    leak("{{{{ params.planted }}}}") >> fail("{{{{ params.planted }}}}")
    Waits(task_id="wait")
'''

pytestmark = pytest.mark.long


def written(airflow: LocalAirflow) -> dict[str, bytes]:
    """Files: the components' logs, the tasks' and the DAG processor's, and the database."""
    places = {f"log of the {file.stem}": file.read_bytes() for file in airflow.home.glob("*.log")}
    for kind, pattern in (("tasks", "dag_id=*/**/*.log"), ("DAG processor", "dag_processor/**/*.log")):
        places[f"logs of the {kind}"] = b"\n".join(
            str(file).encode() + file.read_bytes() for file in (airflow.home / "logs").glob(pattern) if file.is_file()
        )
    url = airflow.environment.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{airflow.home}/airflow.db")
    engine = create_engine(url, poolclass=NullPool, json_deserializer=str)  # JSON as it is written
    with engine.connect() as database:
        for table in inspect(engine).get_table_names():
            if rows := database.exec_driver_sql(f'select * from "{table}"').fetchall():
                places[f"database, table {table}"] = "\n".join(as_text(value) for row in rows for value in row).encode()
    return places


def as_text(value: object) -> str:
    """A value of Airflow's database; what is pickled, byte by byte."""
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


def rest_paths() -> list[str]:
    """All that Airflow's REST API, and that of its pages, can be asked for."""
    import airflow

    folder = Path(str(airflow.__file__)).parent / "api_fastapi" / "core_api" / "openapi"
    paths = []
    for file in folder.glob("*.yaml"):
        documented = yaml.safe_load(file.read_text())["paths"]
        paths += [path for path, operations in documented.items() if "get" in operations]
    return paths


def answers(airflow: LocalAirflow, runs: list[tuple[str, str]], connections: list[str]) -> dict[str, bytes]:
    """What REST answers to every question that can be asked about these runs and connections."""
    places: dict[str, bytes] = {}
    values: list[dict[str, Any]] = [{"connection_id": conn_id} for conn_id in connections] + [{}]
    for dag, run in runs:
        tasks = airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances")["task_instances"]
        for task in tasks[:1] if dag == "one_try" else tasks:
            known = {"dag_id": dag, "dag_run_id": run, "run_id": run, "task_id": task["task_id"],
                     "map_index": task["map_index"], "xcom_key": "return_value", "key": "aimylogic"}  # fmt: skip
            values.append({**known, "try_number": task["try_number"], "task_try_number": 1})
    for path in rest_paths():
        if any(word in path for word in ("/wait", "/logout", "/login")):
            continue
        names = set(re.findall(r"{(\w+)}", path))
        for filled in {
            re.sub(r"{(\w+)}", lambda found, known=known: quote(str(known[found[1]]), safe=""), path)
            for known in values
            if names <= known.keys()
        }:
            query = "?limit=100"
            if filled.endswith(("eventLogs", "dagRuns")):
                query += "&order_by=-id"  # the newest
            elif "logs/" in filled:
                query = "?full_content=true"
            with suppress(AirflowError):
                places[f"REST {path}"] = (
                    places.get(f"REST {path}", b"")
                    + json.dumps(airflow.api("GET", filled + query), ensure_ascii=False).encode()
                )
    return places


def pages(airflow: LocalAirflow, chromium: Browser, runs: list[tuple[str, str]]) -> dict[str, bytes]:
    """Airflow's pages, as the browser holds them: markup, text, and what stands in fields."""
    context = chromium.new_context(viewport={"width": 1280, "height": 2000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    places = {}

    def look(name: str) -> None:
        page.wait_for_load_state("load")
        page.locator("body a").first.wait_for()
        page.wait_for_timeout(700)  # for what comes afterwards
        fields = page.evaluate("[...document.querySelectorAll('input, textarea')].map(one => one.value)")
        text = page.content() + page.inner_text("body") + json.dumps(fields)
        places[f"page {name}"] = places.get(f"page {name}", b"") + text.encode()

    page.goto(airflow.url)  # Airflow 3.1 leads whoever comes first to its home page
    page.locator("body a").first.wait_for()
    for name in ("connections", "xcoms", "variables"):
        page.goto(f"{airflow.url}/{name}")
        look(name)
    page.goto(f"{airflow.url}/connections")
    page.get_by_role("row").filter(has_text="aimylogic").get_by_role("button", name="Edit").first.click()
    page.get_by_role("dialog").locator("input[name='host']").wait_for()
    look("connection form")
    for dag, run in runs:
        page.goto(f"{airflow.url}/dags/{dag}/runs/{quote(run, safe='')}/details")
        look("run")
        task = airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances")["task_instances"][
            0
        ]
        mapped = f"/mapped/{task['map_index']}" if task["map_index"] >= 0 else ""
        for tab in ("", "/rendered_templates", "/xcom"):
            page.goto(f"{airflow.url}/dags/{dag}/runs/{quote(run, safe='')}/tasks/{task['task_id']}{mapped}{tab}")
            look(f"task{tab}")
    context.close()
    return places


@pytest.fixture(scope="module")
def echoes() -> Iterator[dict[int, str]]:
    with echo_servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def runs(airflow: LocalAirflow, echoes: dict[int, str]) -> Iterator[list[tuple[str, str]]]:
    """The examples, and every kind of failure, run with the token."""
    with Emulator(tokens=(TOKEN,)) as emulator:
        airflow.connect(emulator.url, TOKEN)
        done: list[tuple[str, str]] = []

        def run(dag: str, name: str, conf: dict[str, Any]) -> None:
            airflow.trigger(dag, name, conf)
            watch(dag, name)

        def watch(dag: str, name: str) -> None:
            done.append((dag, name))
            # A few at a time: SQLite bears no more.
            if len(done) > 4:
                wait_for(" ".join(done[-5]), lambda: ended(airflow, *done[-5]), 120)

        for dag, conf in (("add_phone_by_hand", {"phone": "+1 202 555 0123"}), ("add_phone_mapped", {})):
            airflow.wait_for_dag(dag)
            run(dag, "secrets", conf)
        # Unpaused, it runs by itself; a run by hand beside that would be the second call within an hour, and fail.
        airflow.wait_for_dag(dag := "add_phone_scheduled")
        (scheduled,) = wait_for(
            "the run of the day", lambda: airflow.api("GET", f"/api/v2/dags/{dag}/dagRuns")["dag_runs"]
        )
        watch(dag, scheduled["dag_run_id"])
        for number, (phase, action) in enumerate(
            [("after_commit", "reset"), ("before_commit", "garbage"), ("after_commit", "truncated"),
             ("before_commit", "redirect")]
        ):  # fmt: skip
            phone = f"7912000010{number}"
            emulator.fault(phase, action, path="addPhone", phone=phone, times=None)
            run("one_try", f"secrets-{action}", {"phone": phone})
        for kind in (200, 302, 400, 500):
            airflow.connect(echoes[kind], TOKEN, f"aimylogic_echo_{kind}")
            run("one_try", f"secrets-echo-{kind}", {"conn_id": f"aimylogic_echo_{kind}"})
        for name, url, extra in (
            ("nobody", "http://127.0.0.1:1", {}),
            ("plain", "http://example.invalid:80", {}),
            ("extra", emulator.url, {"verify": 5}),
        ):
            airflow.connect(url, TOKEN, f"aimylogic_{name}", **extra)
            run("one_try", f"secrets-{name}", {"conn_id": f"aimylogic_{name}"})
        run("one_try", "secrets-pasted", {"conn_id": "aimylogic_pasted"})  # in the workers' environment
        run("one_try", "secrets-bad-phone", {"phone": "123"})
        for last in done[-4:]:
            wait_for(" ".join(last), lambda last=last: ended(airflow, *last), 120)
        assert [airflow.run_state(*example) for example in done[:3]] == ["success"] * 3, "the examples run as they are"
        for conn_id in ("aimylogic_default", "aimylogic_echo_400"):
            connection = airflow.api("GET", f"/api/v2/connections/{conn_id}")
            body = {name: connection[name] for name in ("connection_id", "conn_type", "host", "port")}
            with suppress(AirflowError):
                airflow.api("POST", "/api/v2/connections/test", {**body, "password": TOKEN})
        yield done


def ended(airflow: LocalAirflow, dag: str, run: str) -> bool:
    return airflow.run_state(dag, run) in ("success", "failed")


@pytest.fixture(scope="module")
def planted(airflow: LocalAirflow) -> list[tuple[str, str]]:
    """A DAG that leaks the other secret, run with it."""
    (Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]) / f"leaky_{PLANTED}.py").write_text(
        LEAKY.format(planted=PLANTED)
    )
    airflow.wait_for_dag("leaky")
    run = f"leak-{PLANTED}"
    airflow.trigger("leaky", run, {"planted": PLANTED})
    wait_for("the leaky run", lambda: ended(airflow, "leaky", run), 60)
    with (airflow.home / "triggerer.log").open("a") as log:
        log.write(f"something {PLANTED}\n")  # what triggers log stands among the tasks' logs
    body = {"connection_id": "aimylogic_leaky", "conn_type": "http", "host": PLANTED, "description": PLANTED}
    airflow.api("POST", "/api/v2/connections", body)
    airflow.api("POST", "/api/v2/variables", {"key": "leaky", "value": PLANTED})
    return [("leaky", run)]


@pytest.fixture(scope="module")
def places(
    airflow: LocalAirflow, runs: list[tuple[str, str]], planted: list[tuple[str, str]], chromium: Browser
) -> dict[str, bytes]:
    """All that Airflow has written, answers and shows."""
    connections = [one["connection_id"] for one in airflow.api("GET", "/api/v2/connections?limit=100")["connections"]]
    failed = [run for run in runs if run[1] in ("secrets-echo-400", "secrets-pasted")]
    return {
        **written(airflow),
        **answers(airflow, [*runs[:3], *failed, *planted], connections),
        **pages(airflow, chromium, [runs[0], failed[0], *planted]),
    }


def test_no_token_in_anything_that_airflow_writes(places: dict[str, bytes]) -> None:
    print(f"\nsearched {sum(map(len, places.values())):,} bytes in {len(places)} places, in {len(FORMS) + 1} forms")
    assert leaks(places, TOKEN) == {}
    for name in ("scheduler", "triggerer", "api-server", "dag-processor"):
        assert places[f"log of the {name}"], "nothing to search"
    assert b"Adding 7912***0100 to the campaign" in places["logs of the tasks"]


def test_phones_are_masked_in_every_log_and_wherever_a_task_shows_its_own(places: dict[str, bytes]) -> None:
    # But for the number that our own words have for an example.
    whole = re.compile(rb"(?<!as in \+7)(?<!as in '\+7)9123456789|912 345-67-89|912000010[0-9]")
    searched = {
        name: content
        for name, content in places.items()
        if name.startswith("log") or any(part in name for part in ("state-store", "state_store", "hitl"))
    }
    assert {"logs of the tasks", "log of the scheduler"} <= searched.keys()
    assert ("database, table task_state_store" in searched) == HAS_RECORD
    # Airflow's scheduler itself writes all of a run, its parameters too, when it misses a task's heartbeat.
    theirs = b"Detected a task instance without a heartbeat"
    assert [
        (name, line[:1000])
        for name, content in searched.items()
        for line in content.splitlines()
        if whole.search(line) and not (name == "log of the scheduler" and theirs in line)
    ] == []


def test_the_search_finds_what_is_planted_in_every_place(places: dict[str, bytes]) -> None:
    found = leaks(places, PLANTED)
    for place in (
        "log of the scheduler", "log of the triggerer", "log of the api-server", "log of the dag-processor",
        "logs of the tasks", "logs of the DAG processor", "database, table dag_run",
        "database, table connection", "database, table xcom", "database, table rendered_task_instance_fields",
        "database, table log", "REST /api/v2/connections", "REST /api/v2/connections/{connection_id}",
        "REST /api/v2/variables", "REST /api/v2/eventLogs", "REST /api/v2/dags/{dag_id}/dagRuns",
        "REST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}",
        "REST /api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries/{xcom_key}",
        "page connections", "page variables", "page run", "page task", "page task/rendered_templates",
        "page task/xcom",
    ):  # fmt: skip
        # Before 3.3 the DAG processor names no files in its own log.
        assert place in found or (place == "log of the dag-processor" and not HAS_RECORD), f"not found: {place}"
