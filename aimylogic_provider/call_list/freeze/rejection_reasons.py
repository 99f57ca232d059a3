"""Why rows were rejected, counted: each reason without the values that it names, so that like ones are one.

Text alone; what is counted, and when, is told by whoever asks.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["kind_of", "most_frequent"]

_QUOTED = re.compile(r"""(?<!\w)(['"])(?:\\.|(?!\1).)*\1""", re.DOTALL)
_CUT_OFF = re.compile(r"""(?<!\w)['"].*""", re.DOTALL)


def kind_of(reason: str) -> str:
    """Return a reason without the values that it names, and without the way out."""
    rule = _CUT_OFF.sub("", _QUOTED.sub("", reason).partition(": ")[0])
    return " ".join(word for word in rule.split() if not re.search("[0-9]", word))[:120]


def most_frequent(reasons: Counter[str], most: int = 5) -> str:
    """Return the most frequent ones, in words."""
    return "; ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(most))
