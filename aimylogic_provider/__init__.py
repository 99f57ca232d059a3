"""Apache Airflow provider for Aimylogic call campaigns.

Besides its packages it has Airflow's names, from wherever Airflow's versions from 3.1 on have them. common-compat tells
that itself, but some of them only from 1.10.1 on, and what came out with Airflow 3.1.0 to 3.1.5 is older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import (
        AirflowException as AirflowException,
    )
    from airflow.providers.common.compat.sdk import (
        AirflowFailException as AirflowFailException,
    )
    from airflow.providers.common.compat.sdk import (
        AirflowNotFoundException as AirflowNotFoundException,
    )
    from airflow.providers.common.compat.sdk import (
        AirflowSkipException as AirflowSkipException,
    )
    from airflow.providers.common.compat.sdk import (
        AirflowTaskTimeout as AirflowTaskTimeout,
    )
    from airflow.providers.common.compat.sdk import (
        Asset as Asset,
    )
    from airflow.providers.common.compat.sdk import (
        BaseHook as BaseHook,
    )
    from airflow.providers.common.compat.sdk import (
        BaseOperator as BaseOperator,
    )
    from airflow.providers.common.compat.sdk import (
        Connection as Connection,
    )
    from airflow.providers.common.compat.sdk import (
        Context as Context,
    )
    from airflow.providers.common.compat.sdk import (
        DownstreamTasksSkipped as DownstreamTasksSkipped,
    )
    from airflow.providers.common.compat.sdk import (
        MappedOperator as MappedOperator,
    )
    from airflow.providers.common.compat.sdk import (
        TaskDeferred as TaskDeferred,
    )
    from airflow.providers.common.compat.sdk import (
        XComArg as XComArg,
    )
    from airflow.providers.common.compat.sdk import (
        conf as conf,
    )

__version__ = "0.1.0"

_NAMES = frozenset(
    {
        "AirflowException",
        "AirflowFailException",
        "AirflowNotFoundException",
        "AirflowSkipException",
        "AirflowTaskTimeout",
        "Asset",
        "BaseHook",
        "BaseOperator",
        "Connection",
        "Context",
        "DownstreamTasksSkipped",
        "MappedOperator",
        "TaskDeferred",
        "XComArg",
        "conf",
    }
)
_PLACES = (
    "airflow.providers.common.compat.sdk", "airflow.sdk", "airflow.exceptions",
    "airflow.sdk.definitions.mappedoperator", "airflow.configuration",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _NAMES:
        for place in _PLACES:
            try:
                value = globals()[name] = getattr(import_module(place), name)
            except (ImportError, AttributeError):
                continue
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
