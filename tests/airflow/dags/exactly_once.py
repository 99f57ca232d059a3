"""DAGs for the tests with a real Airflow: one call; one that asks a person; a mapped list; a try stopped anywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from aimylogic_provider.operators import AddPhoneOperator

ARGUMENTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1),
    "default_args": {"retries": 3, "retry_delay": timedelta(seconds=1)},
}


class StoppableOperator(AddPhoneOperator):
    """Its first try waits at a point of its way, until a file says *go*: time enough to be stopped by a signal."""

    template_fields = (*AddPhoneOperator.template_fields, "point", "folder")

    def __init__(self, *, point: str, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.point = point
        self.folder = folder

    def _wait_at(self, point: str) -> None:
        if point == self.point:
            Path(self.folder, f"{point}.reached").touch()
            while not Path(self.folder, f"{point}.go").exists():
                time.sleep(0.05)

    def execute(self, context: Any) -> str:
        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport

        if context["ti"].try_number > 1:
            return super().execute(context)
        self._wait_at("before reading")
        store: Any = type(entry_store(context))
        write: Callable[..., None] = store.write
        send: Callable[..., Any] = RequestsTransport.send

        def watched_write(entry: Any, content: Any) -> None:
            sends = [send for record in content["records"].values() for send in record["sends"]]
            noting = bool(sends) and sends[-1]["outcome"] == "noted"
            self._wait_at("before the note" if noting else "before the answer")
            write(entry, content)
            if noting:
                self._wait_at("after the note")

        def watched_send(transport: RequestsTransport, request: Any, url: str) -> Any:
            answer = send(transport, request, url)
            if request.key is not None:
                self._wait_at("after the request")
            return answer

        store.write = watched_write
        RequestsTransport.send = watched_send  # type: ignore[method-assign]
        return super().execute(context)


with DAG(dag_id="one_call", **ARGUMENTS):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ params.get('name', 'Alex') }}"},
        aimylogic_conn_id="{{ params.conn_id }}",
        params={"phone": "79123456789", "conn_id": "aimylogic_default"},
    )

with DAG(dag_id="one_try", **{**ARGUMENTS, "default_args": {"retries": 0}}):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ params.name }}"},
        aimylogic_conn_id="{{ params.conn_id }}",
        params={"phone": "79123456789", "name": "Alex", "conn_id": "aimylogic_default"},
    )

with DAG(dag_id="timed", **ARGUMENTS):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        aimylogic_conn_id="{{ params.conn_id }}",
        execution_timeout=timedelta(seconds=2),
        params={"phone": "79123456789", "conn_id": "aimylogic_default"},
    )

with DAG(dag_id="asks", **ARGUMENTS):
    AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "Alex"},
        call_again="{{ params.call_again }}",
        aimylogic_conn_id="{{ params.conn_id }}",
        on_unknown="ask",
        params={"phone": "79123456789", "conn_id": "aimylogic_default", "call_again": ""},
    )

# Twenty people and more, each of whose calls may come to be parked; told apart by what the DAG says, or by itself.
for name, label in (("asks_of_many", {}), ("asks_by_name", {"map_index_template": "{{ task.payload['name'] }}"})):
    slowly = {"retries": 3, "retry_delay": timedelta(seconds=15)}  # time enough to have all first tries end
    with DAG(dag_id=name, max_active_runs=50, **{**ARGUMENTS, "default_args": slowly}):

        @task
        def people_with_names() -> list[dict[str, Any]]:
            """Return the run's people, as expand_kwargs takes them."""
            params = get_current_context()["params"]
            shared = {"aimylogic_conn_id": params["conn_id"]}
            return [{"phone": phone, "payload": {"name": name}, **shared} for phone, name in params["people"]]

        AddPhoneOperator.partial(task_id="add_phone", on_unknown="ask", **label).expand_kwargs(people_with_names())

# A DAG for each test, for since when its task keeps a second record tells how much that proves.
for hours in (1, 25):
    with DAG(dag_id=f"mapped_calls_{hours}", **ARGUMENTS):

        @task
        def people() -> list[dict[str, str]]:
            """Read the list, which may have changed since the last try."""
            params = get_current_context()["params"]
            phones = json.loads(Path(params["list"]).read_text())
            return [{"phone": phone, "aimylogic_conn_id": params["conn_id"]} for phone in phones]

        # Where there is no record, a cleared task waits for the lag: as short as a test can wait.
        AddPhoneOperator.partial(task_id="add_phone", retries=0, report_lag=10).expand_kwargs(people())

with DAG(dag_id="stoppable", **ARGUMENTS):
    StoppableOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        point="{{ params.point }}",
        folder="{{ params.folder }}",
        aimylogic_conn_id="{{ params.conn_id }}",
        params={"phone": "79123456789", "conn_id": "aimylogic_default", "point": "", "folder": ""},
    )
