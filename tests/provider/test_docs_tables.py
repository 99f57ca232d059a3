"""docs/operators.md, notifier.md and hook.md tell what the code takes: arguments with type and default, and methods."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aimylogic_provider import decorators
from aimylogic_provider.airflow_task.telemetry import metric_names
from aimylogic_provider.airflow_task.telemetry.metric_names import METRICS, Metric
from aimylogic_provider.calls_api import ListedCall
from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicAsyncHook, AimylogicHook
from aimylogic_provider.notifications import AimylogicNotifier
from aimylogic_provider.operators import (
    AddPhoneOperator,
    AddPhonesOperator,
    ApproveCallListOperator,
    CancelCallsOperator,
    GetCampaignOperator,
    PauseCampaignOperator,
    PrepareCallListOperator,
    PrepareCallsOperator,
    ResumeCampaignOperator,
    SendCallListOperator,
    StopCampaignOperator,
    SumReportsOperator,
    UpdateResultsOperator,
    WithdrawCallsOperator,
)
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY
from aimylogic_provider.sensors import CallJobSensor, CampaignStatusSensor
from aimylogic_provider.transfers import AimylogicToSqlOperator, SqlToAimylogicOperator

OPERATORS: list[Any] = [
    AddPhoneOperator, AddPhonesOperator, SqlToAimylogicOperator, PrepareCallListOperator, PrepareCallsOperator,
    ApproveCallListOperator,
    SendCallListOperator, SumReportsOperator, UpdateResultsOperator, CancelCallsOperator, WithdrawCallsOperator,
    PauseCampaignOperator, ResumeCampaignOperator, StopCampaignOperator, GetCampaignOperator, AimylogicToSqlOperator,
    CallJobSensor, CampaignStatusSensor,
]  # fmt: skip
WITH_A_TABLE: list[Any] = [*OPERATORS, AimylogicNotifier]
FOR_AIRFLOW = {"get_ui_field_behaviour", "get_connection_form_widgets"}
NEEDED = inspect.Parameter.empty
A_PHONE = "79123456789"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)

CALLS: dict[str, Callable[[AimylogicHook], object]] = {
    "add_phone": lambda hook: hook.add_phone(A_PHONE),
    "add_phones": lambda hook: hook.add_phones([ListedCall.of(A_PHONE)]),
    "cancel_call_jobs": lambda hook: hook.cancel_call_jobs(phones=[A_PHONE]),
    "pause_campaign": lambda hook: hook.pause_campaign(),
    "resume_campaign": lambda hook: (hook.pause_campaign(), hook.resume_campaign()),
    "stop_campaign": lambda hook: hook.stop_campaign(),
    "get_campaign": lambda hook: hook.get_campaign(),
    "get_campaign_status": lambda hook: hook.get_campaign_status(),
    "get_call_jobs": lambda hook: hook.get_call_jobs(phones=[A_PHONE]),
    "get_call_jobs_by_date": lambda hook: hook.get_call_jobs_by_date(created_from=MOMENT),
    "get_unfinished_call_jobs": lambda hook: hook.get_unfinished_call_jobs(),
    "get_call_attempts": lambda hook: hook.get_call_attempts(phones=[A_PHONE]),
    "get_call_attempts_by_date": lambda hook: hook.get_call_attempts_by_date(started_from=MOMENT),
    "test_connection": lambda hook: hook.test_connection(),
    "get_conn": lambda hook: hook.get_conn(),
}
"""A call of each method of the table."""


def rows(text: str, heading: str) -> list[list[str]]:
    """The first table beneath a heading, without its head: as many cells in each row as in that."""
    section = re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = section.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    assert len({len(row) for row in table}) == 1
    return table[2:]


def code(cell: str) -> list[str]:
    return re.findall(r"`(.*?)`", cell)


def value(shown: str) -> object:
    """A default as a table shows it."""
    policy = {"AimylogicRetryPolicy": lambda: DEFAULT_RETRY_POLICY}  # None on Airflow 3.1 and 3.2
    return eval(shown, {"timedelta": timedelta, "__builtins__": {}, **policy})  # our own page's


def taken(operator: type[Any]) -> dict[str, inspect.Parameter]:
    """The arguments by name that our own classes take: whatever an operator hands on as ``**kwargs``, a base names."""
    found: dict[str, inspect.Parameter] = {}
    for base in operator.__mro__:
        if base.__module__.startswith("aimylogic_provider.") and "__init__" in vars(base):
            for one in inspect.signature(vars(base)["__init__"]).parameters.values():
                if one.kind is one.KEYWORD_ONLY:
                    found.setdefault(one.name, one)
    return found


def methods() -> Iterator[tuple[str, Any]]:
    """The hook's own public methods, but for those that only Airflow calls."""
    for name, method in vars(AimylogicHook).items():
        if inspect.isfunction(method) and not name.startswith("_") and name not in FOR_AIRFLOW:
            yield name, method


@pytest.fixture
def operators(repository: Path) -> str:
    return (repository / "docs" / "operators.md").read_text()


@pytest.fixture
def tables(operators: str, repository: Path) -> str:
    return operators + (repository / "docs" / "notifier.md").read_text()


@pytest.fixture
def hook(repository: Path) -> str:
    return (repository / "docs" / "hook.md").read_text()


@pytest.mark.parametrize("operator", WITH_A_TABLE)
def test_each_argument_of_an_operator_is_told_once_and_no_other(tables: str, operator: Any) -> None:
    told = [code(row[0]) for row in rows(tables, operator.__name__)]
    assert sorted(told) == sorted([name] for name in taken(operator))


