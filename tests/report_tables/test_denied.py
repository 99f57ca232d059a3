"""A user who may not make or alter tables: told for good, with the statements; and names that drivers would change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from aimylogic_provider.report_tables.jobs_table import JobsTable
from aimylogic_provider.sql_database.errors import TablesError

pytestmark = pytest.mark.parametrize("database", ["postgres", "mariadb"], indirect=True)
NAME = "calls 100%: of us"


@pytest.fixture
def denied(engine: sa.Engine, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """The same database, by a user who may read and write what is there, and no more."""
    if engine.dialect.name == "postgresql":
        _as_owner(
            engine, "drop role if exists writer", "create role writer login password 'pw'",
            "grant usage on schema public to writer",
        )  # fmt: skip
    else:
        request.getfixturevalue("mariadb").execute(
            "create or replace user writer@'%' identified by 'pw'", "create or replace user writer@localhost "
            "identified by 'pw'", "grant select, insert, update, delete on warehouse.* to writer@localhost",
            "grant select, insert, update, delete on warehouse.* to writer@'%'",
        )  # fmt: skip
    other = sa.create_engine(engine.url.set(username="writer", password="pw"))
    yield other
    other.dispose()
    if engine.dialect.name == "postgresql":
        _as_owner(engine, "drop owned by writer", "drop role writer")


def _as_owner(engine: sa.Engine, *statements: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_table_that_may_not_be_made_is_told_with_its_statements(engine: sa.Engine, denied: sa.Engine) -> None:
    with pytest.raises(TablesError, match="jobs_table 'calls' isn't there, and can't be made") as caught:
        JobsTable(denied, "calls")
    assert not caught.value.retryable
    make, index = str(caught.value).partition(":\n")[2].removesuffix(";").split(";\n")
    assert index.startswith("CREATE INDEX calls_open ON calls")
    with engine.begin() as connection:
        connection.execute(sa.text(make))
        connection.execute(sa.text(index))
    assert not JobsTable(engine, "calls").was_made


def test_a_table_that_may_not_be_altered_is_told_with_its_statements(engine: sa.Engine, denied: sa.Engine) -> None:
    JobsTable(engine, NAME)
    quote = "`" if engine.dialect.name in ("mysql", "mariadb") else '"'
    colon = NAME.replace(":", r"\:")
    with engine.begin() as connection:
        connection.execute(sa.text(f"alter table {quote}{colon}{quote} drop column campaign_name"))
        if quote == '"':
            connection.execute(sa.text(f"grant select, insert, update, delete on {quote}{colon}{quote} to writer"))
    with pytest.raises(TablesError, match="lacks 'campaign_name', and can't be altered") as caught:
        JobsTable(denied, NAME, migrate=True)
    assert not caught.value.retryable
    told = str(caught.value).partition(":\n")[2].removesuffix(";")
    assert told.startswith(f"alter table {quote}{NAME}{quote} add column campaign_name"), "as people write it"
    JobsTable(engine, NAME, migrate=True)
