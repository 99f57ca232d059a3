"""Copies of a task instance's entry, one for each of its tries, and what they tell together.

They lie where no clear of the task reaches, and outlive the DAG run. So each says of which life of the run's id it is,
as far as Airflow told: a run that was deleted and made again must not be taken for the old one. Nothing fences them:
each try writes its own alone, and a reader merges all. Values only; :mod:`.second_record` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec

from aimylogic_provider.idempotence.record.record_json import RecordError, entry_from_json, entry_to_json
from aimylogic_provider.idempotence.record.records import Entry, Record, Send, SendOutcome

__all__ = ["Copy", "CopyOrigin", "Recalled", "RunMark", "both", "copy_from_json", "copy_to_json", "origin", "recalled"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RunMark:
    """A try, and its DAG run as Airflow told of it then.

    :param run_after: Unix seconds; the same for as long as the run exists
    :param start: when the run began, in Unix seconds; a clear sets it anew, and so does whoever sets its state to
        queued, which counts as no clear
    :param clear_number: how often the run was cleared, or -1 if Airflow doesn't say
    :param try_number: rises with each try of the task instance
    :param replaces: whether the task instance may stand for another one, whose tries were counted by themselves
    :param first: whether this is surely the first try of its task instance
    :param cleared: whether the task was cleared, counted by its run or not
    :param most_tries: until how many tries Airflow goes on: each clear of the task raises it, be it counted or not
    :param region: whether Airflow counts its tries within a region, as 3.4 does those of mapped and looped tasks
    :param remembers: whether this Airflow has a store of its own, which then tells of every send, unless it was cleared
    """

    run_after: float | None
    start: float | None
    clear_number: int
    try_number: int
    replaces: bool = False
    first: bool = False
    cleared: bool = False
    remembers: bool = True
    most_tries: int | None = None
    region: bool = False

    @property
    def began(self) -> float | None:
        """A time by Airflow's clock before which nothing was done for the run; None if it can't be told.

        Only for what surely never ran is it the run's start: that may be set anew without any count of it.
        """
        return self.start if self.first and self.clear_number == 0 else self.earliest

    @property
    def earliest(self) -> float | None:
        """The same for all tasks of the run, of which others may have run before."""
        if self.run_after is None or self.start is None:
            return self.run_after
        return min(self.run_after, self.start)

    @property
    def since(self) -> float | None:
        """A time by Airflow's clock, such that what was kept before is of another run; None if it can't be told.

        Where the store is empty that nothing discarded, this run kept nothing before it began the last time.
        """
        if self.clear_number != 0:
            return None
        return self.start if self.remembers and not self.cleared else self.began


@dataclass(frozen=True, slots=True)
class Copy:
    """What one try knew when it last wrote."""

    mark: RunMark
    entry: Entry


class CopyOrigin(StrEnum):
    """Of which life of a run's id a copy is."""

    OURS = "this run's"
    OTHER = "another run's"
    """Of one that was deleted, and had the same id."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Recalled:
    """What copies tell.

    :param entry: what is known of this run, or None
    :param unclear: records of which it can't be told whether they are of this run
    :param complete: whether each earlier try left one, so that all that was sent stands here
    """

    entry: Entry | None = None
    unclear: tuple[Record, ...] = ()
    complete: bool = False

    @property
    def nothing(self) -> bool:
        """Whether they tell of no send that may be this task instance's."""
        return self.entry is None and not self.unclear


def origin(copy: RunMark, now: RunMark) -> CopyOrigin:
    """Of which life of the run's id a copy is, for a try that reads it now."""
    if copy.run_after != now.run_after:
        return CopyOrigin.OTHER
    if copy.clear_number == now.clear_number and copy.start is not None and copy.start == now.start:
        return CopyOrigin.OURS
    if copy.clear_number > now.clear_number >= 0:
        return CopyOrigin.OTHER  # no clear is ever undone
    if now.clear_number == 0 and not now.cleared:
        # The run may have begun anew all the same: somebody set it to queued. But where nothing discarded what the
        # store kept, and it is empty, nothing was sent; and a first try has no copies of its own.
        raised = copy.most_tries is not None and now.most_tries is not None and copy.most_tries < now.most_tries
        empty = now.first or (now.remembers and not raised)
        return CopyOrigin.OTHER if empty and not _made_anew(copy, now) else CopyOrigin.UNCLEAR
    if copy.clear_number >= 0 and (copy.try_number < now.try_number or now.replaces or _made_anew(copy, now)):
        return CopyOrigin.OURS  # of an earlier try, before a clear
    return CopyOrigin.UNCLEAR


