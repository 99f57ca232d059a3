"""What the server refuses for good: calls that are set aside, as many as may be, and whole campaigns.

Whether a refusal is one, and of which numbers, is told by whoever sends.
"""

from __future__ import annotations

from collections.abc import Iterable

from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.progress import SyncProgress
from aimylogic_provider.calls_api.errors import ApiError
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.calls_api.response_meaning import refusal_in_words
from aimylogic_provider.idempotence.errors import NotAddedError

__all__ = ["Refusals", "check_campaign"]

_OF_THE_CAMPAIGN = frozenset({"invalid.token", "invalid.call.task.state"})
"""What refuses a request whatever numbers it holds: no outcome of theirs."""


class Refusals:
    """Sets calls aside.

    :param rejected: rows that were set aside when the list was frozen
    :param most: how many rows may be rejected or refused; None for any number
    :param progress: counts the refused ones
    """

    def __init__(self, rejected: int, most: int | None, progress: SyncProgress) -> None:
        self._rejected = rejected
        self._most = most
        self._progress = progress

    def set_aside(self, under_way: BatchUnderWay, places: Iterable[int], reason: str) -> None:
        """Take calls for refused.

        :param reason: the refusal's type, as the server names it
        :raises NotAddedError: if that are more than allowed
        """
        for place in places:
            under_way.refused(place, reason)
            call = f"row {under_way.lines[place].row}: {mask_phone(under_way.phone(place))}"
            self._progress.refused(f"{call}, {refusal_in_words(reason)}")
        self.check()

    def check(self) -> None:
        """Go on only if no more are set aside than allowed.

        :raises NotAddedError: if more are
        """
        aside = self._rejected + self._progress.counts.refused
        if self._most is not None and aside > self._most:
            raise NotAddedError(
                f"{aside:,} rows are rejected or refused, more than the {self._most:,} that max_rejected allows: "
                f"nothing more is sent. {self._progress.summary()}. {self._progress.reasons()} Raise max_rejected and "
                "clear the task to go on with this very list, or correct the rows and start a new DAG run",
                retryable=False,
            )


def check_campaign(refusal: ApiError) -> None:
    """End the try if the campaign takes no numbers at all.

    :raises NotAddedError: then
    """
    if refusal.type in _OF_THE_CAMPAIGN:
        raise NotAddedError(f"{refusal}. What is not sent yet is sent when the task is cleared", retryable=False)
