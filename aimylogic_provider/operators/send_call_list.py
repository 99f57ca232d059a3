"""The halves of a sync as operators of their own: between them stands whatever you like, as a person's approval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.call_list_task.send_base import SendBase, SentResultsBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper

__all__ = ["SendCallListOperator"]

_WAY_OUT = (
    "Give it the first one, or start a new DAG run. To go on with what failed, clear `{}` alone: a clear of what "
    "prepares the list has it frozen anew"
)


class SendCallListOperator(SendBase, SentResultsBase, BaseOperator):
    """Send a call list, or a shard of one, exactly once.

    Only one task sends a list, or a shard: another one is refused, for it would not know of this one's requests. A task
    that began a list goes on with it, though a clear of the whole run has had another one frozen, which is deleted.

    Returns the report: as that of :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`, with ``shard`` and
    ``shards`` besides. Doubles and rejected rows are counted in shard 0.

    :param call_list: what :class:`PrepareCallListOperator` returned: its ``.output``. (templated)
    :param call_list_path: where lists lie; if it is given, one that lies elsewhere is refused. (templated)
    :param shard: which of its shards, from 0; may be left out for a list that has one. (templated)
    :param exclude_sql: that with which the list was frozen, which is asked again right before each send. (templated)
    :param exclude_conn_id: the connection of its database: that with which the list was frozen. (templated)
    :param aimylogic_conn_id: and all further parameters: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`. ``concurrency`` and ``requests_per_second`` are
        each shard's own; Airflow's pool bounds all of them together
    :param first: and the two after it: as there. The list is sent by whole batches: as many as hold so many calls
    :param test_phone: your own phone, with country code; else as there, of a list that is one shard. (templated)
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "call_list", "shard", "aimylogic_conn_id", "call_list_path", "results_table", "results_conn_id",
        "exclude_sql", "exclude_conn_id", "test_phone",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json", "exclude_sql": "sql"}
    ui_color = "#e6f2ff"
    _sends_a_given_list: ClassVar[bool] = True

    def __init__(
        self,
        *,
        call_list: Mapping[str, Any] | XComArg | str,
        shard: int | str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        concurrency: int | None = None,
        requests_per_second: float | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        keep_call_list: timedelta | None = timedelta(days=30),
        on_unknown: Literal["fail", "ask"] = "fail",
        results_phones: Literal["masked", "full"] = "masked",
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        exclude_unreadable: Literal["fail", "skip"] = "fail",
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        call_list_path: str | None = None,
        results_table: str | None = None,
        results_conn_id: str | None = None,
        wait_for_completion: bool = False,
        completed_share: float = 1.0,
        deferrable: bool | None = None,
        poll_interval: timedelta | float = timedelta(minutes=1),
        wait_timeout: timedelta | float = timedelta(days=7),
        fail_on: Collection[str] = (),
        on_paused: Literal["wait", "fail"] = "wait",
        cancel_on_kill: bool = False,
        first: int | None = None,
        min_reached: float | None = 0.1,
        max_refused: float | None = 0.1,
        test_phone: str | None = None,
        after_test: Literal["go on", "ask"] = "go on",
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(
            aimylogic_conn_id=aimylogic_conn_id,
            concurrency=concurrency,
            requests_per_second=requests_per_second,
            report_lag=report_lag,
            keep_call_list=keep_call_list,
            on_unknown=on_unknown,
            results_phones=results_phones,
            exclude_sql=exclude_sql,
            exclude_conn_id=exclude_conn_id,
            exclude_unreadable=exclude_unreadable,
            on_rejected=on_rejected,
            max_rejected=max_rejected,
            call_list_path=call_list_path,
            results_table=results_table,
            results_conn_id=results_conn_id,
            wait_for_completion=wait_for_completion,
            completed_share=completed_share,
            deferrable=deferrable,
            poll_interval=poll_interval,
            wait_timeout=wait_timeout,
            fail_on=fail_on,
            on_paused=on_paused,
            cancel_on_kill=cancel_on_kill,
            first=first,
            min_reached=min_reached,
            max_refused=max_refused,
            test_phone=test_phone,
            after_test=after_test,
            **policy_argument(retry_policy),
            **kwargs,
        )
        if self.results_table is not None and self.results_conn_id is None:
            raise ValueError("results_table needs results_conn_id: the connection of the database that has the table")
        if self.exclude_sql is not None and self.exclude_conn_id is None:
            raise ValueError("exclude_sql needs exclude_conn_id: the connection of the database that it asks")
        self.call_list = call_list
        self.shard = shard

    def execute(self, context: Context) -> dict[str, Any]:
        """Send the list.

        :raises AirflowSkipException: if a person said no to it
        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        return self._waited_for(context, self._sent(context), self._created_now)

    def _sent(self, context: Context) -> dict[str, Any]:
        from aimylogic_provider.airflow_task.run_context import others_since
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.runs.lists_of_run import check_all_shards, check_not_of_another_index
        from aimylogic_provider.call_list.store.approval_denied import check_nobody_said_no
        from aimylogic_provider.call_list.store.manifest import Pointer
        from aimylogic_provider.call_list_task.sync_entry_stores import begin

        with self._ending(), self._letting_go(context):
            self._take_blank_as_nothing()
            call_list = as_value(self.call_list)
            given = Pointer.of(call_list)
            check_nobody_said_no(call_list)
            self._check_beneath(given)
            task = self._task_folder(context)
            told = f"{given.sha256} {self.shard} {self._campaign()}"
            keeper = self._keeper = begin(context, task, self.log, told=told, resumed=self._resumed)
            known = keeper.entry.call_list
            if known is None:
                pointer = self._begun_before(context, task, given)
                check_not_of_another_index(pointer, self._campaign, others_since(context))
            else:
                pointer = self._own(known, given)
            shard = self._shard_of(pointer)
            if pointer.path != given.path:
                self._delete_unsent(given, pointer)
            keeper.entry.call_list = pointer
            report = self._send(context, keeper, pointer, shard=shard, begun_now=known is None)
            check_all_shards(pointer, given, _WAY_OUT.format(self.task_id))
            self._check_not_abandoned(context, report)
            return {**report, "shard": shard, "shards": pointer.shards}

    def _list_of(self, keeper: EntryKeeper) -> Pointer | None:
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.store.manifest import Pointer

        return keeper.entry.call_list or Pointer.of(as_value(self.call_list))

    def _own(self, known: Pointer, given: Pointer) -> Pointer:
        """The list that this task began to send, whatever it is given now.

        :raises CallListError: if the people of the other list may be others
        """
        from aimylogic_provider.call_list.runs.lists_of_run import of_one_origin
        from aimylogic_provider.call_list.store.manifest import CallListError

        if known.sha256 != given.sha256 and not of_one_origin(known, given):
            raise CallListError(
                f"this task began to send the list in {known.path}, and is now given the one in {given.path}, which "
                f"another task froze, or from another query: nothing is sent. {_WAY_OUT.format(self.task_id)}"
            )
        return known

    def _begun_before(self, context: Context, task: TaskFolder, given: Pointer) -> Pointer:
        """The list to send if this task's entry is new: the given one, or the one that was begun in this DAG run.

        :raises CallListError: if one was begun, and it isn't sure what this task is to send of it
        """
        from aimylogic_provider.airflow_task.run_context import is_first_try, others_since, run_began
        from aimylogic_provider.call_list.runs.lists_of_run import followed, others_begun
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.idempotence.time_limits import AIRFLOW_SLACK

        shard = self._shard_of(given)
        begun = others_begun(given, others_since(context))
        if not begun:
            return given
        # What surely never ran in this DAG run finds the lists of one of the same id, which was deleted.
        began = None if is_first_try(context) else run_began(context)
        pointer = followed(
            begun, given, task, shard,
            began=None if began is None else began - AIRFLOW_SLACK, was_tried=context["ti"].try_number > 1,
        )  # fmt: skip
        if pointer is None:
            raise CallListError(
                f"{begun[0].claims[0].task} began to send another list of this DAG run, {begun[0].folder.address}: the "
                f"people of {given.path} may be the same, so nothing is sent. {_WAY_OUT.format(self.task_id)}"
            )
        self._check_beneath(pointer)
        return pointer

    def _delete_unsent(self, given: Pointer, pointer: Pointer) -> None:
        """Delete the given list, in whose stead another one is sent, so that nobody sends it and no phones are left."""
        from aimylogic_provider.call_list.runs.lists_of_run import delete_unsent
        from aimylogic_provider.call_list.store.manifest import CallListError

        try:
            what = "it is not sent"
            if delete_unsent(given):
                what = "it is deleted unsent"
                self._give_up_claims(given)
        except (CallListError, OSError) as error:
            what = f"it is not sent, and can't be deleted ({error})"
        self.log.warning(
            "Going on with the call list that was begun in this DAG run, %s. Since then another one was frozen, %s: "
            "%s. Whoever is in that one alone is not called by this run.", pointer.path, given.path, what,
        )  # fmt: skip

    def _check_beneath(self, pointer: Pointer) -> None:
        """Check that a list lies where lists lie, if that is said: where it is may come from a form.

        :raises CallListError: if it doesn't
        """
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.objects import Folder

        if self.call_list_path and not pointer.is_beneath(Folder(self.call_list_path).address):
            raise CallListError(
                f"the list in {pointer.path} lies elsewhere than call_list_path says, {self.call_list_path}: nothing "
                "of it is sent. Give both operators the same path, or this one none"
            )

    def _told_by_label(self) -> str:
        if self.shard is None or self.shard == "":
            return super()._told_by_label()
        from aimylogic_provider.airflow_task.template_values import as_value

        return f"shard {int(str(self.shard))} of {as_value(self.call_list)['shards']}"

    def _shard_of(self, pointer: Pointer) -> int:
        """Which shard of a list is to be sent.

        :raises CallListError: if that can't be told, or is none of its shards
        """
        from aimylogic_provider.call_list.store.manifest import CallListError

        if self.shard is None or self.shard == "":
            if pointer.shards > 1:
                raise CallListError(
                    f"the list has {pointer.shards} shards, and which of them to send is not said: nothing is sent. "
                    f"Send all, by SendCallListOperator.partial(…).expand(shard=list(range({pointer.shards})))"
                )
            return 0
        try:
            shard = int(str(self.shard))
        except ValueError:
            raise CallListError(f"shard {self.shard!r} can't be used: give a whole number, from 0") from None
        if not 0 <= shard < pointer.shards:
            raise CallListError(f"shard {shard} is none of this list, which has {pointer.shards}, counted from 0")
        return shard
