"""AddPhoneOperator: one call, added exactly once per DAG run, however often its task is tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException, BaseOperator
from aimylogic_provider.airflow_task.argument_checks import check_choice, conn_id_of, report_lag_seconds
from aimylogic_provider.airflow_task.assets import TellsCampaign, declare_mapped_record, declare_record
from aimylogic_provider.airflow_task.index_labels import HasIndexLabel
from aimylogic_provider.airflow_task.masked_rendering import RendersMasked, ShownMasked
from aimylogic_provider.lineage.lineage_methods import TellsLineage
from aimylogic_provider.retries.policy_argument import HasRetryPolicy, policy_argument
from aimylogic_provider.retries.retry_policy import AIRFLOW_HAS_POLICIES, DEFAULT_RETRY_POLICY
from aimylogic_provider.task_end.tells_end import TellsEnd
from aimylogic_provider.waiting_task.waiting_operator import WaitsForJobs

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.airflow_task.shown.given_answers import HumanAnswer
    from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
    from aimylogic_provider.lineage.task_lineage import TaskLineage
    from aimylogic_provider.waiting.jobs_wait import WaitEnd

__all__ = ["AddPhoneOperator"]


class AddPhoneOperator(
    HasRetryPolicy, TellsCampaign, TellsLineage, TellsEnd, HasIndexLabel, RendersMasked, WaitsForJobs, BaseOperator
):
    """Add one phone number to an Aimylogic campaign, exactly once per DAG run; in a loop, once an iteration.

    However the task fails, and whenever its retry comes, the person is not called twice and not missed. What can't be
    known is parked: the task fails without further retries and says what is known and which ways out there are, or,
    with ``on_unknown="ask"``, waits for a person to decide.

    Returns the call job's id, as text. With ``wait_for_completion`` the task waits until the job is over, and returns
    what became of it: ``call_job_id``, ``status``, ``created_at``, ``finished_at``, ``attempts``, ``call_seconds``,
    ``tag_name``, ``tag_payload``, ``report_data``, and ``redials``, the ids of the repeats that the campaign's script
    made of it. Calls API, "Adding phone numbers from CRM systems"; "callJob/getReport".

    :param phone: the number, in any writing with country code: ``+7 912 345-67-89``, ``79123456789``. (templated)
    :param payload: flat names and values, which the campaign's script reads; or a template that makes them, as text.
        (templated)
    :param gmt_zone: the person's time zone, as in ``+03:30`` or ``Europe/Moscow``; the number's own if left out.
        (templated)
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``
    :param phone_reading: whether a number without a plus bears its country code (``international``), doesn't
        (``national``), or may (``either``)
    :param phone_check: whether a number without a plus must be ``in use``, or only ``possible``, as those of new ranges
        are
    :param countries: two-letter codes of the countries that may be called, as in ``["RU", "KZ"]``; all if left out
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param test_call: use the campaign's address for testing, which lets the same number be added again and again
    :param call_again: any text; changing it is the one deliberate way to have the same DAG run call the same person
        again. (templated)
    :param only_new: a timedelta: whom another run of this task called, or may have called, within that isn't called by
        this one, which fails: two clicks on *Trigger* ring once. With a ``call_again`` that says yes, those
        are called again whom others called more than ten minutes before this run was triggered. None: each run calls
    :param report_lag: how long a new job may take to show in the campaign's report; a timedelta, or seconds: under 12
        hours
    :param on_unknown: what becomes of a parked call: ``fail``, or ``ask``, which asks a person among Airflow's
        *Required actions* to adopt a job, send again, or leave it, and waits for the answer
    :param second_record: keep a second record of what was sent, which outlives a clear: in the state of the asset
        ``aimylogic://calls`` (Airflow 3.3 and newer), which the task then declares as an inlet, else beneath
        ``call_list_path``. With it, the campaign is an outlet, ``aimylogic://campaign/<connection id>``
    :param call_list_path: a folder, or a URL as ``ObjectStoragePath`` takes it, that all workers reach. The second
        record lies there where the asset's state can't be had, as on Airflow 3.1 and 3.2. And by it, tasks with the
        same folder know of each other's calls: no job that another one of them, or a sync, added is taken for this
        call's. (templated)
    :param wait_for_completion: wait, once the call job is created, until it is over. A retry, or a clear, waits on
    :param deferrable: wait in the triggerer; as Airflow's configuration says if left out
    :param poll_interval: between two looks at the job; a timedelta, or seconds
    :param wait_timeout: after which the task fails, and the job goes on; a timedelta, or seconds
    :param fail_on: statuses that fail the task when the job has ended with them, as in ``["technicalError"]``
    :param on_paused: whether a paused campaign is waited for (``wait``), or fails the task (``fail``)
    :param cancel_on_kill: cancel the job if the task is ended while it waits: in the triggerer, by a person (Airflow
        3.3 and newer); in a worker, also by its shutdown. A task whose call is cancelled
        fails, also once it is cleared: nobody was reached
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "phone", "payload", "gmt_zone", "call_again", "aimylogic_conn_id", "call_list_path",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"payload": "json"}
    ui_color = "#e6f2ff"
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {"sent": ("payload",)}
    _adds_calls: ClassVar[bool] = True
    _call_once_more: ClassVar[str] = "start a new DAG run, or change call_again"
    phone = ShownMasked(is_phone=True)
    payload = ShownMasked()
    call_again = ShownMasked()

    def __init__(
        self,
        *,
        phone: str | int,
        payload: Mapping[str, object] | str | None = None,
        gmt_zone: str | None = None,
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        test_call: bool = False,
        call_again: str | None = None,
        only_new: timedelta | None = None,
        report_lag: timedelta | float = timedelta(minutes=10),
        on_unknown: Literal["fail", "ask"] = "fail",
        second_record: bool = True,
        call_list_path: str | None = None,
        wait_for_completion: bool = False,
        deferrable: bool | None = None,
        poll_interval: timedelta | float = timedelta(minutes=1),
        wait_timeout: timedelta | float = timedelta(days=7),
        fail_on: Collection[str] = (),
        on_paused: Literal["wait", "fail"] = "wait",
        cancel_on_kill: bool = False,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            wait_timeout=wait_timeout,
            fail_on=fail_on,
            on_paused=on_paused,
            cancel_on_kill=cancel_on_kill,
            **policy_argument(retry_policy),
            **kwargs,
        )
        check_choice("on_unknown", on_unknown, "fail", "ask")
        self.phone = phone
        self.payload = payload
        self.gmt_zone = gmt_zone
        self.phone_region = phone_region
        self.phone_reading = phone_reading
        self.phone_check = phone_check
        self.countries = countries
        self.aimylogic_conn_id = aimylogic_conn_id
        self.test_call = test_call
        self.call_again = call_again
        if only_new is not None:
            from aimylogic_provider.call_task.latest_call import check_only_new

            check_only_new(only_new)
        self.only_new = only_new
        report_lag_seconds(report_lag)
        self.report_lag = report_lag
        self.on_unknown = on_unknown
        if not isinstance(second_record, bool):
            raise ValueError(f"second_record {second_record!r} can't be used: give True or False")
        self.second_record = second_record
        self.call_list_path = call_list_path
        if second_record:
            declare_record(self)
            self._declare_campaign(aimylogic_conn_id)
        if not AIRFLOW_HAS_POLICIES and not getattr(self, "_BaseOperator__from_mapped", False):
            from aimylogic_provider.retries.late_retries import warn_of_late_retries

            warn_of_late_retries(self.task_id, self, recorded=second_record and bool(call_list_path))
        self._current: AddPhoneAttempt | None = None
        self._created = 0

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Take the arguments that all instances of a mapped task share; each declares its record, too."""
        from aimylogic_provider.airflow_task.one_at_a_time import given_or_default

        if (only_new := given_or_default("only_new", None, kwargs)) is not None:
            from aimylogic_provider.call_task.latest_call import check_only_new

            check_only_new(only_new)
        partial: OperatorPartial = super().partial(**kwargs)
        wanted = given_or_default("second_record", True, kwargs) is not False
        if not AIRFLOW_HAS_POLICIES:
            from aimylogic_provider.retries.late_retries import warn_of_late_retries

            recorded = wanted and bool(given_or_default("call_list_path", None, kwargs))
            warn_of_late_retries(kwargs.get("task_id"), SimpleNamespace(**partial.kwargs), recorded=recorded)
        return declare_mapped_record(partial) if wanted else partial

    def execute(self, context: Context) -> str | dict[str, Any]:
        """Add the number, or find that it was added; return the call job's id, or what became of it.

        :raises AirflowFailException: if another try can't help by itself: rejected, refused, parked
        :raises AirflowException: if another try can help
        """
        return self._waited_for(self._run(context))

    def execute_complete(
        self, context: Context, event: dict[str, Any], reference: str, asked: float, candidates: list[str]
    ) -> str | dict[str, Any]:
        """Go on with what a person answered; return as :meth:`execute`. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param reference: of the call that was asked about
        :param asked: when, by the server's clock (Unix time)
        :param candidates: the call jobs that the question named
        :raises AirflowFailException: as :meth:`execute`, and if the answer can't be used
        :raises AirflowException: as :meth:`execute`
        """
        from aimylogic_provider.airflow_task.shown.given_answers import HumanAnswer
        from aimylogic_provider.idempotence.human_answer import Question

        return self._waited_for(self._run(context, HumanAnswer(event, Question(reference, asked, tuple(candidates)))))

    def execute_after_wait(self, context: Context, event: dict[str, Any], job: str, created: int) -> dict[str, Any]:
        """Go on once the trigger has waited; return what became of the job. Airflow calls it.

        :param event: how the wait ended
        :param job: its id
        :param created: how many jobs this try found out to be created, for the campaign's asset
        :raises AirflowFailException: if it didn't end well, or the job ended as ``fail_on`` forbids
        :raises AirflowException: if another try may end better
        """
        from aimylogic_provider.airflow_task.template_values import blank_as_nothing
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        blank_as_nothing(self, phone=self.phone, aimylogic_conn_id=AimylogicHook.default_conn_name)
        # Airflow forgets what a task told of its assets before it was deferred.
        self._created = created
        self._tell_campaign(context, self.aimylogic_conn_id, {"created": created})
        return self._ended(job, self._waited(event))

    def _waited_for(self, job: str) -> str | dict[str, Any]:
        """The job's id, or, if it is waited for, what became of it."""
        if not self.wait_for_completion:
            return job
        from aimylogic_provider.waiting.job_source import JobSource

        jobs = JobSource(ids=(job,))
        end = self._wait_for(
            jobs, method="execute_after_wait", kwargs={"job": job, "created": self._created}, report_lag=self.report_lag
        )
        return self._ended(job, end)

    def _ended(self, job: str, end: WaitEnd) -> dict[str, Any]:
        from aimylogic_provider.waiting_task.job_report import report_of_job

        self._check_end(end)
        return report_of_job(self.aimylogic_conn_id, job, self.log)

    def _told_by_label(self) -> str:
        from aimylogic_provider.calls_api.masking import mask_phone

        return mask_phone(self.phone)

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.call_task.told_of_call import result_in_words

        return result_in_words(result, self._current, is_new=bool(self._created))

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        from aimylogic_provider.call_task.told_of_call import counts_of_call

        return counts_of_call(self._current, error)

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        from aimylogic_provider.call_task.told_of_call import counts_in_words

        return counts_in_words(counts)

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TaskLineage

        campaign = conn_id_of(self.aimylogic_conn_id)
        return TaskLineage(adds_to_campaign=campaign, created=self._created if over else None)

    def on_kill(self) -> None:
        """Send nothing more, and tell in the log what is known. What is under way is on record."""
        if self._waits is not None:
            self._cancel_as_killed()
        elif self._current is not None:
            self.log.warning("The task is being ended. %s", self._current.end())

    def _run(self, context: Context, answer: HumanAnswer | None = None) -> str:
        from aimylogic_provider.airflow_task.telemetry import metric_names
        from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
        from aimylogic_provider.call_task.parked_call import ask_about, go_on_asking, ruling_of
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.errors import NotAddedError, ParkedError, RefusedCallError
        from aimylogic_provider.idempotence.record.record_json import RecordError
        from aimylogic_provider.retries.task_failures import failed

        telemetry = TaskTelemetry(self, conn_id_of(self.aimylogic_conn_id))
        try:
            attempt = self._current = self._try(context, resumed=answer is not None)
            if answer is None and self.on_unknown == "ask":
                go_on_asking(self, context, attempt)
            ruling = None if answer is None else ruling_of(answer, attempt)
            with telemetry.during("aimylogic.add_phone", metric_names.ADD_PHONE_DURATION) as span:
                job = attempt.run(ruling)
                self._created = int(attempt.call.found_out)
                span.tell(calls__created=self._created)
            telemetry.count(metric_names.CALLS_CREATED, self._created)
            self._tell_campaign(context, self.aimylogic_conn_id, {"created": self._created})
            return job
        except RejectedError as error:
            telemetry.count(metric_names.CALLS_REJECTED)
            raise AirflowFailException(f"Rejected before any request: {error}") from None
        except RecordError as error:
            raise AirflowFailException(str(error)) from None
        except ParkedError as parked:
            telemetry.count(metric_names.CALLS_PARKED)
            if self.on_unknown != "ask":
                raise AirflowFailException(str(parked)) from None
            ask_about(self, context, attempt, parked)
        except NotAddedError as error:
            telemetry.count(metric_names.CALLS_REFUSED, int(isinstance(error, RefusedCallError)))
            raise failed(error) from None

    def _try(self, context: Context, *, resumed: bool) -> AddPhoneAttempt:
        from aimylogic_provider.call_task.call_of_task import attempt_of

        return attempt_of(self, context, resumed=resumed)
