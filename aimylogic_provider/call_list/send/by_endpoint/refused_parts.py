"""What becomes of a part that the server has refused by addPhones, while nothing of it is open.

What the refusal names is set aside, and the part made smaller. Where it names no number, a few are tried alone to learn
whether it is of one of them, or of the campaign. What is not refused, or is not sure to be, comes elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.by_endpoint.batch_sender import SendContext
from aimylogic_provider.call_list.send.by_endpoint.parts_left import PartsLeft
from aimylogic_provider.call_list.send.by_endpoint.refusal_cause import PROBES, RefusalCause
from aimylogic_provider.call_list.send.by_endpoint.unanswered_requests import UnansweredRequests
from aimylogic_provider.call_list.send.refusals import check_campaign
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.phones.phone import same_phone
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.server_time import Reading
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["RefusedParts"]

_OF_THE_POLICY = frozenset({"invalid.call.allowed.time", "invalid.dialer_priority"})
_TWICE = "phone.duplicated"
"""Of a list: it names a number, but that one is no worse than its double."""


class RefusedParts:
    """The parts of one batch, once they are refused.

    :param left: takes what is left to a later try
    :param send: notes and sends one request; returns the error, if it did not end in the jobs' ids
    """

    def __init__(
        self,
        context: SendContext,
        unanswered_requests: UnansweredRequests,
        cause: RefusalCause,
        under_way: BatchUnderWay,
        left: PartsLeft,
        send: Callable[[list[int], Time, Reading], Awaitable[ApiError | None]],
    ) -> None:
        self._context = context
        self._unanswered_requests = unanswered_requests
        self._cause = cause
        self._under_way = under_way
        self._left = left
        self._send = send

    async def heed(self, part: list[int], refusal: ApiError) -> None:
        """A definite refusal, and nothing open: set aside what it names, or make the part smaller."""
        under_way, shard, refusals = self._under_way, self._context.shard, self._context.refusals
        check_campaign(refusal)
        if refusal.phone is not None and refusal.type != _TWICE and refusal.type not in _OF_THE_POLICY:
            named = [place for place in part if same_phone(refusal.phone, under_way.phone(place))]
            if named:
                refusals.set_aside(under_way, named, _reason(refusal))
                return
        if refusal.type in _OF_THE_POLICY and not shard.call_list.manifest.policy_by_row:
            raise NotAddedError(
                f"{refusal}. All calls of this list have the same policy, so nothing of it can be sent: correct policy "
                "or call_before, and start a new DAG run",
                retryable=False,
            )
        if not self._cause.is_of_numbers(refusal):
            await self._inquire(refusal)
        elif len(part) == 1:
            refusals.set_aside(under_way, part, _reason(refusal))
            under_way.part_settled()
        elif refusal.type is None and not under_way.state.part:
            # Too large: by halves, which are no larger for those that follow.
            under_way.state = under_way.state.halved()
            await shard.keep(under_way, parted=True)
        else:
            # With a call in it that isn't named: by halves, so that the others stay large.
            under_way.cut(2)
            await shard.keep(under_way, parted=True)

    async def _inquire(self, refusal: ApiError) -> None:
        """Find out by single numbers whether a refusal that names none is of one of them, or of the campaign."""
        under_way, cause = self._under_way, self._cause
        alone: list[tuple[int, ApiError]] = []
        async with cause.inquiry:
            if len(under_way.part) == 1:
                alone.append((under_way.part[0], refusal))
                self._left.leave()
                cause.refused_alone(refusal)
            for where in PROBES:
                if cause.is_of_numbers(refusal) or not under_way.part:
                    break
                await self._probe(where, refusal, alone)
            known = cause.is_of_numbers(refusal) or (len(alone) == 1 and cause.is_alone())
        if known:
            for place, error in alone:
                self._context.refusals.set_aside(under_way, [place], _reason(error))
            if len(under_way.part) > 1:
                under_way.cut(2)
                await self._context.shard.keep(under_way, parted=True)
            return
        if under_way.part:
            self._left.leave_not_added(f"{refusal}")
        for place, error in alone:
            self._left.not_added([place], f"{error}")

    async def _probe(self, where: float, refusal: ApiError, alone: list[tuple[int, ApiError]]) -> None:
        """Send one number of the part under way alone.

        :param where: in the part it stands
        :param alone: takes it up if it is refused
        """
        under_way, part = self._under_way, self._under_way.part
        place = part[min(int(where * len(part)), len(part) - 1)]
        rest = under_way.split_off([place]) if len(part) > 1 else None
        await self._context.shard.keep(under_way, parted=True)
        await self._context.request_rate.wait()
        barred = bool(await self._context.barred_calls.among(under_way, [place]))
        time, reading = await self._context.questions.time()
        barred = barred or bool(self._context.expired_calls.late(under_way, [place], time))
        error = None if barred else await self._send([place], time, reading)
        if barred:
            under_way.set_apart()  # and taken up again, to be set aside
        elif error is not None and error.known is Known.REFUSED:
            check_campaign(error)
            alone.append((place, error))
            self._left.leave()
            if error.type == refusal.type and not self._cause.is_of_numbers(error):
                self._cause.refused_alone(error)
            else:
                self._cause.differs(refusal)
        elif error is not None:
            self._unanswered_requests.check(error)
            under_way.unanswered(error)
            self._left.leave_not_added(f"{error}")
            self._unanswered_requests.left(error)
        if rest is not None:
            under_way.take_up(rest)


def _reason(refusal: ApiError) -> str:
    return f"{refusal.type or refusal.status}"
