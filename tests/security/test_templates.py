"""What rows and earlier tasks hold is data: whatever looks like a template in it is sent as it stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import AddPhoneOperator
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

EVIL = [
    "{{ 7 * 7 }}",
    "{% for x in range(9) %}{{ x }}{% endfor %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ conn.aimylogic_default.password }}",
    "{{ var.value.secret }}{# comment #}",
    "{{ 1 / 0 }}",
    "{{",
    "{% raw %}",
    "${HOME} $(id) `id` %(phone)s {phone} %s",
    "select.sql",
]


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_rows_of_a_warehouse(make_sync: Callable[..., Sync], method: str) -> None:
    """As values, and as the names of columns."""
    sync = make_sync(method=method, results_table="calls", payload_columns=["name", "{{ 1 / 0 }}"])
    with closing(sqlite3.connect(sync.database)) as database, database:
        rows = [(number, phone(number), text) for number, text in enumerate(EVIL)]
        database.executemany("insert into customer values (?, ?, ?)", rows)
    sync.task.current_try = 1
    operator = sync.operator(sql='select id, phone, name, name as "{{ 1 / 0 }}" from customer order by id')
    operator.sql = "{% raw %}" + operator.sql + "{% endraw %}"  # the query is the DAG's own, and is a template
    context = sync.task.context()
    operator.render_template_fields(context)
    operator.execute(context)
    sent = {job.phone: job.payload for job in sync.emulator.jobs()}
    assert sent == {phone(number): {"name": text, "{{ 1 / 0 }}": text} for number, text in enumerate(EVIL)}


def mapped_over(rows: list[dict[str, Any]]) -> Any:
    with DAG("dag", schedule=None):

        @task
        def people() -> list[dict[str, Any]]:
            return rows

        return AddPhoneOperator.partial(task_id="add_phone").expand_kwargs(people())


def pulled(context: dict[str, Any], index: int, value: object, dag: DAG) -> dict[str, Any]:
    """The context of a mapped task instance, in which an earlier task returned *value*."""
    ti = SimpleNamespace(**{**vars(context["ti"]), "map_index": index, "xcom_pull": lambda *_, **__: value})
    run = SimpleNamespace(**vars(context["dag_run"]), conf={})
    return {**context, "ti": ti, "task_instance": ti, "dag": dag, "dag_run": run}


@pytest.mark.usefixtures("connections", "no_pauses")
@pytest.mark.parametrize("index", range(len(EVIL)))
def test_what_a_mapped_task_is_mapped_over(emulator: Emulator, index: int) -> None:
    """As Airflow maps and renders: fields may be templates, but not what came by XCom."""
    rows = [
        {"phone": phone(number), "payload": {"name": text, text: "x"}, "call_again": text}
        for number, text in enumerate(EVIL)
    ]
    operator = mapped_over(rows)
    context: Any = pulled(TaskInstance(current_try=1).context(), index, rows, operator.dag)
    operator.render_template_fields(context)
    expanded = context["task"]
    assert expanded.call_again == EVIL[index]
    expanded.execute(context)
    (job,) = emulator.jobs()
    assert (job.phone, job.payload) == (phone(index), {"name": EVIL[index], EVIL[index]: "x"})


@pytest.mark.usefixtures("connections", "no_pauses")
@pytest.mark.parametrize("text", EVIL)
def test_what_a_template_makes_is_no_template(emulator: Emulator, text: str) -> None:
    """As of a run's parameters: rendered once."""
    operator = AddPhoneOperator(
        task_id="add_phone",
        phone="{{ params.phone }}",
        payload={"name": "{{ params.name }}"},
        call_again="{{ params.name }}",
    )
    context: Any = {**TaskInstance(current_try=1).context(), "params": {"phone": "79123456789", "name": text}}
    operator.render_template_fields(context)
    operator.execute(context)
    (job,) = emulator.jobs()
    assert job.payload == {"name": text}
