"""The argument ``retry_policy`` of the operators: how it reaches Airflow, and how mapped tasks come to have it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin
from aimylogic_provider.retries.retry_policy import AIRFLOW_HAS_POLICIES

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from airflow.sdk.definitions.retry_policy import RetryPolicy


__all__ = ["HasRetryPolicy", "policy_argument"]

_LEFT_OUT: Any = object()
"""Stands for an argument that wasn't given: None is a choice of its own."""


def policy_argument(retry_policy: RetryPolicy | None) -> dict[str, Any]:
    """Return the argument as Airflow's own ``__init__`` is given it: 3.1 and 3.2 know none, and refuse any."""
    return {"retry_policy": retry_policy} if AIRFLOW_HAS_POLICIES or retry_policy is not None else {}


class HasRetryPolicy(OperatorMixin):
    """What operators have that name ``retry_policy`` in their ``__init__``: mapped tasks have its default, too."""

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's: Airflow 3.3.0 takes a mapped task's defaults from its own operator, not from ours."""
        from aimylogic_provider.airflow_task.one_at_a_time import given_or_default

        partial: OperatorPartial = super().partial(**kwargs)
        if AIRFLOW_HAS_POLICIES and given_or_default("retry_policy", _LEFT_OUT, kwargs) is _LEFT_OUT:
            partial.kwargs["retry_policy"] = _default_of(cls)
        return partial


def _default_of(operator: type[Any]) -> RetryPolicy | None:
    """The default of the argument, as the nearest class has it that names it."""
    for base in operator.__mro__:
        if "__init__" in vars(base):
            named = inspect.signature(vars(base)["__init__"]).parameters.get("retry_policy")
            if named is not None:
                default: RetryPolicy | None = named.default
                return default
    return None
