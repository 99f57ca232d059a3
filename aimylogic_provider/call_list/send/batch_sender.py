"""What the two ways of sending a batch have in common: ``by_list`` and ``by_number``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from aimylogic_provider.call_list.report.server_questions import Questions
from aimylogic_provider.call_list.send.batch_progress import Work
from aimylogic_provider.call_list.send.expired_calls import Expiries
from aimylogic_provider.call_list.send.refusals import Refusals
from aimylogic_provider.call_list.send.request_rate import Pace
from aimylogic_provider.call_list.send.send_notes import Notes
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.store.shard import Shard
from aimylogic_provider.calls_api.client import AsyncCampaignClient

__all__ = ["Means", "Way"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a way of sending works with.

    :param client: what sends
    :param held: phones of which an earlier batch has something open: a later one must not send to them
    """

    settings: SendSettings
    shard: Shard
    questions: Questions
    notes: Notes
    pace: Pace
    refusals: Refusals
    expiries: Expiries
    client: AsyncCampaignClient
    held: set[str] = field(default_factory=set)


class Way(Protocol):
    """One way to send a batch."""

    workers: int
    """How many batches may be settled at a time."""

    async def settle(self, work: Work) -> None:
        """Send what isn't settled of a batch.

        :raises UnansweredCalls: if some could not be added, while others were answered
        :raises WaitingCalls: if a later try must
        :raises ParkedCalls: if a person must
        :raises NotAddedError: if the whole try is to end
        """
