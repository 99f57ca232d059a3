"""Puts the simulation beneath the shipped code: sockets, clocks, object storage, randomness and the warehouse.

Everything above is what is shipped: operators, hook, record, call list, sending, URLs and bodies, and their parsing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.proof.database import Database
from tests.proof.simulation import awaited, run_coroutine, running_worker, wait_through

if TYPE_CHECKING:
    from tests.proof.network import Server
    from tests.proof.objects import ObjectStorage

__all__ = ["TOKENS", "Beneath", "Quiet", "beneath"]

TOKENS = ("1.2.thefirstcampaign", "3.4.thesecondcampaign")
_HOST = "http://localhost:1"


class Quiet:
    """The log port: has each message formatted, and writes none."""

    def info(self, message: str, /, *args: object) -> None:
        message % args

    debug = warning = error = info

    def getEffectiveLevel(self) -> int:
        return logging.WARNING


class Beneath:
    """What lies beneath the shipped code at the moment."""

    server: Server
    storage: ObjectStorage
    rows: Sequence[tuple[Any, ...]]
    columns: tuple[str, ...]
    queried: Callable[[], Sequence[tuple[Any, ...]]] | None = None
    """What gives the rows, if that is not known before."""
    database: Database
    excluded: Callable[[], Sequence[tuple[Any, ...]]] | None = None
    """What gives the rows of the exclusion list, if there is one."""
    writes_entry_at_once: bool = True
    """Whether the entry in a file is written in one moment: beyond the bounds it isn't."""


