"""Brakes of what freezes a list: how many calls it may have, and what becomes of one that has too many, or too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.argument_checks import check_choice, check_whole, differing_by
from aimylogic_provider.call_list_task.questions.stage_questions import AsksBeforeSending

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.brakes import Brakes, Usual
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import BrakesTold, Pointer
    from aimylogic_provider.call_list.store.sync_entry import EntryKeeper, Freezing

__all__ = ["STAGE", "HasBrakes"]

STAGE = "brakes"
"""By what name the question and its answer are noted."""
_BECAUSE = "for a brake held it"
"""Why such a list was deleted, as what is left of it tells."""
_OTHERWISE = (
    "The list is deleted. If these calls are meant, raise max_calls or max_change, and clear the task, which makes the "
    "list anew; or start a new DAG run, which asks anew"
)
_MOST = 1_000_000_000
_PERCENTAGE = 10.0
"""Shares from this on are taken for percentages, by which nothing would be held."""


class HasBrakes(AsksBeforeSending):
    """What freezes a list, and has it sent only if it has about as many calls as it should."""

    def __init__(
        self,
        *,
        max_calls: int | None = None,
        max_change: float | None = None,
        on_excess: Literal["fail", "ask"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_whole("max_calls", max_calls, 1, _MOST)
        _check_change(max_change)
        check_choice("on_excess", on_excess, "fail", "ask")
        if on_excess == "ask" and max_calls is None and max_change is None:
            raise ValueError("on_excess='ask' asks about nothing: give max_calls or max_change besides")
        if max_change is not None and self.results_table is None and (names := differing_by(self.call_list_path)):
            raise ValueError(
                f"call_list_path {self.call_list_path!r} may differ from run to run, by {', '.join(names)}: how many "
                "calls earlier runs had stands there, so that what is usual would be never known to max_change. Give "
                "one path for all runs, or a results_table, which knows it, too"
            )
        self.max_calls = max_calls
        self.max_change = max_change
        self.on_excess = on_excess
        self._usual_told: tuple[int, ...] = ()

    def _brakes(self) -> Brakes:
        from aimylogic_provider.call_list.runs.brakes import Brakes

        return Brakes(self.max_calls, self.max_change)

    def _usual(self, task: TaskFolder) -> Usual:
        """How many calls the task's last runs had; nothing is asked where no brake is set.

        :raises CallListError: if that can't be told, and *max_change* needs it; another try can help
        """
        from aimylogic_provider.call_list.runs.brakes import Usual
        from aimylogic_provider.call_list.store.manifest import CallListError

        if not self._brakes().are_set:
            return Usual()
        try:
            usual = self._read_usual(task)
            self._usual_told = tuple(usual.calls)
            return usual
        except CallListError as error:
            if self.max_change is None:
                self.log.warning("What is usual for this task can't be told: %s. max_calls needs it not.", error)
                return Usual()
            raise CallListError(
                f"what is usual for this task, by which max_change goes, can't be told, so nothing is sent: {error}",
                retryable=True,
            ) from None

    def _brakes_told(self) -> BrakesTold:
        """The brakes as a list that is frozen now tells them to whoever is asked about it."""
        from aimylogic_provider.call_list.store.manifest import BrakesTold

        return BrakesTold(self.max_calls, self.max_change, self._usual_told)

    def _read_usual(self, task: TaskFolder) -> Usual:
        from aimylogic_provider.call_list.runs.brakes import FEWEST_RUNS, RUNS, Usual
        from aimylogic_provider.call_list.runs.sent_lists import run_mark_of, sent_before

        runs = sent_before(task)
        if len(runs) < FEWEST_RUNS and self.results_table is not None:
            from aimylogic_provider.call_list.tables.last_lists import calls_of_last_lists
            from aimylogic_provider.call_list_task.claims_of_task import holder_of_instance, opened_claims

            with opened_claims(self.results_table, self._results_conn_id()) as claims:
                of_others = calls_of_last_lists(claims, holder_of_instance(task), RUNS)
            for run_id, calls in of_others.items():
                runs.setdefault(run_mark_of(run_id), calls)
        return Usual(tuple(runs.values())[:RUNS])

    def _why_held(self, calls: int, usual: Usual) -> str | None:
        """Why a list isn't sent; None if it is. Tells in the log how many calls there are, and what is usual."""
        brakes = self._brakes()
        if not brakes.are_set:
            return None
        self.log.info("Brakes: %s.", brakes.told(calls, usual))
        return brakes.why_held(calls, usual)

    def _was_answered(self, keeper: EntryKeeper) -> bool:
        """Whether a person has said what is to become of the task's list, whatever brakes are set by now."""
        entry = keeper.entry
        brought = self._answer is not None and entry.asking is not None and entry.asking.stage == STAGE
        return brought or STAGE in entry.answers

    def _heed(self, context: Context, keeper: EntryKeeper, pointer: Pointer, usual: Usual) -> None:
        """Go on with a list if no brake holds it, or a person says so, or has said so; else give it up.

        Then nothing of it is sent, it holds nobody, and it is deleted: a clear asks for the rows anew.

        :param usual: as it was when the list was frozen
        :raises CallListError: if nobody is to be asked; or, with another try, if the database fails
        :raises SaidNoError: if a person says no
        :raises AirflowFailException: if nobody can be asked
        """
        why = self._why_held(pointer.calls, usual)
        answered = self._was_answered(keeper)
        if why is not None or answered:
            self._let_through(context, keeper, pointer, why or "a person was asked about it", usual)

    def _let_through(self, context: Context, keeper: EntryKeeper, pointer: Pointer, why: str, usual: Usual) -> None:
        """As :meth:`_heed`, of a list that is held.

        :param why: it is, as a sentence without its stop
        """
        from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException
        from aimylogic_provider.airflow_task.shown.answer_labels import go_ahead_options
        from aimylogic_provider.call_list.store.approval_denied import SaidNoError
        from aimylogic_provider.call_list.store.manifest import CallListError

        said = keeper.entry.answers.get(STAGE)
        if said is None and (self.on_excess == "ask" or self._was_answered(keeper)):
            try:
                said = self._go_ahead(
                    context,
                    keeper,
                    STAGE,
                    *self._asked_about(context, pointer, why, usual),
                    _OTHERWISE,
                    options=go_ahead_options(pointer.calls),
                    calls=pointer.calls,
                    keeps_list=False,
                )
            except AirflowFailException:
                self._give_up_held(keeper, pointer)
                raise
        if said is not None and said.go_on:
            return
        self._give_up_held(keeper, pointer, None if said is None else said.by)
        if said is not None:
            raise SaidNoError(
                f"{said.by} said no to the call list: {why}. It is deleted; a clear asks for it anew", said.by
            )
        raise CallListError(
            f"{why}. Nothing is sent, and the list is deleted. Look at what selects these people (its WHERE), correct "
            "it, and clear the task: the list is made anew. If they are meant, raise max_calls or max_change, or have "
            "a person asked (on_excess='ask')"
        )

    def _give_up_held(self, keeper: EntryKeeper, pointer: Pointer, by: str | None = None) -> None:
        """Give up a list of which nothing was sent: it is this task's no more, holds nobody, and is deleted.

        :param by: who said no to it, in words; None if nobody did
        :raises CallListError: if the database fails; another try can help
        """
        from aimylogic_provider.call_list.store.approval_denied import BECAUSE
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.stored_list import CallList

        keeper.give_up(self._given_up(pointer))
        self._give_up_claims(pointer)
        try:
            CallList.discard(pointer, _BECAUSE if by is None else BECAUSE, by)
        except (CallListError, OSError) as error:
            self.log.warning("The call list in %s, which nobody sends, can't be deleted: %s.", pointer.path, error)

    def _given_up(self, pointer: Pointer) -> Freezing | None:
        """A list that is given up, as the entry tells of it until the next one is frozen, if it claimed rows."""
        from aimylogic_provider.call_list.store.sync_entry import Freezing

        if self.results_table is None:
            return None
        return Freezing(pointer.list_id, pointer.path, self.results_table, self._results_conn_id())

    def _asked_about(self, context: Context, pointer: Pointer, why: str, usual: Usual) -> tuple[str, str]:
        """What a person is asked about a list: in one line, and in Markdown.

        :raises CallListError: if the list can't be read
        """
        import time

        from aimylogic_provider.call_list.freeze.preview import Preview
        from aimylogic_provider.call_list.store.stored_list import CallList
        from aimylogic_provider.call_list_task.questions.approval_question import calls_in_words, held_question
        from aimylogic_provider.call_list_task.questions.surroundings import surroundings

        preview = Preview.of(CallList.open(pointer))
        than = f" Usual are {usual.median:,.0f}." if usual.calls else ""
        subject = f"Make {calls_in_words(pointer.calls)}?{than}"
        around = surroundings(self, context, preview, self.results_table, self._results_conn_id())
        return subject, held_question(preview, pointer.path, why, usual, time.time(), around)


def _check_change(change: object) -> None:
    """Check that *max_change* is a share.

    :raises ValueError: if not
    """
    if change is None or (isinstance(change, float) and 0.0 <= change < _PERCENTAGE):
        return
    raise ValueError(
        f"max_change {change!r} can't be used: give a share as a float, from 0.0 to under {_PERCENTAGE}: 0.5 allows "
        "from half of the usual number of calls to one and a half times, and 3.0 up to four times"
    )
