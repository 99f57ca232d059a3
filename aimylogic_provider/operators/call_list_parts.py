"""The two halves of a sync, as what its operators are made of: freezing a call list, and sending one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseOperator

from aimylogic_provider.operators.airflow_ports import report_lag_seconds

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from aimylogic_provider.call_list.endings import UnknownCallsError
    from aimylogic_provider.call_list.entry import EntryKeeper
    from aimylogic_provider.call_list.freeze import Limit
    from aimylogic_provider.call_list.manifest import Pointer
    from aimylogic_provider.call_list.progress import Progress
    from aimylogic_provider.call_list.rows import Columns
    from aimylogic_provider.call_list.sending import Sending
    from aimylogic_provider.call_list.stored import Counts
    from aimylogic_provider.call_list.task_folder import TaskFolder

__all__ = ["OfCallList", "Prepares", "Sends"]


class OfCallList(BaseOperator):
    """What both halves have: how many rows may be set aside, and where lists lie."""

    def __init__(
        self,
        *,
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        call_list_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_rejected not in ("skip", "fail"):
            raise ValueError(f"on_rejected {on_rejected!r} can't be used: give 'skip' or 'fail'")
        if on_rejected == "fail" and max_rejected is not None:
            raise ValueError("on_rejected='fail' allows no rejected row at all: leave max_rejected out, or use 'skip'")
        share = isinstance(max_rejected, float) and 0.0 <= max_rejected <= 1.0
        count = isinstance(max_rejected, int) and not isinstance(max_rejected, bool) and max_rejected >= 0
        if max_rejected is not None and not share and not count:
            raise ValueError(
                f"max_rejected {max_rejected!r} can't be used: give a count of rows, as in 10, or a share of them from "
                "0.0 to 1.0, as in 0.05"
            )
        self.on_rejected = on_rejected
        self.max_rejected = max_rejected
        self.call_list_path = call_list_path

    def _limit(self) -> Limit:
        from aimylogic_provider.call_list.freeze import Limit

        return Limit(0 if self.on_rejected == "fail" else self.max_rejected)

    def _task_folder(self, context: Context) -> TaskFolder:
        from aimylogic_provider.call_list.task_folder import TaskFolder
        from aimylogic_provider.operators.airflow_ports import default_call_list_path

        ti = context["ti"]
        index = -1 if ti.map_index is None else ti.map_index
        base = self.call_list_path or default_call_list_path()
        return TaskFolder(base, ti.dag_id, ti.task_id, ti.run_id, index)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End the task as Airflow's users expect it: with a retry where one can help, and without where none can."""
        from aimylogic_provider.call_list.manifest import CallListError
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.not_added import NotAddedError

        try:
            yield
        except RejectedError as error:
            raise AirflowFailException(f"Rejected before any request: {error}") from None
        except (CallListError, NotAddedError) as error:
            raise (AirflowException if error.retryable else AirflowFailException)(str(error)) from None


