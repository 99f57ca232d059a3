"""Rows that could be called, and aren't by this list: written down by why, each with its reason."""

from __future__ import annotations

from aimylogic_provider.call_list.freeze.list_files import LineFiles, ListWriter
from aimylogic_provider.call_list.freeze.rules import Marked, SparedKind
from aimylogic_provider.call_list.freeze.spool import Spool, SpooledCall
from aimylogic_provider.call_list.store.stored_call import CallLine, decode_line
from aimylogic_provider.call_list.tables.claims import Claimed
from aimylogic_provider.calls_api.phones.countries import CallsByCountry

__all__ = ["RowsSetAside"]


class RowsSetAside:
    """Doubles, rows that other lists hold, and those that a rule spares.

    :param countries: counts the calls by country; what is set aside is taken off
    """

    def __init__(self, writer: ListWriter, countries: CallsByCountry) -> None:
        self._countries = countries
        self.doubles = LineFiles(writer, "doubles")
        self.held = LineFiles(writer, "held")
        self.capped = LineFiles(writer, "capped")
        self.excluded = LineFiles(writer, "excluded")
        self.held_out = LineFiles(writer, "held_out")

    def hold(self, claimed: Claimed, spool: Spool, free: Spool) -> None:
        """Set aside the rows that other lists hold.

        :param free: takes the others
        """
        held_by = [f"held by {other.words}, which is unfinished: not called by this run" for other in claimed.others]
        self._part(Marked(claimed.marks, held_by), spool, free, self.held)

    def spare(self, kind: SparedKind, marked: Marked, spool: Spool, free: Spool) -> None:
        """Set aside the rows that a rule spares.

        :param free: takes the others
        """
        files = {"capped": self.capped, "excluded": self.excluded, "held_out": self.held_out}[kind]
        self._part(marked, spool, free, files)

    def _part(self, marked: Marked, spool: Spool, free: Spool, files: LineFiles) -> None:
        def set_aside(line: CallLine, mark: int) -> None:
            files.add({"row": line.row, "keys": line.keys, "reason": marked.reasons[mark - 1]})
            self._countries.take_off(line.phone)

        spool.part(marked.marks, free, set_aside)

    def cap(self, spooled: SpooledCall, most: int) -> None:
        """Set aside a call whose phone is called often enough by those before it.

        :param most: how many calls a phone may have
        """
        line = decode_line(spooled.line)
        enough = "one call a list is" if most == 1 else f"{most} calls a list are"
        reason = (
            f"its phone is called for row {spooled.first} already, and {enough} enough: to have a person called for "
            "several rows, raise max_calls_per_phone"
        )
        self.capped.add({"row": line.row, "keys": line.keys, "called": spooled.first, "reason": reason})
        self._countries.take_off(str(spooled.phone))

    def double(self, spooled: SpooledCall) -> None:
        """Set aside a call that is another one's double."""
        line = decode_line(spooled.line)
        self.doubles.add({"row": line.row, "keys": line.keys, "double_of": spooled.double_of})
        self._countries.take_off(str(spooled.phone))

    def close(self) -> dict[str, str]:
        """Write all down, and return the files with their digests."""
        parts: dict[str, str] = {}
        for files in (self.doubles, self.held, self.capped, self.excluded, self.held_out):
            parts |= files.close()
        return parts
