"""Lineage by hook, as any SQL hook leaves it when it runs a statement: for whatever plugin of Airflow's collects it.

Values never get there: neither parameters, nor rows. Where the common.sql provider is older than 1.32, nothing is told.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["tell_query", "tell_written"]

_log = logging.getLogger(__name__)
_JOB_IDS = ("query_id", "sfqid")
"""Where cursors have the database's own id of a query."""


def tell_query(hook: Any, sql: str, cursor: Any = None, rows: int | None = None) -> None:
    """Tell of a statement that a hook's connection ran.

    :param cursor: that ran it
    :param rows: that it gave, if all were read
    """
    try:
        from airflow.providers.common.sql.hooks.lineage import send_sql_hook_lineage

        if not _is_collected():
            return
        job = next((str(id) for name in _JOB_IDS if (id := getattr(cursor, name, None)) is not None), None)
        send_sql_hook_lineage(context=hook, sql=sql, job_id=job, row_count=rows)
    except Exception as error:  # noqa: BLE001 - it only tells
        _log.debug("Lineage of the query can't be told: %s.", type(error).__name__)


def tell_written(conn_id: str, table: str, columns: tuple[str, ...], rows: int | None) -> None:
    """Tell of rows that were written into a table, as a statement that stands for all that did so.

    :param conn_id: of its database
    :param columns: its key
    :param rows: written, if that is known
    """
    try:
        from airflow.providers.common.sql.hooks.lineage import send_sql_hook_lineage

        from aimylogic_provider.airflow_task.airflow_imports import BaseHook

        if not _is_collected():
            return
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"  # noqa: S608 - it is shown, never run
        send_sql_hook_lineage(context=BaseHook.get_hook(conn_id), sql=sql, row_count=rows)
    except Exception as error:  # noqa: BLE001 - it only tells
        _log.debug("Lineage of the table can't be told: %s.", type(error).__name__)


def _is_collected() -> bool:
    """Whether anybody collects it: else there is no need to look up a connection."""
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    collector: Any = get_hook_lineage_collector
    return not type(collector()).__name__.startswith("NoOp")
