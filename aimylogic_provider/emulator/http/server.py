"""The server: each request through the faults to the Calls API and into the journal, or to the emulator's own paths."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any, cast

from aiohttp import ClientError, StreamReader, web
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from aimylogic_provider.calls_api.endpoint_table import BodyKind, Commits
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.emulator.http.admin_routes import AdminApi
from aimylogic_provider.emulator.http.api_request import Asked, locate
from aimylogic_provider.emulator.http.calls_routes import CallsApi
from aimylogic_provider.emulator.http.exchange import HttpAnswer, Refusal, Target, bad_request, error
from aimylogic_provider.emulator.http.fault_effects import Sent, close, is_gone, own_answer, reset, strike_answer
from aimylogic_provider.emulator.world.faults import Fault, FaultAction, Phase
from aimylogic_provider.emulator.world.journal import JournalLine
from aimylogic_provider.emulator.world.state import EmulatorState

__all__ = ["EmulatorServer"]

_BODY_TIMEOUT = 60.0
_POLL = 0.01
_SNAPSHOT = 2**31
_READ = (Phase.BEFORE_COMMIT,)
_READ_AND_COMMITS = (Phase.BEFORE_COMMIT, Phase.COMMITTED_LATE)
_COMMITTED = (Phase.AFTER_COMMIT, Phase.IN_BODY)
_BROKEN = (HttpProcessingError, RequestPayloadError)
_log = logging.getLogger(__name__)


class _Connection(web.RequestHandler):
    """A connection. What is no HTTP is refused in words of our own: aiohttp's quote the request, token and all."""

    content: StreamReader | None = None
    """The body of the request that was begun last."""

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.content is not None:  # else aiohttp waits for the rest of a refused body though its client is gone
            self.content.feed_eof()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, _BROKEN):
            return super().handle_error(request, status, exc, message)
        answer = error(bad_request(f"this is no HTTP that the server understands: {type(exc).__name__}"))
        response = web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        if not isinstance(kw.get("exc_info"), _BROKEN):  # else a broken body, which was refused already
            super().log_exception(*args, **kw)


