"""A table of one row for each row of a call list, in any database that SQLAlchemy and an Airflow hook reach.

What is written never goes backwards: a row that is *created*, *rejected*, *refused* or a *double* stays so, however
many tries and shards write at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.claim_tables import CLAIMS, LISTS
from aimylogic_provider.call_list.tables.job_columns import are_taken, has_all, index_of_open, job_columns, kind_of
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.sql_database.alterations import add_columns

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

__all__ = ["KEY", "OWN_COLUMNS", "ResultsTable", "key_as_text"]

OWN_COLUMNS = (
    "call_list", "row_number", "dag_id", "task_id", "run_id", "phone", "outcome", "call_job_id", "reason", "frozen_at",
    "settled_at",
)  # fmt: skip
"""The columns that every results table has; the key columns stand between ``run_id`` and ``phone``, and new tables have
those of ``job_columns`` at their end, which are written by ``job_results`` alone."""

KEY = ("call_list", "row_number")
_TOLD = ("outcome", "call_job_id", "reason", "settled_at")
_OPEN = ("pending", "unknown")
_TRIES = 5
_ROOM = {"outcome": 8, "call_job_id": 40, "reason": 1000}
"""Characters of what is first known when calls are made: too late to find out that a table has no room for it."""


class ResultsTable:
    """The table, open for writing; made if there is none.

    :param engine: of the database
    :param name: of the table, after its schema and a dot where it has one
    :param keys: the key columns, which are text here, whatever they are in the query
    :param consent: that of them which is added to a table that was made without it; empty for none
    :raises RejectedError: if a name can't be used, or there is a table of another shape, with the difference
    :raises CallListError: if the database can't be reached
    """

    def __init__(self, engine: Engine, name: str, keys: Sequence[str], consent: str = "") -> None:
        self._engine = engine
        self._schema, _, self._name = name.rpartition(".")
        if not self._name:
            raise RejectedError(f"results_table {name!r} isn't a table's name: give table, or schema.table")
        if self._name.casefold() in (LISTS, CLAIMS):
            raise RejectedError(
                f"results_table {name!r} is the name of a table by which runs are kept apart: give another one"
            )
        twice = [key for key in keys if key.lower() in OWN_COLUMNS]
        if twice:
            raise RejectedError(
                f"key column {twice[0]!r} has the name of a column that the results table has itself: give it another "
                f"one in the query, as in {twice[0]} as customer_{twice[0]}"
            )
        folded = [key.casefold() for key in keys]
        if twice := [key for key in keys if folded.count(key.casefold()) > 1]:
            raise RejectedError(
                f"key_columns name {twice[0]!r} twice, and the results table has a column for each: name it once"
            )
        for one in (self._name, *keys):
            self._check_length(one)
        self._keys = keys
        self._consent = consent
        self._table = self._described()
        self._make()

    def write(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write rows, in one transaction: new ones, and what became of those that were open.

        :param rows: each with all columns
        :raises CallListError: if the database doesn't take them; another try can help
        """
        from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        written = [{**row, **{key: key_as_text(row.get(key)) for key in self._keys}} for row in rows]
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type((OperationalError, IntegrityError)),  # locked, or two at once
                stop=stop_after_attempt(_TRIES),
                wait=wait_random_exponential(multiplier=0.2, max=5),
                reraise=True,
            ):
                with attempt, self._engine.begin() as connection:
                    self._upsert(connection, written)
        except SQLAlchemyError as error:
            raise CallListError(
                f"the results table {self._shown} can't be written ({_words(error)}): the next try goes on",
                retryable=True,
            ) from None

    def count_pending(self, of: Mapping[str, str]) -> int:
        """How many rows stand as pending.

        :param of: values of columns, as ``run_id``, that the rows have
        :raises CallListError: if the database doesn't say; another try can help
        """
        import sqlalchemy as sa
        from sqlalchemy.exc import SQLAlchemyError

        columns = self._table.columns
        asked = [columns.outcome == "pending", *(columns[name] == value for name, value in of.items())]
        try:
            with self._engine.connect() as connection:
                return connection.execute(
                    sa.select(sa.func.count()).select_from(self._table).where(*asked)
                ).scalar_one()
        except SQLAlchemyError as error:
            raise CallListError(
                f"the results table {self._shown} can't be asked for pending rows ({_words(error)}): nothing is sent",
                retryable=True,
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @property
    def _shown(self) -> str:
        return f"{self._schema}.{self._name}" if self._schema else self._name

    def _check_length(self, name: str) -> None:
        """Check that the database takes a name whole.

        :raises RejectedError: if not
        """
        dialect = self._engine.dialect
        length = len(name.encode()) if dialect.name == "postgresql" else len(name)  # which counts bytes
        if length > dialect.max_identifier_length:
            raise RejectedError(
                f"{name!r} is too long for a name in this database, which takes {dialect.max_identifier_length}: give "
                "another results_table, or the key column a shorter name in the query, with AS"
            )

    def _described(self) -> Table:
        import sqlalchemy as sa

        return sa.Table(
            self._name,
            sa.MetaData(),
            sa.Column("call_list", sa.String(64), primary_key=True),
            sa.Column("row_number", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("dag_id", sa.String(250), nullable=False),
            sa.Column("task_id", sa.String(250), nullable=False),
            sa.Column("run_id", sa.String(250), nullable=False),
            *(sa.Column(name, sa.Text) for name in self._keys),
            sa.Column("phone", sa.String(64)),
            sa.Column("outcome", sa.String(16), nullable=False),
            sa.Column("call_job_id", sa.String(64)),
            sa.Column("reason", sa.Text),
            sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("settled_at", sa.DateTime(timezone=True)),
            schema=self._schema or None,
        )

    def _new_table(self) -> Table:
        """The table as it is made: with the columns of its jobs, unless a key column has the name of one."""
        import sqlalchemy as sa

        made = self._table.to_metadata(sa.MetaData())
        if columns := [] if are_taken(self._keys) else job_columns():
            for column in columns:
                made.append_column(column)
            index_of_open(made)
        return made

    def _make(self) -> None:
        """Make the table if there is none; else see that it is one of ours."""
        import sqlalchemy as sa
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            if not sa.inspect(self._engine).has_table(self._name, self._schema or None):
                try:
                    self._new_table().create(self._engine, checkfirst=True)
                except DBAPIError:
                    if not sa.inspect(self._engine).has_table(self._name, self._schema or None):
                        raise  # else another task made it at the same moment
            elif self._consent:
                self._add_consent()
            differences = self._differences()
        except SQLAlchemyError as error:
            raise CallListError(
                f"the results table {self._shown} can't be made or read ({_words(error)}): nothing is sent",
                retryable=True,
            ) from None
        if differences:
            raise RejectedError(
                f"results_table {self._shown!r} has another shape than the results of this task: "
                f"{'; '.join(differences)}. Give another table, or rename that one, and clear the task"
            )

    def _add_consent(self) -> None:
        """Add the column of consent to a table that was made without it. If that can't be, the difference is told."""
        import sqlalchemy as sa
        from sqlalchemy.exc import DBAPIError

        found = {column["name"] for column in sa.inspect(self._engine).get_columns(self._name, self._schema or None)}
        if self._consent not in found and {*KEY, *_TOLD} <= found:
            with suppress(DBAPIError):
                add_columns(self._engine, self._table, [self._table.columns[self._consent]])

    def _differences(self) -> list[str]:
        import sqlalchemy as sa

        inspector = sa.inspect(self._engine)
        place = (self._name, self._schema or None)
        found = {column["name"]: column for column in inspector.get_columns(*place)}
        told = []
        for column in self._table.columns:
            if column.name not in found:
                told.append(f"it lacks the column {column.name!r}")
                continue
            if (kind := kind_of(found[column.name]["type"])) != kind_of(column.type):
                told.append(f"its column {column.name!r} holds {kind}, and not {kind_of(column.type)}")
                continue
            room, needed = getattr(found[column.name]["type"], "length", None), _ROOM.get(column.name, 0)
            if isinstance(room, int) and room < needed:
                told.append(f"its column {column.name!r} holds {room:,} characters at most, and not {needed:,}")
        for name, described in found.items():
            if name not in self._table.columns and not described["nullable"] and described.get("default") is None:
                told.append(f"its column {name!r} must have a value, and no result has one")
        if are_taken(self._keys) and has_all(found):
            told.append("it has the columns for what became of calls, one of which has the name of a key column")
        unique = [inspector.get_pk_constraint(*place)["constrained_columns"]]
        unique += [one["column_names"] for one in inspector.get_unique_constraints(*place)]
        if {*KEY} not in [{*columns} for columns in unique]:
            told.append(f"{' and '.join(KEY)} are not unique in it")
        return told

    def _upsert(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        match connection.dialect.name:
            case "postgresql":
                self._upsert_in_postgresql(connection, rows)
            case "sqlite":
                self._upsert_in_sqlite(connection, rows)
            case _:
                self._update_or_insert(connection, rows)

    def _upsert_in_postgresql(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """All rows are one value: the driver would write thousands of them into the statement, many times slower."""
        import msgspec
        import sqlalchemy as sa
        from sqlalchemy.dialects.postgresql import insert

        columns = self._table.columns
        given = sa.func.json_to_recordset(sa.text("cast(:rows as json)"))
        values = given.table_valued(*(sa.column(column.name, column.type) for column in columns))
        selected = sa.select(*values.render_derived("given", with_types=True).columns)
        statement = insert(self._table).from_select([column.name for column in columns], selected)
        connection.execute(self._goes_on(statement), {"rows": msgspec.json.encode(rows).decode()})

    def _upsert_in_sqlite(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        from sqlalchemy.dialects.sqlite import insert

        names = [column.name for column in self._table.columns]
        statement = self._goes_on(insert(self._table)).compile(dialect=connection.dialect, column_keys=names)
        connection.exec_driver_sql(str(statement), [tuple(_plain(row[name]) for name in names) for row in rows])

    def _goes_on(self, statement: Any) -> Any:
        """Have a statement change what it finds, where that goes on from what was known."""
        import sqlalchemy as sa

        def named(outcome: str) -> Any:
            return sa.literal_column(f"'{outcome}'")  # and no parameter, which would stand among those of the rows

        new, old = statement.excluded.outcome, self._table.columns.outcome
        return statement.on_conflict_do_update(
            index_elements=list(KEY),
            set_={name: statement.excluded[name] for name in _TOLD},
            where=sa.and_(
                new != named("pending"),
                old != named("created"),
                sa.or_(new == named("created"), *(old == named(one) for one in _OPEN)),
            ),
        )

    def _update_or_insert(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """The same for any database; of two at once one fails on the unique key, and repeats."""
        import sqlalchemy as sa

        table = self._table
        numbers: list[Any] = [row["row_number"] for row in rows]
        known = {
            number
            for (number,) in connection.execute(
                sa.select(table.c.row_number)
                .where(
                    table.c.call_list == rows[0]["call_list"],
                    table.c.row_number.between(min(numbers), max(numbers)),  # to name each, no database takes so many
                )
            )
        }  # fmt: skip
        for row in rows:
            if row["row_number"] in known and row["outcome"] != "pending":
                before = _OPEN if row["outcome"] != "created" else (*_OPEN, "refused", "rejected", "double")
                connection.execute(
                    sa.update(table)
                    .where(
                        table.c.call_list == row["call_list"],
                        table.c.row_number == row["row_number"],
                        table.c.outcome.in_(before),
                    )
                    .values({name: row[name] for name in _TOLD})
                )
        if new := [row for row in rows if row["row_number"] not in known]:
            connection.execute(sa.insert(table), new)


def _plain(value: object) -> object:
    """A value as SQLite keeps it."""
    return value.replace(tzinfo=None).isoformat(" ", "microseconds") if isinstance(value, datetime) else value


def key_as_text(value: object) -> str | None:
    """A key as text: of any value, and without nulls, which PostgreSQL's text can't hold."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _words(error: Exception) -> str:
    """The kind of an error of the database: its own words would quote the row."""
    return type(getattr(error, "orig", None) or error).__name__
