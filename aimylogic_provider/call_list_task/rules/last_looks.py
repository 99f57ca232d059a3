"""The last looks that a task takes before each request, by the rules of its list; and the caps that hold by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from aimylogic_provider.call_list_task.rules.exclusion import ExclusionBase

if TYPE_CHECKING:
    from aimylogic_provider.call_list.send.last_look import LastLook
    from aimylogic_provider.call_list.send.sending import Sending
    from aimylogic_provider.call_list.store.caps import Cap
    from aimylogic_provider.call_list.store.manifest import Batch, Manifest, Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList

__all__ = ["LooksAgain"]


class LooksAgain(ExclusionBase):
    """What sends a list, and looks again before each request whom it may call."""

    _sends_a_given_list: ClassVar[bool]
    _current: Sending | None
    aimylogic_conn_id: str
    keep_call_list: timedelta | None
    max_active_tis_per_dag: int | None

    def _shard_of(self, pointer: Pointer) -> int:
        """Which shard of a list is to be sent."""
        raise NotImplementedError

    def _check_heeds_lists(self, told: Manifest) -> None:
        """Check, before anything is sent, that this task can heed what other lists of the task tell.

        :raises CallListError: if the list was frozen by that, and it can't
        """
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.rules.only_new_by_lists import why_unfit

        for cap in told.caps:
            if cap.by == "table":
                continue
            within = None if cap.seconds is None else timedelta(seconds=cap.seconds)
            # A list of an earlier version that calls again on purpose looks at none, but is asked by others.
            at_once = self.max_active_tis_per_dag if cap.by == "lists" else 1
            if unfit := why_unfit(within, at_once, self.keep_call_list):
                raise CallListError(f"{unfit}, and clear it. Nothing is sent")

    def _last_looks(self, call_list: CallList, opened: ExitStack) -> list[LastLook]:
        """What tells right before each request which of its calls must not be made, in the order of asking.

        :param opened: ends what they open
        :raises CallListError: if the list was frozen by rules that this task can't heed
        """
        shard = self._shard_of(call_list.pointer)
        excluding = self._exclusion_look(call_list, shard, same_task=not self._sends_a_given_list)
        looks = [] if excluding is None else [excluding]
        caps = self._caps_in_force(call_list.manifest)
        looks += [self._lists_look(call_list, shard, cap) for cap in caps if cap.by == "lists"]
        if by_table := [cap for cap in caps if cap.by == "table"]:
            looks.append(self._claiming(call_list.manifest, by_table, opened))
        return looks

    def _caps_in_force(self, of_list: Manifest) -> tuple[Cap, ...]:
        """The caps that the list was frozen with; those of now, if this task froze it, and its author changed them."""
        own: tuple[Cap, ...] = () if self._sends_a_given_list else getattr(self, "_caps", tuple)()
        if not own or {*own} == {*of_list.caps}:
            return of_list.caps
        self.log.warning(
            "The list was frozen with %s. Before each send those of now are heeded: %s.",
            "other caps on a person's calls" if of_list.caps else "no cap on a person's calls",
            "; ".join(cap.words for cap in own),
        )  # fmt: skip
        return own

    def _claiming(self, of_list: Manifest, caps: Sequence[Cap], opened: ExitStack) -> LastLook:
        """What claims the persons' calls of a list."""
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list_task.rules.caps_base import person_claiming

        if self.results_table is None:
            raise CallListError(
                "the list was frozen with a cap on how often a person is called, and results_table is missing here, "
                "beside which that is kept: nothing is sent. Give this task the same results_table, and clear it"
            )
        table, conn_id = self.results_table, self._results_conn_id()
        return opened.enter_context(person_claiming(of_list, caps, self.aimylogic_conn_id, table, conn_id, self.log))

    def _look_at_lists(self, call_list: CallList, phones: frozenset[int]) -> Mapping[int, str]:
        """Whom other lists of the task called, or hold, among some phones, and which, in words. It holds nobody itself.

        :raises CallListError: if a list can't tell that
        """
        from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
        from aimylogic_provider.idempotence.server_time import SystemClock

        found: dict[int, str] = {}
        clock, of_instance = SystemClock(), call_list.folder.address.rpartition("/")[0]
        now = clock.wall if self._current is None else self._current.server_time
        for cap in (cap for cap in self._caps_in_force(call_list.manifest) if cap.by == "lists"):
            of_task = call_list.manifest.task_folder
            found |= CalledByLists(of_task, of_instance, cap, phones, now, clock.wall).look()
        return found

    def _nobody_left(self, call_list: CallList, batches: Iterable[Batch]) -> str:
        """Why nobody of some batches is left to be called, for other lists called all of them; empty if somebody is.

        :raises CallListError: if a list can't tell whom it called
        """
        if not any(cap.by == "lists" for cap in self._caps_in_force(call_list.manifest)):
            return ""
        phones = frozenset(int(line.phone) for batch in batches for line in call_list.lines(batch))
        reasons = [*self._look_at_lists(call_list, phones).values()]
        called = len(reasons) == len(phones) and all(reason.startswith("called ") for reason in reasons)
        return reasons[0] if called and reasons else ""

    def _lists_look(self, call_list: CallList, shard: int, cap: Cap) -> LastLook:
        """What looks whom other lists of the task called, or are about to call."""
        from aimylogic_provider.call_list.persons.lists_in_force import ListsLook
        from aimylogic_provider.call_list.runs.called_by_lists import CalledByLists
        from aimylogic_provider.idempotence.server_time import SystemClock

        def now() -> float:
            assert self._current is not None, "what looks is sending"
            return self._current.server_time()

        def lists() -> CalledByLists:
            phones = frozenset(int(line.phone) for one in call_list.batches(shard) for line in call_list.lines(one))
            # Before the first look: whoever takes this list for one of long ago by then, is seen by that look.
            call_list.claim_anew(shard, now())
            of_instance = call_list.folder.address.rpartition("/")[0]
            claims = [claim for claim in call_list.claims() if claim.shard == shard]
            own = min(claims, key=lambda claim: claim.at, default=None)
            return CalledByLists(call_list.manifest.task_folder, of_instance, cap, phones, now, clock.wall, own)

        clock = SystemClock()
        return ListsLook(lists, clock)