class _Connections(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class EmulatorServer:
    """Serves a state.

    :param state: what is served
    """

    def __init__(self, state: EmulatorState) -> None:
        self.state = state
        self._calls = CallsApi(lambda: state.campaigns)
        self._admin = AdminApi(state, self)
        self._pending = 0
        self._late: set[asyncio.Task[Any]] = set()
        self._resets = 0
        self._date = (0, "")
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to serve; return the port."""
        server = _Connections(self._serve, access_log=None, logger=_log)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=1024).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop serving. What faults still hold back never takes effect."""
        self.drop_pending()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def pending(self) -> int:
        """How many requests a fault holds back at the moment, before or after their answer."""
        return self._pending

    def drop_pending(self) -> None:
        """Let nothing that is held back take effect."""
        self._resets += 1
        for task in self._late:
            task.cancel()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        cast(_Connection, request.protocol).content = request.content
        target = Target.of(request.raw_path)
        if request.headers.get("Expect", "").lower() == "100-continue" and not is_gone(request):
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[union-attr]  # of WriteTransport
        if self._admin.serves(target):
            try:
                _only_from_our_own_page(request)
                body = await self._body(request, _SNAPSHOT if target.path.endswith("/snapshot") else None)
                return self._response(self._admin.answer(request.method, target, body))
            except Refusal as refusal:
                return self._response(error(refusal), last=True)
        return await self._exchange(request, target)

    async def _exchange(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """A request of the Calls API, through the faults, into the journal."""
        line = None
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        key = request.headers.get("Idempotence-Key")
        asked = Asked(request.method, locate(target), target, key, content_type)
        endpoint = asked.place.endpoint
        commits = endpoint is not None and endpoint.commits is not Commits.NOTHING

        rule = self._rule((Phase.BEFORE_READ,), asked)
        if rule is not None:
            line = self._note(asked, rule)
            if (response := await self._struck(rule, request)) is not None:
                response.force_close()
                return response
        try:
            asked.take(await self._body(request))
        except Refusal as refusal:
            self._note(asked, refusal.status, line=line)
            return self._response(error(refusal), last=True)

        rule = self._rule(_READ_AND_COMMITS if commits else _READ, asked)
        if rule is not None:
            line = self._note(asked, rule, line=line)
            if rule.phase is Phase.COMMITTED_LATE:
                return await self._committed_late(rule, request, asked, line)
            if (response := await self._struck(rule, request)) is not None:
                return response

        rule = self._rule((Phase.IN_PART,), asked) if endpoint is not None and endpoint.body is BodyKind.CALLS else None
        if rule is not None:
            asked.places = frozenset(rule.places)
        answer = self._calls.answer(asked, self.state.clock.now())
        if rule is None and answer.status < 400:  # else nothing was committed
            rule = self._rule(_COMMITTED, asked, has_body=bool(answer.body))
        self._note(asked, answer.status if rule is None else rule, answer, line)
        response = None if rule is None else await self._struck(rule, request, answer)
        return self._response(answer) if response is None else response

    def _rule(self, phases: tuple[Phase, ...], asked: Asked, *, has_body: bool = True) -> Fault | None:
        faults = self.state.faults
        return faults.strike(phases, asked, has_body=has_body) if faults.rules else None

    async def _struck(
        self, rule: Fault, request: web.BaseRequest, answer: HttpAnswer | None = None
    ) -> web.Response | None:
        """Let a fault strike.

        :param answer: the server's answer, once there is one
        :returns: what is answered; None if the request goes on as if nothing had been
        """
        before = self._resets
        if rule.action is not FaultAction.DRIP and not (
            rule.phase is Phase.IN_BODY and rule.action is FaultAction.DELAY
        ):
            await self._wait(rule.seconds or 0.0)
            if before != self._resets:
                return close(request)
        own = own_answer(rule)
        if own is not None:
            return self._response(own)
        if answer is not None:
            changed = await strike_answer(rule, request, answer, self._http_date, self._wait)
            if before != self._resets:
                return close(request)
            return changed if isinstance(changed, Sent) else self._response(changed)
        match rule.action:
            case FaultAction.RESET:
                return reset(request)
            case FaultAction.CLOSE:
                return close(request)
        return None

    async def _committed_late(
        self, rule: Fault, request: web.BaseRequest, asked: Asked, line: JournalLine
    ) -> web.StreamResponse:
        """Let the fault strike first, and the request take effect afterwards."""
        before = self._resets

        async def commit() -> HttpAnswer | None:
            await self._wait(rule.commit_after or 0.0)
            if before != self._resets:
                return None
            answer = self._calls.answer(asked, self.state.clock.now())
            self._note(asked, answer.status, answer, line)
            return answer

        if rule.action is FaultAction.DELAY:
            await self._wait(rule.seconds or 0.0, unless=lambda: is_gone(request))
            answer = await commit()
            return close(request) if answer is None else self._response(answer)
        response = await self._struck(rule, request)
        task = asyncio.get_running_loop().create_task(commit())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return close(request) if response is None else response

    async def _wait(self, seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait in real time, unless the emulator is reset meanwhile, or something else is so.

        :returns: False if it was reset
        """
        before, until = self._resets, time.monotonic() + seconds
        if seconds:
            with self._held():
                while (left := until - time.monotonic()) > 0 and before == self._resets and not unless():
                    await asyncio.sleep(min(left, _POLL))
        return before == self._resets

    @contextmanager
    def _held(self) -> Iterator[None]:
        self._pending += 1
        try:
            yield
        finally:
            self._pending -= 1

    def _note(
        self, asked: Asked, outcome: Fault | int, answer: HttpAnswer | None = None, line: JournalLine | None = None
    ) -> JournalLine:
        """Note what became of a request, in a line of its own or in the one that it has."""
        said = f"{outcome.action} {outcome.phase}" if isinstance(outcome, Fault) else str(outcome)
        if line is None:
            phone, key = asked.masked_phone(), asked.key()
            if key is not None:  # bytes that are no UTF-8, though refused, would keep the journal from being shown
                key = key.encode(errors="replace").decode()
            line = JournalLine(self.state.clock.now(), asked.method[:20], asked.name, phone, key, said)
            self.state.journal.note(line)
        else:
            line.outcome += f", {said}"
        if answer is not None:
            line.reason = answer.reason
        if answer is not None and answer.jobs:
            line.made(answer.jobs)
            line.phone = line.phone or mask_phone(answer.jobs[0].phone)
        return line

    async def _body(self, request: web.BaseRequest, limit: int | None = None) -> bytes:
        """Read the body, within its limit: the setting's, if no other is given.

        :raises Refusal: 413 if it is larger, 408 if it doesn't come, 400 if it is broken
        """
        if not request.body_exists:
            return b""
        limit = limit or self.state.settings.max_body
        too_large = bad_request(f"the body is larger than {limit:,} bytes: see the setting max_body", 413)
        try:
            if request.content_length is not None and request.content_length > limit:
                raise too_large
            body = bytearray()
            async with asyncio.timeout(_BODY_TIMEOUT):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > limit:
                        raise too_large
        except TimeoutError:
            raise bad_request(f"the body did not come within {_BODY_TIMEOUT:.0f} seconds", 408) from None
        except (ValueError, ConnectionError, ClientError, *_BROKEN):  # a ConnectionError: the client left halfway
            raise bad_request("the body is broken: its length or its encoding is wrong") from None
        return bytes(body)

    def _response(self, answer: HttpAnswer, *, last: bool = False) -> web.Response:
        response = web.Response(
            status=answer.status,
            body=answer.body,
            headers={"Content-Type": answer.content_type, "Date": self._http_date(), **answer.headers},
        )
        if last:
            response.force_close()
        return response

    def _http_date(self) -> str:
        second = int(self.state.clock.now())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _only_from_our_own_page(request: web.BaseRequest) -> None:
    """Refuse what the page of another site sends through somebody's browser: the emulator asks for no password.

    :raises Refusal: if the request comes from another page
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("Host"):
        raise bad_request("the request comes from the page of another site", 403)
