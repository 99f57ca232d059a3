"""By addPhone: a number is one request. Numbers are noted a batch at a time, sent side by side, decided one by one.

What to do about a number is decided in ``decision``; what is durable before it leaves, ``send_notes`` tells.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from aimylogic_provider.call_list.report.reconcile import ShownJobs
from aimylogic_provider.call_list.send.batch_under_way import BatchUnderWay
from aimylogic_provider.call_list.send.by_endpoint.batch_sender import SendContext
from aimylogic_provider.call_list.send.by_endpoint.unanswered_requests import ROUNDS, UnansweredRequests, ended_by
from aimylogic_provider.call_list.send.decision import Decision, Found, Unit, UnitAction, decide
from aimylogic_provider.call_list.send.refusals import check_campaign
from aimylogic_provider.call_list.send.unsettled_calls import (
    NotAddedCalls,
    Parked,
    ParkedCalls,
    UnansweredCalls,
    WaitingCalls,
)
from aimylogic_provider.call_list.store.open_batch import NotedSend
from aimylogic_provider.call_list.store.stored_call import parameters_of
from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.retry import pause_after
from aimylogic_provider.idempotence.server_time import Reading
from aimylogic_provider.idempotence.time_limits import Time

__all__ = ["MOST_NOTED", "AddPhoneSender"]


MOST_NOTED = 1000
"""Numbers of the batches under way, at most: as many may be unanswered when a try dies."""


class AddPhoneSender:
    """Sends the numbers of one batch at a time.

    While they are sent the next batch is noted, if both together have no more than 1,000 numbers, so that it follows at
    once; or is noted anew, if they took so long that its note is stale. At a rate of requests it would only wait.
    """

    def __init__(self, context: SendContext) -> None:
        self._context = context
        self._notes, self._request_rate, self._client = context.notes, context.request_rate, context.client
        self._concurrency = context.settings.concurrency
        self._leaving: BatchUnderWay | None = None
        """The batch that is being sent."""
        self._one_leaves = asyncio.Lock()
        self._in_a_row = 0
        """Requests that went unanswered since the last one that did not."""
        self.unanswered_requests = UnansweredRequests()
        self.workers = 1 if context.request_rate.is_limited or 2 * context.shard.largest_batch > MOST_NOTED else 2

    async def settle(self, under_way: BatchUnderWay) -> None:
        """Send a batch's numbers, in as many rounds as it takes."""
        try:
            await _BatchInRounds(self, self._context, under_way).run()
        finally:
            if (
                self._leaving is under_way
            ):  # and not before: its pauses, and what it sends again, come before the next batch
                self._leaving = None
                self._one_leaves.release()

    async def errors(self, under_way: BatchUnderWay, places: list[int], reading: Reading) -> list[ApiError | None]:
        """Send numbers that were noted; return the errors. A number without one is created, or did not leave."""
        errors: dict[int, ApiError | None] = {}
        waiting = iter(places)

        async def send_next() -> None:
            for place in waiting:
                errors[place] = await self._send(under_way, place, reading)

        if self._leaving is not under_way:
            await self._one_leaves.acquire()
            self._leaving = under_way
        self._in_a_row = 0
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(places))):
                group.create_task(send_next())
        return [errors[place] for place in places]

    async def _send(self, under_way: BatchUnderWay, place: int, reading: Reading) -> ApiError | None:
        if self._request_rate.is_limited:
            if not self._notes.is_fresh(reading):
                return None
            await self._request_rate.wait()
        # When nothing is answered any more, the rest of a batch is not sent after it.
        if not self._notes.is_fresh(reading) or self._in_a_row > self._concurrency:
            return None
        request = endpoints.add_ready_phone(
            parameters_of(under_way.lines[place].call), idempotence_key=under_way.key((place,))
        )
        try:
            answer = await self._client.ask(request)
        except ApiError as error:
            self._in_a_row += error.known is not Known.REFUSED
            return error
        self._in_a_row = 0
        under_way.created(place, answer.value)
        return None


