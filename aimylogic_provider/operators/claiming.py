"""Claims as tasks make them, heed them and let go of them; nothing of it without a results table.

In this order, for a task can be killed anywhere: the list's id is noted in the task's entry, which Airflow refuses to a
try that it replaced; the list is told of in the database; its rows are claimed as the query has ended; the pointer is
kept. A next try that finds an id without a pointer gives that list up before the query is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.call_list.claims import Claimed, Claims, Holder, Person, Unfinished
    from aimylogic_provider.call_list.entry import Freezing
    from aimylogic_provider.call_list.manifest import Pointer
    from aimylogic_provider.call_list.results import Known
    from aimylogic_provider.call_list.stored import CallList
    from aimylogic_provider.call_list.task_folder import TaskFolder
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["claiming", "end_of_list", "give_up", "give_up_noted", "let_go_of_settled", "opened_claims"]


def opened_claims(results_table: str, conn_id: str) -> closing[Claims]:
    """Return the claims beside a results table, as a context manager.

    :param conn_id: of its database
    :raises CallListError: if the database can't be reached
    """
    from airflow.providers.common.compat.sdk import BaseHook

    from aimylogic_provider.call_list.claims import Claims

    return closing(Claims(BaseHook.get_hook(conn_id).get_sqlalchemy_engine(), results_table))


def give_up_noted(task: TaskFolder, noted: Freezing | None) -> None:
    """Give up the list that an earlier try noted, and that never became the task's.

    :raises CallListError: if the database fails; another try can help
    """
    if noted is not None and not _is_begun(noted.path):
        with opened_claims(noted.results_table, noted.results_conn_id) as claims:
            claims.give_up(_holder(task, noted.call_list, noted.path))


@contextmanager
def claiming(
    task: TaskFolder, noted: Freezing, note: Callable[[Freezing], None], log: Log
) -> Iterator[Callable[[Callable[[], Iterable[Person]]], Claimed]]:
    """Give what claims rows for a list that is about to be frozen; give the list up if that fails.

    :param noted: the list, as the task's entry tells of it
    :param note: has it do so, or raises if this try was replaced
    :raises CallListError: if the database fails; another try can help
    """
    holder = _holder(task, noted.call_list, noted.path)
    with opened_claims(noted.results_table, noted.results_conn_id) as claims:
        for other in _unfinished(claims, holder):
            log.warning("%s", _told(other, claims, noted.results_table))
        claims.begin(holder)
        earlier = [own for own in claims.of_instance(holder) if not _is_begun(own.path)]
        if earlier:
            note(noted)  # refused to a try that was replaced, whose successor's lists those might be
        for own in earlier:
            claims.give_up(own)
        try:
            yield partial(claims.claim, holder)
        except Exception:
            _try_to_give_up(claims, holder, log)
            raise


def give_up(pointer: Pointer, results_table: str, conn_id: str) -> None:
    """A list that surely nobody sends comes to nothing: it holds nobody any more.

    :raises CallListError: if the database fails; another try can help
    """
    with opened_claims(results_table, conn_id) as claims:
        if (holder := claims.holder(pointer.list_id)) is not None:
            claims.give_up(holder)


def let_go_of_settled(claims: Claims, call_list: CallList, shard: int, known: Known) -> None:
    """Hold none of a shard's calls any more that are settled; those that are pending or unknown stay held.

    :raises CallListError: if the database fails, or a file of the list can't be read
    """
    if (holder := claims.holder(call_list.manifest.id)) is not None:
        claims.settled(
            holder, _people(call_list, shard, known, settled=True), _people(call_list, shard, known, settled=False)
        )


def end_of_list(call_list: CallList, results_table: str, conn_id: str) -> None:
    """Hold nobody any more if all shards of a list have been reported.

    :raises CallListError: if the database fails; another try can help
    """
    if call_list.is_reported():
        with opened_claims(results_table, conn_id) as claims:
            if (holder := claims.holder(call_list.manifest.id)) is not None:
                claims.ended(holder)


def _holder(task: TaskFolder, list_id: str, path: str) -> Holder:
    from aimylogic_provider.call_list.claims import Holder

    return Holder(list_id, path, task.dag_id, task.task_id, task.run_id, task.map_index)


def _people(call_list: CallList, shard: int, known: Known, *, settled: bool) -> Iterator[Person]:
    from aimylogic_provider.call_list.claims import Person
    from aimylogic_provider.call_list.results import phone_of

    for batch in call_list.batches(shard):
        outcomes, _ = known(batch)
        rows = {one.row for one in outcomes}
        for line in call_list.lines(batch):
            if (line.row in rows) is settled:
                yield Person(line.row, line.keys, phone_of(line))


def _is_begun(path: str) -> bool:
    """Whether somebody began to send a list.

    :raises CallListError: if its folder can't be read
    """
    from aimylogic_provider.call_list.task_folder import end_of

    return end_of(path) in ("begun", "reported")


def _unfinished(claims: Claims, holder: Holder) -> Iterator[Unfinished]:
    """The lists of other runs that hold rows; those whose folder shows their end are let go of."""
    from aimylogic_provider.call_list.manifest import CallListError
    from aimylogic_provider.call_list.task_folder import end_of

    for other in claims.unfinished(holder):
        try:
            end = end_of(other.holder.path)
        except (CallListError, OSError):
            end = None
        if end == "reported":
            claims.ended(other.holder)
        elif end == "never sent":
            claims.give_up(other.holder)
        else:
            yield other


def _told(other: Unfinished, claims: Claims, results_table: str) -> str:
    list_id = other.holder.call_list
    return (
        f"{other.rows:,} rows are held by {other.holder.words}, which was begun at {other.begun_at:%Y-%m-%d %H:%M} and "
        "is unfinished: it is to call them, and this run doesn't. If that run has ended without it, clear its task, or "
        f"give the list up, so that the next run calls them: in {claims.lists_table} set state to 'given up' where "
        f"call_list is '{list_id}', and delete its pending rows from {results_table}"
    )


def _try_to_give_up(claims: Claims, holder: Holder, log: Log) -> None:
    from aimylogic_provider.call_list.manifest import CallListError

    try:
        claims.give_up(holder)
    except CallListError as error:
        log.warning("%s. The next try gives the list up.", error)
