"""Calls of persons, claimed and looked at in each kind of database: no cap is exceeded, whoever claims at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aimylogic_provider.call_list.persons.person_calls import PersonCalls, UnknownKeyError, Wanted
from aimylogic_provider.call_list.persons.person_key import PersonKey
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.tables.claims import Claims, ListHolder, Person
from aimylogic_provider.call_list.tables.person_tables import person_tables
from aimylogic_provider.call_list.tables.released_rows import UnsentRows
from local_servers.mariadb import LocalMariaDB
from local_servers.postgres import LocalPostgres

DAY = 24 * 3600.0
ONCE_A_WEEK = Cap(1, 7 * DAY, "max_calls_per_person")
KEY = PersonKey("the secret of the tests")
PHONE = "79120000001"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    elif request.param == "postgresql":
        postgres: LocalPostgres = request.getfixturevalue("postgres")
        engine = sa.create_engine(postgres.url("warehouse"))
    else:
        mariadb: LocalMariaDB = request.getfixturevalue("mariadb")
        engine = mariadb.engine()
    yield engine
    made = sa.MetaData()
    made.reflect(engine)
    ours = [table for name, table in made.tables.items() if name.startswith("aimylogic_")]
    made.drop_all(engine, ours)
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()


def holder(call_list: str, run_id: str = "monday", dag_id: str = "winter") -> ListHolder:
    return ListHolder(call_list, f"/lists/{call_list}", dag_id, "sync", run_id)


def begun(engine: sa.Engine, of: ListHolder) -> Claims:
    claims = Claims(engine, "calls")
    claims.begin(of)
    claims.begin_sending(of.call_list, of.path)
    return claims


def opened(
    engine: sa.Engine, call_list: str, caps: Sequence[Cap] = (ONCE_A_WEEK,), keys: Sequence[PersonKey] = (KEY,)
) -> PersonCalls:
    return PersonCalls(engine, "calls", keys, caps, call_list, claims=True)


def claimed(engine: sa.Engine, call_list: str, *rows: int, phone: str = PHONE, caps: Any = (ONCE_A_WEEK,)) -> list[int]:
    """Which rows got their claims."""
    barred = opened(engine, call_list, caps).claim([Wanted(row, phone) for row in rows])
    return [row for row in rows if row not in barred]


def age(engine: sa.Engine, days: float) -> None:
    """Let days pass, for all that is claimed by now."""
    calls = person_tables("")[1]
    with engine.begin() as connection:
        for row in connection.execute(calls.select()).all():
            connection.execute(
                calls.update()
                .where(calls.c.call_list == row.call_list, calls.c.row_number == row.row_number)
                .values(claimed_at=row.claimed_at - timedelta(days=days))
            )


def count(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(person_tables("")[1])).scalar_one()


def test_a_person_is_called_as_often_as_the_cap_allows_by_whatever_dag(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    begun(engine, holder("b", dag_id="spring"))
    assert claimed(engine, "a", 1) == [1]
    barred = opened(engine, "b").claim([Wanted(5, PHONE), Wanted(6, "79120000002")])
    assert {*barred} == {5}
    now = datetime.now(UTC)
    assert barred[5].startswith(f"called on {now:%Y-%m-%d %H}:")
    assert barred[5].endswith("UTC by DAG winter, run monday: max_calls_per_person allows 1 call in 7 days")
    age(engine, 6.9)
    assert claimed(engine, "b", 5) == []
    age(engine, 0.2)
    assert claimed(engine, "b", 5) == [5]


def test_a_row_is_claimed_once_however_often_its_task_is_tried(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    for _ in range(3):
        assert claimed(engine, "a", 1, 2) == [1]
    age(engine, 30)
    assert claimed(engine, "a", 1, 2) == [1], "its first claim is older than the cap, but the call is made now"
    assert count(engine) == 1


def test_a_claim_that_is_sent_late_counts_from_then_on(engine: sa.Engine) -> None:
    """Else a task that is cleared a week later makes a second call beside another DAG's, or lets that one do so."""
    begun(engine, holder("a"))
    begun(engine, holder("b", dag_id="spring"))
    assert claimed(engine, "a", 1) == [1]
    age(engine, 8)
    assert claimed(engine, "a", 1) == [1], "sent only now"
    assert claimed(engine, "b", 5) == []


