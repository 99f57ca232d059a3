"""What templates make: None is no text, blank text is nothing, and text where a list or dictionary is meant is read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk.definitions._internal.templater import NativeEnvironment, SandboxedEnvironment

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import AddPhoneOperator, SendCallListOperator
from aimylogic_provider.transfers import SqlToAimylogicOperator
from tests.call_list.conftest import make_sync, sync
from tests.call_list.sync import Sync, phone
from tests.conftest import TaskInstance

__all__ = ["make_sync", "sync"]

GIVEN: dict[str, Any] = {
    "none": None, "name": "Alex", "amount": 1500.0, "whole": 9123456789.0, "blank": " ", "ids": [1, 2], "paid": True,
    "due": date(2026, 1, 2), "at": datetime(2026, 1, 2, 9, tzinfo=UTC), "days": ["mon", "tue"], "two": 2.0,
    "times": {"default": [["09:00", "18:00"]]}, "phones": ["79123456789"], "owed": Decimal("1500.00"),
    "nan": float("nan"),
}  # fmt: skip
ENVIRONMENTS: dict[str, jinja2.Environment] = {
    "text": SandboxedEnvironment(undefined=jinja2.StrictUndefined, cache_size=0),
    "native": NativeEnvironment(undefined=jinja2.StrictUndefined, cache_size=0),
}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> jinja2.Environment:
    return ENVIRONMENTS[request.param]


def rendered(operator: Any, environment: jinja2.Environment) -> Any:
    native = environment is ENVIRONMENTS["native"]
    if native and not hasattr(operator, "_should_render_native"):
        pytest.skip("before that method it is the DAG alone that says whether templates are native")
    operator.render_template_as_native_obj = native
    operator._do_render_template_fields(operator, operator.template_fields, dict(GIVEN), environment, set())
    return operator


def call(environment: jinja2.Environment, **arguments: Any) -> str:
    operator = rendered(AddPhoneOperator(task_id="call", **{"phone": "79123456789", **arguments}), environment)
    job: str = operator.execute(TaskInstance(task_id="call", current_try=1).context())
    return job


@pytest.mark.parametrize(
    "payload",
    [{"name": "{{ none }}"}, {"name": "Dear {{ none }}!"}, {"name": "{{ name }}", "more": "{{ none }}"},
     "{{ none }}x", '{"name": "{{ none }}"}', {"name": "{% if true %}{{ none }}{% endif %}"}],
)  # fmt: skip
def test_none_in_a_template_of_a_payload_is_rejected(
    connections: None, no_pauses: None, emulator: Emulator, environment: jinja2.Environment, payload: Any
) -> None:
    with pytest.raises(AirflowFailException, match=r"a template in payload gives None.*leave the name out"):
        call(environment, payload=payload)
    assert not emulator.jobs()


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"name": "{{ none or '' }}"}, {"name": ""}),
        ({"name": "{{ name }}"}, {"name": "Alex"}),
        ({"text": "None of it"}, {"text": "None of it"}),
        ('{"name": "Alex", "amount": 1500.0}', {"name": "Alex", "amount": "1500"}),
        ("{{ {'name': name, 'amount': amount} | tojson }}", {"name": "Alex", "amount": "1500"}),
        ("{{ {'name': name} }}", {"name": "Alex"}),
        ({"amount": 1500.0}, {"amount": "1500"}),
        ({"amount": "{{ amount }}"}, {"amount": "1500"}),
        ({"text": "You owe {{ amount }}, {{ name }}"}, {"text": "You owe 1500, Alex"}),
        ('{"amount": {{ amount }}}', {"amount": "1500"}),
        ({"amount": "{{ amount / 1000 }}"}, {"amount": "1.5"}),
        ("{{ blank }}", {}),
        ("", {}),
        ({"amount": "{{ amount }}", "paid": "{{ paid }}"}, {"amount": "1500", "paid": "true"}),
        ({"due": "{{ due }}", "at": "{{ at }}"}, {"due": "2026-01-02", "at": "2026-01-02T09:00:00+00:00"}),
        ({"share": "{{ 0.1 }}", "count": "{{ 7 }}"}, {"share": "0.1", "count": "7"}),
        ("{'paid': {{ paid }}, 'amount': {{ amount }}}", {"paid": "true", "amount": "1500"}),
        ('\ufeff{"name": "Alex"}', {"name": "Alex"}),
        ("{{ {'name': name} | tojson | tojson }}", {"name": "Alex"}),
        ("None", {}),
    ],
)
def test_a_payload_of_a_template(
    connections: None, no_pauses: None, emulator: Emulator, environment: jinja2.Environment, payload: Any,
    sent: dict[str, str],
) -> None:  # fmt: skip
    assert call(environment, payload=payload)
    (job,) = emulator.jobs()
    assert job.payload == sent


def test_a_decimal_of_a_template_keeps_its_places(connections: None, no_pauses: None, emulator: Emulator) -> None:
    call(ENVIRONMENTS["text"], payload={"owed": "{{ owed }}", "told": "{{ amount }} and {{ owed }}"})
    assert [job.payload for job in emulator.jobs()] == [{"owed": "1500.00", "told": "1500 and 1500.00"}]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"payload": {"ids": "{{ ids }}"}}, "a template in payload gives a list: make it text"),
        ({"payload": {"times": "{{ times }}"}}, "a template in payload gives a dict: make it text"),
        ({"payload": {"raw": "{{ name.encode() }}"}}, "a template in payload gives a bytes: make it text"),
        ({"payload": {"amount": "{{ nan }}"}}, "a template in payload gives a number that is not finite|only finite"),
        ({"phone": "{{ phones }}"}, "a template in phone gives a list: give one. For each of several, map the task"),
    ],
)
def test_what_a_template_gives_and_can_not_be_sent_is_told(
    connections: None, no_pauses: None, emulator: Emulator, environment: jinja2.Environment, arguments: dict[str, Any],
    reason: str,
) -> None:  # fmt: skip
    with pytest.raises(AirflowFailException, match=reason):
        call(environment, **arguments)
    assert not emulator.jobs()


def test_a_name_that_is_unknown_is_told_by_jinja(
    connections: None, no_pauses: None, environment: jinja2.Environment
) -> None:
    for arguments in ({"payload": {"name": "{{ times.missing }}"}}, {"phone": "{{ times.missing }}"}):
        with pytest.raises(jinja2.UndefinedError, match="no attribute 'missing'"):
            call(environment, **arguments)


@pytest.mark.parametrize("payload", ["Alex", "[1, 2]", "7", [("name", "Alex")], 7])
def test_a_payload_that_is_no_dictionary_is_told(connections: None, no_pauses: None, payload: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"payload is .* must be a dictionary: .*tojson"):
        call(ENVIRONMENTS["text"], payload=payload)


@pytest.mark.parametrize("written", ["{{ none }}", "", " ", "\n", "None", "{{ none or 'None' }}"])
def test_a_phone_that_is_missing_is_told_so(
    connections: None, no_pauses: None, environment: jinja2.Environment, written: str
) -> None:
    with pytest.raises(AirflowFailException, match=r"phone is .*missing"):
        call(environment, phone=written)


def test_a_whole_float_of_a_template_is_the_phone(
    connections: None, no_pauses: None, emulator: Emulator, environment: jinja2.Environment
) -> None:
    call(environment, phone="{{ whole }}", phone_region="RU")
    assert [job.phone for job in emulator.jobs()] == ["79123456789"]


@pytest.mark.parametrize("blank", ["", " ", "{{ none }}", "{{ blank }}", "\t\n"])
def test_blank_text_is_nothing_in_every_templated_argument_of_a_call(
    connections: None, no_pauses: None, emulator: Emulator, environment: jinja2.Environment, blank: str
) -> None:
    names = [one for one in AddPhoneOperator.template_fields if one not in ("phone", "payload")]
    assert call(environment, **dict.fromkeys(names, blank))
    (job,) = emulator.jobs()
    assert job.gmt_zone is None
    first = job.key
    emulator.reset()
    call(environment)
    assert [job.key for job in emulator.jobs()] == [first], "and so is the key"


@pytest.mark.parametrize("blank", ["", " ", "{{ none }}", "{{ blank }}"])
def test_blank_text_is_nothing_in_every_templated_argument_of_a_sync(
    sync: Sync, environment: jinja2.Environment, blank: str
) -> None:
    sync.add([phone(1)])
    names = [one for one in SqlToAimylogicOperator.template_fields
             if one not in ("sql", "sql_conn_id", "call_list_path", "parameters", "policy", "exclude_sql")]  # fmt: skip
    sync.task.current_try += 1
    nobody = "select phone from customer where id > 1"
    operator = sync.operator(exclude_sql=nobody, **dict.fromkeys(names, blank))
    assert rendered(operator, environment).execute(sync.task.context())["created"] == 1


@pytest.mark.parametrize("blank", ["", " ", "{{ none }}", "{{ blank }}"])
def test_a_blank_query_of_those_who_must_not_be_called_is_no_query_that_excludes_nobody(
    sync: Sync, environment: jinja2.Environment, blank: str
) -> None:
    sync.add([phone(1)])
    sync.task.current_try += 1
    operator = rendered(sync.operator(exclude_sql=blank), environment)
    with pytest.raises(AirflowFailException, match="exclude_sql is empty"):
        operator.execute(sync.task.context())
    assert sync.sends() == 0


@pytest.mark.parametrize("blank", ["", " "])
def test_blank_parameters_and_policies_are_none(sync: Sync, blank: str) -> None:
    sync.add([phone(1)])
    assert sync.attempt(parameters=blank, policy=blank)["created"] == 1


@pytest.mark.parametrize(
    "parameters", ["[2]", "(2,)", "[2.0]", '{"id": 2}', "{'id': 2}", [2], (2,), {"id": 2}, "\n[2]\n"]
)
def test_parameters_written_as_text_are_read(sync: Sync, parameters: Any) -> None:
    sync.add([phone(number) for number in range(1, 4)])
    named = "id" in str(parameters)
    report = sync.attempt(sql=f"select * from customer where id = {':id' if named else '?'}", parameters=parameters)
    assert report["created"] == 1
    sync.assert_once([phone(2)])


@pytest.mark.parametrize("parameters", ["2", "ten of them", '"2"', 7, {1, 2}, "[1, datetime]"])
def test_parameters_that_are_none_call_nobody(sync: Sync, parameters: Any) -> None:
    sync.add([phone(number) for number in range(1, 4)])
    with pytest.raises(AirflowFailException, match=r"parameters is .*a list or dictionary"):
        sync.attempt(sql="select * from customer where id = ?", parameters=parameters)
    assert not sync.emulator.jobs()


@pytest.mark.parametrize(("name", "value"), [("parameters", ["{{ none }}"]), ("policy", {"priority": "{{ none }}"})])
def test_none_in_a_template_of_them_is_rejected(
    sync: Sync, environment: jinja2.Environment, name: str, value: Any
) -> None:
    sync.add([phone(1)])
    sync.task.current_try += 1
    operator = rendered(sync.operator(**{name: value}), environment)
    with pytest.raises(AirflowFailException, match=f"a template in {name} gives None"):
        operator.execute(sync.task.context())


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        ({"allowed_days": "{{ days }}"}, {"allowedDays": ["mon", "tue"]}),
        ({"allowed_days": "{{ days | tojson }}"}, {"allowedDays": ["mon", "tue"]}),
        ({"allowed_days": "tue, mon"}, {"allowedDays": ["mon", "tue"]}),
        ({"allowed_time": "{{ times }}"}, {"allowedTime": {"default": [["09:00", "18:00"]]}}),
        ({"allowed_time": {"default": "{{ times.default }}"}}, {"allowedTime": {"default": [["09:00", "18:00"]]}}),
        ({"priority": "{{ two }}"}, {"dialerPriority": 2}),
        ({"priority": Decimal("2.00"), "max_attempts": 3.0}, {"dialerPriority": 2, "maxAttempts": 3}),
        ({"priority": " ", "finish": "{{ none or '' }}", "allowed_days": "", "allowed_time": "\n"}, {}),
        ("None", {}),
    ],
)
def test_a_policys_values_may_be_text(
    sync: Sync, environment: jinja2.Environment, policy: Any, sent: dict[str, Any]
) -> None:
    sync.add([phone(1)])
    sync.task.current_try += 1
    rendered(sync.operator(policy=policy), environment).execute(sync.task.context())
    line = json.loads(sync.files("batches/*")[0].read_text())["call"]
    times = line.get("allowedTime", {}).get("default")
    if times:
        line["allowedTime"] = {"default": [[one["localTimeFrom"], one["localTimeTo"]] for one in times]}
    assert {name: line[name] for name in line if name not in ("phone", "payload")} == sent


def test_text_that_is_no_policys_value_is_told(sync: Sync) -> None:
    sync.add([phone(1)])
    with pytest.raises(AirflowFailException, match=r"allowed_time .* can't be read: give"):
        sync.attempt(policy={"allowed_time": "9 to 18"})


@pytest.mark.parametrize("columns", [["finish"], "finish", [("finish", "deadline")]])
def test_policy_columns_are_a_dictionary(sync: Sync, columns: Any) -> None:
    with pytest.raises(ValueError, match=r"policy_columns .* isn't a dictionary"):
        sync.operator(policy_columns=columns)


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- nothing yet\n", "/* nothing\nyet */ ;", None, ["select 1"]])
def test_a_query_that_is_none_is_told(sync: Sync, sql: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"sql is (empty|of type)"):
        sync.attempt(sql=sql)


def test_a_shard_of_blank_text_is_the_only_one() -> None:
    operator = SendCallListOperator(task_id="send", call_list={}, shard=" ")
    from aimylogic_provider.airflow_task.template_values import blank_as_nothing

    blank_as_nothing(operator, aimylogic_conn_id="aimylogic_default")
    assert operator.shard is None
