"""What the log tells of a list that was frozen: how many rows it has of each kind, and until when it can be sent."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from aimylogic_provider.call_list.freeze.finish_times import Finishes, as_moment
from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
from aimylogic_provider.call_list.store.manifest import Pointer

if TYPE_CHECKING:
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["tell_of_frozen"]


def tell_of_frozen(
    pointer: Pointer,
    rejections: Rejections,
    finishes: Finishes,
    capped_by: Collection[str],
    nobody: str,
    log: Log,
    capped_told: int = 0,
) -> None:
    """Tell what the list holds, and until when it can be sent.

    :param capped_by: the arguments by which rows are capped
    :param nobody: why there are no rows, if there are none, as a sentence without its stop
    :param capped_told: of how many of those the log told already
    :raises NobodyToCallError: if it holds nobody, though there were rows
    """
    if pointer.claimed:
        log.warning(
            "%s of %s rows are held by unfinished lists of other runs, which are to call them: not called by this "
            "one. Which ones, and by which list each: %s/held.", f"{pointer.claimed:,}", f"{pointer.rows:,}",
            pointer.path,
        )  # fmt: skip
    if pointer.capped > capped_told:
        log.warning(
            "%s of %s rows are capped, and not called: their phones are called for other rows already, or were "
            "called by others, as often as %s allow. Which ones, and why each: %s/capped. To have one person "
            "called for several rows, as for two debts, raise max_calls_per_phone.",
            f"{pointer.capped:,}", f"{pointer.rows:,}", " and ".join(capped_by), pointer.path,
        )  # fmt: skip
    if pointer.excluded:
        log.info(
            "%s of %s rows are excluded: their phones stand on the exclusion list. Which ones: %s/excluded.",
            f"{pointer.excluded:,}", f"{pointer.rows:,}", pointer.path,
        )  # fmt: skip
    if pointer.held_out:
        log.info(
            "%s of %s rows are held out, for measuring what calling does. Which ones: %s/held_out.",
            f"{pointer.held_out:,}", f"{pointer.rows:,}", pointer.path,
        )  # fmt: skip
    log.info(
        "Frozen: %s rows are %s calls; %s are doubles of those, %s are rejected. The list is %s.",
        *(f"{count:,}" for count in (pointer.rows, pointer.calls, pointer.doubles, pointer.rejected)), pointer.path,
    )  # fmt: skip
    rejections.check_somebody(pointer)
    if finishes.earliest < time.time():  # this worker's clock, and so no more than a hint
        log.warning(
            "Calls of this list can be sent until %s, and until %s at the latest: what is later by the server's "
            "time is not sent, and expires.", as_moment(finishes.earliest), as_moment(finishes.latest),
        )  # fmt: skip
    if not pointer.rows:
        log.info("%s: there is nobody to call.", nobody)
    elif not pointer.calls and pointer.rows > capped_told:
        # It may be meant, as where all have said no by now; a list with a wrong rule looks the same.
        log.warning(
            "Nobody is called: none of the %s rows is left to be called. If people were to be called, look at the "
            "rules that spared them; max_change fails a run with so many fewer calls than usual.", f"{pointer.rows:,}",
        )  # fmt: skip
