"""``only_new`` without a results table: the task's own call lists tell whom they called."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aimylogic_provider.airflow_task.argument_checks import is_template
from aimylogic_provider.call_list_task.call_list_base import check_same_in_all_runs
from aimylogic_provider.call_list_task.given_calls_base import GivenCallsBase

if TYPE_CHECKING:
    from contextlib import ExitStack

    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.finish_times import Finishes
    from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
    from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
    from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.caps import Cap
    from aimylogic_provider.call_list.store.manifest import Pointer

__all__ = ["OnlyNewByLists", "check_keeps", "check_one_at_a_time", "says_yes"]

_YES = ("true", "yes", "on", "1", "t", "y")
_NO = ("", "false", "no", "off", "0", "f", "n", "none", "null")


def says_yes(call_again: object) -> bool:
    """Whether the argument ``call_again`` says yes, as a value or as the text that a template made of it.

    :raises ValueError: if it says neither yes nor no
    """
    told = ("" if call_again is None else f"{call_again}").strip().lower()
    if told in _YES or told in _NO:
        return told in _YES
    raise ValueError(
        f"call_again {call_again!r} can't be used: give True to call again whom only_new spares, or False; of a "
        "template, text such as True, yes or 1, and False, no, 0, None or nothing"
    )


def check_one_at_a_time(most: int | None, cap: Cap) -> None:
    """Make sure that no two tasks send such lists at once: each might leave to the other whoever is on both.

    :param most: the sending task's ``max_active_tis_per_dag``
    :raises CallListError: if they may
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    if most != 1:
        raise CallListError(
            f"max_active_tis_per_dag of the task that sends this list is {most}, and the list was frozen with only_new "
            f"({cap.words}): two runs that send at once would each leave to the other whoever is on both lists, and "
            "nobody would call them. Nothing is sent. Give this task max_active_tis_per_dag=1, and clear it"
        )


def check_keeps(keep: timedelta | None, cap: Cap) -> None:
    """Make sure that lists are kept for as long as they are asked whom they called.

    :param keep: the sending task's ``keep_call_list``
    :raises CallListError: if they aren't
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    if keep is not None and (cap.seconds is None or keep.total_seconds() < cap.seconds):
        needed = "None" if cap.seconds is None else f"at least {timedelta(seconds=cap.seconds)!r}"
        raise CallListError(
            f"keep_call_list {keep!r} is too short for only_new, with which this list was frozen ({cap.words}): lists "
            f"that are deleted can't tell whom they called. Nothing is sent. Give this task keep_call_list={needed}, "
            "and clear it"
        )


class OnlyNewByLists(GivenCallsBase):
    """What freezes given calls, and spares whom other lists of the task called, or hold."""

    _freezes_for: TaskFolder | None = None
    """The task instance whose list is being frozen."""

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

    def _check_sends_one_by_one(self) -> None:
        """Check, of a task that sends its list itself, what of one that is given it is told before anything is sent.

        Of a mapped task that is its run.

        :raises ValueError: if it can't heed ``only_new``
        """
        if not self.only_new or getattr(self, "_BaseOperator__from_mapped", False):
            return
        if (most := getattr(self, "max_active_tis_per_dag", None)) != 1:
            raise ValueError(
                f"only_new needs max_active_tis_per_dag=1, and it is {most}: two runs that send at once would each "
                "leave to the other whoever is on both lists, and nobody would call them"
            )
        keep: timedelta | None = getattr(self, "keep_call_list", None)
        if keep is not None and (self.only_new is True or keep < self.only_new):
            raise ValueError(
                f"keep_call_list {keep!r} is too short for only_new {self.only_new!r}: lists that are deleted can't "
                "tell whom they called. Give at least as much, or None for ever"
            )

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
        within = self.only_new.total_seconds() if isinstance(self.only_new, timedelta) else None
        return (Cap(1, within, "only_new", by="nobody" if calls_again else "lists"),)

    def _rules_told(self) -> dict[str, Any]:
        return {**super()._rules_told(), "caps": self._caps()}

    def _freeze(self, context: Context, *args: Any, **kwargs: Any) -> Pointer:
        self._freezes_for = self._task_folder(context)
        if any(cap.by == "nobody" for cap in self._caps()):
            self.log.warning("call_again: only_new is left out, and whom other runs called is called again.")
        return super()._freeze(context, *args, **kwargs)

    def _freeze_rules(self, stack: ExitStack) -> list[FreezeRule | PhoneRule]:
        from aimylogic_provider.call_list.persons.lists_in_force import CalledLately
        from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
        from aimylogic_provider.idempotence.server_time import SystemClock

        rules = super()._freeze_rules(stack)
        assert self._freezes_for is not None
        of_task, folder = self._freezes_for.of_task.address, self._freezes_for.folder.address
        for cap in (cap for cap in self._caps() if cap.by == "lists"):

            def lists(phones: frozenset[int], cap: Cap = cap) -> CalledByLists:
                return CalledByLists(of_task, folder, cap, phones, SystemClock().wall)

            rules.append(CalledLately(lists))
        return rules

    def _tell_of_frozen(self, pointer: Pointer, rejections: Rejections, finishes: Finishes) -> None:
        from aimylogic_provider.call_list.freeze.preview import capped_by_lists
        from aimylogic_provider.call_list.persons.lists_in_force import capped_because, tell_capped
        from aimylogic_provider.call_list.store.stored_list import CallList

        if pointer.capped and (because := capped_because(call_list := CallList.open(pointer))):
            tell_capped(because, self.log)
            self._capped_told = capped_by_lists(call_list).total()
            self._nobody_because = "" if pointer.calls else because
        super()._tell_of_frozen(pointer, rejections, finishes)
