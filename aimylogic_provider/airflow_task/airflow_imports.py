"""Airflow's own names, from wherever its versions from 3.1 on have them.

common-compat tells that itself, but some of them only from 1.10.1 on, and what came out with Airflow 3.1.0 to 3.1.5 is
older. Nothing of this package stands here but the base of what is mixed into operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        Asset,
        BaseHook,
        BaseNotifier,
        BaseOperator,
        BaseSensorOperator,
        Connection,
        Context,
        DecoratedOperator,
        DownstreamTasksSkipped,
        MappedOperator,
        RetryPolicy,
        Stats,
        TaskDeferred,
        XComArg,
        conf,
        determine_kwargs,
        task_decorator_factory,
    )

    OperatorMixin = BaseOperator
else:
    OperatorMixin = object
"""What classes derive from that are mixed into operators. Those have ``BaseOperator`` last among their bases, and alone
need Airflow's metaclass, which costs every import a third of a millisecond for each class."""

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "Asset",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "DecoratedOperator",
    "DownstreamTasksSkipped",
    "MappedOperator",
    "OperatorMixin",
    "RetryPolicy",
    "Stats",
    "TaskDeferred",
    "XComArg",
    "conf",
    "determine_kwargs",
    "task_decorator_factory",
]

_PLACES = ("airflow.providers.common.compat.sdk", "airflow.sdk", "airflow.exceptions")
_PLACES_BESIDES = {
    "DecoratedOperator": ("airflow.sdk.bases.decorator",),
    "MappedOperator": ("airflow.sdk.definitions.mappedoperator",),
    "Stats": ("airflow.sdk.observability.stats", "airflow.stats"),
    "conf": ("airflow.configuration",),
    "determine_kwargs": ("airflow.sdk.bases.decorator",),
    "task_decorator_factory": ("airflow.sdk.bases.decorator",),
}
"""Looked into for these names alone: some cost time, and warn of themselves, and a name may be lacking altogether."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in __all__:
        for place in _PLACES + _PLACES_BESIDES.get(name, ()):
            try:
                value = globals()[name] = getattr(import_module(place), name)
            except (ImportError, AttributeError):
                continue
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
