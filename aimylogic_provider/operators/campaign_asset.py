"""A campaign as an asset of Airflow's: ``aimylogic://campaign/<connection id>``, declared by the tasks that add calls.

Airflow keeps state by asset, which outlives clears and DAG runs: the second record lies there (3.3 and newer). A task
may use it if the asset is an inlet or an outlet of its. A task of its own declares an outlet: Airflow then also tells
what was done, as one event with counts. A mapped task declares an inlet: a thousand map indexes would make a thousand
events. Where the connection's id is a template, or mapped over, no asset can be named before the task runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Asset, BaseOperator, Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

__all__ = ["campaign_asset", "declare", "declare_mapped", "tell_counts"]

_CONN_ID = "aimylogic_conn_id"
_DEFAULT = "aimylogic_default"


def campaign_asset(conn_id: object) -> Asset | None:
    """Return the asset of a connection's campaign; None if its id isn't known while the DAG is parsed.

    :param conn_id: as the DAG gives it
    """
    from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS

    if not AIRFLOW_V_3_3_PLUS or not isinstance(conn_id, str) or not conn_id or "{{" in conn_id or "{%" in conn_id:
        return None
    from airflow.providers.common.compat.sdk import Asset

    uri = f"aimylogic://campaign/{quote(conn_id, safe='')}"
    # To write a URI as its scheme wants it, Airflow loads all providers that know one, for 0.3 seconds of each parsing
    # of a DAG. Ours is so written, and none knows it; of a scheme that begins with x- Airflow asks nobody.
    asset = Asset(name=uri, uri="x-aimylogic:")
    object.__setattr__(asset, "uri", uri)
    return asset


def declare(task: BaseOperator, conn_id: object) -> None:
    """Have a task of its own declare its campaign, unless its DAG did so."""
    if getattr(task, "_BaseOperator__from_mapped", False):
        return  # the mapped task has declared it
    asset = campaign_asset(conn_id)
    if asset is not None and not _declares((*task.inlets, *task.outlets), asset):
        task.outlets = [*task.outlets, asset]


def declare_mapped(partial: OperatorPartial) -> OperatorPartial:
    """Have a mapped task declare its campaign, unless its DAG did so, or its connections are mapped over.

    What is set in ``__init__`` doesn't reach a mapped task: Airflow makes its instances when they run.
    """
    asset = campaign_asset(partial.kwargs.get(_CONN_ID, _DEFAULT))
    declared = (*_listed(partial.kwargs.get("inlets")), *_listed(partial.kwargs.get("outlets")))
    if asset is None or _declares(declared, asset):
        return partial
    partial._expand_called = True  # else it warns of never having been mapped
    return _expanding(partial, asset)


def _expanding(partial: OperatorPartial, asset: Asset) -> OperatorPartial:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    class Declaring(OperatorPartial):
        """Declares the campaign once it is known what is mapped over."""

        def _expand(self, expand_input: Any, **more: Any) -> Any:
            if not _maps_connections(expand_input.value):
                self.kwargs["inlets"] = [*_listed(self.kwargs.get("inlets")), asset]
            return super()._expand(expand_input, **more)

    return Declaring(operator_class=partial.operator_class, kwargs=partial.kwargs, params=partial.params)


def _maps_connections(value: object) -> bool:
    """Whether connections are among what a task is mapped over, as far as that is known while the DAG is parsed."""
    if isinstance(value, Mapping):
        return _CONN_ID in value
    return isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) and _CONN_ID in one for one in value)


def _listed(assets: Any) -> list[Any]:
    if assets is None:
        return []
    return list(assets) if isinstance(assets, (list, tuple)) else [assets]


def _declares(declared: Iterable[Any], asset: Asset) -> bool:
    return any(getattr(one, "name", None) == asset.name for one in declared)


def tell_counts(context: Context, conn_id: object, counts: Mapping[str, int]) -> None:
    """Have the event of the campaign's asset, if there will be one, tell what was done."""
    asset = campaign_asset(conn_id)
    events: Any = context.get("outlet_events")
    if asset is None or events is None or not _declares(context.get("outlets") or (), asset):
        return
    events[asset].extra.update(counts)
