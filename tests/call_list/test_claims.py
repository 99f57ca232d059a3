"""Runs that overlap: whom one run's unfinished list holds, no other run calls; and nobody is left out in silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseHook

from aimylogic_provider.call_list.freeze import warehouse
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.claims import Claims, ListHolder, Person
from aimylogic_provider.call_list.tables.results_table import ResultsTable
from aimylogic_provider.call_list_task import claims_of_task
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.operators import ApproveCallListOperator, PrepareCallListOperator, SendCallListOperator
from local_servers.mariadb import LocalMariaDB
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import TaskInstance, needs_record, told
from tests.operators.test_required_action import Questions, questions

__all__ = ["questions"]

PHONES = [phone(number) for number in range(25)]
EVERYBODY = "select id, phone, name from customer order by id"
NOT_CALLED_YET = """select id, phone, name from customer where not exists (
    select 1 from calls as known where known.id = cast(customer.id as text)
    and known.outcome not in ('rejected', 'refused', 'claimed')) order by id"""


@pytest.fixture
def sync(make_sync: Callable[..., Sync]) -> Sync:
    sync = make_sync(batch_size=10, concurrency=1, results_table="calls", sql=EVERYBODY)
    sync.add(PHONES)
    return sync


@pytest.fixture
def beside(sync: Sync) -> Sync:
    """Another run of the same DAG."""
    return another_run(sync, "manual__2026-01-02")


def another_run(sync: Sync, run_id: str) -> Sync:
    run = Sync.__new__(Sync)
    run.__dict__.update(sync.__dict__)
    run.task = TaskInstance(task_id=sync.task.task_id, run_id=run_id, has_store=sync.task.has_store)
    return run


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool = False) -> Iterator[None]:
    """A worker that dies before, or just after, it does that."""
    original = getattr(place, name)

    def die(*arguments: Any, **more: Any) -> Any:
        if after:
            original(*arguments, **more)
        raise CrashError

    with monkeypatch.context() as patched:
        patched.setattr(place, name, die)
        with pytest.raises(CrashError):
            yield


def engine() -> sa.Engine:
    return BaseHook.get_hook("warehouse").get_sqlalchemy_engine()


def held() -> int:
    """How many rows are held."""
    with closing(engine().connect()) as connection:
        return int(connection.exec_driver_sql("select count(*) from aimylogic_claims where ended is null").scalar_one())


def dies_before_sending(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    with dying(monkeypatch, AiohttpTransport, "send"):
        sync.attempt()


@needs_record
@pytest.mark.parametrize("sql", [EVERYBODY, NOT_CALLED_YET])
def test_a_run_beside_an_unfinished_one_calls_nobody_of_its_list(
    sync: Sync, beside: Sync, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.arguments["sql"] = EVERYBODY
    dies_before_sending(sync, monkeypatch)
    sync.execute(f"insert into customer values (99, '{phone(99)}', 'Maria')")
    report = beside.attempt(sql=sql)
    aside = 25 if sql == EVERYBODY else 0  # else the query leaves out who stands as pending
    assert (report["rows"], report["created"], report["claimed"]) == (aside + 1, 1, aside)
    if aside:
        reasons = told(engine(), "outcome", "reason", run=beside.task.run_id)
        assert [outcome for outcome, _ in reasons] == ["claimed"] * 25 + ["created"]
        list_id = sync.entry["call_list"]["path"].rpartition("/")[2]
        assert (
            reasons[0][1]
            == f"held by the call list {list_id} of run {sync.task.run_id}, which is unfinished: not called by this run"
        )
    assert sync.attempt()["created"] == 25
    sync.assert_once([*PHONES, phone(99)])
    assert held() == 0


@needs_record
def test_what_a_query_saw_is_no_proof(sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run begins, calls everybody and ends between this one's query and its list."""
    streamed = warehouse.streamed

    @contextmanager
    def slowly(*arguments: Any) -> Iterator[Any]:
        with streamed(*arguments) as (names, rows):
            found = list(rows)
        with monkeypatch.context() as patched:
            patched.setattr(warehouse, "streamed", streamed)
            assert sync.attempt()["created"] == 25
        yield names, found

    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "streamed", slowly)
        report = beside.attempt(sql=NOT_CALLED_YET)
    assert (report["rows"], report["created"], report["claimed"]) == (25, 0, 25)
    sync.assert_once(PHONES)
    # What was kept for that is not for ever.
    later = another_run(sync, "later")
    sync.execute("delete from calls")
    assert later.attempt()["created"] == 25


