"""What a task reads and writes, as plain values: a query, tables, a campaign, folders of lists. No phones."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TableRows", "TaskLineage"]


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table, and how many of its rows were written.

    :param conn_id: of its database
    :param name: as the task was given it, with its schema or without
    :param rows: None if that isn't known
    """

    conn_id: str
    name: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class TaskLineage:
    """What a task reads and writes.

    :param sql: the query that it asks
    :param sql_conn_id: of the query's database
    :param reads_campaign: the connection's id of the campaign whose report it reads
    :param adds_to_campaign: that of the campaign to which it adds calls
    :param created: call jobs that this try created, or found to be created; None if that isn't known
    :param reads_lists: the folder of the call lists that it sends, by its address
    :param writes_lists: that of those which it freezes
    :param tables: that it has written
    :param asked: whether this try asked the query, so that its database may be asked for a schema's name as well
    """

    sql: str | None = None
    sql_conn_id: str = ""
    reads_campaign: str | None = None
    adds_to_campaign: str | None = None
    created: int | None = None
    reads_lists: str | None = None
    writes_lists: str | None = None
    tables: tuple[TableRows, ...] = ()
    asked: bool = False
