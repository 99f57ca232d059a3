"""Why rows were rejected, counted: each reason without the values that it names, so that like ones are one.

Text alone; what is counted, and when, is told by whoever asks.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["LONGEST", "kind_of", "most_frequent"]

LONGEST = 150
"""Characters of a reason without its values, at most: no rule of ours is longer."""

_QUOTED = re.compile(r"""(?<!\w)(['"])(?:\\.|(?!\1).)*\1""", re.DOTALL)
_CUT_OFF = re.compile(r"""(?<!\w)['"].*""", re.DOTALL)
_NUMBER = re.compile(r"[^\s;()]*[0-9](?:[^\s;()]*[^\s;(),])?")
_VALUE_OF_FIRST_WORD = re.compile(r"^(\S+) …(?= \w)")

_BY_A_LIST = re.compile(r"(?:called|held) by the list of [0-9-]+ [0-9:]+ UTC of run .")
"""By which list of another run somebody isn't called: there are few of those, and which it is matters."""


def kind_of(reason: str) -> str:
    """Return a reason without its way out, and with … for each value that it names.

    The value right after what it is of, as in "phone '12' is …", is left out. A list of another run is named.
    """
    if _BY_A_LIST.match(reason):
        return reason.partition(": ")[0][:LONGEST]
    rule = _CUT_OFF.sub("…", _QUOTED.sub("…", reason).partition(": ")[0])
    kind = _VALUE_OF_FIRST_WORD.sub(r"\1", " ".join(_NUMBER.sub("…", rule).split()))
    return kind if len(kind) <= LONGEST else f"{kind[: kind.rfind(' ', 0, LONGEST - 1)].rstrip(',')} …"


def most_frequent(reasons: Counter[str], most: int = 5) -> str:
    """Return the most frequent ones, in words."""
    return "; ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(most))
