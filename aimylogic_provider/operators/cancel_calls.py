"""CancelCallsOperator: call jobs are cancelled, by their ids, by phones, or those of a call list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.argument_checks import check_choice
from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.campaign_task.campaign_base import CampaignBase
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments

__all__ = ["CancelCallsOperator"]


class CancelCallsOperator(CampaignBase, BaseOperator):
    """Cancel call jobs of an Aimylogic campaign: by ids, by phones, those of a call list, or all of these together.

    A call that is under way is ended, and no new attempt starts. Only jobs that were added by the Calls API can be
    cancelled; others that go on fail the task. A repeat is harmless: what is cancelled already stays so. An empty list
    is a success, and nothing is asked.

    What the campaign doesn't know makes the server refuse a whole request of up to 200: it is halved until the others
    are cancelled. Then the task fails, naming the unknown ones, or not, as ``on_not_found`` says. So it does with
    values that can be no id, or no phone. A job that was added within the campaign's report lag counts as unknown.

    Requests are repeated in the same try with an idempotence key of their own. No later try uses that: for 24 hours it
    would be answered as the first one was, and cancel nothing.

    Returns a dictionary: ``cancelled``, ``finished`` (ended before) and ``not_found``, the counts; ``cancelled_ids``,
    ``finished_ids``, ``not_found_ids`` and ``not_found_phones`` (masked), the first 100 of each; and
    ``unsettled_calls``, how many calls of the list have no known job yet, and so are not cancelled. Jobs that an
    earlier try cancelled are counted as cancelled, if they were chosen by id or list. Of phones, only those are counted
    that this try cancelled. Calls API, "callJob/cancel".

    :param ids: of call jobs, as ``AddPhoneOperator`` returns one: decimal text, or whole numbers. (templated)
    :param phones: in any writing, with country code. **All** open jobs of a phone in the campaign are cancelled,
        whoever added them: this DAG, another one, or a person. (templated)
    :param call_list: the jobs of a list, of all its shards: what ``PrepareCallListOperator`` or
        ``ApproveCallListOperator`` returned, or the report of ``SqlToAimylogicOperator``, ``SendCallListOperator`` or
        ``SumReportsOperator``: its ``.output``. (templated)
    :param on_not_found: what becomes of ids and phones that the campaign doesn't know: ``fail``, once all others are
        cancelled, or ``skip``
    :param on_unsettled: what becomes of the task if calls of the list have no known job yet, for they are not sent, are
        just being sent, or are parked: ``fail``, with retries, once all that are known are cancelled, or ``skip``
    :param phone_region: and ``phone_reading``, ``phone_check``: as of
        :class:`~aimylogic_provider.operators.AddPhoneOperator`
    :param aimylogic_conn_id: the connection: the campaign that the jobs were added to. (templated)
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = ("ids", "phones", "call_list", "aimylogic_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"ids": "json", "phones": "json", "call_list": "json"}
    phones = ShownMasked(is_phone=True)

    def __init__(
        self,
        *,
        ids: Sequence[str | int] | XComArg | str | int | None = None,
        phones: Sequence[str | int] | XComArg | str | int | None = None,
        call_list: Mapping[str, Any] | XComArg | str | None = None,
        on_not_found: Literal["fail", "skip"] = "fail",
        on_unsettled: Literal["fail", "skip"] = "fail",
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        aimylogic_conn_id: str = "aimylogic_default",
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(aimylogic_conn_id=aimylogic_conn_id, **policy_argument(retry_policy), **kwargs)
        check_choice("on_not_found", on_not_found, "fail", "skip")
        check_choice("on_unsettled", on_unsettled, "fail", "skip")
        if ids is None and phones is None and call_list is None:
            raise ValueError(
                "ids, phones and call_list are all left out: give at least one. An empty list, [], cancels nothing"
            )
        self.ids = ids
        self.phones = phones
        self.call_list = call_list
        self.on_not_found = on_not_found
        self.on_unsettled = on_unsettled
        self.phone_region = phone_region
        self.phone_reading = phone_reading
        self.phone_check = phone_check

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel the jobs, and return what became of them.

        :raises AirflowFailException: if another try can't help by itself
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.calls_api.phones.phone import PhoneRules
        from aimylogic_provider.campaign_task.cancelling_calls import JobCancelling
        from aimylogic_provider.campaign_task.job_selection import selected

        with self._ending():
            client = self._client()
            rules = PhoneRules(region=self.phone_region, reading=self.phone_reading, check=self.phone_check)
            selection = selected(self.ids, self.phones, self.call_list, rules)
            cancelling = JobCancelling(client, self.on_not_found, self.on_unsettled)
            self._counted = cancelling.jobs.as_json
            jobs = cancelling.run(selection)
        self._warn_of_unsettled(jobs.unsettled_calls)
        if not jobs.known + jobs.unknown:
            self.log.info("Nothing to cancel: no id, no phone, and no job of a list is given.")
        return jobs.as_json()

    def _warn_of_unsettled(self, calls: int) -> None:
        if calls:
            self.log.warning(
                "%s calls of the list have no known job yet, so those are not cancelled: they are not sent, are just "
                "being sent, or are parked. Run this task again once what sends the list is done.",
                f"{calls:,}",
            )  # fmt: skip

    def _result_in_words(self, result: Any) -> str:
        return (
            f"{result['cancelled']:,} call jobs cancelled, {result['finished']:,} had ended before, "
            f"{result['not_found']:,} ids or phones unknown in the campaign"
        )
