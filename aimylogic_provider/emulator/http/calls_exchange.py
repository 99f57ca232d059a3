"""An exchange of the Calls API: a request through the faults to its answer, and into the journal.

How the request is understood and answered stands in ``calls_routes``; what a fault does to an answer, and to the
connection, in ``fault_effects``; which fault comes when, in the world's ``faults``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from aimylogic_provider.calls_api.endpoint_table import KEY_HEADER
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.emulator.http.api_request import ApiRequest, locate
from aimylogic_provider.emulator.http.calls_routes import CallsApi
from aimylogic_provider.emulator.http.exchange import HttpAnswer, Target, error_answer
from aimylogic_provider.emulator.http.fault_effects import (
    AlreadySent,
    answer_of_fault,
    apply_to_answer,
    close,
    is_gone,
    reset,
)
from aimylogic_provider.emulator.http.pending_requests import PendingRequests
from aimylogic_provider.emulator.http.responses import http_date, http_response
from aimylogic_provider.emulator.world.faults import Fault, FaultAction, Phase
from aimylogic_provider.emulator.world.journal import JournalLine
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["CallsExchange"]

_READ = (Phase.BEFORE_COMMIT,)
_READ_AND_COMMITS = (Phase.BEFORE_COMMIT, Phase.COMMITTED_LATE)
_COMMITTED = (Phase.AFTER_COMMIT, Phase.IN_BODY)


class CallsExchange:
    """Answers requests of the Calls API, as the faults have it.

    :param read_body: reads a request's body; raises Refusal
    """

    def __init__(
        self,
        state: EmulatorState,
        pending: PendingRequests,
        read_body: Callable[[web.BaseRequest], Awaitable[bytes]],
    ) -> None:
        self._state = state
        self._pending = pending
        self._read_body = read_body
        self._api = CallsApi(lambda: state.campaigns)

    async def answer(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Answer a request."""
        entry = None
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        key = request.headers.get(KEY_HEADER)
        api_request = ApiRequest(request.method, locate(target), target, key, content_type)

        rule = self._fault_for((Phase.BEFORE_READ,), api_request)
        if rule is not None:
            entry = self._note(api_request, rule)
            if (response := await self._apply_fault(rule, request)) is not None:
                response.force_close()
                return response
        try:
            api_request.take(await self._read_body(request))
        except Refusal as refusal:
            self._note(api_request, refusal.status, entry=entry)
            return self._response(error_answer(refusal), last=True)

        rule = self._fault_for(_READ_AND_COMMITS if api_request.commits() else _READ, api_request)
        if rule is not None:
            entry = self._note(api_request, rule, entry=entry)
            if rule.phase is Phase.COMMITTED_LATE:
                return await self._committed_late(rule, request, api_request, entry)
            if (response := await self._apply_fault(rule, request)) is not None:
                return response

        rule = self._fault_for((Phase.IN_PART,), api_request) if api_request.bears_calls() else None
        if rule is not None:
            api_request.places = frozenset(rule.places)
        answer = self._api.answer(api_request, self._state.clock.now())
        if rule is None and answer.status < 400:  # else nothing was committed
            rule = self._fault_for(_COMMITTED, api_request, has_body=bool(answer.body))
        self._note(api_request, answer.status if rule is None else rule, answer, entry)
        response = None if rule is None else await self._apply_fault(rule, request, answer)
        return self._response(answer) if response is None else response

    def _fault_for(self, phases: tuple[Phase, ...], api_request: ApiRequest, *, has_body: bool = True) -> Fault | None:
        faults = self._state.faults
        return faults.select(phases, api_request, has_body=has_body) if faults.rules else None

    async def _apply_fault(
        self, rule: Fault, request: web.BaseRequest, answer: HttpAnswer | None = None
    ) -> web.Response | None:
        """Let a fault strike.

        :param answer: the server's answer, once there is one
        :returns: what is answered; None if the request goes on as if nothing had been
        """
        before = self._pending.drops
        if rule.action is not FaultAction.DRIP and not (
            rule.phase is Phase.IN_BODY and rule.action is FaultAction.DELAY
        ):
            await self._pending.wait(rule.seconds or 0.0)
            if before != self._pending.drops:
                return close(request)
        own = answer_of_fault(rule)
        if own is not None:
            return self._response(own)
        if answer is not None:
            changed = await apply_to_answer(rule, request, answer, self._date, self._pending.wait)
            if before != self._pending.drops:
                return close(request)
            return changed if isinstance(changed, AlreadySent) else self._response(changed)
        match rule.action:
            case FaultAction.RESET:
                return reset(request)
            case FaultAction.CLOSE:
                return close(request)
        return None

    async def _committed_late(
        self, rule: Fault, request: web.BaseRequest, api_request: ApiRequest, entry: JournalLine
    ) -> web.StreamResponse:
        """Let the fault strike first, and the request take effect afterwards."""
        before = self._pending.drops

        async def commit() -> HttpAnswer | None:
            await self._pending.wait(rule.commit_after or 0.0)
            if before != self._pending.drops:
                return None
            answer = self._api.answer(api_request, self._state.clock.now())
            self._note(api_request, answer.status, answer, entry)
            return answer

        if rule.action is FaultAction.DELAY:
            await self._pending.wait(rule.seconds or 0.0, unless=lambda: is_gone(request))
            answer = await commit()
            return close(request) if answer is None else self._response(answer)
        response = await self._apply_fault(rule, request)
        self._pending.begin(commit())
        return close(request) if response is None else response

    def _note(
        self,
        api_request: ApiRequest,
        outcome: Fault | int,
        answer: HttpAnswer | None = None,
        entry: JournalLine | None = None,
    ) -> JournalLine:
        """Note what became of a request, in a line of its own or in the one that it has."""
        outcome_text = f"{outcome.action} {outcome.phase}" if isinstance(outcome, Fault) else str(outcome)
        if entry is None:
            phone, key = api_request.masked_phone(), api_request.key()
            if key is not None:  # bytes that are no UTF-8, though refused, would keep the journal from being shown
                key = key.encode(errors="replace").decode()
            entry = JournalLine(
                self._state.clock.now(), api_request.method[:20], api_request.name, phone, key, outcome_text
            )
            self._state.journal.note(entry)
        else:
            entry.outcome += f", {outcome_text}"
        if answer is not None:
            entry.reason = answer.reason
        if answer is not None and answer.jobs:
            entry.set_jobs(answer.jobs)
            entry.phone = entry.phone or mask_phone(answer.jobs[0].phone)
        return entry

    def _response(self, answer: HttpAnswer, *, last: bool = False) -> web.Response:
        return http_response(answer, self._state.clock, last=last)

    def _date(self) -> str:
        return http_date(self._state.clock)