def _made_anew(copy: RunMark, now: RunMark) -> bool:
    """Whether a clear put a task instance in the place of one of before an upgrade to 3.4, with first tries again."""
    return now.region and not copy.region


def recalled(copies: Iterable[Copy], now: RunMark) -> Recalled:
    """Return what copies tell a try."""
    ours: list[Copy] = []
    unclear: list[Record] = []
    for copy in sorted(copies, key=lambda copy: copy.mark.try_number):
        match origin(copy.mark, now):
            case CopyOrigin.OURS:
                ours.append(copy)
            case CopyOrigin.UNCLEAR:
                unclear += copy.entry.records.values()
            case CopyOrigin.OTHER:
                pass
    if not ours:
        return Recalled(unclear=tuple(unclear))
    # A try that left no copy may have sent by a record that is lost now; most ended before they could note anything.
    missing = set(range(1, now.try_number)) - {copy.mark.try_number for copy in ours}
    return Recalled(_merged(ours, complete=not missing), tuple(unclear), complete=not missing)


def _merged(copies: Sequence[Copy], *, complete: bool) -> Entry:
    """What tries of one run knew, together."""
    records: dict[str, Record] = {}
    for copy in copies:
        for name, record in copy.entry.records.items():
            records[name] = both(records[name], record) if name in records else record
    sure = complete and all(copy.entry.sure for copy in copies)
    if not sure:
        records = {name: replace(record, sure=False) for name, record in records.items()}
    timed = [copy.entry for copy in copies if copy.entry.server_time is not None]
    return replace(timed[0] if timed else copies[0].entry, sure=sure, records=records)


def both(earlier: Record, later: Record) -> Record:
    """What two tries knew of a call. Sends that only one of them knows of count as that one has them."""
    sends: dict[tuple[object, ...], Send] = {}
    for send in (*earlier.sends, *later.sends):
        same = (send.at, send.until, send.clock, send.clear_number)
        known = sends.get(same)
        sends[same] = send if known is None or _told(send) >= _told(known) else known
    return replace(
        later,
        sends=tuple(sorted(sends.values(), key=lambda send: send.at)),
        sure=earlier.sure and later.sure,
        job=later.job or earlier.job,
        ruling=later.ruling or earlier.ruling,
    )


def _told(send: Send) -> int:
    """How much is known of a send."""
    return {SendOutcome.NOTED: 0, SendOutcome.UNANSWERED: 1, SendOutcome.CREATED: 3}.get(send.outcome, 2)


def copy_to_json(copy: Copy) -> dict[str, Any]:
    """Return the JSON form."""
    mark = copy.mark
    return {
        "format": _FORMAT,
        "mark": {
            "run_after": mark.run_after,
            "start": mark.start,
            "clear_number": mark.clear_number,
            "try_number": mark.try_number,
            "replaces": mark.replaces,
            "most_tries": mark.most_tries,
            "region": mark.region,
        },
        "entry": entry_to_json(copy.entry),
    }


def copy_from_json(content: object) -> Copy:
    """Read the JSON form.

    :raises RecordError: if it is not one of this format
    """
    try:
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError("it has another format")
        mark = msgspec.convert(content["mark"], RunMark)
    except (KeyError, ValueError) as error:
        raise RecordError(
            f"the second record of this task can't be read ({error}): was it changed by hand, or written by a newer "
            "version of the provider? Restore it, or install that version; nothing was sent"
        ) from None
    return Copy(mark, entry_from_json(content.get("entry")))
