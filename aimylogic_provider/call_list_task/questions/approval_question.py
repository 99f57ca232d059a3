"""What a person reads who is asked about a call list, in Markdown. What is of rows stands there as code, not markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aimylogic_provider.call_list.freeze.finish_times import as_moment
from aimylogic_provider.calls_api.phones.countries import by_country

if TYPE_CHECKING:
    from aimylogic_provider.call_list.freeze.preview import MaskedCall, Preview

__all__ = ["as_code", "calls_in_words", "question"]

_REASONS_SHOWN = 10
_FIELDS_SHOWN = 10
_LONGEST = 60


def as_code(text: str, most: int = _LONGEST) -> str:
    """Return *text* as Markdown shows it letter by letter, in one line, of *most* characters at most."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}"


def question(preview: Preview, address: str, introduction: str | None, now: float) -> str:
    """Return the body of the question.

    :param address: of the list
    :param introduction: the DAG's own words, in Markdown
    :param now: by this worker's clock (Unix seconds)
    """
    counts = (preview.rows, preview.calls, preview.doubles, preview.rejected)
    parts = [
        *([introduction] if introduction else []),
        "| rows | calls | doubles of those | rejected |\n| ---: | ---: | ---: | ---: |\n"
        f"| {' | '.join(f'{count:,}' for count in counts)} |",
        *([_claimed(preview.claimed)] if preview.claimed else []),
        *([_capped(preview.capped)] if preview.capped else []),
        *([_excluded(preview.excluded)] if preview.excluded else []),
        *([_held_out(preview.held_out)] if preview.held_out else []),
        f"**What a yes costs**: {calls_in_words(preview.calls)}, each added to the campaign once.",
        *([f"**Calls by country**: {by_country(preview.countries)}."] if preview.countries else []),
        *([_finishes(*preview.finishes, now)] if preview.finishes is not None else []),
        *([_rejected(preview)] if preview.rejected else []),
        _sample(preview.sample),
        "**Your answer**\n\n"
        "1. **Approve**: this list is sent, just as it is.\n"
        "2. **Reject**: nobody is called, and the list is deleted.",
        f"The list: {as_code(address, 1000)}",
    ]
    return "\n\n".join(parts)


def calls_in_words(count: int) -> str:
    """Return how many calls there are."""
    return "1 call" if count == 1 else f"{count:,} calls"


def _finishes(first: float, last: float, now: float) -> str:
    """Until when a yes is of use: what is sent later expires, and nobody of it is called."""
    when = f"**Answer before {as_moment(first)}**"
    if first < last:
        when += f" for all calls to be made, and before {as_moment(last)} for any of those with a finish"
    told = f"{when}: whoever can't be dialled any more is not added, and counts as expired."
    if last < now:
        return f"{told} **That has passed**: a yes calls nobody of them."
    return f"{told} **The first has passed**: a yes calls not all of them." if first < now else told


def _claimed(count: int) -> str:
    return f"{count:,} rows besides are held by unfinished lists of other runs, which are to call them."


def _capped(count: int) -> str:
    return f"{count:,} rows besides have phones that are called, or were called, as often as may be: not called."


def _excluded(count: int) -> str:
    return f"{count:,} rows besides have phones that stand on the exclusion list, and are not called."


def _held_out(count: int) -> str:
    return f"{count:,} rows besides are held out, and not called, for measuring what calling does."


def _rejected(preview: Preview) -> str:
    shown = preview.reasons.most_common(_REASONS_SHOWN)
    lines = [f"- {count:,} × {as_code(reason, 120)}" for reason, count in shown]
    if others := preview.reasons.total() - sum(count for _, count in shown):
        lines.append(f"- {others:,} × other reasons")
    return "\n".join(["**Why rows are rejected** (each of them: `rejected.csv` in the list's folder)", "", *lines])


def _sample(sample: tuple[MaskedCall, ...]) -> str:
    lines = [f"- row {call.row:,}: {as_code(call.phone)}{_payload(call)}" for call in sample]
    which = "The first call" if len(sample) == 1 else f"The first {len(sample)} calls"
    return "\n".join(
        [f"**{which}**, masked: of values, dates are whole, and of all else the first character", "", *lines]
    )


def _payload(call: MaskedCall) -> str:
    shown = [f"{as_code(name)} {as_code(value)}" for name, value in call.payload[:_FIELDS_SHOWN]]
    if more := len(call.payload) - len(shown):
        shown.append(f"and {more} more")
    return "".join(f", {one}" for one in shown)
