"""What of a batch can't be settled in this try: parts that are set apart, for a later try, or for a person to decide.

Nothing is sent here, and no report is asked; how parts come to be left is told in ``by_add_phones``.
"""

from __future__ import annotations

from collections.abc import Sequence

from aimylogic_provider.call_list.report.shown_jobs import ShownJobs
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.call_list.send.unsettled_calls import (
    NotAddedCalls,
    Parked,
    ParkedCalls,
    UnansweredCalls,
    WaitingCalls,
)
from aimylogic_provider.call_list.store.open_batch import OpenPart

__all__ = ["PartsLeft"]


class PartsLeft:
    """The parts of one batch that are left.

    :param shard: tells what a person said
    """

    def __init__(self, under_way: BatchUnderWay, shard: Shard) -> None:
        self._under_way = under_way
        self._shard = shard
        self._parts: list[OpenPart] = []
        """All of them."""
        self._not_added: list[NotAddedCalls] = []
        """Numbers that could not be added, and the last answer."""
        self._waits: dict[int, float] = {}
        """Until when numbers wait for the report, by place."""
        self._parked: list[OpenPart] = []
        """Those that only a person can decide."""
        self._shown: ShownJobs | None = ShownJobs()
        """What the report shows of the parked ones' phones; None if it can't be asked."""
        self._some_shown = False
        """Whether it could be asked for some of them."""

    def __contains__(self, part: OpenPart) -> bool:
        return part in self._parts

    @property
    def only_parked(self) -> bool:
        """Whether nothing is left but what a person can decide, and there is some."""
        return bool(self._parked) and not self._not_added and not self._waits

    def leave(self) -> None:
        """Leave the part under way, with what is noted of it; another one is under way then."""
        self._parts.append(self._under_way.set_apart())

    def leave_not_added(self, last: str) -> None:
        """Leave the part under way, for it could not be added.

        :param last: what the last request for it ended with
        """
        self.not_added(self._under_way.part, last)
        self.leave()

    def not_added(self, places: Sequence[int], last: str) -> None:
        """Tell of numbers that could not be added."""
        self._not_added.append(NotAddedCalls(tuple(places), last))

    def wait(self, until: float) -> None:
        """Leave the part under way until the server's time *until*: the report proves nothing of it before."""
        self._waits.update(dict.fromkeys(self._under_way.part, until))
        if self._under_way.state.silent:
            self.not_added(self._under_way.part, self._under_way.state.last)
        self.leave()

    def leave_all_but(self, places: Sequence[int]) -> None:
        """Leave all of the part under way but *places*; all of it, if there are none."""
        self._parts.append(self._under_way.split_off(places) if places else self._under_way.set_apart())

    def park(self, jobs: ShownJobs | None) -> None:
        """Leave the part under way to a person.

        :param jobs: what the report shows of it, if it was asked
        """
        self._some_shown = self._some_shown or jobs is not None
        if jobs is None:
            self._shown = None
        elif self._shown is not None:
            self._shown.update(jobs.of(map(self._under_way.phone, self._under_way.part)))
            self._shown.fault = self._shown.fault or jobs.fault
        self.leave()
        self._parked.append(self._parts[-1])

    def follow_a_person(self) -> None:
        """Do what a person said of what is parked; once.

        :raises ParkedCalls: if nobody said anything, or that can't be followed
        """
        under_way = self._under_way
        places = self._all_parked().places
        elsewhere = self._shown is None and not self._some_shown
        ruling = self._shard.ruling_for(under_way, elsewhere=elsewhere)
        shown = ShownJobs() if elsewhere else self._shown
        if ruling is None or shown is None or not shown.can_be_followed:
            raise ParkedCalls(self._all_parked())
        under_way.follow(ruling, places, shown)
        self._parked.clear()
        self._parts.clear()

    def raise_if_any(self) -> None:
        """Return if nothing is left.

        :raises UnansweredCalls: if some could not be added
        :raises WaitingCalls: if some must wait for the report
        """
        if self._not_added:
            raise UnansweredCalls(self._not_added, self._waits, self._all_parked())
        if self._waits:
            raise WaitingCalls(self._waits, self._all_parked())

    def _all_parked(self) -> Parked:
        places = [place for part in self._parked for place in part.open_places(self._under_way.outcomes)]
        return Parked(sorted(places), self._shown if places else None)
