"""ApproveCallListOperator: a person sees what a call list holds, and says whether it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.providers.standard.operators.hitl import ApprovalOperator

try:
    from airflow.sdk.exceptions import TaskAwaitingInput
except ImportError:  # before Airflow 3.3
    TaskAwaitingInput = TaskDeferred  # type: ignore[misc,assignment]

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from aimylogic_provider.call_list.manifest import Pointer

__all__ = ["ApproveCallListOperator"]


class ApproveCallListOperator(ApprovalOperator):
    """Ask a person among Airflow's *Required actions* whether a call list is to be sent.

    The person sees the counts, why rows were rejected, what a yes costs in calls, and the first calls: phones masked,
    and of the payload's values the dates, and of all else the first character. All of it is read from the list itself,
    checked against its digest; nothing of it passes through XCom.

    A *yes* returns the list that the person saw, for :class:`SendCallListOperator`. A *no* deletes it, so that no file
    with phones is left, and skips what follows; a list that somebody began to send is kept, for the sake of its report.

    Airflow keeps one question for each task instance, in its first words. If a clear of the run has another list
    frozen, the task fails rather than take an answer for a list that nobody saw. Nobody is asked about a list without
    calls.

    :param call_list: what :class:`PrepareCallListOperator` returned: its ``.output``. (templated)
    :param subject: the question; "Make … calls?" if left out. (templated)
    :param body: words of your own, in Markdown, that stand above what is told of the list. (templated)
    :param kwargs: as those of Airflow's ``ApprovalOperator``: ``assigned_users``, ``response_timeout`` and
        ``defaults``, ``notifiers``, ``fail_on_reject``
    """

    template_fields: Sequence[str] = ("call_list", "subject", "body")
    template_fields_renderers: ClassVar[dict[str, str]] = {"call_list": "json"}
    ui_color = "#e6f2ff"

    def __init__(
        self, *, call_list: Mapping[str, Any] | XComArg | str, subject: str = "", body: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(subject=subject, body=body, **kwargs)
        self.call_list = call_list

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and wait for the answer.

        :raises AirflowSkipException: if the answer was no, and the list is deleted
        :raises AirflowFailException: if the list can't be gone on with, or another one was asked about before
        :raises AirflowException: if another try can help
        """
        from aimylogic_provider.call_list.manifest import CallListError, Pointer
        from aimylogic_provider.operators.airflow_ports import entry_store
        from aimylogic_provider.operators.rendered_value import as_value

        try:
            pointer = Pointer.of(as_value(self.call_list))
            if entry_store(context).read() == _no_to(pointer):
                self._delete(pointer)  # an earlier try could not
            asked = self._word(pointer)
        except CallListError as error:
            raise (AirflowException if error.retryable else AirflowFailException)(str(error)) from None
        if asked:
            self._ask(context, pointer)
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
        from aimylogic_provider.call_list.manifest import Pointer
        from aimylogic_provider.operators.airflow_ports import entry_store

        pointer = Pointer.of(call_list)
        if event.get("chosen_options") == [self.REJECT]:
            entry_store(context).write(_no_to(pointer))  # so that nobody is asked again if the list can't be deleted
            self._delete(pointer)
        answer = super().execute_complete(context, event)
        return pointer.as_json() if answer["chosen_options"] == [self.APPROVE] else None

    def _word(self, pointer: Pointer) -> bool:
        """Put what is told of the list into words; return whether there is anything to ask.

        :raises AirflowSkipException: if it was deleted before anybody began to send it
        """
        from aimylogic_provider.call_list.preview import Preview
        from aimylogic_provider.call_list.stored import CallList
        from aimylogic_provider.operators.approval_question import calls_in_words, question

        tombstone = CallList.tombstone(pointer)
        if tombstone is not None and tombstone.claims:
            self.log.info("The call list was sent, and deleted since: nobody is asked.")
            return False
        if tombstone is not None:
            CallList.discard(pointer, _BECAUSE)
            raise AirflowSkipException(
                f"The call list in {pointer.path} was deleted, {tombstone.because or 'for its age'}: nobody is asked, "
                "and nobody is called. Start a new DAG run to have the rows queried anew"
            )
        call_list = CallList.open(pointer)
        preview = Preview.of(call_list)
        if not preview.calls:
            self.log.info("The call list holds no calls: nobody is asked.")
            return False
        self.subject = f"{self.subject or f'Make {calls_in_words(preview.calls)}?'} {_reference(pointer)}"
        self.body = question(preview, pointer.path, self.body)
        return True

    def _ask(self, context: Context, pointer: Pointer) -> None:
        """Put the question, and give the worker back.

        :raises AirflowFailException: if Airflow shows people the question about another list
        """
        from aimylogic_provider.operators.required_action import subject_kept

        try:
            super().execute(context)
        except (TaskAwaitingInput, TaskDeferred) as waiting:
            kept = subject_kept(context, self.options, self.subject, self.body or "")
            if not kept.endswith(_reference(pointer)):
                raise AirflowFailException(
                    f"Nobody can be asked about the call list in {pointer.path}: Airflow keeps one question for each "
                    f"task instance, in its first words, and this one's is about another list: “{kept}”. Nothing is "
                    "sent. Start a new DAG run, rather than clear one in which somebody was asked"
                ) from None
            waiting.kwargs = {"call_list": pointer.as_json()}
            raise

    def _delete(self, pointer: Pointer) -> None:
        from aimylogic_provider.call_list.manifest import CallListError
        from aimylogic_provider.call_list.stored import CallList

        try:
            deleted = CallList.discard(pointer, _BECAUSE)
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


_BECAUSE = "for a person said no to it"


def _no_to(pointer: Pointer) -> dict[str, object]:
    """What is noted of a no."""
    return {"said_no_to": pointer.sha256}


def _reference(pointer: Pointer) -> str:
    return f"[{pointer.sha256[:8]}]"
