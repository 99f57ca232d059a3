"""Claims as tasks make them, heed them and let go of them; nothing of it without a results table.

In this order, for a task can be killed anywhere: the list's id is noted in the task's entry, which Airflow refuses to a
try that it replaced; the list is told of in the database; its rows are claimed as the query has ended; the pointer is
kept. A next try that finds an id without a pointer gives that list up before the query is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.airflow_imports import AirflowTaskTimeout

if TYPE_CHECKING:
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import Freezing
    from aimylogic_provider.call_list.tables.claims import Claimed, Claims, ListHolder, Person, UnfinishedList
    from aimylogic_provider.call_list.tables.row_results import KnownOutcomes
    from aimylogic_provider.idempotence.ports import Log

__all__ = [
    "INTERRUPTIONS", "begun_in_database", "claiming", "end_of_list", "give_up", "give_up_noted", "let_go_of_settled",
    "opened_claims",
]  # fmt: skip

INTERRUPTIONS = (AirflowTaskTimeout, KeyboardInterrupt)
"""What ends a try, and is no Exception: ``execution_timeout``, and a person at ``airflow tasks test``."""


def opened_claims(results_table: str, conn_id: str) -> closing[Claims]:
    """Return the claims beside a results table, as a context manager.

    :param conn_id: of its database
    :raises CallListError: if the database can't be reached
    """
    from aimylogic_provider.call_list.tables.claims import Claims
    from aimylogic_provider.call_list_task.databases import engine_of

    return closing(Claims(engine_of("results_conn_id", conn_id), results_table))


def give_up_noted(task: TaskFolder, noted: Freezing | None, results_table: str | None, conn_id: str, log: Log) -> None:
    """Give up the list that an earlier try noted, and that never became the task's.

    :param results_table: that of today; None if there is none any more
    :param conn_id: of its database, if the one that was noted is gone
    :raises CallListError: if the database fails; another try can help
    """
    from aimylogic_provider.call_list_task.databases import NoSuchConnectionError

    if noted is None or _is_begun(noted.path, log):
        return
    holder = _holder(task, noted)
    try:
        with opened_claims(noted.results_table, noted.results_conn_id) as claims:
            claims.give_up(holder, unless_sending=True)
    except NoSuchConnectionError:
        goes_on = "nobody can give it up there" if results_table is None else f"it is given up by {conn_id!r}"
        log.warning(
            "The connection %r is gone, in whose database an earlier try of this task began a list, %s: %s. If that is "
            "another database, what the list holds there stays held.", noted.results_conn_id, noted.call_list, goes_on,
        )  # fmt: skip
        if results_table is not None:
            with opened_claims(results_table, conn_id) as claims:
                claims.give_up(holder, unless_sending=True)


@contextmanager
def claiming(
    task: TaskFolder, noted: Freezing, note: Callable[[Freezing], None], log: Log, lost_since: float | None = None
) -> Iterator[Callable[[Callable[[], Iterable[Person]]], Claimed]]:
    """Give what claims rows for a list that is about to be frozen; give the list up if that fails.

    :param noted: the list, as the task's entry tells of it
    :param note: has it do so, or raises if this try was replaced
    :param lost_since: since when (Unix seconds) lists of this task instance may have been sent and lost, whose people
        this one settles by the report, each of them
    :raises CallListError: if the database fails; another try can help
    """
    from aimylogic_provider.call_list_task.unfinished_lists import tell_of, unfinished_lists

    holder = _holder(task, noted)
    with opened_claims(noted.results_table, noted.results_conn_id) as claims:
        others = unfinished_lists(claims, holder, log)
        claims.begin(holder)
        earlier = [own for own in claims.of_instance(holder) if not _is_begun(own.path, log)]
        lost = [
            one.holder for one in claims.being_sent(holder)
            if lost_since is not None and one.began_at >= lost_since and not _is_begun(one.holder.path, log)
        ]  # fmt: skip
        if earlier or lost:
            note(noted)  # refused to a try that was replaced, whose successor's lists those might be
        for own in earlier:
            claims.give_up(own, unless_sending=True)
        for own in lost:
            claims.give_up(own, may_be_sent=True)
        try:
            given_up = {own.call_list for own in (*earlier, *lost)}
            tell_of((one for one in others if one[0].holder.call_list not in given_up), claims, holder, log)
            yield partial(claims.claim, holder)
        except (Exception, *INTERRUPTIONS):
            _try_to_give_up(claims, holder, log)
            raise


def give_up(pointer: Pointer, results_table: str, conn_id: str) -> None:
    """A list that surely nobody sends comes to nothing: it holds nobody any more.

    :raises CallListError: if the database fails; another try can help
    """
    with opened_claims(results_table, conn_id) as claims:
        if (holder := claims.holder(pointer.list_id)) is not None:
            claims.give_up(holder)


def let_go_of_settled(claims: Claims, call_list: CallList, shard: int, known: KnownOutcomes) -> None:
    """Hold none of a shard's calls any more that are settled; those that are pending or unknown stay held.

    :raises CallListError: if the database fails, or a file of the list can't be read
    """
    if (holder := claims.holder(call_list.manifest.id)) is not None:
        told = call_list.manifest
        claims.settled(
            holder,
            _people(call_list, shard, known, settled=True),
            _people(call_list, shard, known, settled=False),
            aside=bool(told.doubles or told.capped),
        )


def end_of_list(call_list: CallList, results_table: str, conn_id: str, log: Log) -> None:
    """Hold nobody any more if all shards of a list have been reported.

    If the database fails, the next run does it: the list's folder shows the end.
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    if not call_list.is_reported():
        return
    try:
        with opened_claims(results_table, conn_id) as claims:
            if (holder := claims.holder(call_list.manifest.id)) is not None:
                claims.ended(holder)
    except CallListError as error:
        log.warning("%s. All calls are settled: the next run of this task lets go of them.", error)


