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

from aimylogic_provider.airflow_task.airflow_imports import OperatorMixin
from aimylogic_provider.airflow_task.argument_checks import is_template

if TYPE_CHECKING:
    from typing import Self

    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.airflow_task.airflow_imports import Asset, BaseOperator, Context

__all__ = [
    "CALLS",
    "CAMPAIGNS",
    "TellsCampaign",
    "asset_of",
    "calls_asset",
    "campaign_asset",
    "campaign_name",
    "campaign_uri",
    "declare_mapped_record",
    "declare_record",
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


def declare_mapped_record(partial: OperatorPartial) -> OperatorPartial:
    """Have a mapped task declare its record, unless its DAG did so.

    What is set in ``__init__`` doesn't reach a mapped task: Airflow makes its instances when they run.
    """
    calls, inlets = calls_asset(), _listed(partial.kwargs.get("inlets"))
    if calls is not None and not _declares((*inlets, *_listed(partial.kwargs.get("outlets"))), calls):
        partial.kwargs["inlets"] = [*inlets, calls]
    return partial


def _in_mapped_group(task: Any) -> bool:
    group: Any = task.task_group
    while group is not None:
        if hasattr(group, "iter_mapped_dependencies"):
            return True
        group = group.parent_group
    return False


def _starts_its_dag(task: Any, asset: Asset) -> bool:
    """Whether an asset's events start the DAG that the task is in."""
    dag: Any = task.get_dag()
    left = [getattr(getattr(dag, "timetable", None), "asset_condition", None)]
    while left:
        one: Any = left.pop()
        left += getattr(one, "objects", ())  # of what is joined by | and &
        if _is_same(one, asset):
            return True
    return False


def _listed(assets: Any) -> list[Any]:
    if assets is None:
        return []
    return list(assets) if isinstance(assets, (list, tuple, set)) else [assets]


def _declares(declared: Iterable[Any], asset: Asset) -> bool:
    return any(_is_same(one, asset) for one in declared)


class TellsCampaign(OperatorMixin):
    """What tasks have that add calls: their campaign's asset as an outlet, whose event tells what was added.

    Airflow fails a task one of whose outlets isn't active, before it runs; and that may come of another DAG, which
    misspells the asset, or of a connection that was changed. So the outlet that the task declared by itself stands in
    the DAG, is put aside while the task runs, and is put back once there is something to tell: then Airflow makes its
    event, or, for an asset that isn't active, only warns.
    """

    _own_outlet: str | None = None

    def _declare_campaign(self, conn_id: object) -> None:
        """Declare the campaign, unless the DAG did so, or is started by it."""
        if getattr(self, "_BaseOperator__from_mapped", False) or _in_mapped_group(self):
            return
        campaign = campaign_asset(conn_id)
        if campaign is None or _declares(self.outlets, campaign) or _starts_its_dag(self, campaign):
            return
        self.outlets = [*self.outlets, campaign]
        self._own_outlet = campaign.uri

    def prepare_for_execution(self) -> Self:
        """As any operator's. Airflow calls it before it looks at the outlets."""
        ready = super().prepare_for_execution()
        if ready._own_outlet is not None:
            ready.outlets = [one for one in ready.outlets if getattr(one, "uri", None) != ready._own_outlet]
        return ready

    def _tell_campaign(self, context: Context, conn_id: object, counts: Mapping[str, Any] | None) -> None:
        """Have the event of the campaign's asset, if there will be one, tell what was added.

        Of other campaigns, which a task with a template for its connection may declare, there is none.

        :param conn_id: as it was rendered
        :param counts: plain JSON, without phones; None for nobody, of which there is no event
        """
        try:
            asset = campaign_asset(conn_id) if counts is not None else None
            outlets = [one for one in self.outlets if not _is_campaign(one) or _is_same(one, asset)]
            if asset is not None and self._own_outlet == asset.uri and not _starts_its_dag(self, asset):
                outlets = [one for one in outlets if not _is_same(one, asset)] + [asset]
            self.outlets = outlets
            if asset is not None and _declares(outlets, asset) and "outlet_events" in context:
                events: Any = context["outlet_events"]
                events[_declared(outlets, asset)].extra.update(counts or {})
        except Exception as error:  # noqa: BLE001 - it only tells
            self.log.debug("The campaign's asset isn't told what was added: %s.", type(error).__name__)


def _declared(declared: Iterable[Any], asset: Asset) -> Any:
    """The asset as it was declared: with a name of the DAG's own, say."""
    return next(one for one in declared if _is_same(one, asset))


def _is_campaign(declared: Any) -> bool:
    return any(str(getattr(declared, part, "")).startswith(f"{CAMPAIGNS}/") for part in ("uri", "name"))


def _is_same(declared: Any, asset: Asset | None) -> bool:
    """Whether something declared is an asset, by its URI, or by its name; as a reference has either."""
    return asset is not None and asset.uri in (getattr(declared, "uri", None), getattr(declared, "name", None))
