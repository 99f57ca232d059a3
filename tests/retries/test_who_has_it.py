"""Which tasks have the policy: by default, by the DAG's word, mapped or not; and what the scheduler is told of it."""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task_group

from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    CancelCallsOperator,
    GetCampaignOperator,
    PauseCampaignOperator,
    PrepareCallListOperator,
    ResumeCampaignOperator,
    SendCallListOperator,
    StopCampaignOperator,
    UpdateResultsOperator,
    WithdrawCallsOperator,
)
from aimylogic_provider.retries.late_retries import warn_of_late_retries
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY, AimylogicRetryPolicy
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator
from tests.conftest import HAS_RECORD

needs_policies = pytest.mark.skipif(not HAS_RECORD, reason="retry policies came with Airflow 3.3")

OPERATORS: list[tuple[Any, dict[str, Any]]] = [
    (AddPhoneOperator, {"phone": "79123456789"}),
    (AddPhonesOperator, {"calls": ["79123456789"]}),
    (SqlToAimylogicOperator, {"sql": "select 1", "sql_conn_id": "a"}),
    (PrepareCallListOperator, {"sql": "select 1", "sql_conn_id": "a"}),
    (SendCallListOperator, {"call_list": "{{ none }}"}),
    (UpdateResultsOperator, {"results_table": "a", "results_conn_id": "b"}),
    (CancelCallsOperator, {"ids": ["1"]}),
    (WithdrawCallsOperator, {"sql": "select 1", "sql_conn_id": "a", "key_columns": ["b"], "results_table": "c"}),
    (PauseCampaignOperator, {}),
    (ResumeCampaignOperator, {}),
    (StopCampaignOperator, {}),
    (GetCampaignOperator, {}),
    (AimylogicToSqlOperator, {"sql_conn_id": "a"}),
]
MAPPED = {"phone": ["79123456789"], "calls": [["79123456789"]], "sql": ["select 1"], "call_list": ["{{ none }}"],
          "results_table": ["a"], "ids": [["1"]]}  # fmt: skip
THEIRS = AimylogicRetryPolicy(max_delay=60) if HAS_RECORD else None


def mapped(operator: Any, arguments: dict[str, Any], **given: Any) -> Any:
    """A mapped task of an operator, by the first argument that it needs."""
    name = next(iter(arguments), "aimylogic_conn_id")
    rest = {key: value for key, value in arguments.items() if key != name}
    return operator.partial(task_id="task", **rest, **given).expand(**{name: MAPPED.get(name, ["a"])})


def single(operator: Any, arguments: dict[str, Any], **given: Any) -> Any:
    return operator(task_id="task", **arguments, **given)


