"""What became of a results table's rows: those whose call jobs are open are looked up, and told what the report shows.

A row never goes from later to earlier: a finished one never becomes open again, an older reading than the one that a
row tells changes nothing, and neither does one that shows the same. Each transaction is short, and a repeat harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.job_columns import FormerShapeError, lacking, migrate, statements
from aimylogic_provider.call_list.tables.job_state import JobState
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.sql_database.alterations import is_for_good

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["JobResults", "NoSuchTableError", "OpenRow", "RowsOf"]

T = TypeVar("T")
_PAGE = 2000
_TRIES = 5
_NEEDED = ("call_list", "row_number", "dag_id", "task_id", "outcome", "call_job_id", "frozen_at", "settled_at")
_TOLD = ("job_status", "attempts", "finished_at", "call_seconds", "tag_name", "report_data")


class NoSuchTableError(RejectedError):
    """There is no table of that name."""


@dataclass(frozen=True, slots=True)
class RowsOf:
    """Whose rows are meant; what is left out limits nothing.

    :param dag_ids: of the tasks that sent them
    :param task_ids: likewise
    :param call_list: the id of a list
    """

    dag_ids: tuple[str, ...] = ()
    task_ids: tuple[str, ...] = ()
    call_list: str | None = None


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row that has a call job which isn't over, as far as the table tells.

    :param told_at: when it was told that the job was created
    """

    row_number: int
    job: str
    told_at: datetime


