"""The assets that tasks which add calls declare to Airflow (3.3 and newer): one of records, and one of each campaign.

Airflow keeps state by asset, which outlives clears and DAG runs. The second record lies in the state of one asset for
all tasks, ``aimylogic://calls``: its name depends on no connection, so that whoever changes a task's connection, or has
it be a template, finds the same rows. It is an inlet, for that makes no events.

The campaign itself, ``aimylogic://campaign/<connection id>``, is an outlet of tasks of their own, where its id is known
while the DAG is parsed: Airflow then tells what was done, as one event with counts. Mapped tasks, and those in mapped
task groups, have none, for a thousand map indexes would make a thousand events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.airflow_task.airflow_imports import Asset, BaseOperator, Context

__all__ = ["CALLS", "calls_asset", "campaign_asset", "declare", "declare_mapped", "tell_counts"]

CALLS = "aimylogic://calls"
_TEMPLATE = ("{{", "{%", "{#")


def calls_asset() -> Asset | None:
    """Return the asset in whose state second records lie; None before Airflow 3.3."""
    return _asset(CALLS)


def campaign_asset(conn_id: object) -> Asset | None:
    """Return the asset of a connection's campaign; None if its id isn't known while the DAG is parsed, or is too long.

    :param conn_id: as the DAG gives it
    """
    if not isinstance(conn_id, str) or not conn_id or any(mark in conn_id for mark in _TEMPLATE):
        return None
    try:
        return _asset(f"aimylogic://campaign/{quote(conn_id, safe='')}")
    except ValueError:
        return None  # Airflow takes names of up to 1,500 characters


def _asset(uri: str) -> Asset | None:
    from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

    if get_base_airflow_version_tuple() < (3, 3, 0):
        return None
    from aimylogic_provider.airflow_task.airflow_imports import Asset

    # To write a URI as its scheme wants it, Airflow loads all providers that know one, for 0.3 seconds of each parsing
    # of a DAG. Ours is so written, and none knows it; of a scheme that begins with x- Airflow asks nobody.
    asset = Asset(name=uri, uri="x-aimylogic:")
    object.__setattr__(asset, "uri", uri)
    return asset


def declare(task: BaseOperator, conn_id: object) -> None:
    """Have a task of its own declare its record and its campaign, unless its DAG did so."""
    if getattr(task, "_BaseOperator__from_mapped", False):
        return  # the mapped task has declared what it has
    calls, campaign = calls_asset(), campaign_asset(conn_id)
    if calls is not None and not _declares((*task.inlets, *task.outlets), calls):
        task.inlets = [*task.inlets, calls]
    if campaign is not None and not _in_mapped_group(task) and not _declares((*task.inlets, *task.outlets), campaign):
        task.outlets = [*task.outlets, campaign]


def declare_mapped(partial: OperatorPartial) -> OperatorPartial:
    """Have a mapped task declare its record, unless its DAG did so.

    What is set in ``__init__`` doesn't reach a mapped task: Airflow makes its instances when they run.
    """
    calls, inlets = calls_asset(), _listed(partial.kwargs.get("inlets"))
    if calls is not None and not _declares((*inlets, *_listed(partial.kwargs.get("outlets"))), calls):
        partial.kwargs["inlets"] = [*inlets, calls]
    return partial


def _in_mapped_group(task: BaseOperator) -> bool:
    group: Any = task.task_group
    while group is not None:
        if hasattr(group, "iter_mapped_dependencies"):
            return True
        group = group.parent_group
    return False


def _listed(assets: Any) -> list[Any]:
    if assets is None:
        return []
    return list(assets) if isinstance(assets, (list, tuple, set)) else [assets]


def _declares(declared: Iterable[Any], asset: Asset) -> bool:
    return any(getattr(one, "name", None) == asset.name for one in declared)


def tell_counts(context: Context, conn_id: object, counts: Mapping[str, int]) -> None:
    """Have the event of the campaign's asset, if there will be one, tell what was done."""
    asset = campaign_asset(conn_id)
    events: Any = context.get("outlet_events")
    if asset is None or events is None or not _declares(context.get("outlets") or (), asset):
        return
    events[asset].extra.update(counts)
