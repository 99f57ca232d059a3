"""What a task reads and writes as OpenLineage's datasets, named alike in each run. Imported if OpenLineage asks.

Names are made of ids and tables alone. A table's comes of its database's hook, as of any SQL operator.
"""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from aimylogic_provider.airflow_task.assets import CAMPAIGNS, campaign_name
from aimylogic_provider.lineage.task_lineage import TableRows, TaskLineage

__all__ = ["operator_lineage"]

_PARAMETER = re.compile(r"%\(\w+\)s|%s")
_log = logging.getLogger(__name__)


def operator_lineage(of: TaskLineage) -> Any:
    """Return what OpenLineage's provider tells of a task, as an ``OperatorLineage``.

    :raises ImportError: if the provider isn't installed
    """
    from airflow.providers.common.compat.openlineage.facet import InputDataset, SQLJobFacet
    from airflow.providers.openlineage.extractors import OperatorLineage

    databases = _Databases()
    inputs: list[Any] = []
    outputs: list[Any] = []
    facets: dict[str, Any] = {}
    if of.sql:
        facets["sql"] = SQLJobFacet(query=_plain(of.sql))
        inputs += databases.read_by(of.sql, of.sql_conn_id) if of.asked else []
    if of.reads_campaign is not None:
        inputs.append(InputDataset(namespace=CAMPAIGNS, name=campaign_name(of.reads_campaign)))
    if of.reads_lists is not None:
        inputs.append(InputDataset(*_of_address(of.reads_lists)))
    if of.adds_to_campaign is not None:
        outputs.append(_output(CAMPAIGNS, campaign_name(of.adds_to_campaign), of.created))
    if of.writes_lists is not None:
        outputs.append(_output(*_of_address(of.writes_lists), None))
    for table in of.tables:
        outputs += databases.written(table)
    return OperatorLineage(inputs=inputs, outputs=outputs, job_facets=facets)


def _output(namespace: str, name: str, rows: int | None) -> Any:
    from airflow.providers.common.compat.openlineage import facet

    statistics = {} if rows is None else {"outputStatistics": facet.OutputStatisticsOutputDatasetFacet(rowCount=rows)}
    facets: dict[str, Any] = {**statistics}
    return facet.OutputDataset(namespace=namespace, name=name, outputFacets=facets)


def _of_address(address: str) -> tuple[str, str]:
    """The namespace and the name of a folder, as OpenLineage names files and objects."""
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        return "file", unquote(parts.path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/") or "/"


def _plain(sql: str) -> str:
    """A query without comments, as all of Airflow's SQL operators tell theirs."""
    try:
        from airflow.providers.openlineage.sqlparser import SQLParser

        plain: str = SQLParser.normalize_sql(sql)
    except Exception as error:  # noqa: BLE001 - as of a query that is too long for it
        _log.debug("The query is told as it stands: %s.", type(error).__name__)
        return sql.strip()
    return plain


class _Databases:
    """Databases by their connections: each is asked once for what names its tables."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, Any, Any] | None] = {}

    def read_by(self, sql: str, conn_id: str) -> list[Any]:
        """The tables that a query reads."""
        # The parser knows no parameters of drivers' own styles.
        found = self._tables(_PARAMETER.sub("NULL", sql), conn_id)
        return [] if found is None else list(found.inputs)

    def written(self, table: TableRows) -> list[Any]:
        """A table that was written, with the count of its rows; nothing if its database isn't known."""
        found = self._tables(f"INSERT INTO {table.name} DEFAULT VALUES", table.conn_id)
        return [] if found is None else [_output(one.namespace, one.name, table.rows) for one in found.outputs]

    def _tables(self, sql: str, conn_id: str) -> Any:
        try:
            if conn_id not in self._known:
                self._known[conn_id] = _parser_for(conn_id)
            known = self._known[conn_id]
            if known is None:
                return None
            hook, info, parser = known
            return parser.generate_openlineage_metadata_from_sql(
                sql=sql, hook=hook, database_info=info, use_connection=False
            )
        except Exception as error:  # noqa: BLE001 - it only tells
            _log.debug("Tables of connection %s can't be told: %s.", conn_id, type(error).__name__)
            return None


def _parser_for(conn_id: str) -> tuple[Any, Any, Any] | None:
    """A database's hook, what OpenLineage knows of it, and the parser of its SQL; None if that is nothing."""
    from airflow.providers.openlineage.sqlparser import SQLParser

    from aimylogic_provider.airflow_task.airflow_imports import BaseHook

    hook: Any = BaseHook.get_hook(conn_id)
    connection = hook.get_connection(conn_id)
    info = hook.get_openlineage_database_info(connection)
    if info is None:
        return None
    dialect = hook.get_openlineage_database_dialect(connection)
    return hook, info, SQLParser(dialect=dialect, default_schema=hook.get_openlineage_default_schema())
