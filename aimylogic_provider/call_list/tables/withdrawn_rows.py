"""A results table's rows with the keys of their people, and what is told of rows whose jobs were withdrawn.

That stands in the column ``reason``, which a created row has empty: so no table needs another column for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aimylogic_provider.call_list.tables.job_results import JobResults, RowsOf
from aimylogic_provider.call_list.tables.results_table import OWN_COLUMNS
from aimylogic_provider.calls_api.errors import RejectedError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["PersonOfRow", "WithdrawnRows"]


class PersonOfRow(NamedTuple):
    """A row, and who it is.

    :param job: its call job
    :param values: its key columns, or its phone
    """

    row: int
    job: str
    values: tuple[Any, ...]


class WithdrawnRows(JobResults):
    """A results table, open for what is withdrawn.

    :param engine: of the database
    :param name: of the table
    :param keys: columns that tell who a row is
    :param writes: whether anything is written
    :raises RejectedError: as of :class:`.JobResults`, and if a key column is none of the table's
    """

    def __init__(self, engine: Engine, name: str, keys: Sequence[str], *, writes: bool) -> None:
        self._keys = keys
        self._writes = writes
        super().__init__(engine, name)

    def people(self, call_list: str, of: RowsOf, *, only_open: bool = True) -> Iterator[list[PersonOfRow]]:
        """The rows of a list, some at a time: those whose jobs are open, or all that were to be called.

        :raises CallListError: if the database fails; another try can help
        """
        columns = self._table.c
        which = self._are_open(of) if only_open else [columns.phone.is_not(None), *self._are(of)]
        keys = (columns[key] for key in self._keys)
        for rows in self._pages(call_list, which, columns.call_job_id, *keys):
            yield [PersonOfRow(number, job or "", tuple(values)) for number, job, *values in rows]

    def task_of(self, call_list: str) -> str:
        """The task that sent a list, with its DAG.

        :raises CallListError: as :meth:`people`
        """
        import sqlalchemy as sa

        columns = self._table.c
        asked = sa.select(columns.dag_id, columns.task_id).where(columns.call_list == call_list).limit(1)
        found = self._transactions.act("read", lambda connection: connection.execute(asked).first())
        return "" if found is None else f"{found.task_id} of DAG {found.dag_id}"

    def update(self, *told: Any, **more: Any) -> int:
        """As of :class:`.JobResults`; of a dry run, nothing."""
        return super().update(*told, **more) if self._writes else 0

    def tell(self, call_list: str, rows: Collection[int], reason: str) -> None:
        """Tell why the jobs of some rows were cancelled, where nothing is told yet.

        :raises CallListError: as :meth:`people`
        """
        import sqlalchemy as sa

        columns = self._table.c
        statement = (
            sa.update(self._table)
            .where(
                columns.call_list == call_list, columns.row_number.in_(rows), columns.outcome == "created",
                columns.reason.is_(None),
            )
            .values(reason=reason)
        )  # fmt: skip
        self._transactions.act("written", lambda connection: connection.execute(statement))

    def _open(self, migrates: bool) -> None:
        import sqlalchemy as sa

        super()._open(migrates)
        found = {one["name"]: one["type"] for one in sa.inspect(self._engine).get_columns(
            self._table.name, self._table.schema
        )}  # fmt: skip
        folded = {name.casefold(): name for name in found}
        keys = []
        for key in self._keys:
            if (name := key if key in found else folded.get(key.casefold())) is None:
                known = [name for name in found if name not in OWN_COLUMNS and name not in self._table.c]
                raise RejectedError(
                    f"key_columns name {key!r}, and results_table {self._shown!r} has no such column; of key columns "
                    f"it has {', '.join(map(repr, known)) or 'none'}: name those by which the query tells people, and "
                    "set key_columns of the task that sends, if it has none"
                )
            keys.append(name)
        self._keys = keys
        for name in dict.fromkeys(("reason", "phone", *keys)):
            if name not in found:
                raise RejectedError(f"results_table {self._shown!r} is no results table, for it lacks {name!r}")
            if name not in self._table.c:
                self._table.append_column(sa.Column(name, found[name]))
