"""How many calls the last lists of a task had that were begun to be sent, as the results table's database knows.

For workers that don't see each other's folders, and for lists that were sent before those were counted beside them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.tables.claim_tables import results_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from aimylogic_provider.call_list.tables.claims import Claims, ListHolder

__all__ = ["calls_of_last_lists"]

_LOOKED_AT = 50
"""Lists that are counted, at most: some may have called nobody."""
_NO_CALLS = ("rejected", "double", "claimed", "capped", "excluded", "held_out")
"""What stands in the results table of rows that are none of a list's calls."""


def calls_of_last_lists(claims: Claims, holder: ListHolder, runs: int) -> dict[str, int]:
    """How many calls the lists of a task instance's earlier DAG runs had, by the run's id, the newest first.

    :param holder: the task instance; what else it says doesn't matter
    :param runs: that are looked for, at most
    :raises CallListError: if the database fails; another try can help
    """
    found: dict[str, int] = {}
    for call_list, run_id, results_table in claims.read(partial(_last, claims=claims, holder=holder)):
        if len(found) >= runs:
            break
        if run_id in found:
            continue
        calls = claims.read(partial(_count, call_list=call_list, results_table=results_table))
        if calls:
            found[run_id] = calls
    return found


def _last(connection: Connection, claims: Claims, holder: ListHolder) -> list[tuple[str, str, str]]:
    """The last lists of the task instance's other runs that were begun to be sent: their ids, runs, results tables."""
    table = claims.tables[0]
    lists = table.c
    asked = (
        table.select()
        .with_only_columns(lists.call_list, lists.run_id, lists.results_table)
        .where(
            lists.dag_id == holder.dag_id,
            lists.task_id == holder.task_id,
            lists.map_index == holder.map_index,
            lists.iteration == holder.iteration,
            lists.run_id != holder.run_id,
            lists.state.in_(("sending", "ended")),
        )
        .order_by(lists.number.desc())
        .limit(_LOOKED_AT)
    )
    return [(row.call_list, row.run_id, row.results_table) for row in connection.execute(asked)]


def _count(connection: Connection, call_list: str, results_table: str) -> int:
    """How many calls a list had; none if its results table is gone."""
    import sqlalchemy as sa

    results: Any = results_of(results_table)
    if not sa.inspect(connection).has_table(results.name, results.schema):
        return 0
    asked = sa.select(sa.func.count()).select_from(results).where(
        results.c.call_list == call_list, results.c.outcome.not_in(_NO_CALLS)
    )  # fmt: skip
    return int(connection.execute(asked).scalar_one())
