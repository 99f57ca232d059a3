"""How long pages take with 1,000 call lists of 100 batches each: medians of five, with and without other tasks' rows.

``python -m benchmarks.pages [other task instances]``, on a SQLite database of its own. What is measured is a request to
the app as Airflow's API server mounts it: signing in, rights, queries and the page. And *Campaigns*, while servers
can't be reached.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from typing import Any

os.environ["AIRFLOW_HOME"] = FOLDER = tempfile.mkdtemp(prefix="aimylogic-pages-")
os.environ |= {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{FOLDER}/airflow.db",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
    "AIRFLOW__API__SECRET_KEY": "y" * 32,
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
}

LISTS, BATCHES, DAGS = 1000, 100, 20
COUNTS = {"rows": 100_500, "created": 99_000, "doubles": 200, "rejected": 300, "refused": 1000, "unknown": 0}


def main(others: int) -> None:
    """Measure."""
    from airflow import settings
    from airflow.models.base import Base
    from airflow.utils import db
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    db.import_all_models()  # type: ignore[no-untyped-call, attr-defined, unused-ignore]
    engine = settings.engine
    assert engine is not None
    Base.metadata.create_all(engine)
    from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    init_auth_manager()
    from aimylogic_provider.plugins.aimylogic import AimylogicPlugin

    server = FastAPI()
    for one in AimylogicPlugin.fastapi_apps:
        server.mount(one["url_prefix"], one["app"])
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ada", role="ADMIN"))
    logging.disable(logging.CRITICAL)
    browser = TestClient(server, base_url="http://localhost/aimylogic", cookies={"_token": token})
    measure_unreachable(browser)
    with engine.begin() as connection:
        fill(connection)
    measure(browser, "no other task instances")
    for amount, newer in ((others, False), (others, True)):
        with engine.begin() as connection:
            add_others(connection, amount, "newer" if newer else "between")
            connection.exec_driver_sql("analyze")
        measure(browser, f"{amount:,} {'more that are all newer' if newer else 'others, all older or between'}")


def measure_unreachable(browser: Any) -> None:
    """What *Campaigns* takes if a campaign's server is gone, or takes a connection and never answers."""
    fragment = {"X-Aimylogic-Fragment": "1"}
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))  # and nobody listens there
        for name, port in (("gone", gone.getsockname()[1]), ("silent", silent.getsockname()[1])):
            told = {"conn_type": "aimylogic", "host": "http://127.0.0.1", "port": port, "password": "1.2.3"}
            os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(told)
        print("\nCampaigns, of which one's server is gone, and one's never answers:")
        for what, address in (
            ("the page itself", "campaigns"),
            ("the part of the one gone", "campaigns/state/gone"),
            ("the silent one's", "campaigns/state/silent"),
        ):
            times = []
            for _ in range(3):
                began = time.perf_counter()
                assert browser.get(address, headers=fragment).status_code == 200, address
                times.append(1000 * (time.perf_counter() - began))
                time.sleep(5)  # what was read is shown again for some seconds
            print(f"  {what:26} {statistics.median(times):6.0f} ms")


def measure(browser: Any, what: str) -> None:
    """Tell the medians of five, in milliseconds."""
    pages = {
        "all lists": "lists", "one DAG": "lists?dag=sales_7", "an older page": "lists?before=400",
        "a run of one list": "lists/sales_3/run_3", "a run of 1,000 lists": "lists/many/run",
        "one list": "lists/sales_3/run_3/sync/-1", "its state": "lists/sales_3/run_3/sync/-1/state",
        "one of 1,000 mapped": "lists/many/run/sync/500",
    }  # fmt: skip
    print(f"\nWith {what}:")
    for name, address in pages.items():
        assert browser.get(address).status_code == 200, address
        times, work = [], []
        for _ in range(5):
            began, worked = time.perf_counter(), time.process_time()
            browser.get(address)
            times.append(1000 * (time.perf_counter() - began))
            work.append(1000 * (time.process_time() - worked))
        print(f"  {name:24} {statistics.median(times):6.0f} ms, {statistics.median(work):4.0f} of them the processor's")


