"""The operators of a call list as a DAG's author meets them: arguments that can't be used, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from aimylogic_provider.operators import (
    ApproveCallListOperator,
    PrepareCallListOperator,
    SendCallListOperator,
    SumReportsOperator,
)
from aimylogic_provider.transfers import SqlToAimylogicOperator

ROWS = {"sql": "select phone from customer", "sql_conn_id": "warehouse"}


def sync(**arguments: Any) -> SqlToAimylogicOperator:
    return SqlToAimylogicOperator(task_id="sync", **{**ROWS, **arguments})


def prepare(**arguments: Any) -> PrepareCallListOperator:
    return PrepareCallListOperator(task_id="prepare", **{**ROWS, **arguments})


def approve(**arguments: Any) -> ApproveCallListOperator:
    return ApproveCallListOperator(task_id="approve", **{"call_list": "{{ … }}", **arguments})


def send(**arguments: Any) -> SendCallListOperator:
    return SendCallListOperator(task_id="send", **{"call_list": "{{ … }}", **arguments})


OF_BOTH: list[tuple[dict[str, Any], str]] = [
    ({"on_rejected": "drop"}, "on_rejected 'drop' can't be used: give 'skip' or 'fail'"),
    (
        {"on_rejected": "fail", "max_rejected": 5},
        "allows no rejected row at all: leave max_rejected out, or use 'skip'",
    ),
    *(
        ({"max_rejected": value}, "give a count of rows, as in 10, or a share of them from 0.0 to 1.0, as in 0.05")
        for value in (-1, 1.5, -0.1, float("nan"), True, "10", "5%")
    ),
]
OF_PREPARING: list[tuple[dict[str, Any], str]] = [
    ({"method": "addphone"}, "method 'addphone' can't be used: give 'addPhones' or 'addPhone'"),
    *(
        ({"method": "addPhone", **more}, "policy, policy_columns and call_before need method='addPhones'")
        for more in ({"policy": {"priority": 1}}, {"policy_columns": {"priority": "p"}}, {"call_before": "2030-01-01"})
    ),
    ({"key_columns": "id"}, "key_columns 'id' is a single text: give a list, even of one"),
    ({"payload_columns": "name"}, "payload_columns 'name' is a single text: give a list, even of one"),
    *(({"batch_size": value}, "give a whole number from 1 to 100,000") for value in (0, -1, 100_001, 1.5, True, "10")),
    ({"method": "addPhone", "batch_size": 1001}, "batch_size 1001 can't be used: give a whole number from 1 to 1,000"),
    *(
        ({"max_batch_bytes": value}, "give a whole number from 1,000 to 100,000,000")
        for value in (999, 100_000_001, 1e6, "1MB")
    ),
]
OF_SENDING: list[tuple[dict[str, Any], str]] = [
    *(({"report_lag": value}, "from 0 to under 12 hours") for value in (timedelta(days=1), -1, True, "600")),
    *(({"concurrency": value}, "give a whole number from 1 to 100") for value in (0, 101, 1.5, True, "8")),
    *(({"requests_per_second": value}, "give more than 0, or None") for value in (0, -1, 0.0, float("nan"))),
    *(
        ({"keep_call_list": value}, "give a timedelta, or None for ever")
        for value in (30, "30 days", timedelta(seconds=-1))
    ),
]


@pytest.mark.parametrize(("arguments", "told"), [*OF_BOTH, *OF_PREPARING, *OF_SENDING])
def test_a_sync_that_can_not_be_used_is_told_what_to_give(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        sync(**arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [*OF_BOTH, *OF_PREPARING,
     *(({"shards": value}, "give a whole number from 1 to 1,000") for value in (0, -1, 1001, 2.0, True, "2", None))],
)  # fmt: skip
def test_a_preparing_that_can_not_be_used_is_told_what_to_give(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        prepare(**arguments)


@pytest.mark.parametrize(("arguments", "told"), [*OF_BOTH, *OF_SENDING])
def test_a_sending_that_can_not_be_used_is_told_what_to_give(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        send(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_rejected": 0},
        {"max_rejected": 0.0},
        {"max_rejected": 1.0},
        {"max_rejected": 10},
        {"on_rejected": "fail"},
        {"batch_size": 1},
        {"batch_size": 100_000, "max_batch_bytes": 100_000_000},
        {"method": "addPhone", "batch_size": 500, "policy": {}, "policy_columns": {}},
        {"concurrency": 100, "requests_per_second": 0.5},
        {"keep_call_list": None},
        {"keep_call_list": timedelta(0)},
        {"payload_columns": [], "key_columns": ("id",)},
    ],
)
def test_what_lies_at_the_limits_can_be_used(arguments: dict[str, Any]) -> None:
    operator = sync(**arguments)
    assert {name: getattr(operator, name) for name in arguments} == arguments


@pytest.mark.parametrize("shards", [1, 1000])
def test_shards_at_the_limits_can_be_used(shards: int) -> None:
    assert prepare(shards=shards).shards == shards


def total(**arguments: Any) -> SumReportsOperator:
    return SumReportsOperator(task_id="report", **{"reports": [], **arguments})


@pytest.mark.parametrize("make", [sync, prepare, approve, send, total])
def test_what_is_templated_are_arguments_that_are_kept_under_their_names(make: Any) -> None:
    """Airflow renders attributes by these names, and finds out too late that one is missing."""
    made = make()
    assert all(hasattr(made, name) for name in made.template_fields)
    assert set(made.template_fields_renderers) <= set(made.template_fields)


STATEMENTS = (
    "from aimylogic_provider.transfers import SqlToAimylogicOperator; "
    "SqlToAimylogicOperator(task_id='a', sql='select 1', sql_conn_id='b', policy={'priority': 1})\n"
    "from aimylogic_provider.operators import PrepareCallListOperator, SendCallListOperator, SumReportsOperator; "
    "PrepareCallListOperator(task_id='a', sql='select 1', sql_conn_id='b'); "
    "SendCallListOperator(task_id='c', call_list='{{ … }}'); "
    "SumReportsOperator(task_id='d', reports=[])\n"
)


APPROVING = (
    "from aimylogic_provider.operators import ApproveCallListOperator; "
    "ApproveCallListOperator(task_id='b', call_list='{{ … }}')\n"
)


@pytest.mark.parametrize(
    ("imported", "statements"),
    [
        ("pass", STATEMENTS),
        # What Airflow's own operator loads is Airflow's affair.
        ("import airflow.providers.standard.operators.hitl", APPROVING),
    ],
)
def test_importing_is_cheap(imported: str, statements: str) -> None:
    """A DAG's file is read again and again. No clock is asked: what costs time is what must not be loaded."""
    code = (
        "import sys, airflow.sdk\n"
        "from airflow.providers.common.compat.sdk import BaseOperator, BaseHook, AirflowException, "
        "AirflowFailException\n"
        "BaseOperator(task_id='plain')\n"
        f"{imported}\n"
        "before = set(sys.modules)\n"
        f"{statements}"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"requests", "urllib3", "aiohttp", "phonenumbers", "tenacity", "sqlalchemy", "pandas", "numpy",
             "sqlite3", "asyncio", "fsspec"}  # fmt: skip
    assert not heavy & loaded
    ours = {name for name in loaded if name.startswith("aimylogic_provider")}
    parts = {"call_list", "calls_api", "idempotence"}
    assert not [name for name in ours if {*name.split(".")} & parts]
    assert loaded - ours <= {"aimylogic_provider", "airflow.sdk.definitions.retry_policy"}, loaded - ours


