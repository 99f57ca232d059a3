"""A guard of the DAG's own sees the phone as it was rendered; Airflow's pages show it masked."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import DAG
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import AddPhoneOperator, PrepareCallListOperator, WithdrawCallsOperator
from tests.conftest import TaskInstance

PHONE = "79123456789"
MASKED = "7912***6789"
STOP_LIST = ["79990000000", PHONE]

GUARDS: dict[str, Callable[[Any], bool]] = {
    "==": lambda phone: phone == PHONE,
    "in a list": lambda phone: phone in STOP_LIST,
    "in a set": lambda phone: phone in {*STOP_LIST},
    "in a dictionary": lambda phone: {PHONE: "moved"}.get(phone) == "moved",
    "as text": lambda phone: str(phone) == PHONE,
    "f-string": lambda phone: f"{phone}" == PHONE,
    "joined": lambda phone: "".join(["", phone]) == PHONE,
    "startswith": lambda phone: phone.startswith("7912"),
    "slice": lambda phone: phone[-4:] == "6789",
    "regular expression": lambda phone: re.fullmatch(r"7912\d{7}", phone) is not None,
    "JSON": lambda phone: json.dumps({"phone": phone}) == f'{{"phone": "{PHONE}"}}',
    "as a number": lambda phone: int(phone) == int(PHONE),
    "type": lambda phone: type(phone) is str,
}


def rendered(operator: Any, context: dict[str, Any], *, mapped: bool = False) -> Any:
    """Render an operator as Airflow's task runner does."""
    if mapped:
        operator._do_render_template_fields(
            parent=operator,
            template_fields=operator.template_fields,
            context=context,
            jinja_env=operator.get_template_env(),
            seen_oids=set(),
        )
    else:
        operator.render_template_fields(context)
    return operator


def operator_of(kind: type[AddPhoneOperator] = AddPhoneOperator, native: bool = False, **arguments: Any) -> Any:
    with DAG("dag", schedule=None, render_template_as_native_obj=native):
        return kind(task_id="call", **{"phone": "{{ phone }}", **arguments})


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_before_execution_stops_the_call(
    connections: None, emulator: Emulator, guard: Callable[[Any], bool], mapped: bool
) -> None:
    def stop(context: Any) -> None:
        if guard(context["task"].phone):
            raise AirflowSkipException

    operator = operator_of(pre_execute=stop)
    context = {**TaskInstance(current_try=1).context(), "phone": PHONE, "task": operator}
    rendered(operator, context, mapped=mapped)
    assert _serialize_rendered_fields(operator)["phone"] == MASKED
    with pytest.raises(AirflowSkipException):
        operator._pre_execute_hook(context)  # as the task runner does


def test_a_subclass_and_a_callback_see_the_phone_as_rendered(connections: None, emulator: Emulator) -> None:
    seen: list[Any] = []

    class Guarded(AddPhoneOperator):
        def execute(self, context: Any) -> str:
            seen.append(self.phone)
            return super().execute(context)

    def callback(context: Any) -> None:
        seen.append(context["task"].phone)

    operator = operator_of(Guarded, on_execute_callback=callback)
    context = {**TaskInstance(current_try=1).context(), "phone": "+7 912 345-67-89", "task": operator}
    rendered(operator, context)
    operator.on_execute_callback[0](context)
    operator.execute(context)
    assert seen == ["+7 912 345-67-89"] * 2
    assert [job.phone for job in emulator.jobs()] == [PHONE]


@pytest.mark.parametrize(
    ("given", "native", "sees"),
    [
        ("{{ phone }}", True, 79123456789),
        ("{{ phone }}", False, "79123456789"),
        (79123456789, False, 79123456789),
        ("+7 (912) 345-67-89", False, "+7 (912) 345-67-89"),
    ],
)
def test_the_value_is_what_rendering_made_of_it(
    connections: None, emulator: Emulator, given: object, native: bool, sees: object
) -> None:
    operator = operator_of(native=native, phone=given)
    context = {**TaskInstance(current_try=1).context(), "phone": 79123456789, "task": operator}
    rendered(operator, context)
    assert (operator.phone, type(operator.phone)) == (sees, type(sees))
    assert _serialize_rendered_fields(operator)["phone"] == MASKED
    operator.execute(context)
    assert [job.phone for job in emulator.jobs()] == [PHONE]


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_phone_is_shown_as_none(nothing: object) -> None:
    operator = rendered(operator_of(phone=nothing), {})
    assert operator.phone == nothing
    assert _serialize_rendered_fields(operator)["phone"] == nothing


