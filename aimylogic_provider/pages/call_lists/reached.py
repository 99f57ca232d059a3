"""Who was reached, after how many attempts and how much talk: what a list's results table tells, by one query.

Asks a database, whichever the task's results are kept in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aimylogic_provider.call_list.tables.job_columns import has_all
from aimylogic_provider.call_list_task.databases import engine_of
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.statuses import talked

__all__ = ["NoResultsError", "NoTableError", "Reached", "reached_of"]

_NAME = re.compile(r"[^\0\"`\[\];]{1,200}")


class NoResultsError(Exception):
    """What became of calls can't be told; the message says what to do."""


class NoTableError(NoResultsError):
    """The task has no results table."""


@dataclass(slots=True)
class Reached:
    """What became of a list's calls, as its results table tells.

    :param table: its name; empty if the campaign was asked
    :param ends: jobs by how they ended
    :param open: jobs that aren't over, as far as the table tells
    :param talks: jobs by which somebody was reached
    :param attempts: rings
    :param seconds: of talk
    :param not_shown: jobs that the report doesn't show, or not yet
    """

    table: str
    ends: Counter[str] = field(default_factory=Counter)
    open: int = 0
    talks: int = 0
    attempts: int = 0
    seconds: int = 0
    not_shown: int = 0

    @property
    def over(self) -> int:
        """Jobs that are over."""
        return self.ends.total()


def reached_of(list_id: str, settings: Mapping[str, str]) -> Reached:
    """Ask a list's results table.

    :param settings: of the task, as :func:`.task_settings.settings_of` returns them
    :raises NoResultsError: if there is none, or it can't be asked
    """
    table, conn_id = settings.get("results_table"), settings.get("results_conn_id") or settings.get("sql_conn_id")
    if not table or not conn_id or not _NAME.fullmatch(table):
        raise NoTableError("The task has no results table, as far as Airflow knows")
    try:
        engine = engine_of("results_conn_id", conn_id)
    except RejectedError as error:
        raise NoResultsError(f"The results table {table} can't be reached by the API server: {error}") from None
    except Exception as error:  # noqa: BLE001 - of whichever hook
        raise NoResultsError(f"The results table {table} can't be reached by the API server ({_kind(error)})") from None
    try:
        return _asked(engine, table, list_id)
    finally:
        engine.dispose()


def _asked(engine: object, table: str, list_id: str) -> Reached:
    import sqlalchemy as sa
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    assert isinstance(engine, sa.Engine)
    schema, _, name = table.rpartition(".")
    try:
        found = {one["name"]: one for one in sa.inspect(engine).get_columns(name, schema or None)}
        if not has_all(found):
            raise NoResultsError(
                f"The results table {table} has no columns for what became of calls: let UpdateResultsOperator add them"
            )
        of = sa.table(name, *(sa.column(one) for one in found), schema=schema or None).c
        is_over = sa.case((of.finished_at.is_(None), 0), else_=1)
        query = (
            sa.select(of.job_status, is_over, sa.func.count(), sa.func.sum(of.attempts), sa.func.sum(of.call_seconds))
            .where(of.call_list == list_id, of.call_job_id.is_not(None))
            .group_by(of.job_status, is_over)
        )
        reached = Reached(table)
        with engine.connect() as connection:
            for status, over, count, attempts, seconds in connection.execute(query):
                if over:
                    reached.ends[str(status or "unknown")[:40]] += count
                    reached.talks += count if talked(status or "") else 0
                else:
                    reached.open += count
                reached.attempts += int(attempts or 0)
                reached.seconds += int(seconds or 0)
        return reached
    except NoSuchTableError:
        raise NoResultsError(f"There is no results table {table} yet") from None
    except SQLAlchemyError as error:
        raise NoResultsError(f"The results table {table} can't be asked ({_kind(error)}). Try it later") from None


def _kind(error: Exception) -> str:
    """What went wrong, without what a driver tells of it: that may hold a password."""
    return type(getattr(error, "orig", None) or error).__name__
