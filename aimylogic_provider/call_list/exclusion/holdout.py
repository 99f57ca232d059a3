"""A holdout: a stable share of the people isn't called, so that it can be measured what calling does.

Who they are hangs on their phones and the salt alone: neither on keys that are rotated, nor on the list or the task.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.idempotence.keys import begun_digest, digest_after

__all__ = ["Holdout"]

_LABEL = "holdout 1"
"""Of the recipe, which must stay as it is: another one would hold out other people."""


class Holdout:
    """Holds out a share of the people; a larger share holds out the same ones, and more.

    :param share: above 0, and below 1
    :param salt: what has the same people held out wherever it is the same
    """

    kind: SparedKind = "held_out"
    starts: Collection[str] = ()

    def __init__(self, share: float, salt: str = "") -> None:
        self._share = share
        self._below = int(share * 2**64)
        self._begun = begun_digest(_LABEL, salt)

    def holds_out(self, phone: str) -> bool:
        """Whether a canonical phone is held out."""
        return int.from_bytes(digest_after(self._begun, phone)[:8], "big") < self._below

    def marked_phones(self, phones: Callable[[], Iterable[int]]) -> Marked:
        """Mark those who are held out: all rows of a phone alike."""
        marks = bytearray(self.holds_out(str(phone)) for phone in phones())
        return Marked(marks, [f"held out, to measure what calling does: holdout={self._share:g}"])