# One at a time


def of_a_mapped(operator: Any, **arguments: Any) -> Any:
    return operator.partial(task_id="mapped", sql_conn_id="warehouse", **arguments).expand(sql=["select 1"])


@pytest.mark.parametrize(("operator", "make"), [(SqlToAimylogicOperator, sync), (PrepareCallListOperator, prepare)])
@pytest.mark.parametrize(
    ("arguments", "of_the_dag", "limit"),
    [
        ({}, {}, 1),
        ({"max_active_tis_per_dag": 3}, {}, 3),
        ({"max_active_tis_per_dag": None}, {}, None),
        ({}, {"max_active_tis_per_dag": 4}, 4),
        ({"max_active_tis_per_dag": None}, {"max_active_tis_per_dag": 4}, None),
    ],
)
def test_what_asks_a_query_runs_one_at_a_time_unless_told_otherwise(
    operator: Any, make: Any, arguments: dict[str, Any], of_the_dag: dict[str, Any], limit: int | None
) -> None:
    with DAG("limited", default_args=of_the_dag):
        assert make(**arguments).max_active_tis_per_dag == limit
        assert of_a_mapped(operator, **arguments).max_active_tis_per_dag == limit


@pytest.mark.parametrize(("arguments", "of_the_dag"), [({"on_unknown": "ask"}, {}), ({}, {"on_unknown": "ask"})])
def test_a_sync_that_may_ask_keeps_no_other_run_waiting(arguments: dict[str, Any], of_the_dag: dict[str, Any]) -> None:
    """From Airflow 3.3 on, a task that waits for a person counts as running."""
    with DAG("asking", default_args=of_the_dag):
        assert sync(**arguments).max_active_tis_per_dag is None
        assert of_a_mapped(SqlToAimylogicOperator, **arguments).max_active_tis_per_dag is None
    with DAG("asking_and_limited", default_args=of_the_dag):
        assert sync(**arguments, max_active_tis_per_dag=1).max_active_tis_per_dag == 1


def test_sending_is_not_limited() -> None:
    assert send().max_active_tis_per_dag is None


def test_an_approval_needs_to_know_where_the_results_table_is() -> None:
    with pytest.raises(ValueError, match="results_table needs results_conn_id"):
        approve(results_table="calls")
