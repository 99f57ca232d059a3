"""Answers without end, and small ones that unpack to large ones: given up, within memory that is bounded."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import count, repeat

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from tests.security.hostile import TRANSPORTS, Behaviour, answer, hostile, send

POST = endpoints.add_phone(Call.of("79123456789"), idempotence_key="k")
SETTINGS = TransportSettings(connect_timeout=0.3, read_timeout=0.6, max_body=2**20)
MOST = 12 * 2**20
"""Bytes that one answer may take in memory, with all that is made of its headers."""

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = b"1" * 65536
ZEROS = bytes(2**20)


def packed(wbits: int, mebibytes: int = 256) -> bytes:
    """So many zeros, a thousandth of them on the wire."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(ZEROS) for _ in range(mebibytes)) + packer.flush()


def flood(first: bytes, more: Iterable[bytes]) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        for part in more:
            connection.sendall(part)

    return behave


BOMB = packed(31)
FLOODS: dict[str, Behaviour] = {
    "body": flood(HEAD + b"Content-Length: 99999999999\r\n\r\n", repeat(BLOCK)),
    "body without a length": flood(HEAD + b"\r\n", repeat(BLOCK)),
    "body of an error": flood(b"HTTP/1.1 500 Failed\r\n\r\n", repeat(BLOCK)),
    "chunks": flood(CHUNKED, repeat(b"10000\r\n" + BLOCK + b"\r\n")),
    "chunks of a byte": flood(CHUNKED, repeat(b"1\r\n1\r\n" * 10_000)),
    "a chunk's size": flood(CHUNKED, repeat(BLOCK)),
    "a chunk's extension": flood(CHUNKED + b"1;", repeat(BLOCK)),
    "trailers": flood(CHUNKED + b"1\r\n1\r\n0\r\n", (b"X-%d: %b\r\n" % (n, BLOCK[:4000]) for n in count())),
    "headers": flood(HEAD, (b"X-%d: y\r\n" % number for number in count())),
    "large headers": flood(HEAD, (b"X-%d: %b\r\n" % (number, BLOCK[:8000]) for number in count())),
    "a header": flood(HEAD + b"X: ", repeat(BLOCK)),
    "a folded header": flood(HEAD + b"X: y\r\n", repeat(b" " + BLOCK[:4000] + b"\r\n")),
    "status line": flood(b"HTTP/1.1 200 ", repeat(BLOCK)),
    "gzip": answer(BOMB, "200 OK", "Content-Encoding: gzip"),
    "x-gzip": answer(BOMB, "200 OK", "Content-Encoding: X-GZIP"),
    "deflate": answer(packed(15), "200 OK", "Content-Encoding: deflate"),
    "gzip in gzip": answer(gzip.compress(BOMB), "200 OK", "Content-Encoding: gzip, gzip"),
    "gzip of nothing, without end": flood(HEAD + b"Content-Encoding: gzip\r\n\r\n", repeat(gzip.compress(b"") * 500)),
    "brotli": answer(b"\x0b\x02\x80\x00\x03", "200 OK", "Content-Encoding: br"),
    "zstd": answer(b"\x28\xb5\x2f\xfd", "200 OK", "Content-Encoding: zstd"),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("behave", FLOODS.values(), ids=FLOODS.keys())
def test_no_flood_is_an_answer_nor_fills_the_memory(transport: str, behave: Behaviour) -> None:
    with hostile(behave) as server:
        tracemalloc.start()
        try:
            with pytest.raises(NoResponse) as error:
                send(transport, POST, server.url, SETTINGS)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < MOST
    assert len(server.requests) == 1
    assert "111" not in str(error.value)


ID = b'"5665334669"'
PACKED = gzip.compress(ID)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", PACKED), ("GZip", PACKED), ("x-gzip", PACKED), ("deflate", zlib.compress(ID)), ("identity", ID), ("", ID),
     ("gzip", gzip.compress(ID[:5]) + gzip.compress(ID[5:])), ("gzip", PACKED + bytes(7)), ("gzip", b"")],
    ids=["gzip", "in capitals", "x-gzip", "deflate", "identity", "none", "two members", "padded", "nothing"],
)  # fmt: skip
def test_what_is_packed_as_was_asked_is_read(transport: str, coding: str, body: bytes) -> None:
    with hostile(answer(body, "200 OK", f"Content-Encoding: {coding}")) as server:
        assert send(transport, POST, server.url, SETTINGS).body == (ID if body else b"")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("cut", [1, 9, len(PACKED) - 8])
def test_a_packed_answer_that_is_cut_off_is_none(transport: str, cut: int) -> None:
    """Its length is as was said, and the digits that are left are an id: another one."""
    digits = gzip.compress(b"5665334669", compresslevel=0)
    behave = answer(digits[:-cut], "200 OK", "Content-Encoding: gzip")
    with hostile(behave) as server, pytest.raises(NoResponse) as error:
        send(transport, POST, server.url, SETTINGS)
    assert error.value.kind is NoResponseKind.UNDECODABLE


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_only_what_can_be_read_is_asked_for(transport: str) -> None:
    with hostile(answer()) as server:
        send(transport, POST, server.url, SETTINGS)
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()
