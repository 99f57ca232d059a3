"""What becomes of a list's parked calls: a person is asked, if that is wished, and the task goes on with the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.airflow_task.argument_checks import check_choice
from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.send.unsettled_calls import UnknownCallsError
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper

__all__ = ["AsksAboutParked"]

_OPTIONS = ("Send those without a job", "Leave them")
"""What a trigger is told of the answers. It reads none of it: Airflow knows them by the question."""


class AsksAboutParked(CallListBase):
    """What sends a list, and may ask a person about calls of which it can't be known whether they were added."""

    def __init__(self, *, on_unknown: Literal["fail", "ask"] = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("on_unknown", on_unknown, "fail", "ask")
        self.on_unknown = on_unknown
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
        from aimylogic_provider.airflow_task import required_actions
        from aimylogic_provider.airflow_task.shown.given_answers import list_answer
        from aimylogic_provider.call_list.store.sync_entry import ListRuling
        from aimylogic_provider.idempotence.human_answer import Question

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
                send, by, at = list_answer(event)
            except ValueError as error:
                keeper.save_now()
                raise AirflowFailException(f"{error}. Nothing was sent. Clear the task to be asked again") from None
            entry.ruling = ListRuling(send, by, at, question)
            keeper.save_now()
            self.log.info("Noted: %s said to %s the calls.", by, "send" if send else "leave")
        elif entry.asked is not None and self.on_unknown == "ask" and required_actions.reaches_later_tries():
            self.log.info("A person was asked about parked calls: going on with the answer, or waiting for it.")
            waiting = Question(entry.asked.reference, entry.asked.at)
            required_actions.defer_to_trigger(context, waiting, _OPTIONS)
        elif entry.asked is not None:
            entry.asked = None  # this try goes on without the answer; its next write tells

    def _ask(self, context: Context, keeper: EntryKeeper, parked: UnknownCallsError) -> NoReturn:
        """Ask a person what is to become of parked calls, and wait for the answer."""
        from aimylogic_provider.airflow_task import required_actions
        from aimylogic_provider.idempotence.human_answer import Question

        question = parked.question
        where = self._where_and_which(context)
        required_actions.ask_about_list(
            context, question.reference, parked.calls, parked.without_job, parked.known, where, parked.unasked
        )
        keeper.entry.asked, keeper.entry.put = question, question.reference
        keeper.save_now()
        self.log.warning("%s\nA person is asked: see Required actions in Airflow.", parked.known)
        required_actions.await_answer(context, Question(question.reference, question.at), _OPTIONS)
