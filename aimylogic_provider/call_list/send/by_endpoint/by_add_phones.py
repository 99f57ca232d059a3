"""By addPhones: a batch, or a part of it, is one request, which the server takes or refuses whole.

A part that the server never answers is set apart, so that the others go on. What became of it the report shows, number
by number, for only a refusal says that nothing was added; what the report lacks for twice its lag is cut smaller, and
sent under new keys.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from aimylogic_provider.call_list.report.reconcile import ShownJobs
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.by_endpoint.batch_sender import SendContext
from aimylogic_provider.call_list.send.by_endpoint.refusal_cause import PROBES, RefusalCause
from aimylogic_provider.call_list.send.by_endpoint.unanswered_requests import PIECES, UnansweredRequests
from aimylogic_provider.call_list.send.decision import Decision, Found, Unit, UnitAction, decide
from aimylogic_provider.call_list.send.refusals import check_campaign
from aimylogic_provider.call_list.send.unsettled_calls import (
    NotAddedCalls,
    Parked,
    ParkedCalls,
    UnansweredCalls,
    WaitingCalls,
)
from aimylogic_provider.call_list.store.open_batch import OpenPart
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.phones.phone import same_phone
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.limits import Time
from aimylogic_provider.idempotence.retry import pause_after
from aimylogic_provider.idempotence.server_time import Reading

__all__ = ["AddPhonesSender"]

_OF_THE_POLICY = frozenset({"invalid.call.allowed.time", "invalid.dialer_priority"})
_TWICE = "phone.duplicated"
"""Of a list: it names a number, but that one is no worse than its double."""


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
        self._ended: list[OpenPart] = []
        """Parts that are left to a later try, or to a person."""
        self._left: list[NotAddedCalls] = []
        """Numbers that could not be added, and the last answer."""
        self._until = 0.0
        """When the last of those that wait for the report need wait no more; 0 for none."""
        self._parked: list[OpenPart] = []
        self._shown: ShownJobs | None = ShownJobs()
        """What the report shows of the parked ones' phones; None if it can't be asked."""
        self._some_shown = False
        """Whether it could be asked for some of them."""

    async def run(self) -> None:
        """Settle the batch's parts.

        :raises UnansweredCalls: if some could not be added, and a later try goes on with them
        :raises WaitingCalls: if some must wait for the report
        :raises ParkedCalls: if it can't be known of some whether they were added, and a person doesn't say
        """
        if self._under_way.state.sends:
            self._under_way.set_apart()  # what was never sent comes first
        await self._all_parts()
        while self._parked and not self._left and not self._until:
            self._follow_a_person()
            await self._all_parts()
        if self._left:
            raise UnansweredCalls(self._left, self._until, self._all_parked())
        if self._until:
            raise WaitingCalls(self._until, self._all_parked())

    async def _all_parts(self) -> None:
        while self._take_next():
            if await self._without_held():
                await self._part()

    def _take_next(self) -> bool:
        """Have the next part be under way, if there is one: those of which nothing is open come first."""
        under_way = self._under_way
        if under_way.part:
            return True
        under_way.part_settled()
        if under_way.part:
            return True
        under_way.state = under_way.state.without_settled(under_way.outcomes)
        waiting = [part for part in under_way.state.apart if part not in self._ended]
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
        self._ended.append(under_way.split_off(free) if free else under_way.set_apart())
        return bool(free)

    async def _part(self) -> None:
        """Settle the part under way, or leave it."""
        under_way, questions = self._under_way, self._context.questions
        sends_left = self._unanswered_requests.sends
        refusal: ApiError | None = None
        jobs: ShownJobs | None = None
        asked = 0.0
        while part := under_way.part:
            await questions.time()  # before the turn to send comes, for asking takes one
            await self._context.request_rate.wait()
            time, reading = await questions.time()
            late = self._context.expired_calls.late(under_way, part, time)
            decisions = self._decisions(part, time, refusal, jobs, asked, late=bool(late))
            chosen: defaultdict[UnitAction, list[int]] = defaultdict(list)
            for place, decision in decisions.items():
                chosen[decision.action].append(place)
            if UnitAction.ASK_REPORT in chosen:
                jobs, asked = await questions.jobs(under_way, part)
            elif adopted := chosen.get(UnitAction.ADOPT):
                assert jobs is not None
                for place in adopted:
                    under_way.adopted(place, jobs[under_way.phone(place)][0].id)
                if not under_way.part:
                    under_way.part_settled()
                    return
                # It was added in part, or shows in part as yet: a refusal of the whole says nothing of the rest.
                under_way.state, refusal = under_way.state.added_in_part(), None
            elif parked := chosen.get(UnitAction.PARK):
                rest = None if len(parked) == len(part) else under_way.split_off(parked)
                self._park(jobs)
                if rest is None:
                    return
                under_way.take_up(rest)
            elif UnitAction.WAIT in chosen:
                self._until = max(self._until, *(one.until for one in decisions.values()))
                if under_way.state.silent:
                    self._left.append(NotAddedCalls(tuple(part), under_way.state.last))
                self._ended.append(under_way.set_apart())
                return
            elif UnitAction.REFUSE in chosen:
                assert refusal is not None
                under_way.state = under_way.state.refused()
                await self._heed(under_way.part, refusal)
                return
            elif UnitAction.EXPIRE in chosen:
                late, time = await self._context.expired_calls.surely_late(under_way, late)
                if not late:
                    continue
                await self._context.expired_calls.set_aside(under_way, late, time)
                jobs, refusal = None, None
                if decisions[part[0]].settled and under_way.part and await self._nothing_came_of_it():
                    return
            else:
                if decisions[part[0]].settled and await self._nothing_came_of_it():
                    return
                error = await self._send(under_way.part, time, reading)
                jobs, refusal = None, None
                if error is None:
                    return
                if error.known is Known.REFUSED:
                    refusal = error
                    continue
                self._unanswered_requests.check(error)
                sends_left -= 1
                if sends_left <= 0 or not error.retryable:
                    self._leave(error)
                    return
                await asyncio.sleep(pause_after(error, sends_left))

    def _decisions(
        self,
        part: list[int],
        time: Time,
        refusal: ApiError | None,
        jobs: ShownJobs | None,
        asked: float,
        *,
        late: bool,
    ) -> dict[int, Decision]:
        """Decide: for all at once, or, if the report was asked, number by number."""
        under_way, settings = self._under_way, self._context.settings

        def decided(found: Found | None) -> Decision:
            return decide(
                Unit(
                    sends=under_way.state.open_sends,
                    campaign=settings.campaign,
                    time=time,
                    limits=settings.limits,
                    refused=refusal is not None,
                    late=late,
                    key_lost=under_way.state.key_lost,
                    other_key=under_way.state.other_key,
                    silent=under_way.state.silent,
                    found=found,
                    asked=asked,
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

    def _leave(self, error: ApiError) -> None:
        """Go on without the part under way, which is not answered."""
        self._under_way.unanswered(error)
        self._left.append(NotAddedCalls(tuple(self._under_way.part), f"{error}"))
        self._ended.append(self._under_way.set_apart())
        self._unanswered_requests.left(error)

    def _park(self, jobs: ShownJobs | None) -> None:
        self._some_shown = self._some_shown or jobs is not None
        if jobs is None:
            self._shown = None
        elif self._shown is not None:
            self._shown.update(jobs.of(map(self._under_way.phone, self._under_way.part)))
            self._shown.fault = self._shown.fault or jobs.fault
        self._parked.append(self._under_way.set_apart())
        self._ended.append(self._parked[-1])

    def _all_parked(self) -> Parked:
        places = [place for part in self._parked for place in part.open_places(self._under_way.outcomes)]
        return Parked(sorted(places), self._shown if places else None)

    def _follow_a_person(self) -> None:
        """Do what a person said of what is parked; once."""
        under_way = self._under_way
        places = self._all_parked().places
        elsewhere = self._shown is None and not self._some_shown
        ruling = self._context.shard.ruling_for(under_way, elsewhere=elsewhere)
        shown = ShownJobs() if elsewhere else self._shown
        if ruling is None or shown is None or not shown.can_be_followed:
            raise ParkedCalls(self._all_parked())
        under_way.follow(ruling, places, shown)
        self._parked.clear()
        self._ended.clear()

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

    async def _heed(self, part: list[int], refusal: ApiError) -> None:
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
                self._ended.append(under_way.set_apart())
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
            self._left.append(NotAddedCalls(tuple(under_way.part), f"{refusal}"))
            self._ended.append(under_way.set_apart())
        self._left += [NotAddedCalls((place,), f"{error}") for place, error in alone]

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
        time, reading = await self._context.questions.time()
        late = self._context.expired_calls.late(under_way, [place], time)
        error = None if late else await self._send([place], time, reading)
        if late:
            under_way.set_apart()  # and taken up again, to expire
        elif error is not None and error.known is Known.REFUSED:
            check_campaign(error)
            alone.append((place, error))
            self._ended.append(under_way.set_apart())
            if error.type == refusal.type and not self._cause.is_of_numbers(error):
                self._cause.refused_alone(error)
            else:
                self._cause.differs(refusal)
        elif error is not None:
            self._unanswered_requests.check(error)
            self._leave(error)
        if rest is not None:
            under_way.take_up(rest)


def _reason(refusal: ApiError) -> str:
    return f"{refusal.type or refusal.status}"


def _found(phone: str, jobs: ShownJobs) -> Found:
    """What the report shows of a phone."""
    shown = jobs.get(phone, [])
    if not shown:
        return Found.SOME if jobs.fault else Found.NONE
    return Found.ALL if len(shown) == 1 and shown[0].adoptable else Found.SOME
