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
    from aimylogic_provider.calls_api.calls.call import Call
    from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
    from aimylogic_provider.idempotence.human_answer import Ruling
    from aimylogic_provider.idempotence.keys import Intent
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
        if isinstance(result, Mapping):
            told = f"call job {result['call_job_id']} is over: {result['status']}"
            return told if result["attempts"] is None else f"{told}, {result['attempts']} attempts"
        phone = "" if self._current is None else f" for {self._current.intent.call.masked_phone}"
        return f"call job {result}{phone} {'is created' if self._created else 'was created before'}"

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        """Of the one call: what it is, as a report counts it; none if it is not known to be any of that."""
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.errors import ParkedError, RefusedCallError

        record = None if self._current is None else self._current.call.record
        is_created = record is not None and record.job is not None
        is_unknown = isinstance(error, ParkedError) or bool(record is not None and record.unanswered)
        return {} if error is None and not is_created else {
            "created": int(is_created),
            "rejected": int(isinstance(error, RejectedError)),
            "refused": int(isinstance(error, RefusedCallError)),
            "unknown": int(is_unknown),
        }  # fmt: skip

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        told = [name for name in ("created", "rejected", "refused", "unknown") if counts[name]]
        return f"1 call: {', '.join(told) or 'not created'}"

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
        from aimylogic_provider.airflow_task import required_actions
        from aimylogic_provider.airflow_task.telemetry import metric_names
        from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.errors import NotAddedError, ParkedError, RefusedCallError
        from aimylogic_provider.idempotence.record.record_json import RecordError
        from aimylogic_provider.retries.task_failures import failed

        telemetry = TaskTelemetry(self, conn_id_of(self.aimylogic_conn_id))
        try:
            attempt = self._current = self._try(context, resumed=answer is not None)
            asks = self.on_unknown == "ask" and required_actions.reaches_later_tries()
            if answer is None and attempt.call.open_question is not None and asks:
                self.log.info("A person was asked about this call: going on with the answer, or waiting for it.")
                required_actions.defer_to_trigger(context, attempt.call.open_question)
            ruling = None if answer is None else self._ruling(answer, attempt)
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
            if attempt.call.asked_about_another:
                raise AirflowFailException(
                    f"{parked}\n(Nobody could be asked: this task's question about another call is still open.)"
                ) from None
            what = f"{'test ' if self.test_call else ''}call to {attempt.intent.call.masked_phone}"
            question = required_actions.ask(context, what, parked, conn_id_of(self.aimylogic_conn_id) or "")
            attempt.call.note_question(question)
            self.log.warning(
                "The %s is parked, and a person is asked about it: see Required actions in Airflow.\n%s",
                what, parked.known,
            )  # fmt: skip
            required_actions.await_answer(context, question)
        except NotAddedError as error:
            telemetry.count(metric_names.CALLS_REFUSED, int(isinstance(error, RefusedCallError)))
            raise failed(error) from None

    @staticmethod
    def _ruling(answer: HumanAnswer, attempt: AddPhoneAttempt) -> Ruling:
        """What a person said of this call."""
        if answer.question.reference != attempt.intent.reference:
            raise AirflowFailException(
                "The person who answered was asked about another call: phone, call_again or campaign have changed "
                "since. Nothing was sent. Clear the task to have the call of now added, or asked about"
            )
        try:
            return answer.ruling()
        except ValueError as error:
            attempt.call.note_question(None)
            raise AirflowFailException(f"{error}. Nothing was sent. Clear the task to be asked again") from None

    def _try(self, context: Context, *, resumed: bool) -> AddPhoneAttempt:
        """Return an attempt to add the call that is meant.

        :param resumed: whether an earlier run of this try asked a person
        """
        from aimylogic_provider.airflow_task.run_context import (
            clear_number,
            is_first_try,
            is_last_try,
            run_began,
            was_cleared,
        )
        from aimylogic_provider.airflow_task.second_record_stores import other_tasks, second_record
        from aimylogic_provider.airflow_task.task_state import entry_store, warn_of_store
        from aimylogic_provider.calls_api import endpoints
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.idempotence.attempt import AddPhoneAttempt
        from aimylogic_provider.idempotence.keys import campaign_digest
        from aimylogic_provider.idempotence.server_time import SystemClock

        call = self._call(AimylogicHook.default_conn_name)
        hook = AimylogicHook(self.aimylogic_conn_id)
        client = hook.get_conn()
        # Made once for its checks (the length of the URL), before anything is noted.
        client.address.url(endpoints.add_phone(call, test_call=self.test_call))
        if not resumed:
            warn_of_store(context, self.log)
        intent = self._intent(context, call, campaign_digest(client.address))
        return AddPhoneAttempt(
            intent,
            store=entry_store(context),
            campaign=client,
            clock=SystemClock(),
            # Without a store, a try that goes on after a question would else be taken for one that sent nothing.
            first_try=is_first_try(context) and not resumed,
            clear_number=clear_number(context),
            run_began=run_began(context, resumed=resumed),
            report_lag=report_lag_seconds(self.report_lag),
            send_timeout=hook.send_timeout,
            log=self.log,
            second=second_record(context, self.call_list_path, self.log, wanted=self.second_record),
            cleared=was_cleared(context),
            others=other_tasks(context, intent.campaign, self.call_list_path, self.log),
            last=is_last_try(context),
            time_limit=None if self.execution_timeout is None else self.execution_timeout.total_seconds(),
        )

    def _call(self, default_conn_id: str) -> Call:
        """The call, of the fields as they were rendered.

        :raises RejectedError: if one can't be used
        """
        from aimylogic_provider.airflow_task.template_values import as_mapping, blank_as_nothing, check_rendered
        from aimylogic_provider.calls_api.calls.call import Call
        from aimylogic_provider.calls_api.errors import RejectedError

        blank_as_nothing(self, phone=self.phone, aimylogic_conn_id=default_conn_id)
        check_rendered(self._noted)
        payload = as_mapping("payload", self.payload)
        if not isinstance(self.test_call, bool):
            raise RejectedError(f"test_call {self.test_call!r} can't be used: give True or False")
        return Call.of(
            self.phone,
            payload,
            self.gmt_zone,
            phone_region=self.phone_region,
            phone_reading=self.phone_reading,
            phone_check=self.phone_check,
            countries=self.countries,
        )

    def _intent(self, context: Context, call: Call, campaign: str) -> Intent:
        """Which call this is, among all of all tasks.

        :param campaign: its digest
        """
        from aimylogic_provider.airflow_task.run_context import is_mapped
        from aimylogic_provider.airflow_task.task_loops import iteration
        from aimylogic_provider.idempotence.keys import Intent

        ti = context["ti"]
        return Intent(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            campaign=campaign,
            call=call,
            test_call=self.test_call,
            call_again="" if self.call_again is None else str(self.call_again),
            mapped=is_mapped(context),
            iteration=iteration(context),
        )