class _BatchInRounds:
    """One batch under way: decided, noted, sent; and again what was not answered."""

    def __init__(self, sender: AddPhoneSender, context: SendContext, under_way: BatchUnderWay) -> None:
        self._sender = sender
        self._context = context
        self._under_way = under_way
        self._most = sender.unanswered_requests.sends
        self._unanswered: Counter[int] = Counter()
        """How many requests of this try went unanswered, by place."""
        self._given_up: dict[int, ApiError] = {}
        """Numbers that are sent no more in this try, for none of their requests was answered; the last error."""
        self._rounds_unanswered = 0
        """In a row."""
        self._heard = False
        self._unheard: set[int] = set()
        """The numbers of those rounds."""
        self._refused: dict[int, tuple[ApiError, list[NotedSend]]] = {}
        """What was refused, and the sends that were open besides."""
        self._jobs: ShownJobs | None = None
        self._asked = 0.0
        self._left: dict[int, Decision] = {}
        """Numbers that wait or are parked."""
        self._shown = ShownJobs()
        """What the report showed of them, if it was asked."""

    async def run(self) -> None:
        """Settle the batch's numbers.

        :raises UnansweredCalls: if some could not be added, while others were answered
        :raises WaitingCalls: if some must wait for the report
        :raises ParkedCalls: if it can't be known of some whether they were added, and a person doesn't say
        """
        await self._settle_what_can_be()
        if self._given_up:
            last = next(iter(self._given_up.values()))
            self._under_way.unanswered(last)
            if self._rounds_unanswered >= self._most:
                self._sender.unanswered_requests.left(last)
            raise UnansweredCalls(
                [NotAddedCalls((place,), f"{error}") for place, error in self._given_up.items()], {}, self._parked()
            )
        while self._left:
            self._follow_a_person()
            await self._settle_what_can_be()

    async def _settle_what_can_be(self) -> None:
        """Send until all is settled but the numbers that wait, are parked, or are never answered."""
        under_way = self._under_way
        while places := self._to_be_settled():
            barred = await self._context.barred_calls.among(under_way, places)
            time, reading = await self._context.questions.time()
            decisions = self._decisions(places, time, barred)
            if any(decision.action is UnitAction.ASK_REPORT for decision in decisions.values()):
                self._jobs, self._asked = await self._context.questions.jobs(under_way, places)
                continue
            aside = [place for place, decision in decisions.items() if decision.action is UnitAction.SET_ASIDE]
            if aside:
                await self._context.barred_calls.set_aside(under_way, {place: barred[place] for place in aside})
                continue
            to_send = [place for place, decision in decisions.items() if self._heed(place, decision)]
            if to_send and not self._left and all(decisions[place].settled for place in to_send):
                under_way.state = under_way.state.none_came()
            if to_send:
                most = self._context.request_rate.most_within(self._context.settings.FRESH)
                await self._round(self._in_order(to_send)[:most], time, reading)

    def _to_be_settled(self) -> list[int]:
        held = self._context.held
        return [
            place
            for place in self._under_way.unsettled
            if place not in self._left
            and place not in self._given_up
            and not (held and self._under_way.phone(place) in held)
        ]

    def _in_order(self, places: list[int]) -> list[int]:
        """What was sent least comes first; after a round without an answer, other numbers than those of that round."""
        start = len(places) * self._rounds_unanswered // ROUNDS
        return sorted(places[start:] + places[:start], key=lambda place: self._unanswered[place])

    def _parked(self) -> Parked:
        places = [place for place, one in self._left.items() if one.action is UnitAction.PARK]
        return Parked(sorted(places), self._shown if places else None)

    def _follow_a_person(self) -> None:
        """Do what a person said of the numbers that are left; once."""
        under_way = self._under_way
        waits = {place: one.until for place, one in self._left.items() if one.action is UnitAction.WAIT}
        if waits and self._under_way.state.silent:
            raise UnansweredCalls([NotAddedCalls(tuple(waits), self._under_way.state.last)], waits, self._parked())
        if waits:
            raise WaitingCalls(waits, self._parked())
        elsewhere = all(one.elsewhere for one in self._left.values())
        ruling = self._context.shard.ruling_for(under_way, elsewhere=elsewhere)
        shown = elsewhere or all(under_way.phone(place) in self._shown for place in self._left)
        known = self._shown.can_be_followed and shown
        if ruling is None or not known:
            raise ParkedCalls(self._parked())
        under_way.follow(ruling, list(self._left), self._shown)
        self._left.clear()
        self._jobs = None

    def _decisions(self, places: list[int], time: Time, barred: Collection[int]) -> dict[int, Decision]:
        """Decide number by number; once for those of which the same is known."""
        settings, noted = self._context.settings, self._under_way.state.open_sends
        usual = Unit(
            sends=noted,
            campaign=settings.campaign,
            time=time,
            limits=settings.limits,
            key_lost=self._under_way.state.key_lost,
            silent=min(1, self._under_way.state.silent),  # a number has one key, with which it can be repeated
            asked=self._asked,
        )
        if self._jobs is None and not self._refused and not barred:
            return dict.fromkeys(places, decide(usual))
        decisions = {}
        for place in places:
            refused = self._refused.get(place)
            unit = replace(usual, found=self._found(place), barred=place in barred)
            decisions[place] = decide(unit if refused is None else replace(unit, refused=True, sends=refused[1]))
        return decisions

    def _found(self, place: int) -> Found | None:
        if self._jobs is None:
            return None
        jobs = self._jobs.get(self._under_way.phone(place), [])
        if not jobs:
            return Found.SOME if self._jobs.fault else Found.NONE
        return Found.ALL if len(jobs) == 1 and jobs[0].adoptable else Found.SOME

    def _heed(self, place: int, decision: Decision) -> bool:
        """Act on a decision; return whether the number is to be sent."""
        under_way = self._under_way
        match decision.action:
            case UnitAction.SEND:
                return True
            case UnitAction.ADOPT:
                assert self._jobs is not None
                under_way.adopted(place, self._jobs[under_way.phone(place)][0].id)
            case UnitAction.REFUSE:
                error, _ = self._refused.pop(place)
                check_campaign(error)
                self._context.refusals.set_aside(under_way, [place], f"{error.type or error.status}")
            case _:
                self._left[place] = decision
                if self._jobs is not None:
                    phone = self._under_way.phone(place)
                    self._shown[phone] = self._jobs.get(phone, [])
                    self._shown.fault = self._jobs.fault
        return False

    async def _round(self, places: list[int], time: Time, reading: Reading) -> None:
        """Note the numbers, send them, and take in the answers."""
        under_way = self._under_way
        before = under_way.state.open_sends
        self._jobs = None
        await self._context.notes.note(under_way, time, reading)
        errors = await self._sender.errors(under_way, places, reading)
        unanswered = [error for error in errors if error is not None and error.known is not Known.REFUSED]
        self._count_round(places, errors, heard_none=bool(unanswered))
        pause, ends = self._take_in(places, errors, before)
        if self._rounds_unanswered >= ROUNDS:
            untried = any(not self._unanswered[place] for place in self._to_be_settled())
            if untried or (not self._heard and len(self._unheard) > self._context.settings.concurrency):
                ends = ends or ended_by(unanswered[-1])
        if not unanswered:
            under_way.state = under_way.state.answered()
        if ends is not None:
            raise ends
        if not under_way.unsettled:
            under_way.part_settled()
        elif pause:
            await asyncio.sleep(pause)

    def _count_round(self, places: list[int], errors: list[ApiError | None], *, heard_none: bool) -> None:
        """Count a round without any answer, or begin to count anew.

        :param heard_none: whether that is what it is, unless some numbers were answered
        """
        if any(
            place in self._under_way.outcomes if error is None else error.known is Known.REFUSED
            for place, error in zip(places, errors, strict=True)
        ):
            self._sender.unanswered_requests.broken()
            self._heard, self._rounds_unanswered = True, 0
            self._unheard.clear()
        elif heard_none:
            self._rounds_unanswered += 1
            self._unheard.update(place for place, error in zip(places, errors, strict=True) if error is not None)

    def _take_in(
        self, places: list[int], errors: list[ApiError | None], before: list[NotedSend]
    ) -> tuple[float, NotAddedError | None]:
        """Take in a round's errors, number by number.

        :param before: the sends that were open before it
        :returns: how long to wait before the next round, and what ends the try, if anything
        """
        pause = 0.0
        ends: NotAddedError | None = None
        for place, error in zip(places, errors, strict=True):
            self._refused.pop(place, None)
            if error is None:
                continue
            if error.known is Known.REFUSED:
                self._refused[place] = error, before
                continue
            if error.type == "phone.duplicated":
                self._under_way.state = self._under_way.state.key_missed()
            self._unanswered[place] += 1
            sends_left = self._most - self._unanswered[place]
            try:
                self._sender.unanswered_requests.check(error)
            except NotAddedError as end:
                ends = ends or end
                continue
            if sends_left <= 0 or not error.retryable:
                self._given_up[place] = error
            else:
                pause = max(pause, pause_after(error, sends_left))
        return pause, ends