def begun_in_database(task: TaskFolder, results_table: str, conn_id: str) -> Sequence[UnfinishedList]:
    """The lists of this task instance that were about to be sent, as the database knows.

    :raises CallListError: if the database fails; another try can help
    """
    from aimylogic_provider.call_list.store.sync_entry import Freezing

    with opened_claims(results_table, conn_id) as claims:
        return claims.being_sent(_holder(task, Freezing("", "", results_table, conn_id)))


def _holder(task: TaskFolder, noted: Freezing) -> ListHolder:
    from aimylogic_provider.call_list.tables.claims import ListHolder

    iteration = -1 if task.iteration is None else task.iteration
    return ListHolder(
        noted.call_list, noted.path, task.dag_id, task.task_id, task.run_id, task.map_index, iteration,
        noted.results_table,
    )  # fmt: skip


def _people(call_list: CallList, shard: int, known: KnownOutcomes, *, settled: bool) -> Iterator[Person]:
    from aimylogic_provider.call_list.tables.row_keys import person_of

    consent = call_list.manifest.consent
    for batch in call_list.batches(shard):
        outcomes, _ = known(batch)
        rows = {one.row for one in outcomes}
        for line in call_list.lines(batch):
            if (line.row in rows) is settled:
                yield person_of(line.row, line.keys, line.phone, consent)


def _is_begun(path: str, log: Log) -> bool:
    """Whether somebody began to send a list; so it counts, too, if its store is gone.

    :raises CallListError: if its folder can't be read
    """
    from aimylogic_provider.call_list.runs.old_lists import end_of
    from aimylogic_provider.call_list.store.manifest import CallListError

    try:
        return end_of(path) in ("begun", "reported")
    except CallListError:
        raise
    except Exception as error:  # noqa: BLE001 - as of a bucket whose connection was deleted
        log.warning(
            "Whether the earlier list in %s was sent can't be seen (%s: %s): it counts as begun, and holds its people.",
            path, type(error).__name__, error,
        )  # fmt: skip
        return True


def _try_to_give_up(claims: Claims, holder: ListHolder, log: Log) -> None:
    from aimylogic_provider.call_list.store.manifest import CallListError

    try:
        claims.give_up(holder)
    except CallListError as error:
        log.warning("%s. The next try gives the list up.", error)
