"""Makes calls of the lines of a pasted text, and keeps beside each which line it was."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aimylogic_provider.call_list.freeze.call_rules import CallRules
from aimylogic_provider.call_list.freeze.given_calls import GivenCallReader
from aimylogic_provider.call_list.pasted.pasted_text import PastedLine
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import mask_phone

__all__ = ["LINE", "PastedCallReader"]

LINE = "line"
"""The key of each call."""


class PastedCallReader(GivenCallReader):
    """Makes calls of lines. ``bad`` tells which can't be called, and why, their phones masked.

    :raises RejectedError: if what holds for all can't be used
    """

    way_out = "Correct the lines, and start a new run with the list"

    def __init__(self, rules: CallRules, lines: Sequence[PastedLine]) -> None:
        super().__init__(rules, ())
        self.key_names = (LINE,)
        self.lines = lines
        self.bad: list[tuple[int, str]] = []

    def keys(self, call: object) -> bytes:
        """Return the line's number as JSON."""
        assert isinstance(call, PastedLine)
        return msgspec.json.encode({LINE: call.number})

    def read(self, call: object) -> tuple[str, bytes]:
        """Return the call: its phone, and all of it as JSON.

        :raises RejectedError: if it can't be called, naming the value (a phone masked), the rule and the way out
        """
        assert isinstance(call, PastedLine)
        try:
            if call.fault:
                raise RejectedError(f"phone {mask_phone(call.phone)!r} stands on a line with {call.fault}")
            return super().read({"phone": call.phone, "payload": call.payload})
        except RejectedError as error:
            self.bad.append((call.number, str(error)))
            raise
