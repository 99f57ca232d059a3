"""A sync: what freezes a call list once and sends it in one task, wherever its rows come from."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from aimylogic_provider.call_list_task.prepare_base import PrepareBase
from aimylogic_provider.call_list_task.rules.brakes import STAGE
from aimylogic_provider.call_list_task.send_base import SendBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.finish_times import Arrival
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, Freezing

__all__ = ["SyncBase"]


class SyncBase(PrepareBase, SendBase):
    """Both halves in one task: rows are read once, and the list that they became is sent, however often it is tried."""

    _not_again: ClassVar[str]
    """What is told of the rows by a try that goes on with the list."""

    def __init__(self, *, dry_run: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(dry_run, bool):
            raise ValueError(f"dry_run {dry_run!r} can't be used: give True or False")
        self._sends = not dry_run  # Airflow's operators have a method of the name dry_run

    def _synced(self, context: Context) -> dict[str, Any]:
        """Freeze the list, if that is not yet done, and send what isn't settled of it; return the report."""
        from aimylogic_provider.call_list_task.lost_entry import find_begun
        from aimylogic_provider.call_list_task.sync_entry_stores import begin

        with self._ending(), self._letting_go(context):
            self._take_blank_as_nothing()
            task = self._task_folder(context)
            keeper = begin(context, task, self.log, told=self._told_now(), resumed=self._resumed)
            self._keeper = keeper
            if not self._sends:
                return self._rehearse(context, keeper)
            source = self._source(task)
            lost = keeper.entry.call_list is None and not keeper.entry.sure
            results = None if self.results_table is None else (self.results_table, self._results_conn_id())
            deleted = find_begun(context, task, keeper.entry, source, results, self.log) if lost else None
            if deleted is not None and deleted.tombstone is not None:
                report = self._told_of_deleted(task, keeper, deleted.tombstone, deleted.folder.address, 0)
                self._check_reached(report)
                self._check_not_abandoned(context, report)
                return report
            if keeper.entry.call_list is None:
                pointer = self._freeze_once(context, keeper, task, source, results)
            else:
                pointer = self._frozen_before(context, keeper, task, source)
            self._heed_brakes(context, keeper, task, pointer)
            report = self._send(context, keeper, pointer, shard=0, begun_now=lost)
            self._check_not_abandoned(context, report)
            return report

    def _freeze_once(
        self, context: Context, keeper: EntryKeeper, task: TaskFolder, source: str, results: tuple[str, str] | None
    ) -> Pointer:
        """Freeze the list, and have it be this task's: that it is, stands in the entry before anything is sent."""
        from aimylogic_provider.airflow_task.run_context import clears, others_since
        from aimylogic_provider.call_list.freeze.rejected.rejections import NobodyToCallError
        from aimylogic_provider.call_list.runs.lists_of_run import check_source_unsent, never_sent
        from aimylogic_provider.call_list.runs.old_lists import remove
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.lost_entry import check_none_pending
        from aimylogic_provider.call_list_task.results_of_task import tell_rejected
        from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

        check_source_unsent(task.begun_in_run(others_since(context)), source)
        self._make_results_table()
        usual = self._usual(task)  # before the query, which may take long
        if keeper.entry.doubtful_since is not None and results is not None:
            check_none_pending(task, *results, self._key_names(), self._consent_kept())
        try:
            doubtful = keeper.entry.doubtful_since
            with self._counting_rejected():
                pointer = self._freeze(
                    context, noted=keeper.entry.freezing, note=partial(_note, keeper),
                    lost_since=None if doubtful is None else doubtful - AIRFLOW_SLACK,
                )  # fmt: skip
        except NobodyToCallError as nobody:
            if results is not None:
                tell_rejected(context, *results, nobody.pointer)
            raise
        if (other := keeper.list_of_another_try()) is not None:
            self._give_up_claims(pointer)
            raise CallListError(
                f"another try froze the list meanwhile, {other}, and sends it: the next try goes on with it",
                retryable=True,
            )
        keeper.entry.freezing = None
        rubbish = never_sent(task.lists(), pointer)
        keeper.entry.call_list, keeper.entry.cleared = pointer, clears(context)
        # By the same numbers each later try looks at it; and what was said of another list isn't said of this one.
        keeper.entry.usual = tuple(usual.calls) if self._brakes().are_set else None
        keeper.entry.asking, keeper.entry.answers = None, {}
        # Whoever writes it first has it: Airflow refuses the write of a try that it replaced.
        keeper.save_now()
        self._telemetry().frozen(pointer)
        remove(rubbish)
        return pointer

    def _frozen_before(self, context: Context, keeper: EntryKeeper, task: TaskFolder, source: str) -> Pointer:
        """The list that this task froze before."""
        from aimylogic_provider.airflow_task.run_context import clears
        from aimylogic_provider.call_list.runs.lists_of_run import check_same_source

        pointer = keeper.entry.call_list
        assert pointer is not None
        if not keeper.entry.cleared or keeper.entry.cleared != clears(context):
            # Its index may be another one's people now; without a clear, its query may hold the time of day.
            check_same_source(task, pointer, source)
            keeper.entry.cleared = clears(context)
        self.log.info("Going on with the frozen call list %s: %s.", pointer.path, self._not_again)
        return pointer

    def _heed_brakes(self, context: Context, keeper: EntryKeeper, task: TaskFolder, pointer: Pointer) -> None:
        """Go on only if the list has about as many calls as it should, or a person has said that it is to be sent.

        Each try looks at that, by the numbers that were usual when the list was frozen.

        :raises CallListError: if it doesn't; or what is usual can't be told
        :raises SaidNoError: if a person said no
        """
        from aimylogic_provider.call_list.runs.brakes import Usual
        from aimylogic_provider.call_list.store.manifest import CallListError

        if not self._brakes().are_set and not self._was_answered(keeper):
            return
        entry = keeper.entry
        begun = self._is_begun(pointer)
        if begun and (entry.usual is None or STAGE in entry.answers):
            self.log.info("No brake is looked at: the call list %s was begun to be sent before.", pointer.path)
            return
        if entry.usual is None:  # frozen before a brake was set
            entry.usual = tuple(self._usual(task).calls)
        usual = Usual(entry.usual)
        if not begun:
            self._heed(context, keeper, pointer, usual)
        elif begun == "begun" and (why := self._why_held(pointer.calls, usual)) is not None:
            raise CallListError(
                f"{why}. The list was begun to be sent before that was set: nothing more of it is sent. To have the "
                "rest called, raise max_calls or max_change, and clear the task"
            )

    def _is_begun(self, pointer: Pointer) -> Literal["begun", "reported"] | None:
        """Whether anybody began to send a list, and whether all of it was reported."""
        from aimylogic_provider.call_list.runs.old_lists import end_of

        end = end_of(pointer.path)
        return end if end in ("begun", "reported") else None

    def _list_of(self, keeper: EntryKeeper) -> Pointer | None:
        return keeper.entry.call_list if self._sends else None

    def _give_up_unsent(self, keeper: EntryKeeper, pointer: Pointer, results_table: str) -> bool:
        """If the task never began to send its list, have that hold nobody, and a clear freeze another one."""
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.stored_list import CallList

        if self._said_yes(keeper):
            return False
        try:
            if CallList.tombstone(pointer) is not None or CallList.open(pointer).claims():
                return False
            keeper.give_up(self._given_up(pointer))
            self._give_up_claims(pointer)
            CallList.discard(pointer, "for its task failed before it sent anything")
        except (CallListError, OSError) as error:
            self.log.warning("The call list %s, of which nothing was sent, can't be given up: %s.", pointer.path, error)
            return False
        self.log.info(
            "Nothing was sent: the call list %s is deleted, and other runs may call its people. A clear asks the query "
            "anew.", pointer.path,
        )  # fmt: skip
        return True

    def _said_yes(self, keeper: EntryKeeper) -> bool:
        """Whether a person said to send this very list, and none said no: it is kept, for nobody may be asked again."""
        answers = keeper.entry.answers.values()
        return bool(answers) and all(one.go_on for one in answers)

    def _arrival_at_freeze(self) -> Arrival | None:
        return self._arrival() if self._sends else None

    def _arrival(self) -> Arrival:
        """When what is sent now arrives, by the server's time.

        :raises NotAddedError: if the server doesn't answer
        """
        from aimylogic_provider.call_list.freeze.finish_times import Arrival
        from aimylogic_provider.calls_api.errors import ApiError
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.errors import NotAddedError
        from aimylogic_provider.idempotence.next_try import NextTry
        from aimylogic_provider.idempotence.retry import FRESH, repeated
        from aimylogic_provider.idempotence.server_time import SystemClock
        from aimylogic_provider.idempotence.server_view import ServerView

        hook, clock = AimylogicHook(self.aimylogic_conn_id), SystemClock()
        view = ServerView(hook.get_conn(), clock, self.log)
        try:
            repeated(lambda attempt: view.fresh_time(), clock.sleep)
            # Whatever is late is rejected for good: not by a single answer.
            if not any(repeated(lambda attempt: view.told_alike(), clock.sleep) for _ in range(3)):
                raise NotAddedError(
                    "The server tells its time otherwise with each answer: nothing is frozen, for calls might be "
                    "rejected as too late that aren't. The next try asks again",
                    retryable=True,
                )
            time = repeated(lambda attempt: view.fresh_time(), clock.sleep)
        except ApiError as error:
            next_try = NextTry(asked=error.retry_after or 0.0)
            raise NotAddedError(f"{error}", retryable=error.retryable, next_try=next_try) from None
        return Arrival(time, FRESH + hook.transport_settings.total_timeout)

    def _rehearse(self, context: Context, keeper: EntryKeeper) -> dict[str, Any]:
        """Freeze the list without making it this task's, and report on it. The server isn't asked even its time."""
        from aimylogic_provider.call_list.store.stored_list import CallList

        self._make_results_table()
        usual = self._usual(self._task_folder(context))
        pointer = keeper.entry.call_list or self._freeze(context)
        if (why := self._why_held(pointer.calls, usual)) is not None:
            self.log.warning("A brake would hold this list: %s.", why)
        self.log.warning("This is a dry run: nothing is sent, and nobody is called. To call them, take dry_run out.")
        return {
            "dry_run": True,
            **pointer.counts,
            "countries": CallList.open(pointer).manifest.countries,
            "call_list": pointer.path,
            "rejected_rows": pointer.rejected_rows,
        }

    def _made_of_rows(self) -> list[object]:
        """What says besides :meth:`_told` how rows become calls."""
        raise NotImplementedError

    def _told_now(self) -> str:
        """A digest of whom, where and how this try is told to call; empty for a dry run."""
        from aimylogic_provider.call_list.store.manifest import sha256

        if not self._sends:
            return ""
        told = [*self._told(), *self._made_of_rows(), self._campaign(), *self._phone_rules_told()]
        return sha256(json.dumps(told, default=str).encode())


def _note(keeper: EntryKeeper, begun: Freezing) -> None:
    """Note that a list is begun; raises if this try was replaced."""
    keeper.entry.freezing = begun
    keeper.save_now()
