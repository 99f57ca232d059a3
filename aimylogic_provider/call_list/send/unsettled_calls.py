"""How a try ends that did not settle everything: what is told, and what is written down for a person.

Whether a call is settled is decided by then; nothing is sent, nor asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from aimylogic_provider.call_list.report.shown_jobs import ShownJobs
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.call_list.store.caps import held_by_lists
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.call_list.store.sync_entry import ListQuestion, ListRuling
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import digest
from aimylogic_provider.idempotence.next_try import NextTry

__all__ = [
    "NONE_PARKED",
    "Jobs",
    "NotAddedCalls",
    "Parked",
    "ParkedCalls",
    "UnansweredCalls",
    "UnknownCallsError",
    "UnsettledBatches",
    "WaitingCalls",
]

Jobs = ShownJobs
"""What the report showed, by phone."""


_NAMED = 10
"""Parts that are told of, at most."""

_WAY_OUT = (
    "To have a person asked whether to send those without a job, set on_unknown='ask' and clear the task. A clear "
    "alone reads the report again"
)
_WAY_OUT_UNASKED = (
    "A clear reads the report again, and follows what a person said before, if one did, once it can be relied on. "
    "Those that have no job in the campaign they were sent to can be called by a new DAG run that has them among its "
    "rows. With a results_table, this list holds them until it is given up: in aimylogic_lists of that table's "
    "database set state to 'given up' where call_list is '{}', and delete from the results table those of its rows of "
    "outcome 'unknown' that are to be called"
)


class Parked(NamedTuple):
    """Calls of a batch that only a person can decide.

    :param places: in their batch
    :param jobs: what the report showed of them, if it was asked
    """

    places: Sequence[int]
    jobs: Jobs | None


NONE_PARKED = Parked((), None)


class WaitingCalls(Exception):
    """A batch is left to a later try: the report proves nothing yet of some of it.

    :param waits: before which of the server's times it doesn't, by place
    """

    def __init__(self, waits: Mapping[int, float], parked: Parked = NONE_PARKED) -> None:
        super().__init__()
        self.waits = waits
        self.parked = parked


class ParkedCalls(Exception):
    """A batch is left to a person: of it nothing else is left to be done in this try."""

    def __init__(self, parked: Parked) -> None:
        super().__init__()
        self.parked = parked


class NotAddedCalls(NamedTuple):
    """Calls that could not be added in this try.

    :param places: in their batch
    :param last: how the last request for them ended
    """

    places: Sequence[int]
    last: str


class UnansweredCalls(Exception):
    """Some calls of a batch are left to a later try, for the server answers others, and not the requests for these.

    :param left: which, and the last answers
    :param waits: before which of the server's times the report proves nothing of some of them, by place
    :param parked: which others of the batch only a person can decide
    """

    def __init__(self, left: Sequence[NotAddedCalls], waits: Mapping[int, float], parked: Parked = NONE_PARKED) -> None:
        super().__init__()
        self.left = left
        self.waits = waits
        self.parked = parked


class UnknownCallsError(NotAddedError):
    """All is settled but for calls that are parked.

    :param known: the message without the ways out, which are not for whoever is asked
    :param question: what a person can be asked
    :param calls: how many are parked
    :param without_job: of how many of those the report shows no job
    :param can_be_asked: whether the report could be asked for them, so that a person's word can be followed
    :param list_id: of their list
    :param held_until: as :func:`.held_by_lists` tells it
    """

    def __init__(
        self,
        known: str,
        *,
        question: ListQuestion,
        calls: int,
        without_job: int,
        can_be_asked: bool,
        list_id: str,
        held_until: str = "",
    ) -> None:
        self.unasked = _WAY_OUT_UNASKED.format(list_id) + (f". {held_until}" if held_until else "")
        """The way out where nobody can be asked, as sentences without the last stop."""
        way_out = _WAY_OUT if can_be_asked else self.unasked
        super().__init__(f"{known}. {way_out}", retryable=False)
        self.known = known
        self.question = question
        self.calls = calls
        self.without_job = without_job
        self.can_be_asked = can_be_asked


@dataclass(slots=True)
class UnsettledBatches:
    """How the batches ended that are not done.

    :param errors: that ended the try
    :param waiting: until when all of it may wait for the report, by batch
    :param parked: batches, and which of their calls only a person can decide
    :param left: calls that could not be added, though others were
    """

    errors: list[NotAddedError] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    parked: list[tuple[BatchUnderWay, Parked]] = field(default_factory=list)
    left: list[tuple[BatchUnderWay, NotAddedCalls]] = field(default_factory=list)

    def park(self, under_way: BatchUnderWay, parked: Parked) -> None:
        """Take in which calls of a batch are parked, if any are."""
        if parked.places:
            self.parked.append((under_way, parked))

    def rows_parked(self, batch: str) -> set[int]:
        """The rows of a batch that are parked."""
        return {
            under_way.lines[place].row
            for under_way, parked in self.parked
            if under_way.batch.name == batch
            for place in parked.places
        }

    def conclude(
        self,
        call_list: CallList,
        progress: SyncProgress,
        now: float,
        *,
        next_try: NextTry,
        stopped: str | None,
        ruling: ListRuling | None,
        before: tuple[object, ...] | None = None,
        campaign: str = "",
    ) -> None:
        """Return if all is settled.

        :param now: the server's time
        :param next_try: when that can help, but for what the server asks
        :param before: what stands in each batch for sends of which nothing is on record
        :param stopped: why nothing more was sent, if so
        :param ruling: what a person last said of parked calls
        :param campaign: digest of where calls are sent now
        :raises UnknownCallsError: if all is, but for what is parked
        :raises NotAddedError: if not all is: what is known, and the ways out
        """
        told = f"{progress.summary()}."
        for error in self.errors:
            if not error.retryable:
                raise NotAddedError(f"{error}\n{told}", retryable=False)
        reasons = self._reasons(now, stopped)
        unknown = self._unknown(call_list, progress, before) if self.parked else ""
        if reasons:
            told_reasons = "; ".join(reason.rstrip(".") for reason in reasons)
            raise NotAddedError(
                f"{told_reasons}. {told} The next try goes on with what is left. {unknown}".rstrip(),
                retryable=True,
                next_try=self._asked(next_try),
            )
        if unknown:
            names = {under_way.batch.name for under_way, _ in self.parked}
            if ruling is not None and not ruling.send and names <= {*ruling.question.batches}:
                raise NotAddedError(f"Left as they are, as {ruling.by} said. {unknown}", retryable=False)
            shown = [_shown(one) for _, one in self.parked]
            raise UnknownCallsError(
                unknown,
                question=self._question(call_list, shown, now, campaign),
                calls=progress.unknown,
                without_job=sum(
                    not jobs.get(under_way.phone(place))
                    for (under_way, one), jobs in zip(self.parked, shown, strict=True)
                    for place in one.places
                ),
                list_id=call_list.manifest.id,
                held_until=held_by_lists(call_list.manifest.caps),
                can_be_asked=all(_is_elsewhere(jobs) or (jobs and jobs.can_be_followed) for jobs in shown),
            )

    def _reasons(self, now: float, stopped: str | None) -> list[str]:
        """Why the next try has to go on, if it has."""
        reasons = [str(error) for error in self.errors[:1]]
        if self.left:
            reasons.append(self._not_added())
        if self.waiting:
            seconds = max(0.0, max(self.waiting.values()) - now)
            reasons.append(
                f"{len(self.waiting)} batches wait for the report, which proves nothing for another {seconds:,.0f} "
                "seconds"
            )
        return reasons or ([] if stopped is None else [stopped])

    def _asked(self, next_try: NextTry) -> NextTry:
        """When a next try can help, with what the server asks for."""
        asked = max((error.next_try.asked for error in self.errors if error.next_try is not None), default=0.0)
        return replace(next_try, asked=asked)

    def _question(self, call_list: CallList, shown: Sequence[Jobs], now: float, campaign: str) -> ListQuestion:
        """What a person can be asked of the parked calls."""
        states = [f"{under_way.batch.name} {len(one.places)} {under_way.state.again}" for under_way, one in self.parked]
        if any(_is_elsewhere(jobs) for jobs in shown):
            states.append(campaign)  # to another one, it is another question
        reference = digest("unknown", call_list.pointer.sha256, *states).hex()[:8]
        return ListQuestion(reference, now, tuple(under_way.batch.name for under_way, _ in self.parked), campaign)

    def _not_added(self) -> str:
        """Whom the server would not add while it answered others, and its last answers; the first of them."""
        calls = sum(len(left.places) for _, left in self.left)
        shown = [f"{_named(under_way, left.places)}: {left.last}".rstrip(".") for under_way, left in self.left[:_NAMED]]
        more = len(self.left) - _NAMED
        return (
            f"{calls:,} calls could not be added, while others were answered: {'; '.join(shown)}"
            + (f"; and {more:,} more parts" if more > 0 else "")
            + ". Twice report_lag after the last of these requests the report tells whether any of them was added, "
            "and what was not is sent again, in smaller parts"
        )

    def _unknown(self, call_list: CallList, progress: SyncProgress, before: tuple[object, ...] | None) -> str:
        """Write down what can't be known; return what to tell a person."""
        lines = [line for under_way, parked in self.parked for line in _lines(under_way, parked.places, _shown(parked))]
        why = {_why(_shown(parked)) for _, parked in self.parked}
        progress.unknown = len(lines)
        address = call_list.write_unknown(lines)
        shown = sum(bool(line["jobs"]) for line in lines)
        return (
            f"Of {len(lines):,} calls it can't be known whether their jobs exist: {self._requests(before)}, and "
            f"{' and '.join(sorted(why))}. They are parked: nothing is sent for them. The report shows jobs for "
            f"{shown:,} of them. {progress.summary()}. Which ones, with the jobs that the report shows, or null where "
            f"it could not be asked: {address}"
        )

    def _requests(self, before: tuple[object, ...] | None) -> str:
        """What is on record of requests for what is parked."""
        unanswered = sum(
            send != before for under_way, parked in self.parked for send in under_way.open_sends_of(parked.places)
        )
        if not unanswered:
            return "no request for them is on record, but what was on record is lost"
        return "1 request went unanswered" if unanswered == 1 else f"{unanswered:,} requests went unanswered"


