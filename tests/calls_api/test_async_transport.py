"""The transport over aiohttp, against servers of bare sockets: what it puts on the wire, and how it gives up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings

STATUS = endpoints.status()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\r\nhi"
Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.heads: list[bytes] = []
        self.connections = 0
        self.gone = 0
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self.serve(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone += 1
        finally:
            writer.close()


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Server]:
    server = Server(serve)
    listening = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/status"
    try:
        yield server
    finally:
        listening.close()


def settings(total: float = 50.0, max_body: int = 2**20) -> TransportSettings:
    return TransportSettings(connect_timeout=total / 4, read_timeout=total / 2, max_body=max_body)


async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def hang(head: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def drip(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


def test_url_goes_out_as_it_is_given() -> None:
    async def run() -> None:
        async with served(answer) as server, AiohttpTransport(settings(), connections=1) as transport:
            for query in ("?a=%D0%9A%20b%2Bc%26%7E", "?a=%7e&b=", ""):
                response = await transport.send(STATUS, server.url + query)
                assert (response.status, response.body) == (200, b"hi")
                assert response.date == 1795521600.0
                assert server.heads[-1].startswith(b"GET /status" + query.encode() + b" HTTP/1.1\r\n")
            assert server.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("serve", [hang, drip])
def test_no_request_outlives_its_time(serve: Serve) -> None:
    async def run() -> None:
        async with served(serve) as server, AiohttpTransport(settings(0.5), connections=3) as transport:
            for _ in range(2):  # a task that met one deadline can go on
                began = time.monotonic()
                with pytest.raises(NoResponse) as caught:
                    await transport.send(STATUS, server.url)
                assert caught.value.kind is NoResponseKind.TIMEOUT
                assert time.monotonic() - began >= 0.4
                task = asyncio.current_task()
                assert task is not None
                assert not task.cancelling()
            together = await asyncio.gather(
                *(transport.send(STATUS, server.url) for _ in range(3)), return_exceptions=True
            )
            assert [getattr(one, "kind", one) for one in together] == [NoResponseKind.TIMEOUT] * 3

    asyncio.run(asyncio.wait_for(run(), 60))


def test_waiting_for_a_connection_counts() -> None:
    async def run() -> None:
        async with served(hang) as server, AiohttpTransport(settings(1.0), connections=1) as transport:
            ended = []

            async def send() -> None:
                with pytest.raises(NoResponse) as caught:
                    await transport.send(STATUS, server.url)
                assert caught.value.kind is NoResponseKind.TIMEOUT
                ended.append(time.monotonic())

            await asyncio.gather(send(), send())
            assert ended[1] - ended[0] < 0.8, (
                "one after the other, each with a time of its own, they end a second apart"
            )

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_request_that_is_cancelled_is_no_timeout() -> None:
    async def run() -> None:
        async with served(hang) as server, AiohttpTransport(settings(), connections=1) as transport:
            task = asyncio.create_task(transport.send(STATUS, server.url))
            while not server.heads:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_deadline_hides_no_other_cancellation() -> None:
    async def run() -> None:
        async with served(hang) as server, AiohttpTransport(settings(0.5), connections=1) as transport:
            task = asyncio.create_task(transport.send(STATUS, server.url))
            while not server.heads:
                await asyncio.sleep(0.01)
            while not task.cancelling():
                await asyncio.sleep(0)
            task.cancel()  # before it has seen that its time is over
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("size", [101, 60_000, 300_000])
def test_more_than_is_allowed_is_not_read(size: int) -> None:
    async def large(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)

    async def run() -> None:
        async with served(large) as server, AiohttpTransport(settings(max_body=100), connections=1) as transport:
            with pytest.raises(NoResponse) as caught:
                await transport.send(STATUS, server.url)
            assert caught.value.kind is NoResponseKind.TOO_LARGE

    asyncio.run(run())


def test_all_that_is_allowed_is_read() -> None:
    async def slowly(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(10):
            writer.write(b"0123456789")
            await writer.drain()
            await asyncio.sleep(0.005)

    async def run() -> None:
        async with served(slowly) as server, AiohttpTransport(settings(max_body=100), connections=1) as transport:
            for _ in range(2):
                assert (await transport.send(STATUS, server.url)).body == b"0123456789" * 10
            assert server.connections == 1

    asyncio.run(run())


def test_an_answer_that_breaks_off_is_none() -> None:
    async def half(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with served(half) as server, AiohttpTransport(settings(), connections=1) as transport:
            with pytest.raises(NoResponse) as caught:
                await transport.send(STATUS, server.url)
            assert caught.value.kind is NoResponseKind.RESET
            assert len(server.heads) == 1  # and nothing repeats it

    asyncio.run(run())