def fill(connection: Any) -> None:
    """A thousand runs with a list each, and one run with a thousand."""
    places = [(f"sales_{number % DAGS}", f"run_{number}", -1) for number in range(LISTS)]
    places += [("many", "run", index) for index in range(LISTS)]
    insert(connection, "dag_bundle", [{"name": "b", "active": True}])
    for dag in {dag for dag, _, _ in places} | {"other"}:
        limits = {"max_active_tasks": 16, "max_consecutive_failed_dag_runs": 0, "has_task_concurrency_limits": False}
        insert(connection, "dag", [{"dag_id": dag, "bundle_name": "b", "is_paused": False, **limits}])
    runs = {one: number for number, one in enumerate(dict.fromkeys((dag, run) for dag, run, _ in places), 1)}
    insert(connection, "dag_run", [run_row(id, dag, run) for (dag, run), id in runs.items()])
    tasks, xcoms, states = [], [], []
    for number, (dag, run, index) in enumerate(places):
        path = f"file:///lists/{dag}/sync/{run}/{uuid.UUID(int=number)}"
        tasks.append(task_row(dag, run, "sync", index, "SqlToAimylogicOperator"))
        place = {"dag_run_id": runs[dag, run], "task_id": "sync", "map_index": index, "dag_id": dag, "run_id": run}
        report = {**COUNTS, "call_list": path, "rejected_rows": None, "seconds": 61.5, "numbers_per_second": 1600.0}
        xcoms.append({**place, "key": "return_value", "value": report, "timestamp": now()})
        states.append({**place, "key": "aimylogic", "value": json.dumps(entry(path)), "updated_at": now()})
    insert(connection, "task_instance", tasks)
    insert(connection, "xcom", xcoms)
    insert(connection, "task_state_store", states)


def add_others(connection: Any, amount: int, kind: str) -> None:
    """Task instances of operators that have no lists, ten a run."""
    first = connection.exec_driver_sql("select max(id) from dag_run").scalar() + 1
    for start in range(0, amount, 100_000):
        many = min(100_000, amount - start)
        runs = [(first + (start + number) // 10, f"{kind}_{(start + number) // 10}") for number in range(0, many, 10)]
        ids = [id if kind == "newer" else -id for id, _ in runs]
        insert(connection, "dag_run", [run_row(id, "other", run) for id, (_, run) in zip(ids, runs, strict=True)])
        rows = [task_row("other", run, f"task_{place}", -1, "PythonOperator") for _, run in runs for place in range(10)]
        insert(connection, "task_instance", rows)


def run_row(id: int, dag: str, run: str) -> dict[str, Any]:
    return {"id": id, "dag_id": dag, "run_id": run, "state": "success", "run_type": "manual", "run_after": now(),
            "clear_number": 0, "span_status": "not_started"}  # fmt: skip


def task_row(dag: str, run: str, task: str, index: int, operator: str) -> dict[str, Any]:
    return {"id": uuid.uuid4(), "dag_id": dag, "run_id": run, "task_id": task, "map_index": index,
            "state": "success", "operator": operator, "try_number": 1, "max_tries": 0, "pool": "default_pool",
            "pool_slots": 1, "start_date": now(), "span_status": "not_started"}  # fmt: skip


def entry(path: str) -> dict[str, Any]:
    pointer = {"path": path, "sha256": "0" * 64, "rows": 100_500, "calls": 100_000, "doubles": 200, "rejected": 300}
    progress = {"calls": 100_000, "created": 99_000, "refused": 1000, "left": 0, "numbers_per_second": 1600.0}
    return {"sure": True, "format": "call list 1", "call_list": pointer, "progress": progress, "done": BATCHES,
            "done_batches": "f" * 20, "campaigns": [["a" * 32, "b" * 32]], "open": {}}  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


def insert(connection: Any, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows, with what their models have for columns that aren't named."""
    from airflow.models.base import Base

    connection.execute(Base.metadata.tables[table].insert(), rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