def test_a_claim_that_is_too_old_gives_way_to_whoever_called_since(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    begun(engine, holder("b", dag_id="spring"))
    assert claimed(engine, "a", 1) == [1]
    age(engine, 8)
    assert claimed(engine, "b", 5) == [5]
    assert claimed(engine, "a", 1) == []
    assert claimed(engine, "b", 5) == [5]


def test_all_of_several_caps_hold(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    caps = (Cap(2, 7 * DAY, "max_calls_per_person"), Cap(3, 30 * DAY, "max_calls_per_person"))
    assert claimed(sqlite, "a", 1, 2, 3, caps=caps) == [1, 2]
    age(sqlite, 8)
    barred = opened(sqlite, "b", caps).claim([Wanted(1, PHONE), Wanted(2, PHONE)])
    assert {*barred} == {2}
    assert barred[2].startswith("called 3 times, last on ")
    assert barred[2].endswith("allows 3 calls in 30 days")


def test_a_cap_for_ever_ends_with_no_day(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    once = (Cap(1, None, "only_new"),)
    assert claimed(sqlite, "a", 1, caps=once) == [1]
    age(sqlite, 3000)
    assert claimed(sqlite, "b", 1, caps=once) == []


def test_a_cap_for_rows_without_keys_counts_no_other_row(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    caps = (Cap(1, None, "only_new", keyless=True),)
    calls = opened(sqlite, "a", caps)
    assert calls.claim([Wanted(1, PHONE, keyless=True), Wanted(2, PHONE, keyless=True), Wanted(3, PHONE)]).keys() == {2}
    assert [bool(one) for one in calls.look([Wanted(1, PHONE, keyless=True), Wanted(3, PHONE)])] == [True, False]


def test_what_came_to_no_job_counts_no_more(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    assert claimed(engine, "a", *range(1000)) == [0]
    opened(engine, "a").let_go([0, 7])
    assert claimed(engine, "b", 1) == [1]


def test_of_ten_who_claim_at_once_no_more_get_a_person_than_the_cap_allows(engine: sa.Engine) -> None:
    """Each claims all people in an order of its own; and nobody is left out who was under it."""
    people, caps = 40, (Cap(3, 7 * DAY, "max_calls_per_person"),)
    got: Counter[int] = Counter()
    errors: list[BaseException] = []
    start = threading.Barrier(10)

    def claim(number: int) -> None:
        try:
            with closing(opened(engine, f"list {number}", caps)) as calls:
                start.wait()
                order = [(number * 7 + one) % people for one in range(people)]
                for part in (order[:20], order[20:]):
                    barred = calls.claim([Wanted(one, f"7912{one:07}") for one in part])
                    got.update(one for one in part if one not in barred)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    begun(engine, holder("list 0"))
    threads = [threading.Thread(target=claim, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert got == Counter(dict.fromkeys(range(people), 3))


def test_a_look_claims_nothing_and_needs_no_tables(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    wanted = [Wanted(1, PHONE), Wanted(2, "79120000002")]
    looking = PersonCalls(engine, "calls", [KEY], [ONCE_A_WEEK], "b", claims=False)
    assert [*looking.look(wanted)] == ["", ""]
    assert not sa.inspect(engine).has_table("aimylogic_person_calls")
    claimed(engine, "a", 1)
    looking = PersonCalls(engine, "calls", [KEY], [ONCE_A_WEEK], "b", claims=False)
    told = [*looking.look(wanted)]
    assert told[0].startswith("called on ")
    assert told[1] == ""
    assert count(engine) == 1


def test_a_list_that_is_given_up_caps_nobody(engine: sa.Engine) -> None:
    claims = begun(engine, holder("a"))
    claimed(engine, "a", 1)
    claims.give_up(holder("a"), unless_sending=True)
    assert claimed(engine, "b", 1) == [], "somebody sends it"
    claims.give_up(holder("a"))
    assert claimed(engine, "b", 1) == [1]


def test_rows_that_are_let_go_of_cap_nobody(sqlite: sa.Engine) -> None:
    of = holder("a")
    claims = Claims(sqlite, "calls")
    claims.begin(of)
    people = [Person(row, {"id": row}, f"7912000000{row}") for row in range(3)]
    claims.claim(of, lambda: people)
    claims.begin_sending("a", of.path)
    opened(sqlite, "a").claim([Wanted(one.row, one.phone) for one in people])
    rows = UnsentRows(claims, of, 0)
    rows.let_go(rows.enter(), lambda: people[:2], lambda: people[2:], lambda _: (), unbegun=False)
    assert count(sqlite) == 1
    number = rows.enter()
    rows.let_all_go(number)
    assert count(sqlite) == 0


def test_when_a_list_ends_its_rows_without_a_job_cap_nobody(engine: sa.Engine) -> None:
    """As of a worker that was killed between the note of what became of a batch, and letting go of it."""
    claims = begun(engine, holder("a"))
    opened(engine, "a").claim([Wanted(row, f"7912000000{row}") for row in range(5)])
    outcomes = ["created", "refused", "expired", "unknown", "excluded"]
    columns = ("call_list", sa.String(64)), ("row_number", sa.BigInteger), ("outcome", sa.String(16))
    results = sa.Table("calls", sa.MetaData(), *(sa.Column(*column) for column in columns))
    results.create(engine)
    with engine.begin() as connection:
        connection.execute(results.insert(), [
            {"call_list": "a", "row_number": row, "outcome": outcome} for row, outcome in enumerate(outcomes)
        ])  # fmt: skip
    try:
        claims.ended(holder("a"))
        calls = person_tables("")[1]
        with engine.connect() as connection:
            left = {*connection.execute(sa.select(calls.c.row_number)).scalars()}
    finally:
        results.drop(engine)
    assert {outcomes[row] for row in left} == {"created", "unknown"}


def test_a_lost_lists_calls_are_those_of_the_next_list_of_its_task(engine: sa.Engine) -> None:
    """A try's record was lost as its list was being sent: the next list finds out about its people, and calls them."""
    claims = begun(engine, holder("lost"))
    claimed(engine, "lost", 1)
    claims.give_up(holder("lost"), may_be_sent=True)
    begun(engine, holder("other", run_id="tuesday"))
    assert claimed(engine, "other", 1) == [], "a job may have come of it"
    begun(engine, holder("next"))
    looking = PersonCalls(engine, "calls", [KEY], [ONCE_A_WEEK], "next", claims=False)
    assert [*looking.look([Wanted(9, PHONE)])] == [""]
    assert claimed(engine, "next", 9, 10) == [9]
    assert count(engine) == 1


def test_a_key_that_is_unknown_stops_all_with_the_ways_out(engine: sa.Engine) -> None:
    begun(engine, holder("a"))
    claimed(engine, "a", 1)
    with pytest.raises(UnknownKeyError, match=r"person_secret in the extra .* 'new,old'.* drop aimylogic_person_calls"):
        opened(engine, "b", keys=[PersonKey("another one")])
    told = opened(engine, "b", keys=[PersonKey("another one"), KEY]).claim([Wanted(1, PHONE)])
    assert told.keys() == {1}, "the former key, which is behind the new one, is the tables' own"


def test_the_preferred_key_becomes_the_tables_own(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    other = PersonKey("another one")
    opened(sqlite, "a", keys=[other, KEY])
    with sqlite.connect() as connection:
        assert connection.exec_driver_sql("select fingerprint from aimylogic_person_keys").scalars().all() == [
            other.fingerprint
        ]


def test_a_key_that_is_changed_while_calls_are_claimed_ends_the_try(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    calls = opened(sqlite, "a")
    with sqlite.begin() as connection:
        connection.exec_driver_sql("update aimylogic_person_keys set fingerprint = 'another'")
    with pytest.raises(Exception, match="was deleted or changed") as failed:
        calls.claim([Wanted(1, PHONE)])
    assert failed.value.retryable  # type: ignore[attr-defined]
    assert count(sqlite) == 0


def test_neither_phone_nor_key_stands_in_the_tables(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    claimed(sqlite, "a", 1)
    with sqlite.connect() as connection:
        told = f"{connection.exec_driver_sql('select * from aimylogic_person_calls').all()}"
        told += f"{connection.exec_driver_sql('select * from aimylogic_person_keys').all()}"
    assert PHONE not in told
    assert "secret of the tests" not in told
    assert KEY.person(PHONE) in told
    assert KEY.person(PHONE) != PersonKey("another one").person(PHONE)
    assert "secret" not in repr(KEY)


def test_rows_of_one_phone_in_one_list_count_each(sqlite: sa.Engine) -> None:
    begun(sqlite, holder("a"))
    twice = (Cap(2, 7 * DAY, "max_calls_per_person"),)
    assert claimed(sqlite, "a", 1, 2, caps=twice) == [1, 2]
    assert claimed(sqlite, "a", 3, caps=twice) == []
