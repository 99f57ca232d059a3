"""The labels by which mapped task instances are told apart, as Airflow's own task runner renders them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task_group
from airflow.sdk.execution_time import task_runner

from aimylogic_provider.airflow_task.index_labels import INDEX_LABEL, name_of_instance
from aimylogic_provider.operators import AddPhoneOperator, AddPhonesOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator

LIST = {"path": "/lists/1", "sha256": "ab", "shards": 5, "calls": 297}
QUIET: Any = SimpleNamespace(debug=lambda *_, **__: None, info=lambda *_, **__: None)


def label(mapped: Any, arguments: dict[str, Any], index: int = 2) -> Any:
    """What Airflow shows of an index, once its arguments are rendered."""
    operator = mapped.unmap(arguments)
    ti = SimpleNamespace(task=operator, map_index=index)
    context: Any = {"ti": ti, "task": operator, "map_index_template": operator.map_index_template}
    operator.render_template_fields(context, operator.dag.get_template_env())
    return task_runner._render_map_index(context, ti=ti, log=QUIET)


def mapped_phones(phone: Any = "79123456789", **more: Any) -> Any:
    return AddPhoneOperator.partial(task_id="add_phone", **more).expand_kwargs([{"phone": phone}] * 3)


@pytest.mark.parametrize("native", [False, True], ids=["text", "native objects"])
@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+7 912 345-67-89", "2: 7912***6789"),
        (79123456789, "2: 7912***6789"),
        ("{{ 79123456789 }}", "2: 7912***6789"),
        ("12", "2: ***"),
        (None, "2: ***"),
        ("", "2: ***"),
        ("5" * 5_000, "2: 5555***5555"),
        ("x\ny" * 2_000, "2: x *** y"),
    ],
)
def test_a_mapped_call_is_shown_by_its_index_and_its_masked_phone(native: bool, phone: Any, shown: str) -> None:
    with DAG("dag", schedule=None, render_template_as_native_obj=native):
        mapped = mapped_phones(phone)
    assert label(mapped, {"phone": phone}) == shown


def test_whatever_the_phone_is_nothing_fails() -> None:
    class Strange:
        def __str__(self) -> str:
            raise RuntimeError

    with DAG("dag", schedule=None):
        operator = AddPhoneOperator(task_id="add_phone", phone=Strange())  # type: ignore[arg-type]
    assert operator.index_label(SimpleNamespace(map_index=2)) == "map index 2"
    assert operator.index_label(None) == "map index None"


@pytest.mark.parametrize("native", [False, True], ids=["text", "native objects"])
def test_a_shard_is_shown_by_its_number_among_all(native: bool) -> None:
    with DAG("dag", schedule=None, render_template_as_native_obj=native):
        send = SendCallListOperator.partial(task_id="send", call_list=LIST).expand(shard=[0, 1, 2])
        each = SendCallListOperator.partial(task_id="each").expand(call_list=[LIST] * 3)
        sync = SqlToAimylogicOperator.partial(task_id="sync", sql="select 1", sql_conn_id="w").expand(
            aimylogic_conn_id=["winter"] * 3
        )
        calls = AddPhonesOperator.partial(task_id="calls").expand(calls=[[{"phone": "79123456789"}]] * 3)
    assert label(send, {"shard": 1}, 1) == "shard 1 of 5"
    assert label(send, {"shard": "x"}) == "map index 2", "and its task fails, and says why"
    assert label(each, {"call_list": LIST}) == "2: aimylogic_default"
    assert label(sync, {"aimylogic_conn_id": "winter"}) == "2: winter"
    assert label(calls, {"calls": [{"phone": "79123456789"}]}) == "2: aimylogic_default"


def test_the_dags_own_label_wins() -> None:
    with DAG("dag", schedule=None):
        given = mapped_phones(map_index_template="{{ task.payload['name'] }}", payload={"name": "Maria"})
        none = AddPhoneOperator.partial(task_id="none", map_index_template=None).expand(phone=["7"])
    with DAG("by_default", schedule=None, default_args={"map_index_template": "mine"}):
        by_default = mapped_phones()

        @task_group
        def group(phone: str) -> None:
            AddPhoneOperator(task_id="add_phone_in_group", phone=phone)

        group.expand(phone=["7", "8"])
    assert label(given, {"phone": "79123456789"}) == "Maria"
    assert none.map_index_template is None
    assert by_default.map_index_template == "mine"
    assert by_default.dag.get_task("group.add_phone_in_group").map_index_template == "mine"


def test_in_a_mapped_group_each_call_has_a_label_and_a_task_of_its_own_has_none() -> None:
    with DAG("dag", schedule=None) as dag:

        @task_group
        def group(phone: str) -> None:
            AddPhoneOperator(task_id="add_phone", phone=phone)

        group.expand(phone=["7", "8"])
        alone = AddPhoneOperator(task_id="alone", phone="79123456789")
    assert dag.get_task("group.add_phone").map_index_template == INDEX_LABEL
    assert alone.map_index_template is None


def test_in_a_question_the_dags_label_is_read_before_airflow_has_rendered_it() -> None:
    """As on 3.1, which renders it once the task has ended. It fails no task, and shows no phone."""
    with DAG("dag", schedule=None):
        operator = mapped_phones().unmap({"phone": "79123456789"})
    ti = SimpleNamespace(task=operator, map_index=2)
    context: Any = {"ti": ti, "task": operator}
    operator.render_template_fields(context, operator.dag.get_template_env())
    templates = {
        "{{ task.phone }}, {{ 6 * 7 }}": "7912***6789, 42",
        "{{ task.phone }} +7 912 345 67 89": "7912***6789 7912***6789",
        "{{ of_the_execution }}": "#2",
        "{{ 1 / 0 }}": "#2",
        "{{ broken": "#2",
    }
    assert {one: name_of_instance(context | {"map_index_template": one}) for one in templates} == templates
    assert name_of_instance(context | {"map_index_template": INDEX_LABEL}, "shard 1 of 5") == "shard 1 of 5"
    ti.map_index = -1
    assert name_of_instance(context, "shard 1 of 5") == ""
