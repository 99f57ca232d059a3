"""What a list's folder tells, for its page: how far it came and when, what was set aside and why. Reads storage.

What never changes again is read once, and kept for a while: a page that is followed asks every other second.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Generic, TypeVar, get_args

import msgspec

from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of
from aimylogic_provider.call_list.store.list_reader import ListReader, PartKind
from aimylogic_provider.call_list.store.manifest import Manifest, Tombstone
from aimylogic_provider.call_list.store.outcomes import Counts
from aimylogic_provider.call_list.store.traces.sent_traces import traces_among
from aimylogic_provider.calls_api.masking import mask_within
from aimylogic_provider.calls_api.response_meaning import refusal_in_words
from aimylogic_provider.pages.call_lists.list_place import Place, opened, tombstone_at

__all__ = ["AsideRow", "ListSummary", "summary_of", "unknown_rows"]

MOST_SHOWN = 50
"""Rejected rows that a page shows."""
_KEPT = 64
_COLUMNS = 48
_WIDTHS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
"""Seconds that a column of a plot may stand for."""


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A rejected row, as people may see it who may not see phones."""

    row: int
    keys: str
    reason: str


@dataclass(slots=True)
class _Aside:
    """What was set aside when a list was frozen."""

    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    rejected: list[AsideRow] = field(default_factory=list)


@dataclass(slots=True)
class ListSummary:
    """What a list's folder tells.

    :param tombstone: of a list that was deleted, and then nothing else
    :param done: batches that are done
    :param settled: calls by outcome, as far as it is written down
    :param rates: a label and a count of calls for each stretch of time
    :param width: seconds of a stretch
    :param reasons: by outcome, the most frequent reasons, and how often each was given
    :param rejected: the first rejected rows
    :param unknown: calls of which it isn't known whether their jobs exist
    :param shards_reported: of how many shards all is known
    """

    tombstone: Tombstone | None = None
    manifest: Manifest | None = None
    frozen_at: datetime | None = None
    done: int = 0
    settled: Counts = field(default_factory=Counts)
    rates: list[tuple[str, int]] = field(default_factory=list)
    width: int = 0
    reasons: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    rejected: list[AsideRow] = field(default_factory=list)
    unknown: int = 0
    shards_reported: int = 0
    senders: list[str] = field(default_factory=list)


_Kind = TypeVar("_Kind")