@needs_record
def test_a_run_after_a_finished_one_is_free(sync: Sync, beside: Sync) -> None:
    sync.attempt()
    report = beside.attempt()
    assert (report["created"], report["claimed"]) == (25, 0)
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25  # its own list


@needs_record
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("place", ["begin", "claim", "entry"])
def test_a_list_that_never_became_the_tasks_holds_nobody(
    sync: Sync, beside: Sync, place: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever its worker died; and its people are found by the next try's query."""
    if place == "entry":
        from aimylogic_provider.call_list.freeze import batch_cutting, list_files

        monkeypatch.setattr(list_files, "_WRITES_AT_ONCE", 4)
        with dying(monkeypatch, batch_cutting.BatchCutter, "close", after=after):
            sync.attempt()
    else:
        with dying(monkeypatch, Claims, place, after=after):
            sync.attempt()
    sync.execute("delete from customer where id > 20")
    report = sync.attempt(sql=NOT_CALLED_YET)
    assert (report["created"], report["claimed"]) == (20, 0)
    sync.assert_once(PHONES[:20])
    assert held() == 0
    assert beside.attempt()["claimed"] == 0


@needs_record
def test_the_list_is_noted_before_it_claims_anything(sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that stood still there, and awakes when the next one has called everybody, holds nobody."""
    claim = Claims.claim

    def late(claims: Claims, holder: ListHolder, people: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(Claims, "claim", claim)
            assert sync.attempt()["created"] == 25
        return claim(claims, holder, people)

    with monkeypatch.context() as patched:
        patched.setattr(Claims, "claim", late)
        with pytest.raises(AirflowException, match="has given up the list"):
            sync.attempt()
    assert held() == 0
    assert beside.attempt()["claimed"] == 0


@needs_record
def test_a_try_that_stood_still_before_it_told_of_its_list_holds_nobody(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Claims.begin

    def late(claims: Claims, holder: ListHolder) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Claims, "begin", begin)
            assert sync.attempt()["created"] == 25
        begin(claims, holder)

    with monkeypatch.context() as patched:
        patched.setattr(Claims, "begin", late)
        with pytest.raises(AirflowException, match="has given up the list"):
            sync.attempt()
    assert held() == 0


@needs_record
def test_a_task_that_fails_while_it_freezes_holds_nobody(sync: Sync) -> None:
    with pytest.raises(Exception, match="no such column"):
        sync.attempt(sql="select id, phone, surname from customer")
    with pytest.raises(AirflowFailException, match="can't be called"):
        sync.attempt(sql="select id, 'none' as phone from customer", on_rejected="fail")
    assert held() == 0


@needs_record
@pytest.mark.parametrize("token", [True, False])
def test_a_task_that_ends_for_good_and_sent_nothing_holds_nobody(
    sync: Sync, beside: Sync, token: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those who stood as pending; and a clear asks the query anew."""
    if token:
        conn = json.loads(sync.emulator.connection("1.2.nocampaign"))
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_WRONG", json.dumps(conn))
        with pytest.raises(AirflowFailException):
            sync.attempt(aimylogic_conn_id="aimylogic_wrong")
    else:
        context = sync.task.context
        sync.emulator.fault("before_commit", "reset", times=50)
        with monkeypatch.context() as patched:
            patched.setattr(sync.task, "context", lambda: with_last_try(context()))
            with pytest.raises(AirflowException):
                sync.attempt()
        sync.emulator.clear_faults()
    assert held() == 0
    assert beside.attempt(sql=NOT_CALLED_YET)["created"] == 25
    sync.task.clear()
    assert sync.attempt(sql=NOT_CALLED_YET)["rows"] == 0
    sync.assert_once(PHONES)


def with_last_try(context: dict[str, Any]) -> dict[str, Any]:
    context["ti"].max_tries = context["ti"].try_number - 1
    return context


@needs_record
def test_a_task_that_will_be_retried_keeps_its_people(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.task.most_tries = 3
    sync.emulator.fault("before_commit", "reset", times=50)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    assert beside.attempt()["claimed"] == 25
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_unknown_calls_stay_held_and_the_others_of_their_list_do_not(sync: Sync, beside: Sync) -> None:
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt()
    with pytest.raises(AirflowFailException, match="it can't be known"):
        sync.attempt(aimylogic_conn_id="aimylogic_other")  # where the report of the first one can't be asked
    unknown = sum(outcome == "unknown" for (outcome,) in told(engine(), "outcome"))
    assert 0 < unknown <= 10
    assert held() == unknown
    report = beside.attempt()
    assert (report["created"], report["claimed"]) == (25 - unknown, unknown)


@needs_record
def test_an_entry_that_was_wiped_keeps_no_list_of_its_own(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a clear does from Airflow 3.4 on, here between claiming and pointing."""
    with dying(monkeypatch, Claims, "claim", after=True):
        sync.attempt()
    sync.task.rows.clear()
    sync.task.clear()
    with pytest.raises(AirflowException, match="wait for the report"):
        sync.attempt()
    sync.emulator.advance(hours=1)
    report = sync.attempt()
    assert (report["created"], report["claimed"]) == (25, 0)
    assert held() == 0


def test_a_dry_run_claims_nothing(sync: Sync, beside: Sync) -> None:
    sync.task.current_try += 1
    assert sync.operator(dry_run=True).execute(sync.task.context())["calls"] == 25
    assert beside.attempt()["claimed"] == 0


@needs_record
def test_the_map_indexes_of_one_run_are_told_apart_on_purpose(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another_run(sync, sync.task.run_id)
    sync.task.map_index, other.task.map_index = 0, 1
    dies_before_sending(sync, monkeypatch)
    assert other.attempt(aimylogic_conn_id="aimylogic_other")["created"] == 25
    beside.task.map_index = 1  # the list that it is mapped over came in another order
    assert beside.attempt()["claimed"] == 25
    assert sync.attempt()["created"] == 25


@needs_record
def test_who_is_the_same_is_told_by_the_key_columns_else_by_the_phone(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before_sending(sync, monkeypatch)
    sync.execute(f"update customer set phone = '{phone(50)}' where id = 1")  # the same customer, with another number
    assert beside.attempt()["claimed"] == 25


@needs_record
def test_without_key_columns_the_phone_tells(sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.arguments |= {"key_columns": [], "sql": "select phone, name from customer"}
    dies_before_sending(sync, monkeypatch)
    sync.execute(f"update customer set name = 'Boris', phone = '+{PHONES[0]}' where id = 1")
    assert beside.attempt()["claimed"] == 25


@needs_record
def test_a_row_that_repeats_a_held_one_is_a_call_of_its_own(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before_sending(sync, monkeypatch)
    sync.add([PHONES[0], PHONES[0]])
    report = beside.attempt()
    assert (report["rows"], report["created"], report["doubles"], report["claimed"]) == (27, 1, 1, 25)


# In two halves


class Halves:
    """A run in two tasks, or three."""

    def __init__(self, sync: Sync, run_id: str = "first") -> None:
        self.sync = sync
        self.tasks = {name: TaskInstance(task_id=name, run_id=run_id) for name in ("prepare", "approve", "send")}

    def _next(self, name: str) -> dict[str, Any]:
        task = self.tasks[name]
        task.current_try += 1
        return {**task.context(), "task_instance": task.context()["ti"]}

    def prepare(self, **more: Any) -> dict[str, Any]:
        arguments = {
            "sql": EVERYBODY, "sql_conn_id": "warehouse", "key_columns": ["id"], "results_table": "calls",
            "call_list_path": str(self.sync.lists), "batch_size": 10, **more,
        }  # fmt: skip
        call_list: dict[str, Any] = PrepareCallListOperator(task_id="prepare", **arguments).execute(
            self._next("prepare")
        )
        return call_list

    def answer(self, call_list: Any, option: str) -> Any:
        operator = ApproveCallListOperator(
            task_id="approve", call_list=call_list, results_table="calls", results_conn_id="warehouse"
        )
        event = {
            "chosen_options": [option], "params_input": {}, "responded_by_user": None, "timedout": False,
            "responded_at": datetime.now(UTC),
        }  # fmt: skip
        return operator.execute_complete(self._next("approve"), event, call_list=call_list)

    def send(self, call_list: Any, **more: Any) -> dict[str, Any]:
        arguments = {"results_table": "calls", "results_conn_id": "warehouse", "concurrency": 1, **more}
        operator = SendCallListOperator(task_id="send", call_list=call_list, **arguments)
        report: dict[str, Any] = operator.execute(self._next("send"))
        return report


@needs_record
@pytest.mark.parametrize("shards", [1, 3])
def test_a_prepared_list_holds_its_people_until_it_is_sent(sync: Sync, shards: int) -> None:
    one, other = Halves(sync), Halves(sync, "second")
    first = one.prepare(shards=shards)
    second = other.prepare(shards=shards)
    assert (first["calls"], second["calls"], second["claimed"]) == (25, 0, 25)
    reports = [one.send(first, shard=shard) for shard in range(1)]
    assert held() == (0 if shards == 1 else 25 - reports[0]["created"])
    for shard in range(1, shards):
        one.tasks["send"] = TaskInstance(task_id="send", run_id="first", map_index=shard)
        one.send(first, shard=shard)
    assert other.send(second, shard=0)["claimed"] == 25
    sync.assert_once(PHONES)
    assert held() == 0


def test_a_half_without_the_results_table_of_the_other_is_told_so(
    sync: Sync, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing tells that people were called, the next run's query would select them again."""
    run = Halves(sync)
    call_list = run.prepare()
    with pytest.raises(AirflowFailException, match=r"results_table is missing: the list was frozen with 'calls'"):
        run.send(call_list, results_table=None, results_conn_id=None)
    assert sync.sends() == 0
    run.tasks["send"].clear()
    assert run.send(call_list)["created"] == 25
    assert "frozen without a results table" not in capsys.readouterr().out

    other = Halves(sync, "second")
    assert other.send(other.prepare(results_table=None))["created"] == 25
    assert "two at once may both call them" in capsys.readouterr().out

    third = Halves(sync, "third")
    third.send(third.prepare(), results_table="others")
    assert "frozen with results_table calls, and what becomes of its calls is told in others" in capsys.readouterr().out


@needs_record
def test_a_no_lets_go_of_the_lists_people(sync: Sync, monkeypatch: pytest.MonkeyPatch, questions: Questions) -> None:
    monkeypatch.setattr(ApproveCallListOperator, "skip", lambda *_: None)
    one = Halves(sync)
    one.answer(one.prepare(), "Reject")
    assert held() == 0
    assert Halves(sync, "second").prepare()["calls"] == 25


@needs_record
def test_a_list_that_was_deleted_unsent_holds_nobody(sync: Sync) -> None:
    """Whoever deleted it, and whatever became of that one's worker just then."""
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList

    pointer = Pointer.of(Halves(sync).prepare())
    assert held() == 25
    assert CallList.discard(pointer, "for a test")
    assert Halves(sync, "second").prepare()["calls"] == 25
    assert held() == 25


@needs_record
def test_a_cleared_prepare_gives_up_its_list_unless_that_is_being_sent(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Halves(sync)
    first = run.prepare()
    second = run.prepare()
    assert second["calls"] == 25
    with pytest.raises(AirflowFailException, match="was given up before it was sent"):
        run.send(first)
    run.tasks["send"].rows.clear()
    with dying(monkeypatch, AiohttpTransport, "send"):
        run.send(second)
    assert run.prepare()["calls"] == 0
    assert run.send(second)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_kill_between_the_last_result_and_the_end_holds_nobody_for_long(
    sync: Sync, beside: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dying(monkeypatch, Claims, "ended"):
        sync.attempt()
    report = beside.attempt(sql=NOT_CALLED_YET)
    assert (report["rows"], report["claimed"]) == (0, 0)
    assert held() == 0


# The tables themselves


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], sa.Engine]:
    if request.param == "mariadb":
        server: LocalMariaDB = request.getfixturevalue("mariadb")
        server.execute("drop database warehouse", "create database warehouse character set utf8mb4")
        return server.engine
    connection = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "claims.db")})
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        postgres.empty("warehouse")
        connection = postgres.connection("warehouse")
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMS", connection)
    return lambda: BaseHook.get_hook("claims").get_sqlalchemy_engine()


def holder(name: str) -> ListHolder:
    return ListHolder(name, f"file:///lists/{name}", "d", "t", f"run {name}")


def people(*numbers: int) -> Callable[[], Iterator[Person]]:
    return lambda: (Person(number, {"id": number}, phone(number)) for number in numbers)


def test_two_that_claim_at_the_same_moment_share_nobody(database: Callable[[], sa.Engine]) -> None:
    everybody = list(range(3000))
    got: dict[str, list[int]] = {}
    errors: list[BaseException] = []
    together = threading.Barrier(3)
    with closing(Claims(database(), "calls")):
        pass  # made

    def claim(name: str, order: list[int]) -> None:
        try:
            with closing(Claims(database(), "calls")) as claims:
                claims.begin(holder(name))
                together.wait()
                marks = claims.claim(holder(name), people(*order)).marks
                got[name] = [number for number, mark in zip(order, marks, strict=True) if not mark]
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    orders = {"one": everybody, "two": everybody[::-1], "three": everybody[1500:] + everybody[:1500]}
    threads = [threading.Thread(target=claim, args=one) for one in orders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(number for numbers in got.values() for number in numbers) == everybody


def test_a_claim_holds_until_it_ends_and_is_kept_for_who_began_before(database: Callable[[], sa.Engine]) -> None:
    with closing(Claims(database(), "calls")) as claims:
        for name in ("one", "two"):
            claims.begin(holder(name))
        assert [*claims.claim(holder("one"), people(1, 2, 2)).marks] == [0, 0, 0]
        claims.settled(holder("one"), people(1)(), people(2)())
        claims.begin(holder("three"))
        assert [*claims.claim(holder("three"), people(1, 2, 3)).marks] == [0, 1, 0]
        found = claims.claim(holder("two"), people(1, 2, 3, 4))
        assert [mark and found.others[mark - 1].call_list for mark in found.marks] == ["three", "one", "three", 0]
        claims.give_up(holder("three"))
        claims.begin(holder("four"))
        found = claims.claim(holder("four"), people(1, 2, 3, 4))
        assert [mark and found.others[mark - 1].call_list for mark in found.marks] == [0, "one", 0, "two"]


def test_a_list_that_was_given_up_claims_nothing_any_more(database: Callable[[], sa.Engine]) -> None:
    with closing(Claims(database(), "calls")) as claims:
        claims.give_up(holder("never told of"))
        with pytest.raises(CallListError, match="has given up the list"):
            claims.begin(holder("never told of"))
        claims.begin(holder("one"))
        claims.give_up(holder("one"))
        with pytest.raises(CallListError, match="has given up the list"):
            claims.claim(holder("one"), people(1))
        claims.begin(holder("two"))
        assert claims.claim(holder("two"), people(1)).others == []


def test_keys_that_say_nothing_are_no_persons(database: Callable[[], sa.Engine]) -> None:
    with closing(Claims(database(), "calls")) as claims:
        for name, number in (("one", 1), ("two", 2)):
            claims.begin(holder(name))
            nobody = [Person(1, {"id": None}, phone(number)), Person(2, {"id": ""}, phone(number + 10))]
            assert [*claims.claim(holder(name), lambda nobody=nobody: nobody).marks] == [0, 0]  # type: ignore[misc]


def test_dates_and_numbers_are_the_keys_that_the_results_table_shows(database: Callable[[], sa.Engine]) -> None:
    with closing(Claims(database(), "calls")) as claims:
        claims.begin(holder("one"))
        claims.claim(holder("one"), lambda: [Person(1, {"b": 5, "a": "x"}, phone(1))])
        claims.begin(holder("two"))
        assert [*claims.claim(holder("two"), lambda: [Person(1, {"a": "x", "b": "5"}, phone(2))]).marks] == [1]


def test_long_names_have_their_tables_too(database: Callable[[], sa.Engine]) -> None:
    for name in ("c" * 63, "c" * 62 + "d"):
        with closing(Claims(database(), name)) as claims:
            claims.begin(holder(name[-1] + str(datetime.now(UTC).timestamp())))


def test_a_database_that_fails_lets_nothing_be_sent(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise sa.exc.TimeoutError("QueuePool limit")

    with monkeypatch.context() as patched:
        patched.setattr(Claims, "_state", failing)
        with pytest.raises(AirflowException, match="by which two runs don't call the same people, can't be written"):
            sync.attempt()
    assert sync.sends() == 0
    assert sync.attempt()["created"] == 25


@needs_record
def test_a_try_that_stood_still_leaves_its_successors_list_alone(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the simulation: it awoke, and gave up the list that was about to be sent."""
    opened = claims_of_task.opened_claims

    def late(*arguments: str) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(claims_of_task, "opened_claims", opened)
            with dying(monkeypatch, ResultsTable, "write"):
                sync.attempt()
        return opened(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(claims_of_task, "opened_claims", late)
        with pytest.raises(AirflowException, match="has given up the list"):
            sync.attempt()
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


def test_the_end_of_a_list_larger_than_the_databases_cache_waits_for_no_other_connection(
    sync: Sync, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite keeps all others out, also of reading, once a transaction changes more than its cache holds."""
    sync.add([phone(number) for number in range(8000)])
    sync.attempt(results_table="calls", batch_size=1000)
    told = caplog.text + capsys.readouterr().out
    assert "8,000 calls created" in told
    assert "can't be written" not in told
