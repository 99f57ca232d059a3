"""Whom the lists of a task called within some time, or may yet call: asked of their folders, by phone.

The lists of one task instance don't count: what is sent twice of those, ``lists_of_run`` tells. Nothing is guessed of a
list that can't tell whom it called.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aimylogic_provider.call_list.runs.lists_in_folder import ListInFolder, lists_in, pointer_to
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.store.list_reader import ListReader
from aimylogic_provider.call_list.store.manifest import (
    Batch,
    CallListError,
    Claim,
    Tombstone,
    decode_claim,
    decode_tombstone,
)
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.outcomes import CallOutcome
from aimylogic_provider.call_list.store.read_objects import decoded
from aimylogic_provider.call_list.store.traces.sent_traces import traces_among
from aimylogic_provider.idempotence.time_limits import CALL_AGAIN_AFTER

__all__ = ["CalledByLists", "run_of"]

_RUN = re.compile(r", run (.+?)(?:, iteration [0-9]+ of its loop)?(?:, map index [0-9]+)?$", re.DOTALL)
_WITHOUT_IT = "or, if it can't be mended, delete that folder: then whom it alone called may be called again"
_BEGUN = ("claimed/", "sent/", "done/")
"""Of a list that somebody began to send, files lie there."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a list tells.

    :param names: of its files, by which it tells that; none of them is ever changed
    :param called: whom it called, of those who are asked about, or what it began may have called
    :param held: and whom it may yet call
    """

    names: frozenset[str]
    called: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()
    called_because: str = ""
    held_because: str = ""


class CalledByLists:
    """The lists of a task, asked whether they called some phones.

    :param of_task: the address of the task's folder
    :param but: the address of the folder of the task instance whose lists don't count
    :param cap: within which time a call counts
    :param phones: whom it is asked about
    :param now: the time (Unix seconds), asked for once: what was called so long before is gone by
    :param here: the same by the clock of this machine
    :param own: the claim of the task that asks, if that is about to send: of two tasks that send lists of one task, the
        later one waits for the other, for they would leave people to each other
    """

    def __init__(
        self,
        of_task: str,
        but: str,
        cap: Cap,
        phones: Collection[int],
        now: Callable[[], float],
        here: Callable[[], float],
        own: Claim | None = None,
    ) -> None:
        self._of_task = of_task
        self._but = but
        self._cap = cap
        self._phones = phones
        self._now = now
        self._here = here
        self._own = own
        self._since: float | None = None
        self._behind = 0.0
        """Seconds by which the server's clock is behind this machine's, at least."""
        self._known: dict[str, _Told] = {}
        """What lists told, by their addresses."""

    def look(self) -> Mapping[int, str]:
        """Who was called, or is held, and by which list, in words.

        :raises CallListError: if a list that counts can't tell that
        """
        if self._since is None:
            now, here = self._now(), self._here()
            self._since, self._behind = self._cap.since(now, here), max(0.0, here - now)
        told = [self._told(found, self._since) for found in self._others()]
        held = {phone: one.held_because for one in told for phone in one.held}
        return held | {phone: one.called_because for one in told for phone in one.called}

    def _others(self) -> Iterator[ListInFolder]:
        """The lists of other task instances that somebody began to send, or that were deleted."""
        for found in lists_in(Folder(self._of_task)):
            # One of which some files are gone is looked at, too: it tells that it can't tell.
            begun = found.is_deleted or any(name.startswith(_BEGUN) for name in found.names)
            if begun and found.folder.address.rpartition("/")[0] != self._but:
                yield found

    def _told(self, found: ListInFolder, since: float) -> _Told:
        address, names = found.folder.address, frozenset(found.names)
        known = self._known.get(address)
        if known is None or known.names != names:
            try:
                known = self._deleted(found, names, since) if found.is_deleted else self._read(found, names, since)
            except _AnotherSenderError:
                raise
            except CallListError as error:
                known = self._unreadable(found, names, since, error)
            self._known[address] = known
        return known

    def _unreadable(self, found: ListInFolder, names: frozenset[str], since: float, error: CallListError) -> _Told:
        """What the names of its files tell of a list that can't tell more: if it was sent too long ago to count.

        That is enough for a run that calls again on purpose; no other one looks away from what it can't read.

        :raises CallListError: if that isn't sure
        """
        sent = max(_sent(names).values(), default=None)
        if self._cap.triggered is not None and not error.retryable and sent is not None and sent < since:
            return _Told(names)
        ways = [] if found.is_deleted else [_WITHOUT_IT]
        if sent is not None and not found.is_deleted:  # else that is told
            ways.append(f"or, to have all of them called, whoever was, say so by call_again {self._from(sent)}")
        raise CallListError(
            "; ".join([
                f"{self._cap.words}, and the list in {found.folder.address} can't tell whom it called: nobody is "
                f"called. {error}",
                *ways,
            ]),
            retryable=error.retryable,
        ) from None  # fmt: skip

    def _from(self, last: float) -> str:
        """From when on a run must be triggered to call again, on purpose, whom a list called until then; in words."""
        minute = 60.0 * math.ceil((last + CALL_AGAIN_AFTER + self._behind + 1) / 60)
        return f"from {datetime.fromtimestamp(minute, UTC):%Y-%m-%d %H:%M} UTC on"

    def _read(self, found: ListInFolder, names: frozenset[str], since: float) -> _Told:
        """What a list tells that is there.

        :raises CallListError: if it can't be read
        """
        if not found.claim_files:
            raise CallListError("Nothing is in claimed/, though it was sent: some of its files are missing")
        claims = [decoded(found.folder, name, decode_claim, listed=True) for name in found.claim_files]
        claimed = max(claim.at for claim in claims)
        if max([claimed, *_sent(found.names).values()]) < since:
            return _Told(names)
        begun = ListReader.open(pointer_to(found.folder))
        sent = _sent(begun.names)
        again = self._from(max([claimed, *sent.values()])) if self._cap.triggered is not None else ""
        called, held = set[int](), set[int]()
        done = begun.done()
        for batch in begun.manifest.batches:
            # Of a list of an earlier version it isn't told when a batch was sent.
            is_gone_by = sent.get(batch.name, claimed) < since
            if batch.name in done and (is_gone_by or not done[batch.name].created):
                continue
            outcomes = _outcomes(begun, batch, is_done=batch.name in done)
            for line in begun.lines(batch):
                if (phone := int(line.phone)) not in self._phones:
                    continue
                outcome = outcomes.get(line.row)
                if outcome is None:
                    held.add(phone)
                elif outcome.outcome == "created" and not is_gone_by:
                    called.add(phone)
        made = f"{datetime.fromisoformat(begun.manifest.made_at).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        which = f"the list of {made} of run {run_of(begun.manifest.task)}"
        if held - called:
            self._check_sender(which, claims)
        return _Told(
            names, frozenset(called), frozenset(held - called),
            f"called by {which}: {self._cap.words}{again and f', and call_again more {again}'}",
            f"held by {which}, which isn't over{again and f'; call_again lifts that {again}'}",
        )  # fmt: skip

    def _check_sender(self, which: str, claims: Sequence[Claim]) -> None:
        """Go on beside a list that isn't over only if this very task sends it, too, or a task that began later does.

        :param which: the list, in words
        :raises CallListError: if not; another try can help
        """
        if self._own is None:
            return
        ours, others = _sender_of(self._own), {_sender_of(claim) for claim in claims}
        if ours in others or (self._own.at, ours) < min((claim.at, _sender_of(claim)) for claim in claims):
            return
        raise _AnotherSenderError(
            f"{which} isn't over, and {min(others)} sends it, whereas this is {ours}: max_active_tis_per_dag=1 keeps "
            "the runs of one task apart, but not two tasks, which would each leave to the other whoever is on both "
            "lists. Nothing more is sent until that list is over: if its task failed, clear that one. Have one task "
            "send all lists of what freezes these",
            retryable=True,
        )

    def _deleted(self, found: ListInFolder, names: frozenset[str], since: float) -> _Told:
        """What is left of a list tells enough only if it called nobody within the time.

        :raises CallListError: if it may have
        """
        left = decoded(found.folder, "deleted.json", decode_tombstone, listed=True)
        times = [claim.at for claim in left.claims] + ([left.sent[1]] if left.sent is not None else [])
        if not times or max(times) < since or _called_nobody(left):
            return _Told(names)
        when = f"{datetime.fromtimestamp(max(times), UTC):%Y-%m-%d %H:%M} UTC"
        raise CallListError(
            f"It is deleted, and was sent until {when} by {left.claims[0].task}. Have the task that sends the lists "
            "keep them for as long as only_new looks back (keep_call_list; None for ever); or, to have all of them "
            f"called, whoever was, say so by call_again {self._from(max(times))}"
        )


class _AnotherSenderError(CallListError):
    """Another task sends a list that shares people with this one, and came first."""


def _sender_of(claim: Claim) -> str:
    """The task that claimed, of whichever run, in words."""
    return claim.task.partition(", run ")[0]


def _sent(names: Iterable[str]) -> dict[str, float]:
    """Until when each batch was sent, by the names of a list's files."""
    sent: dict[str, float] = {}
    for trace in traces_among(names):
        sent[trace.batch] = max(trace.send.until, sent.get(trace.batch, trace.send.until))
    return sent


def _outcomes(begun: ListReader, batch: Batch, *, is_done: bool) -> dict[int, CallOutcome]:
    """What is known of a batch's calls, by their rows.

    Of one that isn't done, what the server said is. Whom a try took for capped, excluded or expired, the next one may
    call, for it is not told here whether the entry ever named that progress.
    """
    if is_done:
        return {one.row: one for one in begun.outcomes(batch)}
    name = begun.furthest_progress(batch)
    told = [] if name is None else begun.progress(name)
    return {one.row: one for one in told if one.outcome in ("created", "refused")}


def _called_nobody(left: Tombstone) -> bool:
    """Whether a list that was deleted called nobody, as its reports tell; only a list all of which is reported is."""
    return not any(report.get("created", 1) for report in left.reports.values())


def run_of(task: str) -> str:
    """The DAG run's id in the words that tell a task instance."""
    found = _RUN.search(task)
    return found[1] if found else task
