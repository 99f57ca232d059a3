"""Which of a shard's batches are done, as its task's entry names them: a bit for each, in the order of the list.

A count would hide that one has lost its file when another one, which was not counted yet, has got its own. A thousand
batches are 168 characters, whichever of them are done.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

from aimylogic_provider.call_list.store.manifest import CallListError

__all__ = ["DoneBatches"]


class DoneBatches:
    """A set of a shard's batches.

    :param names: of all of the shard's batches
    :param told: what :attr:`text` was; empty for none
    :raises CallListError: if *told* is none of this shard
    """

    def __init__(self, names: Sequence[str], told: str = "") -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._bits = bytearray(-(-len(names) // 8))
        if told:
            try:
                bits = base64.b64decode(told, validate=True)
            except (binascii.Error, ValueError):
                bits = b""
            if len(bits) != len(self._bits) or int.from_bytes(bits, "little") >> len(names):
                raise CallListError(
                    "the task's state names batches that this shard of the list doesn't have: was it written by hand? "
                    "Nothing is sent. Put back what stood there, or start a new DAG run"
                )
            self._bits[:] = bits

    def add(self, name: str) -> None:
        """Count a batch in."""
        place = self._places[name]
        self._bits[place // 8] |= 1 << place % 8

    def missing_in(self, found: Iterable[str]) -> list[str]:
        """Those of the set that are not in *found*, in the order of the list."""
        there = {*found}
        return [
            name for name, place in self._places.items()
            if name not in there and self._bits[place // 8] >> place % 8 & 1
        ]  # fmt: skip

    @property
    def text(self) -> str:
        """The set, in base64."""
        return base64.b64encode(self._bits).decode()
