"""What sends a batch, as ``sending`` knows it, and what it sends with. How: see ``by_add_phones``, ``by_add_phone``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.expired_calls import ExpiredCalls
from aimylogic_provider.call_list.send.last_look import BarredCalls
from aimylogic_provider.call_list.send.refusals import Refusals
from aimylogic_provider.call_list.send.request_rate import RequestRate
from aimylogic_provider.call_list.send.send_notes import SendNotes
from aimylogic_provider.call_list.send.server_time_and_report import ServerQuestions
from aimylogic_provider.call_list.send.settings import SendSettings
from aimylogic_provider.call_list.send.shard import Shard
from aimylogic_provider.calls_api.client import AsyncCampaignClient

__all__ = ["BatchSender", "SendContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendContext:
    """What a batch is sent with.

    :param client: what sends
    :param held: phones of which an earlier batch has something open: a later one must not send to them
    """

    settings: SendSettings
    shard: Shard
    questions: ServerQuestions
    notes: SendNotes
    request_rate: RequestRate
    refusals: Refusals
    expired_calls: ExpiredCalls
    barred_calls: BarredCalls
    client: AsyncCampaignClient
    held: set[str] = field(default_factory=set)


class BatchSender(Protocol):
    """Sends batches, by one of the two endpoints."""

    workers: int
    """How many batches may be settled at a time."""

    async def settle(self, under_way: BatchUnderWay) -> None:
        """Send what isn't settled of a batch.

        :raises UnansweredCalls: if some could not be added, while others were answered
        :raises WaitingCalls: if a later try must
        :raises ParkedCalls: if a person must
        :raises NotAddedError: if the whole try is to end
        """