def test_before_it_is_rendered_a_template_or_an_earlier_tasks_return_is_seen_as_it_is() -> None:
    with DAG("dag", schedule=None) as dag:
        first = AddPhoneOperator(task_id="first", phone="{{ phone }}")
        second = AddPhoneOperator(task_id="second", phone=first.output)
    assert first.phone == "{{ phone }}"
    assert second.phone == first.output
    assert second.upstream_task_ids == {"first"}
    assert copy.deepcopy(dag).get_task("first").phone == "{{ phone }}"
    assert copy.copy(rendered(first, {"phone": PHONE})).phone == PHONE
    assert _serialize_rendered_fields(copy.copy(first))["phone"] == MASKED


def test_phones_in_payload_and_in_a_querys_parameters_are_shown_masked_and_seen_as_they_are() -> None:
    payload = {
        "other": "+7 912 345-67-89", "number": 79123456789, "text": "or +79123456789, at 9", "sum": "1500.50",
        "due": "2026-12-01 10", "id": 12345, "yes": True, "nested": [PHONE, None],
    }  # fmt: skip
    shown = {
        "other": MASKED, "number": MASKED, "text": f"or {MASKED}, at 9", "sum": "1500.50",
        "due": "2026-12-01 10", "id": 12345, "yes": True, "nested": [MASKED, None],
    }  # fmt: skip
    call = rendered(operator_of(phone=PHONE, payload=payload), {})
    assert call.payload == payload
    assert _serialize_rendered_fields(call)["payload"] == shown
    with DAG("dag", schedule=None):
        prepare = PrepareCallListOperator(
            task_id="prepare", sql="select 1", sql_conn_id="warehouse", parameters={"phone": "{{ phone }}"}
        )
        withdraw = WithdrawCallsOperator(
            task_id="withdraw", sql="select 1", sql_conn_id="warehouse", parameters={"phone": "{{ phone }}"},
            key_columns=["id"], results_table="calls",
        )  # fmt: skip
    for task in (prepare, withdraw):
        rendered(task, {"phone": PHONE})
        assert task.parameters == {"phone": PHONE}
        assert _serialize_rendered_fields(task)["parameters"] == {"phone": MASKED}


def test_the_label_of_a_map_index_shows_it_masked_and_a_template_of_the_dags_own_reads_it_whole() -> None:
    from types import SimpleNamespace

    from airflow.sdk.execution_time import task_runner

    operator = rendered(operator_of(), {"phone": PHONE})
    context: Any = {"task": operator, "map_index_template": "{{ task.phone }}"}
    label = getattr(task_runner, "_render_map_index", None)
    if label is not None:
        told: list[object] = []
        tell = lambda *words, **more: told.append((words, more))  # noqa: E731
        log: Any = SimpleNamespace(debug=tell, info=tell)
        assert label(context, ti=SimpleNamespace(task=operator), log=log) == MASKED
        assert PHONE not in str(told), "3.1 and 3.2 log it"
    assert operator.render_template("{{ task.phone }}", context) == PHONE


@pytest.mark.parametrize(
    ("renders", "read"),
    [("airflow.sdk.execution_time.task_runner", MASKED), ("airflow.sdk.definitions._internal.templater", PHONE)],
)
def test_a_helper_that_renders_reads_for_whoever_called_it(renders: str, read: str) -> None:
    """Airflow 3.4 renders labels and fields alike by a function of airflow.sdk.definitions.context."""
    helper: dict[str, Any] = {"__name__": "airflow.sdk.definitions.context"}
    exec("def render(template, context): return template.render(context)", helper)
    caller: dict[str, Any] = {"__name__": renders, "render": helper["render"]}
    exec("def text(template, context): return render(template, context)", caller)
    operator = rendered(operator_of(), {"phone": PHONE})
    template = operator.get_template_env().from_string("{{ task.phone }}")
    assert caller["text"](template, {"task": operator}) == read


@pytest.mark.parametrize(
    "written",
    [
        79123456789.0,
        Decimal("79123456789"),
        b"79123456789",
        "+7\u00a0912\u00a0345\u201167\u201189",
        "+7 \u2014 912 \u2014 345 67 89",
        "+7    912    3456789",
        "tel:+7-912-345-67-89",
        "\uff18\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
        "+376 123 456",
        "+298123456",
    ],
    ids=repr,
)
def test_a_phone_is_shown_masked_however_it_is_written(written: Any) -> None:
    call = rendered(operator_of(phone="", payload={"other": [written], written: 1}, call_again=written), {})
    shown = json.dumps(_serialize_rendered_fields(call), default=str, ensure_ascii=False)
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", shown))
    assert not any(tail in digits for tail in ("3456789", "123456"))
    assert "***" in shown


@pytest.mark.parametrize("plain", [1500, 1500.5, "2026-12-01 10:30", 123456789, "12", None, True, "+1 %"], ids=repr)
def test_what_is_no_phone_is_shown_as_it_is(plain: Any) -> None:
    call = rendered(operator_of(phone="", payload={"value": plain}), {})
    assert _serialize_rendered_fields(call)["payload"] == {"value": plain}
