"""A frozen list as a person may see it before it is sent: counts, why rows were rejected, and some calls, masked.

How it is laid out for a person is the operator's affair.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from aimylogic_provider.call_list.freeze.rejection_reasons import kind_of
from aimylogic_provider.call_list.store.stored_call import CallContent, decode_content
from aimylogic_provider.call_list.store.stored_list import CallList
from aimylogic_provider.calls_api.phones.phone import mask_phone

__all__ = ["MaskedCall", "Preview", "masked_value"]

_DATE = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])")


@dataclass(frozen=True, slots=True)
class MaskedCall:
    """A call in which nobody can be recognised.

    :param row: of the query
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
    :param sample: its first calls
    :param finishes: until when (Unix seconds) the first and the last of the calls that have a finish can be sent
    :param claimed: rows that another run's list held, and that are none of its calls
    :param capped: rows whose phone is called for others already, or was called by others
    :param excluded: rows whose phone stands on the exclusion list
    :param held_out: rows that aren't called for measuring what calling does
    :param countries: calls by two-letter code of the country; empty if an earlier version froze the list
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

    @classmethod
    def of(cls, call_list: CallList, most: int = 5) -> Preview:
        """Read it from the list.

        :param most: calls of the sample
        :raises CallListError: if a file is gone, unreachable, or not what was frozen
        """
        manifest = call_list.manifest
        reasons: Counter[str] = Counter()
        for rejected in call_list.parts("rejected"):
            reasons.update(kind_of(line["reason"]) for line in rejected)
        first = min(manifest.batches, key=lambda batch: int(batch.name), default=None)
        lines = [] if first is None else call_list.lines(first)
        sample = tuple(_masked(line.row, decode_content(line.call)) for line in islice(lines, most))
        return cls(
            manifest.rows,
            manifest.calls,
            manifest.doubles,
            manifest.rejected,
            reasons,
            sample,
            finishes=manifest.finishes,
            claimed=manifest.claimed,
            capped=manifest.capped,
            countries=manifest.countries,
            excluded=manifest.excluded,
            held_out=manifest.held_out,
        )


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
