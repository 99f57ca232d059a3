"""A frozen list as a person may see it before it is sent: counts, why rows were rejected, and some calls, masked.

Of a long list some batches are looked at, and some calls of each, spread over it. How it is laid out for a person is
the operator's affair.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeVar

import msgspec

from aimylogic_provider.call_list.freeze.rejected.rejection_reasons import kind_of
from aimylogic_provider.call_list.store.manifest import BrakesTold
from aimylogic_provider.call_list.store.stored_call import (
    CallContent,
    CallLine,
    CallRhythm,
    decode_content,
    decode_rhythm,
)
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.phones.countries import country_of
from aimylogic_provider.calls_api.phones.phone import mask_phone

__all__ = ["MaskedCall", "Preview", "capped_by_lists", "masked_value"]

_DATE = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])")
_BATCHES = 8
"""Batches that are looked at, at most; and of each so many calls."""
_CALLS_OF_BATCH = 1000
_LINE = "line"
"""The key of a call that stood in a pasted text."""

_MOST_BAD = 50
"""Bad lines of a pasted text, at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MaskedCall:
    """A call in which nobody can be recognised.

    :param row: of the query; of a pasted text, the line
    :param phone: masked
    :param payload: names whole, values masked
    """

    row: int
    phone: str
    payload: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list is made of.

    :param reasons: how many rows were rejected, by reason
    :param sample: some of its calls, from its beginning to its end, and of each country that many are of
    :param finishes: until when (Unix seconds) the first and the last of the calls that have a finish can be sent
    :param claimed: rows that another run's list held, and that are none of its calls
    :param capped: rows whose phone is called for others already, or was called by others
    :param excluded: rows whose phone stands on the exclusion list
    :param held_out: rows that aren't called for measuring what calling does
    :param countries: calls by two-letter code of the country; empty if an earlier version froze the list
    :param rhythms: how often and when calls may be dialled, and how many of those looked at each; of one for all alike,
        all calls
    :param looked_at: phones of the calls that were looked at, all or some
    :param bad_lines: of a pasted text, the first lines that were rejected, and why
    :param is_pasted: whether it is of a pasted text, whose lines are counted
    :param brakes: what its task had set; None if an earlier version froze the list
    """

    rows: int
    calls: int
    doubles: int
    rejected: int
    reasons: Counter[str]
    sample: tuple[MaskedCall, ...]
    finishes: tuple[float, float] | None = None
    claimed: int = 0
    capped: int = 0
    countries: Mapping[str, int] = field(default_factory=dict)
    excluded: int = 0
    held_out: int = 0
    rhythms: Sequence[tuple[CallRhythm, int]] = ()
    looked_at: Sequence[str] = field(default=(), repr=False)
    bad_lines: Sequence[tuple[int, str]] = ()
    is_pasted: bool = False
    brakes: BrakesTold | None = None
    capped_by: Counter[str] = field(default_factory=Counter)
    """Rows that lists of other runs called or hold, by the reason."""
    calls_again: bool = False
    """Whether it is to call again, on purpose, whom lists of other runs called, whenever that was."""
    calls_again_until: float | None = None
    """Whom lists of other runs called until then (Unix seconds), it is to call again, on purpose; None for nobody."""
    spares_by_lists: bool = False
    """Whether whom another list of its task called is left out right before it is sent."""

    @classmethod
    def of(cls, call_list: CallList, most: int = 5) -> Preview:
        """Read it from the list.

        :param most: calls of the sample
        :raises CallListError: if a file is gone, unreachable, or not what was frozen
        """
        manifest = call_list.manifest
        reasons: Counter[str] = Counter()
        bad: list[tuple[int, str]] = []
        is_pasted = manifest.keys == (_LINE,)
        for rejected in call_list.parts("rejected"):
            reasons.update(kind_of(line["reason"]) for line in rejected)
            if is_pasted:
                bad += [(line["keys"][_LINE], line["reason"]) for line in rejected[: _MOST_BAD - len(bad)]]
        lines = _looked_at(call_list)
        return cls(
            manifest.rows,
            manifest.calls,
            manifest.doubles,
            manifest.rejected,
            reasons,
            tuple(
                _masked(line.keys[_LINE] if is_pasted else line.row, decode_content(line.call))
                for line in _spread_sample(lines, most)
            ),
            finishes=manifest.finishes,
            claimed=manifest.claimed,
            capped=manifest.capped,
            countries=manifest.countries,
            excluded=manifest.excluded,
            held_out=manifest.held_out,
            rhythms=_rhythms(lines, manifest.calls, by_row=manifest.policy_by_row),
            looked_at=[line.phone for line in lines],
            bad_lines=bad,
            is_pasted=is_pasted,
            brakes=manifest.brakes,
            capped_by=capped_by_lists(call_list),
            calls_again=any(cap.by == "nobody" for cap in manifest.caps),
            spares_by_lists=any(cap.by == "lists" for cap in manifest.caps),
            calls_again_until=next((cap.again_until for cap in manifest.caps if cap.again_until is not None), None),
        )


def capped_by_lists(call_list: CallList) -> Counter[str]:
    """Rows that lists of other runs called or hold, by the reason, if the list was frozen by a rule that asks those."""
    if not any(cap.by == "lists" for cap in call_list.manifest.caps):
        return Counter()
    return Counter(line["reason"] for part in call_list.parts("capped") for line in part if "called" not in line)


def _looked_at(call_list: CallList) -> list[CallLine]:
    """Calls of the list, in their order: all of a short one, and of a long one some of some batches."""
    batches = sorted(call_list.manifest.batches, key=lambda batch: int(batch.name))
    return [*chain.from_iterable(
        _spread(call_list.lines(batch), _CALLS_OF_BATCH) for batch in _spread(batches, _BATCHES)
    )]  # fmt: skip


def _spread(things: Sequence[T], most: int) -> list[T]:
    """As many of some things, from the first to the last, at even distances."""
    if len(things) <= most:
        return [*things]
    if most <= 1:
        return [*things[:most]]
    return [things[number * (len(things) - 1) // (most - 1)] for number in range(most)]


def _spread_sample(lines: Sequence[CallLine], most: int) -> list[CallLine]:
    """Some calls, in their order: one of each country, those of most calls first, and the others by even distances."""
    by_country: dict[str | None, list[CallLine]] = {}
    for line in lines:
        by_country.setdefault(country_of(line.phone), []).append(line)
    groups = sorted(by_country.values(), key=len, reverse=True)[:most]
    shares = [1] * len(groups)
    for _ in range(most - len(groups)):
        open_ones = [number for number, group in enumerate(groups) if shares[number] < len(group)]
        if not open_ones:
            break
        shares[max(open_ones, key=lambda number: len(groups[number]) / shares[number])] += 1
    chosen = chain.from_iterable(_spread(group, share) for group, share in zip(groups, shares, strict=True))
    return sorted(chosen, key=lambda line: line.row)


def _rhythms(lines: Sequence[CallLine], calls: int, *, by_row: bool) -> list[tuple[CallRhythm, int]]:
    if not by_row:
        return [(decode_rhythm(line.call), calls) for line in islice(lines, 1)]
    counts = Counter(msgspec.json.encode(decode_rhythm(line.call)) for line in lines)
    return [(decode_rhythm(rhythm), count) for rhythm, count in counts.most_common()]


def masked_value(value: object) -> str:
    """Return a payload's value as a person may see it: a date or yes and no whole, of all else the first character.

    So it can be seen whether a column holds what it should, and no name, phone, address or amount can be read.
    """
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    if value is None or isinstance(value, bool):
        return str(msgspec.json.encode(value), "utf-8")
    text = str(value).strip()
    date = _DATE.match(text)
    if date is None:
        return f"{text[:1]}…"
    return date[0] if date[0] == text else f"{date[0]}…"


def _masked(row: int, call: CallContent) -> MaskedCall:
    return MaskedCall(
        row, mask_phone(call.phone), tuple((name, masked_value(value)) for name, value in call.payload.items())
    )
