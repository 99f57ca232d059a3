"""A task that freezes a list for others to send, and calls nobody: its run, and what a person says about a brake."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.airflow_task.argument_checks import check_whole
from aimylogic_provider.call_list_task.prepare_base import PrepareBase
from aimylogic_provider.call_list_task.rules.brakes import STAGE

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.runs.brakes import Usual
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.prepared_entry import PreparedKeeper
    from aimylogic_provider.call_list.store.sync_entry import Freezing
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["PreparesLists"]


class PreparesLists(PrepareBase):
    """The half that freezes, as a task of its own. Each try freezes a list, and what it returns is the task's."""

    _not_again: ClassVar[str] = "the warehouse is not asked again"
    """What is told by a try that goes on with the list about which a person is asked."""

    def __init__(self, *, shards: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole("shards", shards, 1, 1000, optional=False)
        self.shards = shards
        self._answer = None
        self._asked_at = 0.0
        self._prepared: Pointer | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Freeze the list.

        :raises AirflowFailException: if the query, a column or a setting can't be used, too many rows are rejected, or
            a brake holds the list
        :raises AirflowSkipException: if a person said no to it
        """
        from msgspec.structs import replace

        from aimylogic_provider.airflow_task.task_state import entry_store
        from aimylogic_provider.call_list.runs.lists_of_run import unfinished
        from aimylogic_provider.call_list.runs.old_lists import end_of, remove
        from aimylogic_provider.call_list.store.prepared_entry import PreparedKeeper

        with self._ending():
            self._take_blank_as_nothing()
            task = self._task_folder(context)
            self._lists = task.of_task.address
            store = entry_store(context)
            # Whoever sends may have begun a list that lies where call_list_path pointed to before.
            keeper = PreparedKeeper(store, store.read(), task.folder.address)
            self._take_up_answer(keeper, task)
            if (held := keeper.entry.call_list) is not None and end_of(held.path) != "never sent":
                self.log.info("Going on with the frozen call list %s: %s.", held.path, self._not_again)
                return self._heeded(context, keeper, held)
            keeper.entry.call_list = None  # that one was deleted, for its age
            noted = keeper.entry.freezing
            of_earlier_tries = {one.address for one in unfinished(task.lists())}
            # Airflow refuses the write of a try that it replaced: what was found is of no later one.
            keeper.save_now()
            self._make_results_table()
            usual = self._usual(task)  # before the query, which may take long
            with self._counting_rejected():
                pointer = self._freeze(context, self.shards, noted=noted, note=partial(_note, keeper))
            # Without a store it may be of a later one, and finished meanwhile.
            remove(one for one in unfinished(task.lists()) if one.address in of_earlier_tries)
            self._telemetry().frozen(pointer)
            pointer = replace(pointer, elsewhere=keeper.elsewhere)
            if self._brakes().why_held(pointer.calls, usual) is not None:
                keeper.entry.call_list, keeper.entry.usual = pointer, tuple(usual.calls)
                keeper.save_now()
            return self._heeded(context, keeper, pointer, usual)

    def execute_complete(
        self, context: Context, event: dict[str, Any], reference: str, asked: float, candidates: list[str]
    ) -> dict[str, Any]:
        """Go on with what a person answered about a list that a brake holds. Airflow calls it when the answer has come.

        :param event: the answer, as Airflow brings it
        :param reference: of what was asked
        :param asked: when (Unix time)
        :param candidates: nothing, of a list
        :raises AirflowFailException: as ``execute``, and if the answer can't be used
        :raises AirflowSkipException: as ``execute``
        """
        self._answer, self._asked_at = (event, reference), asked
        return self.execute(context)

    def _take_up_answer(self, keeper: PreparedKeeper, task: TaskFolder) -> None:
        """Before Airflow 3.3 nothing is kept from asking to the answer: which list it is about, the question tells."""
        from aimylogic_provider.call_list.runs.lists_in_folder import is_list_id, pointer_to
        from aimylogic_provider.call_list.store.sync_entry import StageQuestion

        if self._answer is None or keeper.entry.call_list is not None:
            return
        reference = self._answer[1]
        list_id = reference.removeprefix(f"{STAGE} ")
        if is_list_id(list_id):
            keeper.entry.call_list = pointer_to(task.folder / list_id)
            keeper.entry.asking = StageQuestion(STAGE, reference, self._asked_at)

    def _heeded(
        self, context: Context, keeper: PreparedKeeper, pointer: Pointer, usual: Usual | None = None
    ) -> dict[str, Any]:
        """Return a list, unless a brake holds it.

        :param usual: left out by a try that finds it frozen
        :raises SaidNoError: if a person said no; of a mapped task, that stands in what is returned, so that the others
            keep their places
        """
        from aimylogic_provider.airflow_task.run_context import is_mapped
        from aimylogic_provider.call_list.runs.brakes import Usual
        from aimylogic_provider.call_list.store.approval_denied import SaidNoError, said_no

        self._prepared = pointer
        try:
            self._heed(context, keeper, pointer, usual or Usual(keeper.entry.usual or ()))
        except SaidNoError as error:
            if not is_mapped(context):
                raise
            self.log.info("Nobody is called: %s.", error)
            return said_no(pointer, error.by)
        return pointer.as_json()

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.call_list.store.approval_denied import said_no_by
        from aimylogic_provider.call_list.store.manifest import Pointer
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        if said_no_by(result) is not None:
            return "the answer was no, and nobody is called"
        told = list_in_words({**result, "rejected_rows": Pointer.of(result).rejected_rows})
        if self._nobody_because:
            return f"nobody is called: {self._nobody_because}. {told}"
        return f"nothing is sent yet; {told}"

    def _known_list(self) -> Pointer | None:
        return self._prepared or super()._known_list()

    def _counts_in_words(self, counts: Mapping[str, Any]) -> str:
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        return list_in_words(counts)

    def _lineage(self, *, over: bool) -> TaskLineage:
        from dataclasses import replace

        return replace(super()._lineage(over=over), writes_lists=self._lists)


def _note(keeper: PreparedKeeper, begun: Freezing) -> None:
    """Note that a list is begun; raises if this try was replaced."""
    keeper.entry.freezing = begun
    keeper.save_now()
