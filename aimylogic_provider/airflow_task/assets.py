"""The assets that tasks which add calls declare to Airflow: one of records (3.3 and newer), and one of each campaign.

Airflow keeps state by asset, which outlives clears and DAG runs. The second record lies in the state of one asset for
all tasks, ``aimylogic://calls``: its name depends on no connection, so that whoever changes a task's connection, or has
it be a template, finds the same rows. It is an inlet, for that makes no events.

The campaign itself, ``aimylogic://campaign/<connection id>``, is an outlet of tasks of their own, where its id is known
while the DAG is parsed: Airflow then tells what was done, as one event with counts. Mapped tasks, and those in mapped
task groups, have none unless their DAG declares it, for a thousand map indexes would make a thousand events. Neither
has a task of a DAG that the campaign's own events start: it would set itself off for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aimylogic_provider.airflow_task.argument_checks import is_template

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.airflow_task.airflow_imports import Asset, BaseOperator, Context

__all__ = [
    "CALLS",
    "CAMPAIGNS",
    "asset_of",
    "calls_asset",
    "campaign_asset",
    "campaign_name",
    "campaign_uri",
    "declare_campaign",
    "declare_mapped_record",
    "declare_record",
    "tell_counts",
    "tell_nothing",
]

CALLS = "aimylogic://calls"
CAMPAIGNS = "aimylogic://campaign"
"""What the URIs of all campaigns begin with, before a slash: in lineage, their namespace."""


def campaign_uri(conn_id: str) -> str:
    """Return the URI of a connection's campaign, which is its asset's name as well."""
    return f"{CAMPAIGNS}/{campaign_name(conn_id)}"


def campaign_name(conn_id: str) -> str:
    """Return what stands for a connection's campaign in its URI, and in lineage."""
    return quote(conn_id, safe="")


def calls_asset() -> Asset | None:
    """Return the asset in whose state second records lie; None before Airflow 3.3."""
    from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

    return None if get_base_airflow_version_tuple() < (3, 3, 0) else asset_of(CALLS)


def campaign_asset(conn_id: object) -> Asset | None:
    """Return the asset of a connection's campaign; None if its id isn't known while the DAG is parsed, or is too long.

    :param conn_id: as the DAG gives it
    """
    if not isinstance(conn_id, str) or not conn_id.strip() or is_template(conn_id):
        return None
    try:
        return asset_of(campaign_uri(conn_id.strip()))
    except ValueError:
        return None  # Airflow takes names of up to 1,500 characters


def asset_of(uri: str, **more: Any) -> Asset:
    """Return the asset of a URI that is written as it must be, and has that as its name.

    :raises ValueError: if it is too long
    """
    from aimylogic_provider.airflow_task.airflow_imports import Asset

    # To write a URI as its scheme wants it, Airflow loads all providers that know one, for 0.3 seconds of each parsing
    # of a DAG. Ours is so written; of a scheme that begins with x- Airflow asks nobody.
    asset = Asset(name=uri, uri="x-aimylogic:", **more)
    object.__setattr__(asset, "uri", uri)
    return asset


def declare_record(task: BaseOperator) -> None:
    """Have a task of its own declare its record, unless its DAG did so."""
    if getattr(task, "_BaseOperator__from_mapped", False):
        return  # the mapped task has declared what it has
    calls = calls_asset()
    if calls is not None and not _declares((*task.inlets, *task.outlets), calls):
        task.inlets = [*task.inlets, calls]


def declare_campaign(task: BaseOperator, conn_id: object) -> None:
    """Have a task of its own declare its campaign, unless its DAG did so, or is started by it."""
    if getattr(task, "_BaseOperator__from_mapped", False) or _in_mapped_group(task):
        return
    campaign = campaign_asset(conn_id)
    if campaign is None or _declares((*task.inlets, *task.outlets), campaign) or _starts_its_dag(task, campaign):
        return
    task.outlets = [*task.outlets, campaign]


def declare_mapped_record(partial: OperatorPartial) -> OperatorPartial:
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


def _starts_its_dag(task: BaseOperator, asset: Asset) -> bool:
    """Whether an asset's events start the DAG that the task is in."""
    dag: Any = task.get_dag()
    left = [getattr(getattr(dag, "timetable", None), "asset_condition", None)]
    while left:
        one: Any = left.pop()
        left += getattr(one, "objects", ())  # of what is joined by | and &
        if asset.name in (getattr(one, "name", None), getattr(one, "uri", None)):
            return True
    return False


def _listed(assets: Any) -> list[Any]:
    if assets is None:
        return []
    return list(assets) if isinstance(assets, (list, tuple, set)) else [assets]


def _declares(declared: Iterable[Any], asset: Asset) -> bool:
    return any(getattr(one, "name", None) == asset.name for one in declared)


def tell_counts(context: Context, conn_id: object, counts: Mapping[str, Any]) -> None:
    """Have the event of the campaign's asset, if there will be one, tell what was done.

    :param counts: plain JSON, without phones
    """
    asset = campaign_asset(conn_id)
    events: Any = context.get("outlet_events")
    if asset is None or events is None or not _declares(context.get("outlets") or (), asset):
        return
    events[asset].extra.update(counts)


def tell_nothing(task: BaseOperator, conn_id: object) -> None:
    """Have the campaign's asset make no event of this try: nobody was added to it.

    :param task: the one that runs; Airflow asks it for its outlets once it has succeeded
    """
    asset = campaign_asset(conn_id)
    if asset is not None and _declares(task.outlets, asset):
        task.outlets = [one for one in task.outlets if getattr(one, "name", None) != asset.name]
