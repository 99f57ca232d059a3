"""A question to a person before a stage of a list's sending: whether to go on. The answer is noted, once and for all.

What is asked, and when, is the stage's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.store.manifest import Batch
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, StageAnswer

__all__ = ["AsksBeforeSending"]


class AsksBeforeSending(CallListBase):
    """What sends a list, and may ask a person before it does, or before it goes on."""

    _answer: tuple[Mapping[str, Any], str] | None
    """What Airflow brought as an answer, and the reference of its question; see :class:`.AsksAboutParked`."""

    def _nobody_left(self, call_list: CallList, batches: Iterable[Batch]) -> str:
        """Why nobody of some batches is left to be called, so that nobody need be asked; empty if somebody is."""
        return ""

    def _go_ahead(  # noqa: RET503 - what asks never returns
        self,
        context: Context,
        keeper: EntryKeeper,
        stage: str,
        subject: str,
        body: str,
        otherwise: str,
        *,
        options: Sequence[str],
        calls: int,
        keeps_list: bool = True,
    ) -> StageAnswer:
        """Return what a person said before a stage; ask, and give the worker back until then, if nobody has said so.

        :param stage: its name, one word for people, as ``brakes``
        :param subject: what is asked, in one line
        :param body: what is known, in Markdown
        :param otherwise: what to do if nobody can be asked, as sentences without the last stop
        :param options: the answers, as :func:`.go_ahead_options` makes them
        :param calls: how many calls a yes sends
        :param keeps_list: whether the task goes on with this list if the answer can't be used
        :raises AirflowFailException: if nobody can be asked, or the answer can't be used
        :raises TaskAwaitingInput: for Airflow to wait; ``TaskDeferred`` before 3.3
        """
        from aimylogic_provider.airflow_task import required_actions
        from aimylogic_provider.idempotence.human_answer import Question

        entry = keeper.entry
        if stage in entry.answers:
            return entry.answers[stage]
        assert entry.call_list is not None, "what is asked about is frozen"
        reference = _reference(stage, entry.call_list.list_id)
        if self._answer is not None and entry.asking is not None and entry.asking.stage == stage:
            return self._note_go_ahead(keeper, stage, self._answer, calls, otherwise, keeps_list=keeps_list)
        if entry.asking is not None and entry.asking.reference == reference and required_actions.reaches_later_tries():
            self.log.info("A person was asked (%s): going on with the answer, or waiting for it.", stage)
            question = Question(entry.asking.reference, entry.asking.at)
            required_actions.defer_to_trigger(context, question, options)
        subject = f"{subject}{self._where_and_which(context)}"
        question = required_actions.ask_to_go_on(
            context, reference, subject, body, otherwise, options=options, calls=calls
        )
        self._note_asked(keeper, stage, question)
        self.log.warning("%s\nA person is asked: see Required actions in Airflow.", subject)
        required_actions.await_answer(context, question, options)

    def _can_be_asked(self, keeper: EntryKeeper, stage: str) -> bool:
        """Whether a question before a stage can be put, as far as is known: Airflow keeps one of each task instance."""
        from aimylogic_provider.airflow_task import required_actions

        entry = keeper.entry
        assert entry.call_list is not None, "what is asked about is frozen"
        own = _reference(stage, entry.call_list.list_id)
        return stage in entry.answers or entry.put in ("", own) or not required_actions.reaches_later_tries()

    def _note_asked(self, keeper: EntryKeeper, stage: str, question: Any) -> None:
        from aimylogic_provider.call_list.store.sync_entry import StageQuestion

        keeper.entry.asking = StageQuestion(stage, question.reference, question.at)
        keeper.entry.put = question.reference
        keeper.save_now()

    def _note_go_ahead(
        self,
        keeper: EntryKeeper,
        stage: str,
        answer: tuple[Mapping[str, Any], str],
        calls: int,
        otherwise: str,
        *,
        keeps_list: bool,
    ) -> StageAnswer:
        """Note what Airflow brought as the answer to the question that was asked, whether so many calls are sent."""
        from aimylogic_provider.airflow_task import required_actions
        from aimylogic_provider.airflow_task.shown.given_answers import FewerCallsError, go_ahead_answer
        from aimylogic_provider.call_list.store.sync_entry import StageAnswer

        entry, (event, reference) = keeper.entry, answer
        assert entry.asking is not None
        if entry.asking.reference != reference:
            raise AirflowFailException(
                "The person who answered was asked about another list. Nothing was sent. Clear the task to go on"
            )
        entry.asking = None
        try:
            go_on, by, at = go_ahead_answer(event, calls)
        except ValueError as error:
            keeper.save_now()
            is_met_again = isinstance(error, FewerCallsError) or not keeps_list
            if is_met_again and required_actions.reaches_later_tries():
                way_out = f"Until 3.4 Airflow keeps that very question, so that a clear can't ask another. {otherwise}"
            else:
                way_out = "Clear the task to be asked again"
            raise AirflowFailException(f"{error}. Nothing was sent. {way_out}") from None
        entry.answers = {**entry.answers, stage: (noted := StageAnswer(go_on, by, at))}
        keeper.save_now()
        self.log.info("Noted: %s said to %s (%s).", by, "go on" if go_on else "leave it", stage)
        return noted


def _reference(stage: str, list_id: str) -> str:
    return f"{stage} {list_id}"