class JobResults:
    """A results table, open for what became of calls.

    :param engine: of the database
    :param name: of the table, after its schema and a dot where it has one
    :param migrates: whether columns that a table of the former shape lacks are added
    :raises NoSuchTableError: if there is none
    :raises FormerShapeError: if it lacks columns, with the statements that add them
    :raises RejectedError: if it is no results table, or one of another shape
    :raises CallListError: if the database can't be reached
    """

    def __init__(self, engine: Engine, name: str, *, migrates: bool = False) -> None:
        import sqlalchemy as sa

        self._engine = engine
        self._shown = name
        schema, _, plain = name.rpartition(".")
        if not plain:
            raise RejectedError(f"results_table {name!r} isn't a table's name: give table, or schema.table")
        self._table = sa.Table(plain, sa.MetaData(), schema=schema or None)
        self._repeat("read", lambda: self._open(migrates))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def lists(self, of: RowsOf) -> list[str]:
        """The ids of the lists that have open rows, the youngest first.

        :raises CallListError: if the database fails; another try can help
        """
        import sqlalchemy as sa

        columns = self._table.c
        frozen = sa.func.max(columns.frozen_at)
        asked = (
            sa.select(columns.call_list).where(*self._are_open(of)).group_by(columns.call_list).order_by(frozen.desc())
        )
        return self._read(lambda connection: [*connection.execute(asked).scalars()])

    def open_rows(self, call_list: str, of: RowsOf) -> Iterator[list[OpenRow]]:
        """The open rows of a list, some at a time.

        :raises CallListError: as :meth:`lists`
        """
        import sqlalchemy as sa

        columns = self._table.c
        told_at = sa.func.coalesce(columns.settled_at, columns.frozen_at)
        asked = (
            sa.select(columns.row_number, columns.call_job_id, told_at)
            .where(columns.call_list == call_list, *self._are_open(of))
            .order_by(columns.row_number)
            .limit(_PAGE)
        )
        after: Any = sa.true()

        def page(connection: Connection) -> Sequence[Any]:
            return connection.execute(asked.where(after)).fetchall()

        while rows := self._read(page):
            yield [OpenRow(number, job, _aware(moment)) for number, job, moment in rows]
            after = columns.row_number > rows[-1][0]

    def update(self, call_list: str, shown: Mapping[int, JobState], read_at: datetime) -> int:
        """Tell of rows of a list what the report shows of their jobs, in one transaction; return how many changed.

        :param shown: by the numbers of the rows, a few hundred
        :param read_at: when the report was read, by the server's time
        :raises CallListError: as :meth:`lists`
        """

        def act(connection: Connection) -> int:
            known = self._known(connection, call_list, [*shown])
            changed = {
                number: state for number, state in shown.items()
                if number in known and not state.is_told_by(known[number])
            }  # fmt: skip
            return self._write(connection, call_list, changed, read_at) if changed else 0

        return self._repeat("written", lambda: self._transact(act))

    # Beneath

    def _are_open(self, of: RowsOf) -> list[Any]:
        columns = self._table.c
        found = [columns.outcome == "created", columns.call_job_id.is_not(None), columns.finished_at.is_(None)]
        if of.dag_ids:
            found.append(columns.dag_id.in_(of.dag_ids))
        if of.task_ids:
            found.append(columns.task_id.in_(of.task_ids))
        if of.call_list is not None:
            found.append(columns.call_list == of.call_list)
        return found

    def _known(self, connection: Connection, call_list: str, numbers: list[int]) -> dict[int, JobState]:
        """What the table tells of some rows, which nobody else changes until the transaction ends."""
        import sqlalchemy as sa

        columns = self._table.c
        if connection.dialect.name == "sqlite":  # which locks all, and by nothing but a change
            connection.execute(sa.update(self._table).values(call_list=columns.call_list).where(sa.false()))
        data: Any = columns.report_data
        if connection.dialect.name == "postgresql":
            data = sa.cast(data, sa.Text)
        told: list[Any] = [columns.row_number, *(columns[name] for name in _TOLD[:-1]), data]
        asked = (
            sa.select(*told)
            .where(columns.call_list == call_list, columns.row_number.in_(numbers))
            .order_by(columns.row_number)
            .with_for_update()
        )
        return {
            number: JobState(status, attempts, None if over is None else _aware(over), seconds, tag, data)
            for number, status, attempts, over, seconds, tag, data in connection.execute(asked).fetchall()
        }

    def _write(self, connection: Connection, call_list: str, changed: Mapping[int, JobState], read_at: datetime) -> int:
        import sqlalchemy as sa

        if connection.dialect.name == "postgresql":
            return self._write_in_postgresql(connection, call_list, changed, read_at)
        columns = self._table.c
        given = {name: sa.bindparam(f"new_{name}", type_=columns[name].type) for name in _TOLD}
        statement = self._goes_on(given, sa.bindparam("read_at", type_=columns.updated_at.type)).where(
            columns.call_list == sa.bindparam("of_list"), columns.row_number == sa.bindparam("of_row")
        )
        rows = [
            {"of_list": call_list, "of_row": number, "read_at": read_at}
            | {f"new_{name}": getattr(state, name) for name in _TOLD}
            for number, state in changed.items()
        ]
        written = connection.execute(statement, rows).rowcount
        return written if written >= 0 else len(rows)  # which not every driver says

    def _write_in_postgresql(
        self, connection: Connection, call_list: str, changed: Mapping[int, JobState], read_at: datetime
    ) -> int:
        """All rows are one value, as in the results table: one statement, whatever the driver."""
        import msgspec
        import sqlalchemy as sa

        columns = self._table.c
        rows = [
            {"number": number, **{name: getattr(state, name) for name in _TOLD}} for number, state in changed.items()
        ]
        types: list[Any] = [("number", sa.BigInteger()), *((name, columns[name].type) for name in _TOLD[:-1])]
        described = [*(sa.column(name, type) for name, type in types), sa.column("report_data", sa.Text())]
        values = sa.func.json_to_recordset(sa.text("cast(:rows as json)")).table_valued(*described)
        given = values.render_derived("given", with_types=True).c
        new: dict[str, Any] = {name: given[name] for name in _TOLD[:-1]}
        new["report_data"] = sa.cast(given.report_data, columns.report_data.type)
        statement = self._goes_on(new, sa.bindparam("read_at", type_=columns.updated_at.type)).where(
            columns.call_list == sa.bindparam("of_list"),
            columns.row_number == given.number,
            columns.row_number.between(min(changed), max(changed)),  # by the key, also before the table is analysed
        )
        written = connection.execute(
            statement, {"rows": msgspec.json.encode(rows).decode(), "of_list": call_list, "read_at": read_at}
        )
        return max(0, written.rowcount)

    def _goes_on(self, new: Mapping[str, Any], read_at: Any) -> Any:
        """A statement that changes what it finds, where that goes on from what was known."""
        import sqlalchemy as sa

        columns = self._table.c
        return (
            sa.update(self._table)
            .values({**new, "updated_at": read_at})
            .where(
                sa.or_(columns.updated_at.is_(None), columns.updated_at <= read_at),
                sa.or_(columns.finished_at.is_(None), new["finished_at"].is_not(None)),
            )
        )

    def _open(self, migrates: bool) -> None:
        """See that the table is one of ours, with all columns."""
        import sqlalchemy as sa

        table, place = self._table, (self._table.name, self._table.schema)
        inspector = sa.inspect(self._engine)
        if not inspector.has_table(*place):
            raise NoSuchTableError(
                f"there is no table {self._shown!r} in the database of results_conn_id: name the results_table of the "
                "task that sends, which makes it"
            )
        found = {column["name"]: column for column in inspector.get_columns(*place)}
        if strange := [name for name in _NEEDED if name not in found]:
            raise RejectedError(
                f"results_table {self._shown!r} is no results table, for it lacks the column {strange[0]!r}: name the "
                "results_table of the task that sends"
            )
        if names := lacking(self._shown, found):
            if not migrates:
                raise FormerShapeError(self._shown, statements(self._engine, table, names))
            self._add(names)
            found = {column["name"]: column for column in sa.inspect(self._engine).get_columns(*place)}
        for name in dict.fromkeys((*_NEEDED, *_TOLD, "updated_at")):
            table.append_column(sa.Column(name, _type(self._engine, found[name]["type"])), replace_existing=True)

    def _add(self, names: Sequence[str]) -> None:
        from sqlalchemy.exc import DBAPIError

        try:
            migrate(self._engine, self._table, names)
        except DBAPIError as error:
            if is_for_good(error):
                to_do = statements(self._engine, self._table, names)
                raise FormerShapeError(self._shown, to_do, f"can't be altered ({type(error.orig).__name__})") from None
            raise

    def _read(self, act: Callable[[Connection], T]) -> T:
        return self._repeat("read", lambda: self._transact(act))

    def _transact(self, act: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return act(connection)

    def _repeat(self, what: str, act: Callable[[], T]) -> T:
        """Do something in the database, again where others were in the way.

        :raises CallListError: if it fails
        """
        from sqlalchemy.exc import OperationalError, SQLAlchemyError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        retrying = Retrying(
            retry=retry_if_exception_type(OperationalError),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            return retrying(act)
        except SQLAlchemyError as error:
            kind = type(getattr(error, "orig", None) or error).__name__
            raise CallListError(
                f"the results table {self._shown} can't be {what} ({kind}): what is written stays, and the next try "
                "goes on",
                retryable=True,
            ) from None


def _type(engine: Engine, found: Any) -> Any:
    """A column's type, as values are given and read: JSON as its text, and times with their zone."""
    import sqlalchemy as sa

    if engine.dialect.name != "postgresql" and isinstance(found, sa.JSON):
        return sa.Text()
    return found


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
