"""The halves of a sync as operators of their own: between them stands whatever you like, as a person's approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.operators.preparing import Prepares
from aimylogic_provider.operators.sending import Sends

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from aimylogic_provider.call_list.manifest import Pointer

__all__ = ["PrepareCallListOperator", "SendCallListOperator"]


class PrepareCallListOperator(Prepares):
    """Freeze the rows of a query as a call list, and call nobody.

    Returns where the list is, its counts and its digest, as a dictionary for :class:`SendCallListOperator`: ``path``,
    ``sha256``, ``rows``, ``calls``, ``doubles``, ``rejected``, ``shards``. Each try freezes a list of its own, and
    deletes what one that died left half-written.

    :param shards: parts in which the list can be sent, by tasks of their own
    :param sql: and all further parameters: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`
    """

    template_fields: Sequence[str] = (
        "sql", "sql_conn_id", "parameters", "policy", "call_before", "call_list_path",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json", "policy": "json"}
    ui_color = "#e6f2ff"

    def __init__(self, *, shards: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= 1000:
            raise ValueError(f"shards {shards!r} can't be used: give a whole number from 1 to 1,000")
        self.shards = shards

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the list.

        :raises AirflowFailException: if the query, a column or a setting can't be used, or too many rows are rejected
        """
        from aimylogic_provider.call_list.task_folder import remove
        from aimylogic_provider.operators.airflow_ports import entry_store

        with self._ending():
            task = self._task_folder(context)
            unfinished = {one.address: one for one in task.unfinished()}
            # Airflow refuses the write of a try that it replaced: what was found is of no later one.
            entry_store(context).write({"format": "prepare 1"})
            pointer = self._freeze(context, self.shards)
            # Without a store it may be of a later one, and finished meanwhile.
            remove(one for one in task.unfinished() if one.address in unfinished)
            return pointer.as_json()


class SendCallListOperator(Sends):
    """Send a call list, or a shard of one, exactly once.

    Only one task sends a list, or a shard: another one is refused, for it would not know of this one's requests.

    Returns the report: as that of :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`, with ``shard`` and
    ``shards`` besides. Doubles and rejected rows are counted in shard 0.

    :param call_list: what :class:`PrepareCallListOperator` returned: its ``.output``. (templated)
    :param call_list_path: where lists lie; if it is given, one that lies elsewhere is refused. (templated)
    :param shard: which of its shards, from 0; may be left out for a list that has one. (templated)
    :param aimylogic_conn_id: and all further parameters: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`. ``concurrency`` and ``requests_per_second`` are
        each shard's own; Airflow's pool bounds all of them together
    """

    template_fields: Sequence[str] = (
        "call_list", "shard", "aimylogic_conn_id", "call_list_path", "results_table", "results_conn_id",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json"}
    ui_color = "#e6f2ff"

    def __init__(
        self, *, call_list: Mapping[str, Any] | XComArg | str, shard: int | str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if self.results_table is not None and self.results_conn_id is None:
            raise ValueError("results_table needs results_conn_id: the connection of the database that has the table")
        self.call_list = call_list
        self.shard = shard

    def execute(self, context: Context) -> dict[str, Any]:
        """Send the list.

        :raises AirflowSkipException: if a person said no to it
        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.call_list.manifest import CallListError, Pointer
        from aimylogic_provider.call_list.said_no import check_nobody_said_no
        from aimylogic_provider.call_list.task_folder import check_not_of_another_index, check_only_one
        from aimylogic_provider.operators.airflow_ports import run_since
        from aimylogic_provider.operators.rendered_value import as_value
        from aimylogic_provider.operators.sync_entry import begin

        with self._ending():
            call_list = as_value(self.call_list)
            pointer = Pointer.of(call_list)
            check_nobody_said_no(call_list)
            self._check_beneath(pointer)
            shard = self._shard_of(pointer)
            told = f"{pointer.sha256} {shard} {self._campaign()}"
            resumed = self._answer is not None
            keeper = begin(context, self._task_folder(context), self.log, told=told, resumed=resumed)
            known = keeper.entry.call_list
            way_out = (
                "Give it the first one, or start a new DAG run. To go on with what failed, clear "
                f"`{self.task_id}` alone: a clear of what prepares the list has it frozen anew"
            )
            if known is not None and known.sha256 != pointer.sha256:
                raise CallListError(
                    f"this task began to send the list in {known.path}, and is now given the one in {pointer.path}: "
                    f"its people may be the same, so nothing is sent. {way_out}"
                )
            if known is None:
                check_only_one(pointer, run_since(context), way_out)
                check_not_of_another_index(pointer, self._campaign, run_since(context))
            keeper.entry.call_list = pointer
            report = self._send(context, keeper, pointer, shard=shard, begun_now=known is None)
            return {**report, "shard": shard, "shards": pointer.shards}

    def _check_beneath(self, pointer: Pointer) -> None:
        """Check that a list lies where lists lie, if that is said: where it is may come from a form.

        :raises CallListError: if it doesn't
        """
        from aimylogic_provider.call_list.manifest import CallListError
        from aimylogic_provider.call_list.objects import Folder

        if self.call_list_path and not pointer.is_beneath(Folder(self.call_list_path).address):
            raise CallListError(
                f"the list in {pointer.path} lies elsewhere than call_list_path says, {self.call_list_path}: nothing "
                "of it is sent. Give both operators the same path, or this one none"
            )

    def _shard_of(self, pointer: Pointer) -> int:
        """Which shard of a list is to be sent.

        :raises CallListError: if that can't be told, or is none of its shards
        """
        from aimylogic_provider.call_list.manifest import CallListError

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
