"""The half of a sync that sends a call list, as what its operators are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from aimylogic_provider.airflow_task.argument_checks import (
    check_choice,
    check_seconds,
    check_whole,
    report_lag_seconds,
)
from aimylogic_provider.airflow_task.index_labels import HasIndexLabel
from aimylogic_provider.call_list_task.before_the_rest.first_calls import SendsFirstCallsFirst
from aimylogic_provider.call_list_task.before_the_rest.own_phone import TriesOnOwnPhone
from aimylogic_provider.call_list_task.call_list_base import ResultsTableBase
from aimylogic_provider.call_list_task.questions.parked_calls import AsksAboutParked
from aimylogic_provider.call_list_task.questions.stage_questions import AsksBeforeSending
from aimylogic_provider.call_list_task.rules.last_looks import LooksAgain
from aimylogic_provider.call_list_task.told_of_sent import TellsSent

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.telemetry.task_telemetry import ListTelemetry
    from aimylogic_provider.call_list.send.last_look import LastLook
    from aimylogic_provider.call_list.send.progress import SyncProgress
    from aimylogic_provider.call_list.send.sending import Sending
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.outcomes import Counts
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper

__all__ = ["SendBase", "SentResultsBase"]

_CONCURRENCY = {"addPhones": 8, "addPhone": 16}


class SendBase(
    TellsSent,
    HasIndexLabel,
    TriesOnOwnPhone,
    LooksAgain,
    SendsFirstCallsFirst,
    AsksAboutParked,
    AsksBeforeSending,
):
    """The half that sends a call list, and may wait until its calls are over."""

    _adds_calls: ClassVar[bool] = True
    _sends_a_given_list: ClassVar[bool] = False
    results_phones: Literal["masked", "full"] = "masked"
    """Of those that have a results table; see :class:`SentResultsBase`."""

    def __init__(
        self,
        *,
        aimylogic_conn_id: str = "aimylogic_default",
        concurrency: int | None = None,
        requests_per_second: float | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        keep_call_list: timedelta | None = timedelta(days=30),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_whole("concurrency", concurrency, 1, 100)
        number = isinstance(requests_per_second, (int, float)) and not isinstance(requests_per_second, bool)
        if requests_per_second is not None and not (number and requests_per_second > 0):
            raise ValueError(f"requests_per_second {requests_per_second!r} can't be used: give more than 0, or None")
        if keep_call_list is not None and (not isinstance(keep_call_list, timedelta) or keep_call_list < timedelta(0)):
            raise ValueError(f"keep_call_list {keep_call_list!r} can't be used: give a timedelta, or None for ever")
        if self.wait_for_completion and keep_call_list is not None:
            longest = timedelta(seconds=check_seconds("wait_timeout", self.wait_timeout))
            if keep_call_list < longest:
                raise ValueError(
                    f"keep_call_list {keep_call_list!r} can't be used with wait_for_completion: the list is needed "
                    f"until its calls are over. Give at least wait_timeout ({longest!r}), or None for ever"
                )
        self.aimylogic_conn_id = aimylogic_conn_id
        self.concurrency = concurrency
        self.requests_per_second = requests_per_second
        report_lag_seconds(report_lag)
        self.report_lag = report_lag
        self.keep_call_list = keep_call_list
        self._declare_campaign(aimylogic_conn_id)
        self._current: Sending | None = None
        self._keeper: EntryKeeper | None = None

    @property
    def _created_now(self) -> int:
        """How many calls this try created, or found to be created."""
        return self._created_before + (0 if self._current is None else self._current.progress.created_now)

    @property
    def _resumed(self) -> bool:
        """Whether this very try has waited, for a person or for the first calls, and goes on."""
        return self._answer is not None or self._first_end is not None

    def _told_by_label(self) -> str:
        return str(self.aimylogic_conn_id)

    @contextmanager
    def _letting_go(self, context: Context) -> Iterator[None]:
        """Once the task has ended for good, have other runs call whom its list surely was not sent to."""
        from aimylogic_provider.airflow_task.run_context import is_last
        from aimylogic_provider.call_list_task.claims_of_task import INTERRUPTIONS
        from aimylogic_provider.retries.task_failures import gives_up

        try:
            yield
        except (Exception, *INTERRUPTIONS) as error:
            if self.results_table is not None and (is_last(context, error) or gives_up(context, error)):
                try:
                    self._let_go(context, self.results_table)
                except Exception as another:  # noqa: BLE001  # the first one is to be told
                    self.log.warning("What the call list holds can't be let go of: %s.", another)
            raise

    def _let_go(self, context: Context, results_table: str) -> None:
        """Have the task's list hold nobody any more to whom surely nothing was sent."""
        from aimylogic_provider.airflow_task.run_context import is_first_try
        from aimylogic_provider.airflow_task.task_state import has_store
        from aimylogic_provider.call_list_task.claim_release import let_go_unsent
        from aimylogic_provider.call_list_task.sync_entry_stores import begin

        task, resumed = self._task_folder(context), self._resumed
        keeper = self._keeper or begin(context, task, self.log, told="", resumed=resumed)
        pointer = self._list_of(keeper)
        if pointer is not None and not self._give_up_unsent(keeper, pointer, results_table):
            let_go_unsent(
                keeper,
                pointer,
                self._shard_of(pointer),
                task,
                is_fenced=has_store(context) or (is_first_try(context) and not resumed),
                keeps_list=self._said_yes(keeper),
                results_table=results_table,
                conn_id=self._results_conn_id(),
                log=self.log,
            )

    def _list_of(self, keeper: EntryKeeper) -> Pointer | None:
        """The list that this task sends, or was to send."""
        return keeper.entry.call_list

    def _give_up_unsent(self, keeper: EntryKeeper, pointer: Pointer, results_table: str) -> bool:
        """Delete a list that the task never began to send, if it can freeze another one; return whether that is so."""
        return False

    def _said_yes(self, keeper: EntryKeeper) -> bool:
        """Whether the task keeps its list though nothing of it was sent."""
        return False

    def _shard_of(self, pointer: Pointer) -> int:
        """Which shard of a list is to be sent."""
        return 0

    def _results(self, context: Context, sending: Sending, shard: int) -> AbstractContextManager[None]:
        from aimylogic_provider.call_list_task.results_of_task import keeping_results

        if self.results_table is None:
            return nullcontext()
        table, conn_id = self.results_table, self._results_conn_id()
        return keeping_results(context, table, conn_id, self.results_phones, sending, shard, self.log)

    def _campaign(self) -> str:
        """The digest of where this task sends now."""
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.keys import campaign_digest

        return campaign_digest(AimylogicHook(self.aimylogic_conn_id).get_conn().address)

    def on_kill(self) -> None:
        """Send nothing more, and tell in the log what is known. What is under way is on record."""
        if self._waits is not None:
            self._cancel_as_killed()
        elif self._current is not None:
            self.log.warning("The task is being ended. %s", self._current.end())

    def _send(
        self, context: Context, keeper: EntryKeeper, pointer: Pointer, *, shard: int, begun_now: bool
    ) -> dict[str, Any]:
        """Send a shard of a list; return the report.

        :param begun_now: whether the task's entry is new, so that what it had noted before may be lost
        """
        from aimylogic_provider.airflow_task.run_context import run_since
        from aimylogic_provider.call_list.runs.lists_in_folder import begun_lists
        from aimylogic_provider.call_list.runs.lists_of_run import check_began_no_other
        from aimylogic_provider.call_list.store.objects import Folder
        from aimylogic_provider.call_list.store.stored_list import CallList
        from aimylogic_provider.call_list_task.results_of_task import check_told

        task = self._task_folder(context)
        if (tombstone := CallList.tombstone(pointer)) is not None:
            report = self._told_of_deleted(task, keeper, tombstone, pointer.path, shard)
            self._check_reached(report, pointer, whole=pointer.shards == 1)
            return report
        call_list = CallList.open(pointer)
        self._lists = call_list.manifest.task_folder or None
        check_told(call_list.manifest.results_table, self.results_table, self.log)
        self._check_heeds_lists(call_list.manifest)
        if begun_now and not keeper.entry.sure:
            begun = begun_lists(Folder(call_list.manifest.task_folder), run_since(context))
            check_began_no_other(begun, task, pointer, shard)
        send = partial(self._settle, context, keeper, pointer, call_list, shard)
        self._note_answer(context, keeper)
        self._try_on_own_phone(context, keeper, call_list, shard)
        if self._wait_for_first_calls(context, keeper, call_list, shard, partial(send, begun_now=begun_now)):
            begun_now, call_list = False, CallList.open(pointer)
            send = partial(self._settle, context, keeper, pointer, call_list, shard)
        counts, progress = send(begun_now=begun_now)
        return self._end(call_list, pointer, shard, counts, progress)

    def _end(
        self, call_list: CallList, pointer: Pointer, shard: int, counts: Counts, progress: SyncProgress
    ) -> dict[str, Any]:
        """Keep and return the report on a shard whose calls are settled; the task ends well only if it may.

        :raises NotAddedError: if somebody was to be called, and nobody is
        """
        from aimylogic_provider.call_list.persons.lists_in_force import capped_because, tell_capped
        from aimylogic_provider.call_list.runs.old_lists import delete_old
        from aimylogic_provider.call_list.send.nobody_reached import check_whole_list, why_not
        from aimylogic_provider.call_list.store.stored_list import CallList
        from aimylogic_provider.call_list_task.claims_of_task import end_of_list

        report = self._report(pointer, shard, counts, progress)
        call_list.write_report(shard, report)
        if self.results_table is not None:
            end_of_list(call_list, self.results_table, self._results_conn_id(), self.log)
        if counts.capped and (because := capped_because(call_list, shard)):
            tell_capped(because, self.log)
        if not report["created"] and report["capped"]:
            self._nobody_because = capped_because(call_list, shard)
        if not progress.calls:
            self.log.info("There is nobody to call in %s.", "this shard" if pointer.shards > 1 else "this call list")
        why = why_not(call_list, shard) if counts.settled > counts.created else ""
        whole = pointer.shards == 1 or CallList.open(pointer).created_none()
        self._check_reached(report, pointer, whole=whole, why=why)
        if not report["created"]:
            check_whole_list(CallList.open(pointer), partial(self._look_at_lists, call_list))
            if progress.calls:
                spared = "its calls were spared right before they were to be sent"
                self._nobody_because = self._nobody_because or spared
                self.log.warning("Nobody is called, for %s. %s", spared, why)
        if self.keep_call_list is not None:
            asked = max((cap.seconds or 0.0 for cap in call_list.manifest.caps if cap.by != "table"), default=0.0)
            of_task = call_list.manifest.task_folder
            deleted = delete_old(of_task, self.keep_call_list, self.log, asked=timedelta(seconds=asked))
            if deleted:
                self.log.info("Deleted %d call lists older than %s.", deleted, self.keep_call_list)
        return report

    def _settle(
        self,
        context: Context,
        keeper: EntryKeeper,
        pointer: Pointer,
        call_list: CallList,
        shard: int,
        *,
        begun_now: bool,
        but: frozenset[str] = frozenset(),
    ) -> tuple[Counts, SyncProgress]:
        """Send a shard of a list; return what became of its calls, and how that went.

        :param begun_now: as of :meth:`_send`
        :param but: names of batches that wait
        """
        from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError

        telemetry = self._telemetry()
        with ExitStack() as opened:
            looks = self._last_looks(call_list, opened)
            sending = self._current = self._sending(call_list, shard, keeper, pointer.rows, telemetry, looks)
            sending.hold_back(but)
            try:
                with self._results(context, sending, shard), telemetry.sending(), _counting_parked(telemetry):
                    counts = sending.run(self._task_folder(context).words, begun_now=begun_now)
            except UnknownCallsError as parked:
                if self.on_unknown != "ask" or not parked.can_be_asked:
                    raise
                self._ask(context, keeper, parked)
        return counts, sending.progress

    def _sending(
        self,
        call_list: CallList,
        shard: int,
        keeper: EntryKeeper,
        rows: int,
        telemetry: ListTelemetry,
        looks: Sequence[LastLook],
    ) -> Sending:
        """What sends a shard of a list.

        :param rows: of the whole list
        """
        from aimylogic_provider.call_list.report.campaign_ids import known_campaign
        from aimylogic_provider.call_list.send.sending import Sending
        from aimylogic_provider.call_list.send.settings import SendSettings
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.server_time import SystemClock

        hook = AimylogicHook(self.aimylogic_conn_id)
        client = hook.get_conn()
        settings = SendSettings(
            transport=hook.transport_settings,
            campaign=known_campaign(keeper.entry, call_list.claims(), client, self.log),
            concurrency=self.concurrency or _CONCURRENCY[call_list.manifest.method],
            requests_per_second=self.requests_per_second,
            report_lag=report_lag_seconds(self.report_lag),
            most_set_aside=self._limit().of(rows),
        )
        return Sending(
            call_list,
            shard,
            keeper=keeper,
            client=client,
            clock=SystemClock(),
            settings=settings,
            log=self.log,
            settled=telemetry.settled,
            looks=looks,
        )

    def _check_not_abandoned(self, context: Context, report: Mapping[str, Any]) -> None:
        """Have the task fail, now that all its own is settled, if nobody goes on with a list that holds people.

        :raises CallListError: if so
        """
        from aimylogic_provider.airflow_task.run_context import tasks_of_dag
        from aimylogic_provider.call_list_task.claims_of_task import opened_claims
        from aimylogic_provider.call_list_task.unfinished_lists import check_not_abandoned

        if self.results_table is not None:
            claims = opened_claims(self.results_table, self._results_conn_id())
            list_id = str(report["call_list"]).rpartition("/")[2]
            check_not_abandoned(list_id, claims, tasks_of_dag(context, self), self.log)


@contextmanager
def _counting_parked(telemetry: ListTelemetry) -> Iterator[None]:
    from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError

    try:
        yield
    except UnknownCallsError as parked:
        telemetry.parked(parked.calls)
        raise


class SentResultsBase(ResultsTableBase):
    """What sends with a results table have besides."""

    def __init__(self, *, results_phones: Literal["masked", "full"] = "masked", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("results_phones", results_phones, "masked", "full")
        self.results_phones = results_phones