class Prepares(OfCallList):
    """The half that freezes a call list; asks nothing of Aimylogic.

    Which columns are missing, and what a policy holds, is told before any row is read.
    """

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        phone_column: str = "phone",
        gmt_zone_column: str | None = None,
        payload_columns: Sequence[str] | None = None,
        key_columns: Sequence[str] = (),
        phone_region: str | None = None,
        policy: Mapping[str, Any] | None = None,
        policy_columns: Mapping[str, str] | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if method not in ("addPhones", "addPhone"):
            raise ValueError(f"method {method!r} can't be used: give 'addPhones' or 'addPhone'")
        if method == "addPhone" and (policy or policy_columns or call_before is not None):
            raise ValueError(
                "policy, policy_columns and call_before need method='addPhones': addPhone has no call policies"
            )
        for name, columns in (("payload_columns", payload_columns), ("key_columns", key_columns)):
            if isinstance(columns, str):
                raise ValueError(f"{name} {columns!r} is a single text: give a list, even of one")
        _check_whole("batch_size", batch_size, 1, _MOST_CALLS[method])
        _check_whole("max_batch_bytes", max_batch_bytes, 1000, 100_000_000, optional=False)
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.phone_column = phone_column
        self.gmt_zone_column = gmt_zone_column
        self.payload_columns = payload_columns
        self.key_columns = key_columns
        self.phone_region = phone_region
        self.policy = policy
        self.policy_columns = policy_columns
        self.call_before = call_before
        self.method = method
        self.batch_size = batch_size
        self.max_batch_bytes = max_batch_bytes

    def _columns(self) -> Columns:
        from aimylogic_provider.call_list.rows import POLICY_FIELDS, Columns
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.operators.rendered_value import as_value

        policy = as_value(self.policy or {})
        if not isinstance(policy, dict):
            raise RejectedError(
                f"policy {self.policy!r} can't be used: give a dictionary, or a template that makes one, of "
                f"{', '.join(POLICY_FIELDS)}"
            )
        policy = dict(policy)
        for name in (*policy, *(self.policy_columns or {})):
            if name not in POLICY_FIELDS:
                raise RejectedError(f"{name!r} is no part of a call policy: use {', '.join(POLICY_FIELDS)}")
        if self.call_before is not None:
            if "finish" in policy or "finish" in (self.policy_columns or {}):
                raise RejectedError("call_before is the policy's finish: give one of the two")
            policy["finish"] = self.call_before
        return Columns(
            phone=self.phone_column,
            gmt_zone=self.gmt_zone_column,
            payload=None if self.payload_columns is None else tuple(self.payload_columns),
            keys=tuple(self.key_columns),
            policy=dict(self.policy_columns or {}),
            policy_of_all=policy,
            phone_region=self.phone_region,
            method=self.method,
            max_bytes=self.max_batch_bytes,
        )

    def _told(self) -> list[object]:
        """What says whom this task is to call: what a mapped task's elements may differ by."""
        return [self.sql, self.sql_conn_id, self.parameters, self.phone_column, self.payload_columns]

    def _source(self, task: TaskFolder) -> str:
        """The digest of that; empty if the task isn't mapped, for then its lists are all of one source."""
        from aimylogic_provider.call_list.manifest import sha256

        return sha256(json.dumps(self._told(), default=str).encode()) if task.map_index >= 0 else ""

    def _freeze(self, context: Context, shards: int = 1) -> Pointer:
        """Freeze the call list into a fresh folder. It is the list once a pointer to it is kept."""
        from airflow.providers.common.compat.sdk import BaseHook

        from aimylogic_provider.call_list.freeze import Cut, Origin, freeze
        from aimylogic_provider.call_list.warehouse import streamed

        columns = self._columns()
        task = self._task_folder(context)
        list_id, folder = task.fresh()
        size = self.batch_size or _BATCH_SIZE[self.method]
        self.log.info("Freezing the call list: querying %s.", self.sql_conn_id)
        hook = BaseHook.get_hook(self.sql_conn_id)
        with streamed(hook, self.sql, self.parameters, self.log) as (names, rows):
            pointer = freeze(
                rows,
                names,
                columns,
                folder,
                cut=Cut(size, self.max_batch_bytes, shards),
                limit=self._limit(),
                origin=Origin(list_id, task.words, task.of_task.address, self._source(task)),
                log=self.log,
            )
        self.log.info(
            "Frozen: %s rows are %s calls; %s are doubles of those, %s are rejected. The list is %s.",
            *(f"{count:,}" for count in (pointer.rows, pointer.calls, pointer.doubles, pointer.rejected)), pointer.path,
        )  # fmt: skip
        return pointer


