"""By addPhones: a batch, or a part of it, is one request, which the server takes or refuses whole.

A part that the server never answers is set apart, so that the others go on. What became of it the report shows, number
by number, for only a refusal says that nothing was added; what the report lacks for twice its lag is cut smaller, and
sent under new keys.

What to do about a part is decided in ``decision``; what becomes of a refused one stands in ``refused_parts``.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from aimylogic_provider.call_list.report.reconcile import ShownJobs
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.by_endpoint.batch_sender import SendContext
from aimylogic_provider.call_list.send.by_endpoint.parts_left import PartsLeft
from aimylogic_provider.call_list.send.by_endpoint.refusal_cause import RefusalCause
from aimylogic_provider.call_list.send.by_endpoint.refused_parts import RefusedParts
from aimylogic_provider.call_list.send.by_endpoint.unanswered_requests import PIECES, UnansweredRequests
from aimylogic_provider.call_list.send.decision import Decision, Found, Unit, UnitAction, decide
from aimylogic_provider.call_list.send.last_look import Barred
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.idempotence.retry import pause_after
from aimylogic_provider.idempotence.server_time import Reading
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["AddPhonesSender"]


@dataclass(slots=True)
class _Evidence:
    """What is known of the part under way beside what is noted of it.

    :param sends_left: how often it may yet be sent in this try
    :param refusal: how its last request was refused
    :param jobs: what the report shows of it, if it was asked since the last request
    :param asked: the server's time, at the earliest, when it was asked
    """

    sends_left: int
    refusal: ApiError | None = None
    jobs: ShownJobs | None = None
    asked: float = 0.0

    def forget(self) -> None:
        """A request has left since, or the part is another one: what was learnt of it doesn't hold any more."""
        self.jobs, self.refusal = None, None


class AddPhonesSender:
    """Sends batches by addPhones."""

    def __init__(self, context: SendContext) -> None:
        self._context = context
        self._unanswered_requests = UnansweredRequests()
        self._cause = RefusalCause()
        self.workers = context.settings.concurrency

    async def settle(self, under_way: BatchUnderWay) -> None:
        """Send a batch, part by part; a part that can't be settled in this try doesn't hold up the others."""
        await _BatchInParts(self._context, self._unanswered_requests, self._cause, under_way).run()


