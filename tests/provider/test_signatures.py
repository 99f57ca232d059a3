"""What users call says what it takes: to editors, to type checkers, and to whoever lists a package's names."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, get_overloads

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator

from aimylogic_provider.airflow_task.base_operator_arguments import (
    ApprovalArguments,
    DecoratorArguments,
    RetriedTaskArguments,
    TaskArguments,
)
from aimylogic_provider.decorators import aimylogic_calls
from aimylogic_provider.operators import AddPhonesOperator
from tests.conftest import AIRFLOW

PACKAGES = {
    name: import_module(f"aimylogic_provider.{name}")
    for name in ("operators", "transfers", "decorators", "hooks", "calls_api", "emulator", "retries")
}
OPERATORS: list[Any] = [getattr(PACKAGES[at], name) for at in ("operators", "transfers") for name in dir(PACKAGES[at])]


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operators_signature_names_its_arguments(operator: Any) -> None:
    parameters = inspect.signature(operator.__init__).parameters.values()
    named = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    assert all(one.annotation is not one.empty for one in parameters if one.name != "self")
    assert {*operator.template_fields} <= named, "a template field that the signature doesn't name"
    (more,) = [one for one in parameters if one.kind is one.VAR_KEYWORD]
    assert more.annotation in ("Unpack[RetriedTaskArguments]", "Unpack[TaskArguments]", "Unpack[ApprovalArguments]")
    ours = {
        one.name
        for base in operator.__mro__
        if base.__module__.startswith("aimylogic_provider.") and "__init__" in vars(base)
        for one in inspect.signature(vars(base)["__init__"]).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }
    assert ours - named <= TaskArguments.__annotations__.keys(), "an argument of a base that the operator doesn't name"


@pytest.mark.parametrize("operator", OPERATORS)
def test_defaults_are_those_of_the_bases(operator: Any) -> None:
    shown = inspect.signature(operator.__init__).parameters
    for base in operator.__mro__[1:]:
        if base.__module__.startswith("aimylogic_provider.") and "__init__" in vars(base):
            for one in inspect.signature(vars(base)["__init__"]).parameters.values():
                if one.name in shown and one.kind is one.KEYWORD_ONLY:
                    assert shown[one.name].default == one.default, one.name
                    assert shown[one.name].annotation == one.annotation, one.name


def test_a_decorators_signature_is_that_of_its_operator_but_for_what_the_function_gives() -> None:
    bare, told = ([*inspect.signature(one).parameters.values()] for one in get_overloads(aimylogic_calls))
    operators = [*inspect.signature(AddPhonesOperator.__init__).parameters.values()]
    assert [one.name for one in bare] == ["python_callable"]
    assert told[1:-1] == [one for one in operators[1:-1] if one.name != "calls"]
    assert told[-1].annotation == "Unpack[DecoratorArguments]"
    assert DecoratorArguments.__annotations__.keys() == RetriedTaskArguments.__annotations__.keys()
    assert DecoratorArguments.__required_keys__ == frozenset(), "TaskFlow takes task_id from the function's name"


@pytest.mark.skipif(AIRFLOW.release < (3, 3), reason="older ones lack some")
@pytest.mark.parametrize(
    ("ours", "airflows"), [(TaskArguments, [BaseOperator]), (ApprovalArguments, ApprovalOperator.__mro__[:3])]
)
def test_what_type_checkers_are_told_is_what_airflow_takes(ours: Any, airflows: list[type[Any]]) -> None:
    taken = {
        one.name
        for operator in (BaseOperator, *airflows)
        for one in inspect.signature(operator.__init__).parameters.values()
        if one.kind is one.KEYWORD_ONLY or (one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "self")
    }
    told = {name for base in ours.__mro__ for name in getattr(base, "__annotations__", {})}
    if ours is ApprovalArguments:  # its options are its own; ours names the two besides
        taken -= {"subject", "body", "options", "multiple"}
    assert told == taken


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_a_public_package_lists_what_it_holds(package: Any) -> None:
    assert {*dir(package)} >= {*package.__all__} - {"DEFAULT_TOKEN"}
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018
