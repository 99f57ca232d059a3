"""What Airflow asks of a provider that has a URI scheme: ``aimylogic://``, checked, made, and told to OpenLineage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlunsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from aimylogic_provider.airflow_task.airflow_imports import Asset

__all__ = ["campaign", "convert_asset_to_openlineage", "create_asset", "sanitize_uri"]

_LONGEST = 1500
"""Characters of an asset's name, which Airflow takes."""


def campaign(conn_id: str) -> Asset:
    """Return the asset of a campaign, for ``schedule``, ``inlets`` or ``outlets``.

    Whoever adds calls to the campaign by a task of its own makes an event of it, with counts.

    :param conn_id: the id of the campaign's connection, as it stands in Airflow: no template
    :raises ValueError: if it can't be one
    """
    return create_asset(conn_id=conn_id)


def create_asset(*, conn_id: str, extra: dict[str, Any] | None = None) -> Asset:
    """Return the asset of a campaign, as :func:`campaign`: Airflow's own form of it.

    :param conn_id: the id of the campaign's connection
    :param extra: of the asset
    :raises ValueError: if it can't be one
    """
    from aimylogic_provider.airflow_task.argument_checks import is_template
    from aimylogic_provider.airflow_task.assets import asset_of, campaign_uri

    if not isinstance(conn_id, str) or not conn_id or conn_id != conn_id.strip():
        raise ValueError(
            f"conn_id {conn_id!r} is no connection's id: give it as it stands in Airflow's connections, as in "
            "'aimylogic_default'"
        )
    if is_template(conn_id):
        raise ValueError(
            f"conn_id {conn_id!r} is a template, and Airflow reads assets when it parses the DAG: give the id itself"
        )
    uri = campaign_uri(conn_id)
    if len(uri) > _LONGEST:
        raise ValueError(f"conn_id {conn_id[:40]!r} … is too long for an asset, whose name has {_LONGEST:,} characters")
    return asset_of(uri) if extra is None else asset_of(uri, extra=extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Check a URI of the scheme, and return it as it is written here.

    :param uri: as Airflow has split it; a path that is empty has become ``/``
    :raises ValueError: if it is neither of the two; the DAG that has it is then shown among Airflow's import errors
    """
    told = _complaint(uri)
    if told and not _is_server():
        raise ValueError(f"The asset's URI {urlunsplit(uri)!r} {told}")
    return uri if told or uri.path != "/" else uri._replace(path="")


def _is_server() -> bool:
    """Whether this process serves all DAGs, and mustn't end over what one of them had Airflow store."""
    return os.environ.get("_AIRFLOW_PROCESS_CONTEXT") == "server"


def _complaint(uri: SplitResult) -> str:
    """What is wrong with a URI, and the way out; empty if nothing is."""
    two = "of this provider there are aimylogic://calls and aimylogic://campaign/<connection id>"
    if uri.query:
        return f"has a query, which no URI of this scheme has: {two}"
    conn_id = uri.path.removeprefix("/")
    if uri.netloc == "calls":
        return f"has a path behind calls: {two}" if conn_id else ""
    if uri.netloc != "campaign":
        return f"names nothing that is known: {two}. Take aimylogic_provider.assets.campaign('<connection id>')"
    if not conn_id:
        return (
            "names no campaign: write the id of its connection behind it, as in aimylogic://campaign/aimylogic_default"
        )
    written = quote(unquote(conn_id), safe="")
    if conn_id != written:
        return (
            "isn't written as tasks write theirs, and would never have an event: write "
            f"aimylogic://campaign/{written}, or take aimylogic_provider.assets.campaign({unquote(conn_id)!r})"
        )
    return ""


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Any:
    """Return a campaign's asset as OpenLineage's dataset; None for the asset of records, which is no data of yours.

    :param lineage_context: Airflow's; needed for nothing
    """
    from urllib.parse import urlsplit

    from airflow.providers.common.compat.openlineage.facet import Dataset

    from aimylogic_provider.airflow_task.assets import CAMPAIGNS

    parts = urlsplit(asset.uri)
    name = parts.path.removeprefix("/")
    return Dataset(namespace=CAMPAIGNS, name=name) if parts.netloc == "campaign" and name else None