def _shown(parked: Parked) -> Jobs:
    return ShownJobs() if parked.jobs is None else parked.jobs


def _is_elsewhere(jobs: Jobs) -> bool:
    """Whether calls were sent to another campaign, whose report can't be asked: of all others, something was shown."""
    return not jobs and not jobs.fault


def _why(jobs: Jobs) -> str:
    """Why it can't be known."""
    if jobs.fault:
        return f"the campaign's report proves nothing, for {jobs.fault}"
    if _is_elsewhere(jobs):
        return (
            "the campaign they were sent to is another one than that of now (host or token changed), so that its "
            "report can't be asked: if they are sent now, whoever was added there is called twice"
        )
    why = (
        "their idempotence keys are too old to repeat them, while the report shows jobs of only some, or jobs that may "
        "be others'"
    )
    unsure = "" if jobs.can_be_followed else ", or with phones that can't be read, which may be these"
    return why + unsure


def _named(under_way: BatchUnderWay, places: Sequence[int]) -> str:
    """Some calls, by their rows."""
    first = under_way.lines[places[0]].row
    if len(places) == 1:
        return f"row {first} ({mask_phone(under_way.phone(places[0]))})"
    return f"{len(places):,} rows from {first} to {under_way.lines[places[-1]].row} (batch {under_way.batch.name})"


def _lines(under_way: BatchUnderWay, places: Sequence[int], jobs: Jobs) -> list[dict[str, Any]]:
    return [
        {
            "row": under_way.lines[place].row,
            "keys": under_way.lines[place].keys,
            "phone": mask_phone(under_way.phone(place)),
            "batch": under_way.batch.name,
            "sends": [[send.at, send.until] for send in under_way.sends_of(place)],
            "jobs": [job.id for job in found] if (found := jobs.get(under_way.phone(place))) is not None else None,
        }
        for place in places
    ]
