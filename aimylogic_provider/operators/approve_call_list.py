"""ApproveCallListOperator: a person sees what a call list holds, and says whether it is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from airflow.providers.standard.operators.hitl import ApprovalOperator

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowException,
    AirflowFailException,
    TaskDeferred,
)
from aimylogic_provider.airflow_task.downstream_skips import StopsWhatFollows, index_of
from aimylogic_provider.task_end.tells_end import TellsEnd

try:
    from airflow.sdk.exceptions import TaskAwaitingInput
except ImportError:  # before Airflow 3.3
    TaskAwaitingInput = TaskDeferred  # type: ignore[misc,assignment]

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import ApprovalArguments
    from aimylogic_provider.call_list.store.manifest import Pointer, Tombstone

__all__ = ["ApproveCallListOperator"]


class ApproveCallListOperator(TellsEnd, StopsWhatFollows, ApprovalOperator):
    """Ask a person among Airflow's *Required actions* whether a call list is to be sent.

    The person sees how many calls and rings a yes costs, why rows were rejected, calling hours, deadline, countries and
    brakes, and some calls of the list: phones masked, and of the payload's values the dates, and of all else the first
    character. All of it is read from the list itself, checked against its digest; nothing of it passes through XCom.
    Beside it stand how the campaign stands, by one short request, and how many of these people were called within 7
    days, if caps count that in the results table's database; what can't be told is said to be so.

    A *yes* returns the list that the person saw, for :class:`SendCallListOperator`. A *no* deletes it, so that no file
    with phones is left, and skips what follows; a list that somebody began to send is kept, for the sake of its report.
    What a no returns bears who gave it, and :class:`SendCallListOperator` skips it: so mapped approvals keep their
    places, and each list is sent or not by its own answer.

    Airflow keeps one question for each task instance, in its first words. If a clear of the run has another list
    frozen, the task fails rather than take an answer for a list that nobody saw. Nobody is asked about a list without
    calls.

    :param call_list: what :class:`PrepareCallListOperator` returned: its ``.output``. (templated)
    :param subject: the question; "Make … calls?" if left out. (templated)
    :param body: words of your own, in Markdown, that stand above what is told of the list. (templated)
    :param results_table: as that of :class:`PrepareCallListOperator`: a no has the list's rows held for it no longer.
        (templated)
    :param results_conn_id: the connection of its database. (templated)
    :param aimylogic_conn_id: the campaign of which is told how it stands; if left out, the one to which the
        :class:`SendCallListOperator` that follows sends. (templated)
    :param kwargs: as those of Airflow's ``ApprovalOperator``: ``assigned_users``, ``response_timeout`` and
        ``defaults``, ``notifiers``, ``fail_on_reject``
    """

    template_fields: Sequence[str] = (
        "call_list", "subject", "body", "results_table", "results_conn_id", "aimylogic_conn_id",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json"}
    ui_color = "#e6f2ff"

    def __init__(
        self,
        *,
        call_list: Mapping[str, Any] | XComArg | str,
        subject: str = "",
        body: str | None = None,
        results_table: str | None = None,
        results_conn_id: str | None = None,
        aimylogic_conn_id: str | None = None,
        **kwargs: Unpack[ApprovalArguments],
    ) -> None:
        super().__init__(subject=subject, body=body, **kwargs)
        if results_table is not None and results_conn_id is None:
            raise ValueError("results_table needs results_conn_id: the connection of the database that has the table")
        self.call_list = call_list
        self.results_table = results_table
        self.results_conn_id = results_conn_id
        self.aimylogic_conn_id = aimylogic_conn_id

    @property
    def serialized_params(self) -> dict[str, dict[str, Any]]:
        """The fields of the question's form: none.

        Before 3.2 Airflow would show those of the DAG's form, and its page send them back with the answer: an empty one
        as something else, by which the answer fails.
        """
        return {}

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Leave alone what a form gave with the answer, as to a question of an earlier version."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and wait for the answer.

        :raises AirflowSkipException: if the answer was no, and the list is deleted
        :raises AirflowFailException: if the list can't be gone on with, or another one was asked about before; after a
            no with ``fail_on_reject``
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.airflow_task.template_values import as_value, blank_as_nothing
        from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
        from aimylogic_provider.call_list.store.stored_list import CallList

        blank_as_nothing(self, subject="", body=None, aimylogic_conn_id=None)
        try:
            pointer = Pointer.of(as_value(self.call_list))
            noted = entry_store(context).read()
            if (approved := self._begun_before(pointer, noted)) is not None:
                return approved.as_json()
            if (by := _said_no_to(pointer, noted)) is not None:
                self._delete(pointer, by)  # an earlier try could not
            tombstone = CallList.tombstone(pointer)
            if tombstone is not None and not tombstone.claims:
                self._give_up_claims(pointer)
                return self._deleted(context, pointer, tombstone)
            if tombstone is None and self._word(context, pointer):
                self._ask(context, pointer)
        except CallListError as error:
            from aimylogic_provider.retries.task_failures import failed

            raise failed(error) from None
        return pointer.as_json()

    def execute_complete(
        self, context: Context, event: dict[str, Any], call_list: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Do what the person said. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param call_list: the list that the person saw, whatever was frozen meanwhile
        :raises AirflowFailException: if the list can't be deleted
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.airflow_task.shown.given_answers import answered_by
        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.call_list.store.approval_denied import said_no
        from aimylogic_provider.call_list.store.manifest import Pointer

        pointer = Pointer.of(call_list)
        answer = super().execute_complete
        if event.get("chosen_options") != [self.REJECT]:
            answer(context, event)
            # Noted, so that it is finished once it was begun, whatever a clear of the whole run has frozen anew.
            entry_store(context).write({_SAID_YES_TO: pointer.as_json()})
            return pointer.as_json()
        by = answered_by(event)
        # Noted, so that nobody is asked again if the list can't be deleted.
        entry_store(context).write({_SAID_NO_TO: pointer.sha256, "by": by})
        self._delete(pointer, by)
        if self.fail_on_reject:
            with suppress(AirflowException):  # it could be retried
                answer(context, event)
            raise AirflowFailException(f"The answer was {self.REJECT}: {by} said no, and fail_on_reject is set")
        return self._stop(context, said_no(pointer, by), lambda: answer(context, event))

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.call_list.store.approval_denied import said_no_by
        from aimylogic_provider.call_list_task.questions.approval_question import calls_in_words

        if result is None or said_no_by(result) is not None:
            return "the answer was no, and nobody is called"
        if not result["calls"]:
            return "nobody was asked, for there is nobody to call"
        return f"the answer was yes: {calls_in_words(result['calls'])} may be sent, of the list {result['path']}"

    def _begun_before(self, pointer: Pointer, noted: object) -> Pointer | None:
        """The list that a person said yes to, if it was begun to be sent, and another one was frozen since then.

        That other one is deleted: nobody can be asked about it, and nobody sends it.

        :param noted: what stands in this task's entry
        """
        from aimylogic_provider.call_list.runs.lists_of_run import delete_unsent, of_one_origin, was_begun
        from aimylogic_provider.call_list.store.manifest import Pointer

        content = noted.get(_SAID_YES_TO) if isinstance(noted, dict) else None
        if content is None:
            return None
        approved = Pointer.of(content)
        if approved.sha256 == pointer.sha256 or not of_one_origin(approved, pointer) or not was_begun(approved):
            return None
        self.log.warning(
            "A person said yes to the call list in %s, and it was begun to be sent: it is gone on with. Since then "
            "another one was frozen, %s, and %s.",
            approved.path, pointer.path, "is deleted unsent" if delete_unsent(pointer) else "isn't sent",
        )  # fmt: skip
        return approved

    def _said_no_before(self, context: Context, pointer: Pointer, by: str) -> dict[str, Any]:
        """End as after the answer, whatever was cleared since.

        :raises AirflowFailException: with ``fail_on_reject``
        """
        from aimylogic_provider.call_list.store.approval_denied import said_no

        told = (
            f"The call list in {pointer.path} was deleted, for a person said no to it ({by}): nobody is asked, and "
            "nobody is called. Start a new DAG run to have another list frozen"
        )
        if self.fail_on_reject:
            raise AirflowFailException(told)
        self.log.info(told)
        skip = lambda: self.skip(ti=context["ti"], tasks=self._following())  # noqa: E731
        return self._stop(context, said_no(pointer, by), skip, skipped_because=told)

    def _word(self, context: Context, pointer: Pointer) -> bool:
        """Put what is told of the list into words; return whether there is anything to ask."""
        from aimylogic_provider.airflow_task.required_actions import where_and_which
        from aimylogic_provider.call_list.freeze.preview import Preview
        from aimylogic_provider.call_list.persons.lists_in_force import capped_because
        from aimylogic_provider.call_list.store.stored_list import CallList
        from aimylogic_provider.call_list_task.questions.approval_question import calls_in_words, question
        from aimylogic_provider.call_list_task.questions.surroundings import surroundings

        call_list = CallList.open(pointer)
        preview = Preview.of(call_list)
        if not preview.calls:
            self.log.info("The call list holds no calls: nobody is asked.")
            if because := capped_because(call_list):
                self.log.info("Nobody is called, by only_new: %s.", because)
            return False
        around = surroundings(self, context, preview, self.results_table, self.results_conn_id, call_list)
        asked = self.subject or f"Make {calls_in_words(preview.calls)}?"
        where = where_and_which(context, around.campaign.conn_id if around.campaign else "")
        self.subject = f"{asked}{where} {_reference(pointer)}"
        self.body = question(preview, pointer.path, self.body, time.time(), around)
        return True

    def _ask(self, context: Context, pointer: Pointer) -> None:
        """Put the question, and give the worker back.

        :raises AirflowFailException: if Airflow shows people the question about another list
        """
        from aimylogic_provider.airflow_task.required_actions import subject_kept

        try:
            super().execute(context)
        except (TaskAwaitingInput, TaskDeferred) as waiting:
            kept = subject_kept(context, self.options, self.subject, self.body or "")
            if not kept.endswith(_reference(pointer)):
                self._give_up_claims(pointer)  # it is sent by nobody
                raise AirflowFailException(
                    f"Nobody can be asked about the call list in {pointer.path}: until 3.4 Airflow keeps one question "
                    "for each task instance, in its first words, and this one's is about another list: "
                    f"“{kept}”. Nothing is sent. Start a new DAG run, rather than clear one in which somebody was asked"
                ) from None
            waiting.kwargs = {"call_list": pointer.as_json()}
            raise

    def _deleted(self, context: Context, pointer: Pointer, tombstone: Tombstone) -> dict[str, Any]:
        """End for a list that was deleted before anybody began to send it.

        :raises AirflowSkipException: after a no, if that stops nobody else's call
        :raises AirflowFailException: if nobody said no, and no other list is sent in its stead: nobody is called
        """
        from aimylogic_provider.airflow_task.run_context import others_since
        from aimylogic_provider.call_list.runs.lists_of_run import is_sent_instead
        from aimylogic_provider.call_list.store.approval_denied import BECAUSE
        from aimylogic_provider.call_list.store.stored_list import CallList

        CallList.discard(pointer, BECAUSE)  # whoever deleted it may have died before the end
        if tombstone.because == BECAUSE:
            return self._said_no_before(context, pointer, tombstone.said_no or "a person")
        if index_of(context) >= 0:
            return pointer.as_json()  # the half that sends it fails, and says why
        told = f"The call list in {pointer.path} was deleted, {tombstone.because or 'for its age'}: nobody is asked"
        if is_sent_instead(pointer, others_since(context)):
            # A skip would reach the half that sends, and leave over what that has not sent yet of the other list.
            self.log.warning("%s. What sends it goes on with the one that it began, or fails and says why.", told)
            return pointer.as_json()
        raise AirflowFailException(
            f"{told}, and nobody is called. Start a new DAG run to have another list frozen, and keep lists longer "
            "(keep_call_list) if they wait for an approval"
        )

    def _give_up_claims(self, pointer: Pointer) -> None:
        """Have a list that comes to nothing hold nobody any more.

        :raises CallListError: if the database fails; another try can help
        """
        from aimylogic_provider.call_list_task.claims_of_task import give_up

        if self.results_table is not None:
            give_up(pointer, self.results_table, self.results_conn_id or "")

    def _delete(self, pointer: Pointer, by: str) -> None:
        from aimylogic_provider.call_list.store.approval_denied import BECAUSE
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.stored_list import CallList

        try:
            deleted = CallList.discard(pointer, BECAUSE, by)
            if deleted:
                self._give_up_claims(pointer)
        except (CallListError, OSError) as error:
            retryable = isinstance(error, OSError) or error.retryable
            raise (AirflowException if retryable else AirflowFailException)(
                f"The answer was no, so nothing is sent; but the call list can't be deleted: {error}"
            ) from None
        if deleted:
            self.log.info("The answer was no: nobody is called, and the call list in %s is deleted.", pointer.path)
        else:
            self.log.warning(
                "The answer was no, but somebody began to send the call list in %s: it is kept, for its report.",
                pointer.path,
            )


_SAID_NO_TO = "said_no_to"
_SAID_YES_TO = "said_yes_to"


def _said_no_to(pointer: Pointer, entry: object) -> str | None:
    """Who said no to a list, in words, by what was noted of it; None if nobody did."""
    if not isinstance(entry, dict) or entry.get(_SAID_NO_TO) != pointer.sha256:
        return None
    return str(entry.get("by") or "a person")


def _reference(pointer: Pointer) -> str:
    return f"[{pointer.sha256[:8]}]"