def scheduled(dag: DAG) -> Any:
    """The DAG's one task, as the scheduler gets it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag)))).get_task("task")


@needs_policies
@pytest.mark.parametrize("make", [single, mapped])
@pytest.mark.parametrize(("operator", "arguments"), OPERATORS)
class TestAllOfThem:
    def test_by_default(self, operator: Any, arguments: dict[str, Any], make: Callable[..., Any]) -> None:
        assert inspect.signature(operator.__init__).parameters["retry_policy"].default is DEFAULT_RETRY_POLICY
        with DAG("policies") as dag:
            assert make(operator, arguments).retry_policy is DEFAULT_RETRY_POLICY
        assert scheduled(dag).has_retry_policy

    def test_ones_own_and_none(self, operator: Any, arguments: dict[str, Any], make: Callable[..., Any]) -> None:
        for given in (THEIRS, None):
            with DAG("policies", default_args={"retry_policy": AimylogicRetryPolicy(max_delay=5)}) as dag:
                assert make(operator, arguments, retry_policy=given).retry_policy is given
            assert scheduled(dag).has_retry_policy is (given is not None)

    def test_the_dags_own_and_none(self, operator: Any, arguments: dict[str, Any], make: Callable[..., Any]) -> None:
        for given in (THEIRS, None):
            with DAG("policies", default_args={"retry_policy": given}) as dag:
                assert make(operator, arguments).retry_policy is given
            assert scheduled(dag).has_retry_policy is (given is not None)


@needs_policies
@pytest.mark.parametrize("make", [single, mapped])
def test_a_task_groups_own_and_none(make: Callable[..., Any]) -> None:
    for given in (THEIRS, None):

        @task_group(default_args={"retry_policy": given})
        def group() -> None:
            assert make(*OPERATORS[0]).retry_policy == given  # noqa: B023

        with DAG("policies"):
            group()


@needs_policies
@pytest.mark.parametrize("make", [single, mapped])
def test_a_subclass_with_a_default_of_its_own(make: Callable[..., Any]) -> None:
    class Mine(AddPhoneOperator):
        def __init__(self, *, retry_policy: Any = THEIRS, **kwargs: Any) -> None:
            super().__init__(retry_policy=retry_policy, **kwargs)

    with DAG("policies"):
        assert make(Mine, OPERATORS[0][1]).retry_policy is THEIRS


@needs_policies
@pytest.mark.parametrize("given", [{}, {"retry_policy": THEIRS}, {"retry_policy": None}])
def test_an_instance_of_a_mapped_task_has_what_that_has(given: dict[str, Any]) -> None:
    with DAG("policies"):
        call = mapped(*OPERATORS[0], **given)
    assert call.unmap({"phone": "79123456789"}).retry_policy is call.retry_policy


@needs_policies
def test_airflow_3_3_0_takes_a_mapped_tasks_defaults_from_its_own_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.bases import operator

    if not hasattr(operator, "_get_operator_defaults"):
        pytest.skip("this Airflow is such a one")
    monkeypatch.setattr(operator, "_get_operator_defaults", lambda cls: operator.OPERATOR_DEFAULTS)
    with DAG("policies"):
        assert mapped(*OPERATORS[0]).retry_policy is DEFAULT_RETRY_POLICY
    with DAG("policies"):
        assert mapped(*OPERATORS[0], retry_policy=None).retry_policy is None


@needs_policies
def test_parsing_a_dag_twice_makes_no_new_version_of_it() -> None:
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    def parsed(**given: Any) -> str:
        with DAG("policies", default_args=given) as dag:
            single(*OPERATORS[0])
            AddPhoneOperator.partial(task_id="mapped").expand(phone=["79123456789"])
        return str(SerializedDagModel.hash(DagSerialization.to_dict(dag)))

    assert parsed() == parsed()
    assert parsed(retry_policy=AimylogicRetryPolicy(max_delay=60)) == parsed(
        retry_policy=AimylogicRetryPolicy(max_delay=60)
    )
    assert parsed() != parsed(retry_policy=None)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The operators, as an Airflow without retry policies imports them."""
    import airflow.sdk
    from airflow.providers.common.compat import sdk as compat

    for name in [name for name in sys.modules if name.partition(".")[0] == "aimylogic_provider"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("airflow.sdk.definitions.retry_policy", "airflow.providers.common.compat._retry_policy"):
        monkeypatch.setitem(sys.modules, name, None)
    for module in (airflow.sdk, compat):
        monkeypatch.delitem(vars(module), "RetryPolicy", raising=False)
    yield import_module("aimylogic_provider.operators")
    for name in [name for name in sys.modules if name.partition(".")[0] == "aimylogic_provider"]:
        del sys.modules[name]


def test_where_airflow_has_none_all_works_without_and_a_policy_says_what_it_needs(older: Any) -> None:
    with DAG("older"):
        call = older.AddPhoneOperator(task_id="a", phone="79123456789")
        older.PauseCampaignOperator(task_id="b")
        older.AddPhoneOperator.partial(task_id="c").expand(phone=["79123456789"])
    assert getattr(call, "retry_policy", None) is None
    assert older.AddPhoneOperator is not AddPhoneOperator
    with pytest.raises(RuntimeError, match=r"needs Airflow 3\.3 or newer.*Leave it out; retries and retry_delay say"):
        import_module("aimylogic_provider.retries").AimylogicRetryPolicy()


class TestLateRetries:
    """Where Airflow keeps no record, retries that go on for more than the day of a key are warned of."""

    @pytest.mark.parametrize(
        ("settings", "warned"),
        [
            ({"retries": 3, "retry_delay": timedelta(minutes=15)}, False),
            ({"retries": 0, "retry_delay": timedelta(days=9)}, False),
            ({"retries": 2, "retry_delay": timedelta(hours=12)}, False),
            ({"retries": 3, "retry_delay": timedelta(hours=12)}, True),
            ({"retries": 9, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": 2.0}, True),
            ({"retries": 9, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": 2.0,
              "max_retry_delay": timedelta(hours=1)}, False),
            ({"retries": 2_000_000_000, "retry_delay": timedelta(hours=1)}, True),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("recorded", [False, True])
    def test_by_how_long_they_go_on(self, settings: dict[str, Any], warned: bool, recorded: bool) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_late_retries("call", SimpleNamespace(**settings), recorded=recorded)
        assert len(caught) == (warned and not recorded)
        assert all("Task call: its retries go on for more than 24 hours" in str(one.message) for one in caught)

    @pytest.mark.parametrize(
        ("arguments", "warned"),
        [
            ({"retries": 3}, True),
            ({"retries": 3, "call_list_path": "/lists"}, False),
            ({"retries": 3, "call_list_path": "/lists", "second_record": False}, True),
            ({"retries": 1}, False),
        ],
    )
    def test_once_while_the_dag_is_parsed_mapped_or_not(
        self, older: Any, arguments: dict[str, Any], warned: bool
    ) -> None:
        given = {"retry_delay": timedelta(hours=12), **arguments}
        with warnings.catch_warnings(record=True) as caught, DAG("late"):
            warnings.simplefilter("always")
            older.AddPhoneOperator(task_id="a", phone="79123456789", **given)
            older.AddPhoneOperator.partial(task_id="b", **given).expand(phone=["79123456789"])
        told = [str(one.message).partition(":")[0] for one in caught if "retries go on" in str(one.message)]
        assert told == (["Task a", "Task b"] if warned else [])

    @needs_policies
    def test_an_airflow_that_keeps_the_record_has_no_need_of_it(self) -> None:
        with warnings.catch_warnings(), DAG("late"):
            warnings.simplefilter("error")
            AddPhoneOperator(task_id="a", phone="79123456789", retries=9, retry_delay=timedelta(days=1))