class _Kept(Generic[_Kind]):
    """What was read of the lists that were looked at last, by their digests. Threads share it."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, _Kind] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str) -> _Kind | None:
        with self._lock:
            if digest in self._values:
                self._values.move_to_end(digest)
            return self._values.get(digest)

    def keep(self, digest: str, value: _Kind) -> _Kind:
        with self._lock:
            self._values[digest] = value
            while len(self._values) > _KEPT:
                self._values.popitem(last=False)
        return value


_aside = _Kept[_Aside]()
_of_batches = _Kept[dict[str, dict[str, Counter[str]]]]()


def summary_of(place: Place) -> ListSummary:
    """Read a list's folder.

    :raises CallListError: if it can't be read, or isn't that list
    """
    if (tombstone := tombstone_at(place)) is not None:
        return ListSummary(tombstone=tombstone)
    found = opened(place)
    done = found.done()
    settled = sum(done.values(), Counts())
    rates, width = _rates(found, done)
    aside = _aside_of(found)
    reasons = {kind: Counter(counted) for kind, counted in aside.reasons.items()}
    for of_batch in _reasons_of_calls(found, done):
        for outcome, counted in of_batch.items():
            reasons.setdefault(outcome, Counter()).update(counted)
    return ListSummary(
        manifest=found.manifest,
        frozen_at=datetime.fromisoformat(found.manifest.made_at),
        done=len(done),
        settled=settled,
        rates=rates,
        width=width,
        reasons={kind: counted.most_common(8) for kind, counted in reasons.items() if counted},
        rejected=aside.rejected,
        unknown=sum(1 for _ in unknown_rows(found)),
        shards_reported=len(found.reports()),
        senders=sorted({claim.task for claim in found.claims()}),
    )


def unknown_rows(found: ListReader) -> Iterator[dict[str, Any]]:
    """The calls of which it isn't known whether their jobs exist, as the tries wrote them down, each once.

    Those of batches that are done since are known by now.
    """
    done, seen = found.done(), set()
    for name in (name for name in found.names if name.startswith("unknown/")):
        for line in _lines(found.folder.read(name)):
            if line.get("batch") not in done and line.get("row") not in seen:
                seen.add(line.get("row"))
                yield line


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        try:
            told = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(told, dict):
            yield told


def _rates(found: ListReader, done: Mapping[str, Counts]) -> tuple[list[tuple[str, int]], int]:
    """How many calls were settled when, and how long a stretch is.

    Those of a batch count as of its last sending, whose time its trace's name bears, by the server's clock.
    """
    sent: dict[str, float] = {}
    for trace in traces_among(found.names):
        if trace.batch in done:
            sent[trace.batch] = max(trace.send.at, sent.get(trace.batch, trace.send.at))
    if not sent:
        return [], 0
    first, last = min(sent.values()), max(sent.values())
    width = next((one for one in _WIDTHS if (last - first) / one < _COLUMNS), _WIDTHS[-1])
    settled: Counter[int] = Counter()
    for batch, at in sent.items():
        settled[int(at // width)] += done[batch].settled
    start, end = int(first // width), int(last // width)
    places = range(max(start, end - 4 * _COLUMNS), end + 1)
    return [
        (f"{datetime.fromtimestamp(place * width, UTC):%Y-%m-%d %H:%M:%S} UTC", settled[place]) for place in places
    ], width


def _aside_of(found: ListReader) -> _Aside:
    """What was set aside, counted by reason: of a frozen list it never changes."""
    if (known := _aside.get(found.pointer.sha256)) is not None:
        return known
    made = _Aside()
    for kind in get_args(PartKind):
        if kind == "doubles":
            continue  # each of one reason: it repeats another row's call
        counted = made.reasons.setdefault("claimed" if kind == "held" else kind, Counter())
        known_kinds: dict[str, str] = {}
        for lines in found.parts(kind):
            for line in lines:
                reason = line["reason"]
                if reason not in known_kinds and len(known_kinds) < 10_000:
                    known_kinds[reason] = kind_of(reason)
                counted[known_kinds.get(reason) or kind_of(reason)] += 1
            if kind == "rejected" and len(made.rejected) < MOST_SHOWN:
                made.rejected += [_shown(line) for line in lines[: MOST_SHOWN - len(made.rejected)]]
    return _aside.keep(found.pointer.sha256, made)


def _reasons_of_calls(found: ListReader, done: Mapping[str, Counts]) -> Iterator[dict[str, Counter[str]]]:
    """Why calls weren't made, batch by batch: only those are read whose names tell that there are such."""
    known = _of_batches.get(found.pointer.sha256)
    if known is None:
        known = _of_batches.keep(found.pointer.sha256, {})
    for batch in found.manifest.batches:
        counts = done.get(batch.name)
        if counts is None or counts.settled == counts.created:
            continue
        if batch.name not in known:
            reasons: dict[str, Counter[str]] = {}
            for one in found.outcomes(batch):
                if one.reason is not None:
                    kind = refusal_in_words(one.reason) if one.outcome == "refused" else kind_of(one.reason)
                    reasons.setdefault(one.outcome, Counter())[kind] += 1
            known[batch.name] = reasons
        yield known[batch.name]


def _shown(line: Mapping[str, Any]) -> AsideRow:
    keys: Sequence[str] = [f"{name}={mask_within(str(value))[:80]}" for name, value in line["keys"].items()]
    return AsideRow(line["row"], ", ".join(keys), mask_within(line["reason"])[:300])
