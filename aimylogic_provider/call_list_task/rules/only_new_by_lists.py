"""``only_new`` without a results table: the task's own call lists tell whom they called."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.argument_checks import check_same_in_all_runs, is_template, says_yes
from aimylogic_provider.call_list_task.given_calls_base import GivenCallsBase

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.finish_times import Finishes
    from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
    from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
    from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.caps import Cap
    from aimylogic_provider.call_list.store.manifest import Pointer

__all__ = ["OnlyNewByLists", "why_unfit"]


def why_unfit(within: timedelta | None, most: int | None, keep: timedelta | None) -> str:
    """Why a task can't send lists that are frozen with ``only_new``, and the way out; empty if it can.

    :param within: how far ``only_new`` looks back; None for ever
    :param most: the task's ``max_active_tis_per_dag``
    :param keep: its ``keep_call_list``
    """
    if most != 1:
        return (
            f"only_new needs max_active_tis_per_dag=1, and of the task that sends the list it is {most}: two runs that "
            "send at once would each leave to the other whoever is on both lists, and nobody would call them. Give "
            "that task max_active_tis_per_dag=1"
        )
    if keep is not None and (within is None or keep < within):
        needed = "None" if within is None else f"at least {within!r}"
        return (
            f"keep_call_list {keep!r} is too short for only_new: lists that are deleted can't tell whom they called. "
            f"Give the task that sends them keep_call_list={needed}"
        )
    return ""


class OnlyNewByLists(GivenCallsBase):
    """What freezes given calls, and spares whom other lists of the task called, or hold."""

    _freezes_for: TaskFolder | None = None
    """The task instance whose list is being frozen."""
    _triggered: float | None = None
    """When its run was triggered (Unix seconds, by Airflow's clock)."""

    def __init__(self, *, only_new: timedelta | bool = False, call_again: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if only_new is not False:
            from aimylogic_provider.call_list_task.rules.cap_arguments import check_only_new

            check_only_new(only_new)
            check_same_in_all_runs("call_list_path", self.call_list_path)
        if not is_template(call_again) and says_yes(call_again) and not only_new:
            raise ValueError(
                "call_again calls again whom only_new spares: give only_new, too, as in only_new=timedelta(days=1)"
            )
        self.only_new = only_new
        self.call_again = call_again

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's; a wrong ``only_new`` is told while the DAG is parsed, as of a task that isn't mapped."""
        from aimylogic_provider.call_list_task.rules.cap_arguments import check_shared_only_new

        check_shared_only_new(kwargs)
        partial: OperatorPartial = super().partial(**kwargs)
        return partial

    def _check_fit(self) -> None:
        """Check, of a task that sends its list itself, what of one that is given it is told before anything is sent.

        Of a mapped task that is its run.

        :raises ValueError: if it can't heed ``only_new``
        """
        if not self.only_new or getattr(self, "_BaseOperator__from_mapped", False):
            return
        keep: timedelta | None = getattr(self, "keep_call_list", None)
        if unfit := why_unfit(self._within(), getattr(self, "max_active_tis_per_dag", None), keep):
            raise ValueError(unfit)

    def _within(self) -> timedelta | None:
        """How far ``only_new`` looks back; None for ever."""
        return self.only_new if isinstance(self.only_new, timedelta) else None

    def _caps(self) -> tuple[Cap, ...]:
        """What holds until a list is sent.

        :raises RejectedError: if ``call_again`` says neither yes nor no
        """
        from aimylogic_provider.call_list.store.caps import Cap
        from aimylogic_provider.calls_api.errors import RejectedError

        if not self.only_new:
            return ()
        try:
            calls_again = says_yes(self.call_again)
        except ValueError as error:
            raise RejectedError(f"{error}") from None
        within = self._within()
        seconds = None if within is None else within.total_seconds()
        if not calls_again:
            return (Cap(1, seconds, "only_new", by="lists"),)
        if self._triggered is None:
            raise RejectedError(
                "call_again calls again whom others called before this run was triggered, and Airflow doesn't tell "
                "when that was: nothing is frozen. Start a new DAG run"
            )
        return (Cap(1, seconds, "only_new", by="lists", triggered=self._triggered),)

    def _task_folder(self, context: Context) -> TaskFolder:
        """Return the task's folder; each try asks for it first, and so tells when its run was triggered."""
        run_after = context["dag_run"].run_after
        self._triggered = None if run_after is None else run_after.timestamp()
        return super()._task_folder(context)

    def _rules_told(self) -> dict[str, Any]:
        return {**super()._rules_told(), "caps": self._caps()}

    def _freeze(self, context: Context, *args: Any, **kwargs: Any) -> Pointer:
        from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER

        self._freezes_for = self._task_folder(context)
        for cap in self._caps():
            if cap.again_until is not None:
                self.log.warning(
                    "call_again: whom other runs called until %s is called again. Whom they called later, or are about "
                    "to call, isn't: this run, which was triggered %.0f minutes after that, can't have meant them.",
                    f"{datetime.fromtimestamp(cap.again_until, UTC):%Y-%m-%d %H:%M} UTC",
                    CALL_AGAIN_AFTER / 60,
                )
        return super()._freeze(context, *args, **kwargs)

    def _freeze_rules(self, stack: ExitStack) -> list[FreezeRule | PhoneRule]:
        from aimylogic_provider.call_list.persons.lists_in_force import CalledLately
        from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
        from aimylogic_provider.idempotence.server_time import SystemClock

        rules = super()._freeze_rules(stack)
        assert self._freezes_for is not None
        of_task, folder = self._freezes_for.of_task.address, self._freezes_for.folder.address
        clock = SystemClock()
        for cap in (cap for cap in self._caps() if cap.by == "lists"):

            def lists(phones: frozenset[int], cap: Cap = cap) -> CalledByLists:
                return CalledByLists(of_task, folder, cap, phones, clock.wall, clock.wall)

            rules.append(CalledLately(lists))
        return rules

    def _tell_of_frozen(self, pointer: Pointer, rejections: Rejections, finishes: Finishes) -> None:
        """As for any list; and none is made of people who are all called by others, or yet to be.

        :raises HeldElsewhereError: if some are yet to be; the next try looks, and freezes, anew
        """
        from aimylogic_provider.call_list.freeze.preview import capped_by_lists
        from aimylogic_provider.call_list.persons.lists_in_force import capped_because, tell_capped
        from aimylogic_provider.call_list.send.nobody_reached import check_none_held
        from aimylogic_provider.call_list.store.stored_list import CallList

        reasons: Counter[str] = Counter()
        if pointer.capped and (because := capped_because(call_list := CallList.open(pointer))):
            tell_capped(because, self.log)
            reasons = capped_by_lists(call_list)
            self._capped_told = reasons.total()
            self._nobody_because = "" if pointer.calls else because
        super()._tell_of_frozen(pointer, rejections, finishes)
        if not pointer.calls and getattr(self, "_sends", True):  # a dry run tells it, and calls nobody
            check_none_held(self._by_others(reasons), pointer.rows)

    def _by_others(self, reasons: Counter[str]) -> Counter[str]:
        """The reasons that count where a list is made.

        What only freezes is followed, in its own run, by what sends: were it to fail until a list of that very run is
        over, as of another map index, nothing could go on with that one. Its run isn't green before that is over.
        """
        if self._adds_calls or self._freezes_for is None:
            return reasons
        own = f" of run {self._freezes_for.run_id}, "
        return Counter({reason: count for reason, count in reasons.items() if own not in reason})