class Sends(OfCallList):
    """The half that sends a call list."""

    def __init__(
        self,
        *,
        aimylogic_conn_id: str = "aimylogic_default",
        concurrency: int | None = None,
        requests_per_second: float | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        keep_call_list: timedelta | None = timedelta(days=30),
        on_unknown: Literal["fail", "ask"] = "fail",
        results_table: str | None = None,
        results_conn_id: str | None = None,
        results_phones: Literal["masked", "full"] = "masked",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_unknown not in ("fail", "ask"):
            raise ValueError(f"on_unknown {on_unknown!r} can't be used: give 'fail' or 'ask'")
        _check_whole("concurrency", concurrency, 1, 100)
        number = isinstance(requests_per_second, (int, float)) and not isinstance(requests_per_second, bool)
        if requests_per_second is not None and not (number and requests_per_second > 0):
            raise ValueError(f"requests_per_second {requests_per_second!r} can't be used: give more than 0, or None")
        if keep_call_list is not None and (not isinstance(keep_call_list, timedelta) or keep_call_list < timedelta(0)):
            raise ValueError(f"keep_call_list {keep_call_list!r} can't be used: give a timedelta, or None for ever")
        if results_phones not in ("masked", "full"):
            raise ValueError(f"results_phones {results_phones!r} can't be used: give 'masked' or 'full'")
        self.results_table = results_table
        self.results_conn_id = results_conn_id
        self.results_phones = results_phones
        self.aimylogic_conn_id = aimylogic_conn_id
        self.concurrency = concurrency
        self.requests_per_second = requests_per_second
        report_lag_seconds(report_lag)
        self.report_lag = report_lag
        self.keep_call_list = keep_call_list
        self.on_unknown = on_unknown
        self._current: Sending | None = None
        self._answer: tuple[Mapping[str, Any], str] | None = None

    def execute_complete(
        self, context: Context, event: dict[str, Any], reference: str, asked: float, candidates: list[str]
    ) -> dict[str, Any]:
        """Go on with what a person answered about parked calls. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param reference: of what was asked
        :param asked: when, by the server's clock (Unix time)
        :param candidates: nothing, of a list
        :raises AirflowFailException: as ``execute``, and if the answer can't be used
        :raises AirflowException: as ``execute``
        """
        self._answer = event, reference
        report: dict[str, Any] = self.execute(context)
        return report

    def _note_answer(self, context: Context, keeper: EntryKeeper) -> None:
        """Note what a person said of parked calls, or wait for it, if somebody was asked."""
        from aimylogic_provider.call_list.entry import ListRuling
        from aimylogic_provider.idempotence.rulings import Question
        from aimylogic_provider.operators import required_action

        entry = keeper.entry
        if self._answer is not None:
            event, reference = self._answer
            if entry.asked is None:
                return  # Airflow brought it twice; it was noted
            if entry.asked.reference != reference:
                raise AirflowFailException(
                    "The person who answered was asked about other calls. Nothing was sent. Clear the task to go on"
                )
            question, entry.asked = entry.asked, None
            try:
                send, by, at = required_action.list_answer(event)
            except ValueError as error:
                keeper.save_now()
                raise AirflowFailException(f"{error}. Nothing was sent. Clear the task to be asked again") from None
            entry.ruling = ListRuling(send, by, at, question)
            keeper.save_now()
            self.log.info("Noted: %s said to %s the calls.", by, "send" if send else "leave")
        elif entry.asked is not None and self.on_unknown == "ask":
            self.log.info("A person was asked about parked calls: going on with the answer, or waiting for it.")
            waiting = Question(entry.asked.reference, entry.asked.at)
            required_action.defer_to_trigger(context, waiting, required_action.LIST_OPTIONS)
        elif entry.asked is not None:
            entry.asked = None  # this try goes on without the answer; its next write tells

    def _ask(self, context: Context, keeper: EntryKeeper, parked: UnknownCallsError) -> NoReturn:
        """Ask a person what is to become of parked calls, and wait for the answer."""
        from aimylogic_provider.idempotence.rulings import Question
        from aimylogic_provider.operators import required_action

        question = parked.question
        required_action.ask_about_list(context, question.reference, parked.calls, parked.known)
        keeper.entry.asked = question
        keeper.save_now()
        self.log.warning("%s\nA person is asked: see Required actions in Airflow.", parked.known)
        required_action.await_answer(context, Question(question.reference, question.at), required_action.LIST_OPTIONS)

    def _results(self, context: Context, sending: Sending, shard: int) -> AbstractContextManager[None]:
        from aimylogic_provider.operators.results import keeping_results

        if self.results_table is None:
            return nullcontext()
        table, conn_id = self.results_table, self._results_conn_id()
        return keeping_results(context, table, conn_id, self.results_phones, sending, shard, self.log)

    def _results_conn_id(self) -> str:
        return self.results_conn_id or ""

    def on_kill(self) -> None:
        """Send nothing more, and tell in the log what is known. What is under way is on record."""
        if self._current is not None:
            self.log.warning("The task is being ended. %s", self._current.end())

    def _send(
        self, context: Context, keeper: EntryKeeper, pointer: Pointer, *, shard: int, begun_now: bool
    ) -> dict[str, Any]:
        """Send a shard of a list; return the report.

        :param begun_now: whether the task's entry is new, so that what it had noted before may be lost
        """
        from aimylogic_provider.call_list.endings import UnknownCallsError
        from aimylogic_provider.call_list.sending import Sending
        from aimylogic_provider.call_list.settings import SendSettings
        from aimylogic_provider.call_list.stored import CallList
        from aimylogic_provider.call_list.task_folder import delete_old
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.keys import campaign_digest
        from aimylogic_provider.operators.airflow_ports import SystemClock, run_since

        if (report := CallList.deleted(pointer, shard)) is not None:
            self.log.info("The call list was sent, and deleted since: nothing is sent. Its report was kept.")
            return report
        task = self._task_folder(context)
        call_list = CallList.open(pointer)
        if begun_now and not keeper.entry.sure:
            task.check_no_other(pointer, call_list.manifest.task_folder, shard, run_since(context))
        hook = AimylogicHook(self.aimylogic_conn_id)
        client = hook.get_conn()
        method = call_list.manifest.method
        settings = SendSettings(
            transport=hook.transport_settings,
            campaign=campaign_digest(client.address),
            concurrency=self.concurrency or _CONCURRENCY[method],
            requests_per_second=self.requests_per_second,
            report_lag=report_lag_seconds(self.report_lag),
            most_set_aside=self._limit().of(pointer.rows),
        )
        sending = self._current = Sending(
            call_list, shard, keeper=keeper, client=client, clock=SystemClock(), settings=settings, log=self.log
        )
        self._note_answer(context, keeper)
        try:
            with self._results(context, sending, shard):
                counts = sending.run(task.words, begun_now=begun_now)
        except UnknownCallsError as parked:
            if self.on_unknown != "ask" or not parked.can_be_asked:
                raise
            self._ask(context, keeper, parked)
        report = self._report(pointer, shard, counts, sending.progress)
        call_list.write_report(shard, report)
        self.log.info("%s in %.1f seconds.", sending.progress.summary(), sending.progress.seconds)
        if self.keep_call_list is not None:
            deleted = delete_old(call_list.manifest.task_folder, self.keep_call_list, self.log)
            if deleted:
                self.log.info("Deleted %d call lists older than %s.", deleted, self.keep_call_list)
        return report

    def _report(self, pointer: Pointer, shard: int, counts: Counts, progress: Progress) -> dict[str, Any]:
        # Doubles and rejected rows of a list that is sent in shards are counted in the first of them.
        doubles, rejected = (pointer.doubles, pointer.rejected) if shard == 0 else (0, 0)
        report = {
            "rows": progress.calls + doubles + rejected,
            "created": counts.created,
            "doubles": doubles,
            "rejected": rejected,
            "refused": counts.refused,
            "unknown": 0,
            "call_list": pointer.path,
            "rejected_rows": pointer.rejected_rows,
            "seconds": round(progress.seconds, 3),
            "numbers_per_second": round(progress.rate, 1),
        }
        if self.results_table is not None:
            report["results_table"] = self.results_table
        return report


_BATCH_SIZE = {"addPhones": 1000, "addPhone": 500}  # two of those may be under way
_MOST_CALLS = {"addPhones": 100_000, "addPhone": 1000}
_CONCURRENCY = {"addPhones": 8, "addPhone": 16}


def _check_whole(name: str, value: object, least: int, most: int, *, optional: bool = True) -> None:
    if optional and value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and least <= value <= most):  # type: ignore[operator]
        raise ValueError(f"{name} {value!r} can't be used: give a whole number from {least:,} to {most:,}")