class _BatchInParts:
    """One batch under way. One part of it goes into the next request; others are set apart."""

    def __init__(
        self,
        context: SendContext,
        unanswered_requests: UnansweredRequests,
        cause: RefusalCause,
        under_way: BatchUnderWay,
    ) -> None:
        self._context = context
        self._unanswered_requests = unanswered_requests
        self._cause = cause
        self._under_way = under_way
        self._left = PartsLeft(under_way, context.shard)
        self._refused = RefusedParts(context, unanswered_requests, cause, under_way, self._left, self._send)

    async def run(self) -> None:
        """Settle the batch's parts.

        :raises UnansweredCalls: if some could not be added, and a later try goes on with them
        :raises WaitingCalls: if some must wait for the report
        :raises ParkedCalls: if it can't be known of some whether they were added, and a person doesn't say
        """
        if self._under_way.state.sends:
            self._under_way.set_apart()  # what was never sent comes first
        await self._all_parts()
        while self._left.only_parked:
            self._left.follow_a_person()
            await self._all_parts()
        self._left.raise_if_any()

    async def _all_parts(self) -> None:
        while self._take_next():
            if await self._without_held():
                evidence = _Evidence(self._unanswered_requests.sends)
                while (part := self._under_way.part) and await self._step(part, evidence):
                    pass

    def _take_next(self) -> bool:
        """Have the next part be under way, if there is one: those of which nothing is open come first."""
        under_way = self._under_way
        if under_way.part:
            return True
        under_way.part_settled()
        if under_way.part:
            return True
        under_way.state = under_way.state.without_settled(under_way.outcomes)
        waiting = [part for part in under_way.state.apart if part not in self._left]
        if not waiting:
            return False
        under_way.take_up(min(waiting, key=lambda part: (bool(part.sends), part.silent)))
        return True

    async def _without_held(self) -> bool:
        """Leave out numbers that an earlier batch holds open; return whether any are left to be sent."""
        under_way, held = self._under_way, self._context.held
        part = under_way.part
        free = [place for place in part if under_way.phone(place) not in held] if held else part
        if len(free) == len(part):
            return True
        if under_way.state.sends:
            free = []  # their key is of them all
        await self._context.shard.keep(under_way, parted=True)
        self._left.leave_all_but(free)
        return bool(free)

    async def _step(self, part: list[int], evidence: _Evidence) -> bool:
        """Do what is next with the part under way; return whether it is to be gone on with."""
        under_way, questions = self._under_way, self._context.questions
        await questions.time()  # before the turn to send comes, for asking takes one
        await self._context.request_rate.wait()
        barred = await self._context.barred_calls.among(under_way, part)
        time, reading = await questions.time()
        late = self._context.expired_calls.late(under_way, part, time)
        decisions = self._decisions(part, time, evidence, barred=bool(barred or late))
        settled = decisions[part[0]].settled
        chosen: defaultdict[UnitAction, list[int]] = defaultdict(list)
        for place, decision in decisions.items():
            chosen[decision.action].append(place)
        if UnitAction.ASK_REPORT in chosen:
            evidence.jobs, evidence.asked = await questions.jobs(under_way, part)
            return True
        if adopted := chosen.get(UnitAction.ADOPT):
            return self._adopt(adopted, evidence)
        if parked := chosen.get(UnitAction.PARK):
            return self._park(parked, part, evidence)
        if UnitAction.WAIT in chosen:
            self._left.wait(max(one.until for one in decisions.values()))
            return False
        if UnitAction.REFUSE in chosen:
            assert evidence.refusal is not None
            under_way.state = under_way.state.refused()
            await self._refused.heed(under_way.part, evidence.refusal)
            return False
        if UnitAction.SET_ASIDE in chosen:
            return await self._set_aside(barred, late, evidence, settled=settled)
        return await self._send_part(time, reading, evidence, settled=settled)

    def _adopt(self, adopted: list[int], evidence: _Evidence) -> bool:
        """Take the jobs that the report shows for those of some calls; return whether others are left."""
        under_way = self._under_way
        assert evidence.jobs is not None
        for place in adopted:
            under_way.adopted(place, evidence.jobs[under_way.phone(place)][0].id)
        if not under_way.part:
            under_way.part_settled()
            return False
        # It was added in part, or shows in part as yet: a refusal of the whole says nothing of the rest.
        under_way.state, evidence.refusal = under_way.state.added_in_part(), None
        return True

    def _park(self, parked: list[int], part: list[int], evidence: _Evidence) -> bool:
        """Leave some calls to a person; return whether others are left."""
        rest = None if len(parked) == len(part) else self._under_way.split_off(parked)
        self._left.park(evidence.jobs)
        if rest is None:
            return False
        self._under_way.take_up(rest)
        return True

    async def _set_aside(
        self, barred: Mapping[int, Barred], late: list[int], evidence: _Evidence, *, settled: bool
    ) -> bool:
        """Set calls aside that are forbidden, else those that are surely too late; return whether the part goes on.

        :param settled: whether the report showed that nothing came of what was sent
        """
        if barred:
            self._under_way.state = self._under_way.state.none_came()
            await self._context.barred_calls.set_aside(self._under_way, barred)
        else:
            surely_late, time = await self._context.expired_calls.surely_late(self._under_way, late)
            if not surely_late:
                return True
            await self._context.expired_calls.set_aside(self._under_way, surely_late, time)
        evidence.forget()
        return not (settled and self._under_way.part and await self._nothing_came_of_it())

    async def _send_part(self, time: Time, reading: Reading, evidence: _Evidence, *, settled: bool) -> bool:
        """Send the part under way, or cut it smaller; return whether it is to be gone on with.

        :param settled: as of :meth:`_set_aside`
        """
        if settled and await self._nothing_came_of_it():
            return False
        error = await self._send(self._under_way.part, time, reading)
        evidence.forget()
        if error is None:
            return False
        if error.known is Known.REFUSED:
            evidence.refusal = error
            return True
        self._unanswered_requests.check(error)
        evidence.sends_left -= 1
        if evidence.sends_left <= 0 or not error.retryable:
            self._under_way.unanswered(error)
            self._left.leave_not_added(f"{error}")
            self._unanswered_requests.left(error)
            return False
        await asyncio.sleep(pause_after(error, evidence.sends_left))
        return True

    def _decisions(
        self,
        part: list[int],
        time: Time,
        evidence: _Evidence,
        *,
        barred: bool,
    ) -> dict[int, Decision]:
        """Decide: for all at once, or, if the report was asked, number by number."""
        under_way, settings, jobs = self._under_way, self._context.settings, evidence.jobs

        def decided(found: Found | None) -> Decision:
            return decide(
                Unit(
                    sends=under_way.state.open_sends,
                    campaign=settings.campaign,
                    time=time,
                    limits=settings.limits,
                    refused=evidence.refusal is not None,
                    barred=barred,
                    key_lost=under_way.state.key_lost,
                    other_key=under_way.state.other_key,
                    silent=under_way.state.silent,
                    found=found,
                    asked=evidence.asked,
                )
            )

        if jobs is None:
            return dict.fromkeys(part, decided(None))
        of_each = {place: _found(under_way.phone(place), jobs) for place in part}
        known = {found: decided(found) for found in {*of_each.values()}}
        return {place: known[found] for place, found in of_each.items()}

    async def _nothing_came_of_it(self) -> bool:
        """The report shows that nothing came of what was sent: return whether the part was cut smaller for it."""
        under_way = self._under_way
        unanswered = bool(under_way.state.silent)
        under_way.state = under_way.state.none_came()
        if not unanswered or len(under_way.part) == 1:
            return False
        under_way.cut(PIECES)
        await self._context.shard.keep(under_way, parted=True)
        return True

    async def _send(self, part: list[int], time: Time, reading: Reading) -> ApiError | None:
        """Note and send one request; return the error, if it did not end in the jobs' ids."""
        under_way = self._under_way
        await self._context.notes.note(under_way, time, reading)
        items = [bytes(under_way.lines[place].call) for place in part]
        left = self._cause.now()
        try:
            answer = await self._context.client.ask(
                endpoints.add_ready_phones(items, idempotence_key=under_way.key(part))
            )
        except ApiError as error:
            if error.known is Known.REFUSED:
                under_way.state = under_way.state.answered()
                self._unanswered_requests.broken()
                self._cause.refused(error)
            return error
        self._unanswered_requests.broken()
        self._cause.accepted(left)
        for place, job in zip(part, answer.value, strict=True):
            under_way.created(place, job)
        under_way.part_settled()
        return None


def _found(phone: str, jobs: ShownJobs) -> Found:
    """What the report shows of a phone."""
    shown = jobs.get(phone, [])
    if not shown:
        return Found.SOME if jobs.fault else Found.NONE
    return Found.ALL if len(shown) == 1 and shown[0].adoptable else Found.SOME
