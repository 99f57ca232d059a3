"""AddPhonesOperator: calls that a DAG gives, each with a policy of its own, added exactly once per DAG run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.call_list_task.rules.only_new_by_lists import OnlyNewByLists
from aimylogic_provider.call_list_task.sync_base import SyncBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk import XComArg
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments

__all__ = ["AddPhonesOperator"]


class AddPhonesOperator(OnlyNewByLists, SyncBase, BaseOperator):
    """Add calls to an Aimylogic campaign, each with a policy of its own, exactly once per DAG run.

    The calls are given by the DAG, or by a task before, and no database is needed. What the first try is given becomes
    a frozen call list, and the list alone is sent, however often the task is retried or cleared, and whatever it is
    given then: nobody is called twice, and nobody is missed. What can't be called is set aside with its reason; calls
    of the same phone and payload are one.

    Returns a report: that of :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`, whose rows are the given
    calls, counted from 1. Calls API, "addPhones"; "Adding phone numbers from CRM systems".

    :param calls: a list of dictionaries of ``phone``, ``payload`` (names and values, which the campaign's script
        reads), ``gmt_zone``, ``policy`` (what it says goes before *policy*) and ``key`` (kept beside the call, and not
        sent, so that you find it again), of which ``phone`` alone is needed; or of phones alone. Or a template that
        makes one. An empty list is nobody to call, and None an error. (templated)
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``
    :param phone_reading: whether numbers without a plus bear their country code (``international``), don't
        (``national``), or some do (``either``)
    :param phone_check: whether numbers without a plus must be ``in use``, or only ``possible``, as those of new ranges
        are
    :param countries: two-letter codes of the countries that may be called, as in ``["RU", "KZ"]``; all if left out
    :param policy: when and how often to call, for all calls: ``start``, ``finish``, ``allowed_days``,
        ``allowed_time`` (or the name of a law's hours, as ``RU 230-FZ``), ``retry_interval_minutes``, ``max_attempts``,
        ``priority``, ``external_check_url``, ``external_check_max_retries``. (templated)
    :param call_before: nobody is dialled after that time: aware, or ISO 8601 text. What comes too late for it
        is not sent. (templated)
    :param method: ``addPhones`` (a batch is a request) or ``addPhone`` (a number is), which has no policies
    :param batch_size: calls in a batch, at most; 1,000 if left out, and 500 by addPhone
    :param max_batch_bytes: of a request, at most
    :param max_calls_per_phone: how many calls of one list may go to one phone, if they differ; further ones are set
        aside as ``capped``. None for any number
    :param only_new: whom another list of this task called within that time, of whichever run, isn't called, nor whoever
        stands in one that was begun and isn't over: a timedelta, or True for ever. The task's own lists tell that, in
        ``call_list_path``, which all workers must share, when the list is frozen and again right before each send. It
        needs ``max_active_tis_per_dag=1``
    :param call_again: True to call again, on purpose, whom other runs called ten minutes before this one was triggered,
        or earlier: of later calls whoever triggers it can't have known, so that a second click rings nobody. Also text,
        as a template makes it of a form's box: True, yes, 1, or False, no, 0, None and blanks. (templated)
    :param exclude_sql: a query, or a file with one, that gives the phones of those who mustn't be called, in any
        writing: asked when the list is frozen, and again right before each send. They are *excluded*. (templated)
    :param exclude_conn_id: the connection of its database; needed with it. (templated)
    :param exclude_unreadable: what becomes of its rows that hold no phone that could be read: ``fail`` sends nothing,
        and ``skip`` goes on without them
    :param holdout: a share of the people that isn't called, above 0 and below 1, always the same ones: to measure what
        calling does. They are *held out*
    :param holdout_salt: any text: tasks of the same one hold out the same people
    :param max_calls: how many calls a list may have: with more nothing is sent, or a person is asked (*on_excess*)
    :param max_change: by which share of the usual number of calls a list's may differ, as a float: 0.5 allows from half
        to one and a half times, 3.0 up to four times. Usual is the median of the last 10 runs that called somebody,
        known from the third on; of a mapped task each index has its own. A run with no calls has changed, too
    :param on_excess: what becomes of such a list: ``fail`` fails the task with the numbers, and a clear takes the
        calls anew; ``ask`` asks a person besides, among Airflow's *Required actions*, whether to send it. Nothing is
        sent before that, and after a no the task is skipped, and the list deleted
    :param concurrency: requests under way at a time; 8 if left out, 16 by addPhone
    :param requests_per_second: at most; as many as go if left out
    :param on_rejected: ``skip`` sets calls aside that can't be made, ``fail`` sends nothing if there is one
    :param max_rejected: how many calls may be rejected, refused or expired: a count, or a share of all as a float;
        more fail the task, before anything is sent where that is known by then
    :param call_list_path: where call lists are kept: a folder, or a URL as ``ObjectStoragePath`` takes it, that all
        workers reach; a folder in AIRFLOW_HOME if left out. (templated)
    :param keep_call_list: how long finished lists are kept, for this task's later runs to delete; None for ever, and
        ``timedelta(0)`` until the end of this very task. The counts stay
    :param on_unknown: what becomes of calls of which it can't be known whether they were added: ``fail`` lists them in
        a file, and ``ask`` asks a person besides, among Airflow's *Required actions*, whether to send those without a
        job
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours
    :param dry_run: freeze the list and report on it, and send nothing
    :param wait_for_completion: and the arguments after it: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`
    :param first: and the arguments after it: as those of
        :class:`~aimylogic_provider.transfers.SqlToAimylogicOperator`. *test_phone* is templated
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "calls", "aimylogic_conn_id", "policy", "call_before", "call_list_path", "exclude_sql", "exclude_conn_id",
        "test_phone", "call_again",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"calls": "json", "policy": "json", "exclude_sql": "sql"}
    ui_color = "#e6f2ff"
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {
        "sent": ("calls",), "nested": ("calls",), "values": ("policy",), "as_they_are": ("exclude_sql",),
    }  # fmt: skip
    _not_again: ClassVar[str] = "whatever calls is by now is not read"

    def __init__(
        self,
        *,
        calls: Sequence[Mapping[str, Any] | str | int] | XComArg | str,
        aimylogic_conn_id: str = "aimylogic_default",
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        max_calls_per_phone: int | None = 1,
        only_new: timedelta | bool = False,
        call_again: bool | str = False,
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        exclude_unreadable: Literal["fail", "skip"] = "fail",
        holdout: float | None = None,
        holdout_salt: str = "",
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        max_calls: int | None = None,
        max_change: float | None = None,
        on_excess: Literal["fail", "ask"] = "fail",
        call_list_path: str | None = None,
        concurrency: int | None = None,
        requests_per_second: float | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        keep_call_list: timedelta | None = timedelta(days=30),
        on_unknown: Literal["fail", "ask"] = "fail",
        dry_run: bool = False,
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
            phone_region=phone_region,
            phone_reading=phone_reading,
            phone_check=phone_check,
            countries=countries,
            policy=policy,
            call_before=call_before,
            method=method,
            batch_size=batch_size,
            max_batch_bytes=max_batch_bytes,
            max_calls_per_phone=max_calls_per_phone,
            only_new=only_new,
            call_again=call_again,
            exclude_sql=exclude_sql,
            exclude_conn_id=exclude_conn_id,
            exclude_unreadable=exclude_unreadable,
            holdout=holdout,
            holdout_salt=holdout_salt,
            on_rejected=on_rejected,
            max_rejected=max_rejected,
            max_calls=max_calls,
            max_change=max_change,
            on_excess=on_excess,
            call_list_path=call_list_path,
            concurrency=concurrency,
            requests_per_second=requests_per_second,
            report_lag=report_lag,
            keep_call_list=keep_call_list,
            on_unknown=on_unknown,
            dry_run=dry_run,
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
        if self.exclude_sql is not None and self.exclude_conn_id is None:
            raise ValueError("exclude_sql needs exclude_conn_id: the connection of the database that it asks")
        self._check_fit()
        self.calls = calls
        self._check_calls(calls)

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the calls as a list, unless that was done; send what isn't settled of it; return the report.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        return self._waited_for(context, self._synced(context), self._created_now)

    def _made_of_rows(self) -> list[object]:
        return [self.phone_region, self.policy, self.call_before]