@contextmanager
def beneath() -> Iterator[Beneath]:
    """Put a simulation beneath the shipped code; which one, is for the caller to set, again and again."""
    from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, Connection
    from airflow.sdk.bases.operator import ExecutorSafeguard
    from tenacity import nap, wait

    from aimylogic_provider.call_list import garbage_collection
    from aimylogic_provider.call_list.exclusion import excluded_phones, exclusion_look
    from aimylogic_provider.call_list.freeze import freeze, list_files, rows_read, warehouse
    from aimylogic_provider.call_list.persons import person_calls
    from aimylogic_provider.call_list.runs import old_lists, task_folder
    from aimylogic_provider.call_list.send import progress
    from aimylogic_provider.call_list.send.by_endpoint import by_add_phone, by_add_phones
    from aimylogic_provider.call_list.send.server_time_and_report import ServerQuestions
    from aimylogic_provider.call_list.store import stored_list
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.call_list.tables import claims, released_rows
    from aimylogic_provider.call_list.tables.results_table import ResultsTable
    from aimylogic_provider.call_list_task import sync_entry_stores, unfinished_lists
    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
    from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport
    from aimylogic_provider.idempotence import attempt, server_time

    now = Beneath()
    now.database = Database()
    connections = {
        f"aimylogic_{number}": Connection(
            conn_id=f"aimylogic_{number}", conn_type="aimylogic", host=_HOST, password=token, extra=json.dumps({}),
        )
        for number, token in enumerate(TOKENS)
    }  # fmt: skip

    class SimulatedClock:
        def wall(self) -> float:
            return running_worker().wall()

        def monotonic(self) -> float:
            return running_worker().monotonic()

        def sleep(self, seconds: float) -> None:
            running_worker().sleep(seconds)

    def send(transport: RequestsTransport, request: Any, url: str) -> Any:
        steps = now.server.exchange(request, url, transport.settings.total_timeout)
        return wait_through(steps, running_worker().simulation.pass_time)

    async def send_async(transport: AiohttpTransport, request: Any, url: str) -> Any:
        return await awaited(now.server.exchange(request, url, transport.settings.total_timeout))

    async def enter(transport: AiohttpTransport) -> AiohttpTransport:
        return transport

    async def leave(transport: AiohttpTransport, *exc: object) -> None:
        pass

    @contextmanager
    def streamed(*_: Any) -> Iterator[Any]:
        running_worker().point("before the query")
        yield list(now.columns), list(now.rows if now.queried is None else now.queried())

    @contextmanager
    def excluding(*_: Any) -> Iterator[Any]:
        assert now.excluded is not None
        yield ["phone"], now.excluded()

    class SimulatedDatetime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(running_worker().wall(), UTC)

    time = SimpleNamespace(
        time=lambda: running_worker().wall(), monotonic=lambda: running_worker().monotonic(), sleep=None
    )
    # Workers share this process: what one of them freezes, no other one shall unfreeze, or nothing is ever collected.
    gc = SimpleNamespace(
        get_threshold=lambda: (0, 0, 0), set_threshold=lambda *_: None, get_freeze_count=lambda: 0,
        freeze=lambda: None, unfreeze=lambda: None,
    )  # fmt: skip
    tokens = SimpleNamespace(
        token_hex=lambda size: f"{random.getrandbits(size * 8):0{size * 2}x}", randbits=random.getrandbits
    )
    ids = SimpleNamespace(uuid4=lambda: uuid.UUID(int=random.getrandbits(128), version=4), UUID=uuid.UUID)

    def connection(conn_id: str) -> Any:
        found = connections[conn_id]
        found.password = now.server.tokens_now[int(conn_id.rpartition("_")[2])]
        return found

    def counted(decide: Callable[[Any], Any], row: Callable[[Any], str]) -> Callable[[Any], Any]:
        def decided(known: Any) -> Any:
            action = decide(known)
            running_worker().simulation.count(row(action))
            return action

        return decided

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempt, "decide", counted(attempt.decide, lambda action: f"row {action.row.name}"))
        for method in (by_add_phones, by_add_phone):
            patch.setattr(method, "decide", counted(method.decide, lambda decision: f"list {decision.action.name}"))
        patch.setattr(server_time, "SystemClock", SimulatedClock)
        patch.setattr(ServerQuestions, "_ask_time", _with_a_point(ServerQuestions._ask_time))
        patch.setattr(RequestsTransport, "send", send)
        for name, done in {"send": send_async, "__aenter__": enter, "__aexit__": leave}.items():
            patch.setattr(AiohttpTransport, name, done)
        for name in ("write", "write_from", "read", "names", "folders", "delete", "delete_all_but"):
            patch.setattr(Folder, name, _of_storage(now, name))
        patch.setattr(warehouse, "streamed", streamed)
        patch.setattr(excluded_phones, "streamed", excluding)
        patch.setattr(exclusion_look, "in_thread", asyncio.to_thread)
        for module in (claims, person_calls):
            patch.setattr(module, "create", now.database.make)
        patch.setenv("AIRFLOW__CORE__FERNET_KEY", "c" * 43 + "=")
        patch.setattr(ResultsTable, "_make", lambda table: now.database.make(table._engine, table._table))
        for module in (claims, freeze, old_lists, person_calls, unfinished_lists):
            patch.setattr(module, "datetime", SimulatedDatetime)
        for module in (rows_read, progress, sync_entry_stores):
            patch.setattr(module, "time", time)
        patch.setattr(sync_entry_stores.FileEntry, "write", _at_once(now, sync_entry_stores.FileEntry.write))
        patch.setattr(list_files, "ThreadPoolExecutor", _NoThreads)
        patch.setattr(garbage_collection, "gc", gc)
        patch.setattr(stored_list, "secrets", tokens)
        patch.setattr(released_rows, "secrets", tokens)
        patch.setattr(task_folder, "uuid", ids)
        # Where a transaction waits for another one's, the other one goes on meanwhile.
        patch.setattr(nap, "time", SimpleNamespace(sleep=lambda seconds: running_worker().sleep(seconds)))
        patch.setattr(wait, "random", SimpleNamespace(uniform=lambda *range: running_worker().rng.uniform(*range)))
        patch.setattr(asyncio, "run", run_coroutine)
        patch.setattr(BaseHook, "get_connection", staticmethod(connection))
        patch.setattr(BaseHook, "get_hook", staticmethod(lambda conn_id: now.database.hook()))
        # Airflow's logger formats for people, which takes ten times as long as all else here.
        patch.setattr(BaseOperator, "log", Quiet())
        patch.setattr(BaseHook, "log", Quiet())
        patch.setattr(ExecutorSafeguard, "test_mode", True)
        yield now


class _NoThreads:
    """Stands for a pool of threads, and does at once what is handed to it."""

    def __init__(self, workers: int) -> None:
        pass

    def submit(self, act: Any, *arguments: Any) -> Any:
        done: Future[Any] = Future()
        try:
            done.set_result(act(*arguments))
        except Exception as error:  # noqa: BLE001 - handed on
            done.set_exception(error)
        return done

    def shutdown(self, **_: Any) -> None:
        pass


def _with_a_point(ask_time: Any) -> Any:
    """A sync decides by the time that it is told: it can stand still before it does."""

    def asked(questions: Any) -> Any:
        told = ask_time(questions)
        running_worker().point("after the time is told")
        return told

    return asked


def _at_once(now: Beneath, write: Any) -> Any:
    """Without Airflow's store, two tries that write in the same moment aren't kept apart: that is beyond the bounds."""

    def written(entry: Any, content: dict[str, object]) -> None:
        worker = running_worker()
        worker.point("before a write of the entry")
        worker.at_once = now.writes_entry_at_once
        try:
            write(entry, content)
        finally:
            worker.at_once = False
        worker.point("after a write of the entry")

    return written


def _of_storage(now: Beneath, name: str) -> Any:
    def method(*arguments: Any, **more: Any) -> Any:
        return now.storage.methods()[name](*arguments, **more)

    return method