@pytest.mark.parametrize("operator", WITH_A_TABLE)
def test_types_and_defaults_are_those_of_the_signature(tables: str, operator: Any) -> None:
    arguments = taken(operator)
    for name, kind, default, _, meaning in rows(tables, operator.__name__):
        argument = arguments[name.strip("`")]
        assert kind.strip("`").replace('"', "'") == argument.annotation, name
        assert meaning, name
        if argument.default is NEEDED:
            assert default == "needed", name
        elif type(argument.default) is object:  # stands for an argument that isn't given: told in words
            assert default, name
        else:
            assert value(code(default)[0]) == argument.default, name


@pytest.mark.parametrize("operator", WITH_A_TABLE)
def test_what_is_a_template_is_told(tables: str, operator: Any) -> None:
    told = {row[0].strip("`"): row[3] for row in rows(tables, operator.__name__)}
    assert {*told.values()} <= {"yes", ""}
    assert {name for name, templated in told.items() if templated} == {*operator.template_fields}


def test_every_operator_has_a_table(operators: str) -> None:
    told = re.findall(r"^## (.*)$", operators, re.MULTILINE)
    assert [one for one in told if not one.startswith("@")] == [operator.__name__ for operator in OPERATORS]
    assert [one for one in told if one.startswith("@")] == [f"@task.{name}" for name in decorators.__all__]


def test_each_method_of_the_hook_is_told_and_no_other(hook: str) -> None:
    assert [code(row[0]) for row in rows(hook, "Methods")] == [[name] for name in CALLS]
    assert {*CALLS} == {name for name, _ in methods()}
    for name in FOR_AIRFLOW | {name for name, found in vars(AimylogicHook).items() if isinstance(found, property)}:
        assert f"`{name}`" in hook


def test_arguments_results_and_keys_are_those_of_the_methods(hook: str) -> None:
    signatures = {name: inspect.signature(method) for name, method in methods()}
    for name, arguments, returns, _, key in rows(hook, "Methods"):
        signature = signatures[name.strip("`")]
        shown = code(arguments)
        parameters = [*signature.parameters.values()][1:]
        named = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
        positional = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
        assert [one.partition("=")[0] for one in shown] == [*positional, *(["*"] if named else []), *named], name
        for one in shown:
            argument, given, default = one.partition("=")
            if argument != "*":
                expected = signature.parameters[argument].default
                assert (value(default) if given else NEEDED) == expected, (name, argument)
        assert code(returns)[0] == signature.return_annotation, name
        assert key.startswith("yes") == ("idempotence_key" in signature.parameters), name


def test_each_argument_of_a_method_is_explained(hook: str) -> None:
    of_all = {one for _, method in methods() for one in inspect.signature(method).parameters} - {"self"}
    table = hook.partition("| argument | meaning |\n")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE)
    assert of_all - {"idempotence_key"} == {name for cell in explained for name in code(cell)}


def test_endpoints_are_told_whole_and_none_is_left_out(hook: str) -> None:
    told = {
        (how, path)
        for row in rows(hook, "Methods")
        for hows, path in re.findall(r"((?:POST or )?(?:GET|POST)) `(.*?)`", row[3])
        for how in hows.split(" or ")
    }
    assert told == {(how, endpoint.path) for endpoint in ENDPOINTS for how in endpoint.methods}


@pytest.mark.parametrize("name", CALLS)
def test_a_method_asks_the_endpoint_that_is_told(hook: str, name: str, emulator: Emulator, connections: None) -> None:
    AimylogicHook().add_phone(A_PHONE, {"name": "Alex"})  # so that there is a job to ask for, and to cancel
    before = len(emulator.requests())
    CALLS[name](AimylogicHook())
    (cell,) = [row[3] for row in rows(hook, "Methods") if code(row[0]) == [name]]
    if name == "get_conn":
        assert (cell, len(emulator.requests())) == ("none", before)
        return
    asked = emulator.requests()[-1]
    (path,) = [endpoint.path for endpoint in ENDPOINTS if endpoint.name == asked.endpoint]
    assert re.match(rf"(?:POST or )?(?:GET|POST) `{re.escape(path)}`", cell)
    assert asked.method in cell.partition("`")[0]


def test_each_endpoint_is_told_with_what_serves_it_and_its_test(repository: Path) -> None:
    table = rows((repository / "docs" / "waiting.md").read_text(), "The whole Calls API")
    assert [code(row[0])[0] for row in table] == [endpoint.name for endpoint in ENDPOINTS]
    for _, served_by, method, tests in table:
        (name,) = {one.partition("(")[0] for one in code(method)}
        assert hasattr(AimylogicHook, name)
        assert ("*" in method) == hasattr(AimylogicAsyncHook, name)
        assert all((repository / file).is_file() for file in code(tests))
        names = {one.__name__ for one in OPERATORS}
        assert {one.partition("(")[0] for one in code(served_by) if one[0].isupper()} <= names


def test_each_metric_is_told_as_it_is(repository: Path) -> None:
    told = rows((repository / "docs" / "metrics.md").read_text(), "Names")
    assert told == [
        [f"`{one.name}`", one.kind, one.unit, ", ".join(f"`{tag}`" for tag in one.tags), one.meaning] for one in METRICS
    ]
    assert {one for one in vars(metric_names).values() if isinstance(one, Metric)} == {*METRICS}


def test_each_span_is_told_and_no_other(repository: Path) -> None:
    told = rows((repository / "docs" / "metrics.md").read_text(), "Traces")
    made = {
        name
        for file in (repository / "aimylogic_provider").rglob("*.py")
        for name in re.findall(r"(?:during|span|tell_past)\(\s*\"(aimylogic\.\w+)\"", file.read_text())
    }
    assert sorted(code(row[0])[0] for row in told) == sorted(made)
