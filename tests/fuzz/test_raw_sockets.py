"""Broken HTTP and content over raw sockets: refused at once, nothing changed, and others are served meanwhile."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.emulator.http import server
from tests.conftest import TOKEN
from tests.fuzz.wire import (
    ADD,
    ADD_ONE,
    CALLS,
    CLOSE,
    CRM,
    FORM,
    HOST,
    STATUS,
    TIMEOUT,
    Reply,
    Wire,
    ask,
    chunked,
    get,
    post,
)  # fmt: skip

AT_ONCE = 10.0
ADD_PHONES = CALLS + b"/addPhones"
BY_DATE = CALLS + b"/callJob/getReportByDate"
TOK = TOKEN.encode()


def listed(payload: bytes) -> bytes:
    """addPhones with a payload as it is written."""
    return post(ADD_PHONES, b'[{"phone":"79123456789","payload":{"name":' + payload + b"}}]")


def item(text: str) -> bytes:
    return post(ADD_PHONES, text.encode())


def nested(depth: int, opens: bytes = b"[", closes: bytes = b"]") -> bytes:
    return opens * depth + closes * depth


BROKEN_HTTP = {
    "a version of the future": b"GET " + STATUS + b" HTTP/9.9\r\n" + CLOSE + b"\r\n",
    "another protocol": b"GET " + STATUS + b" HTTX/1.1\r\n" + CLOSE + b"\r\n",
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS hello": bytes.fromhex("1603010200010001fc0303") + bytes(100),
    "bytes that mean nothing": bytes(range(256)) * 8,
    "a request line of one word": b"GET\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a space in the target": get(STATUS + b" x"),
    "an unknown method": get(STATUS, method=b"BREW"),
    "a method in lower case": get(STATUS, method=b"get"),
    "an endless method": get(STATUS, method=b"G" * 100_000),
    "an endless target": get(STATUS + b"?" + b"a" * 200_000),
    "no host": b"GET " + STATUS + b" HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": get(STATUS, b"Host: y"),
    "a header without a colon": get(STATUS, b"nonsense"),
    "a header without a name": get(STATUS, b": nonsense"),
    "a space before the colon": get(STATUS, b"Name : value"),
    "a folded header": get(STATUS, b"Name: a", b" b"),
    "a header of 100 kB": get(STATUS, b"Name: " + b"a" * 100_000),
    "a header's name of 100 kB": get(STATUS, b"a" * 100_000 + b": 1"),
    "10,000 headers": get(STATUS, *(b"Name-%d: 1" % number for number in range(10_000))),
    "a key of 100 kB": get(ADD_ONE, b"Idempotence-Key: " + b"a" * 100_000),
    "bare line feeds": b"GET " + ADD_ONE + b" HTTP/1.1\nHost: x\nConnection: close\n\n",
    "bare carriage returns": b"GET " + ADD_ONE + b" HTTP/1.1\rHost: x\r\r",
    "a null in the path": get(CALLS + b"\0/status"),
    "a null in the query": get(ADD_ONE + b"&name=a\0b"),
    "a null in a header": get(ADD_ONE, b"Idempotence-Key: a\0b"),
    "high bytes in the path": get(CRM + b"\xff\xfe/addPhone?phone=79123456789"),
    "high bytes in the query": get(ADD_ONE + b"&name=\xff\xfe"),
    "high bytes in a header's name": get(ADD_ONE, b"N\xe4me: 1"),
    "a length that is no number": get(ADD_ONE, b"Content-Length: ten", method=b"POST"),
    "a length below 0": get(ADD_ONE, b"Content-Length: -1", method=b"POST"),
    "a length in hex": get(ADD_ONE, b"Content-Length: 0x1", method=b"POST") + b"a",
    "a length of 50 digits": get(ADD_ONE, b"Content-Length: " + b"9" * 50, method=b"POST"),
    "two lengths": get(ADD_ONE, b"Content-Length: 1", b"Content-Length: 2", method=b"POST") + b"aa",
    "length and chunks": get(ADD_ONE, b"Content-Length: 5", b"Transfer-Encoding: chunked", method=b"POST")
    + b"0\r\n\r\n",
    "an unknown transfer encoding": get(ADD_ONE, b"Transfer-Encoding: nonsense", method=b"POST"),
    "chunks coded twice": get(ADD_ONE, b"Transfer-Encoding: chunked, chunked", method=b"POST") + b"0\r\n\r\n",
    "a chunk's size that is no number": chunked(ADD_ONE, b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size below 0": chunked(ADD_ONE, b"-1\r\nabc\r\n0\r\n\r\n"),
    "a chunk's size of 17 digits": chunked(ADD_ONE, b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    "a chunk that is longer than its size": chunked(ADD_ONE, b"1\r\nabc\r\n0\r\n\r\n"),
    "a second chunk that is broken": chunked(ADD_ONE, b"4\r\na=b&\r\nnonsense\r\n"),
}
BAD_CONTENT = {
    # the address
    "an unknown path": (404, get(b"/nowhere")),
    "an unknown path under the token": (404, get(CALLS + b"/nowhere")),
    "an unknown path of the emulator's own": (404, get(b"/_emulator/nowhere")),
    "an unknown page": (404, get(b"/favicon.ico")),
    "a path of 8,000 characters": (404, get(b"/" + b"a" * 8_000)),
    "no token": (404, get(b"/api/calls/campaign//status")),
    "a wrong token": (404, get(b"/api/calls/campaign/1.2.wrong/status")),
    "a token with a slash": (404, get(b"/api/calls/campaign/" + TOK.replace(b".", b"/", 1) + b"/status")),
    "a token with an encoded slash": (404, get(b"/api/calls/campaign/" + TOK.replace(b".", b"%2F", 1) + b"/status")),
    "a token twice encoded": (404, get(b"/api/calls/campaign/" + TOK.replace(b".", b"%252E") + b"/status")),
    "a token with a null": (400, get(b"/api/calls/campaign/" + TOK + b"%00/status")),
    "a token that is not UTF-8": (400, get(b"/api/calls/campaign/%FF/status")),
    "a token with a lone percent sign": (400, get(b"/api/calls/campaign/%zz/status")),
    "dots in a path": (404, get(b"/api/calls/campaign/../../../../etc/passwd")),
    "dots behind the token": (404, get(CALLS + b"/x/../status")),
    "dots in the emulator's own paths": (404, get(b"/_emulator/../openapi.json")),
    "encoded dots": (404, get(b"/_emulator/%2e%2e/%2e%2e/etc/passwd")),
    "a slash at the end": (404, get(STATUS + b"/")),
    "slashes at the start": (404, get(b"//" + STATUS)),
    "an absolute address of nothing": (400, get(b"http://")),
    "an absolute address of another scheme": (404, get(b"gopher://x/nowhere")),
    "an asterisk": (404, get(b"*", method=b"OPTIONS")),
    "a tunnel": (404, get(b"127.0.0.1:80", method=b"CONNECT")),
    # the method
    "OPTIONS": (405, get(STATUS, method=b"OPTIONS")),
    "TRACE": (405, get(STATUS, method=b"TRACE")),
    "DELETE": (405, get(ADD_ONE, method=b"DELETE")),
    "a method of WebDAV": (405, get(ADD_ONE, method=b"PROPFIND")),
    "POST where there is GET alone": (405, post(CRM + b"/test/addPhone?phone=79123456789", b"")),
    "GET where there is POST alone": (405, get(ADD_PHONES)),
    # the query
    "a null in a parameter": (400, get(ADD_ONE + b"&name=%00")),
    "a null in a parameter's name": (400, get(ADD_ONE + b"&na%00me=Alex")),
    "a parameter that is not UTF-8": (400, get(ADD_ONE + b"&name=%FF")),
    "a parameter's name that is not UTF-8": (400, get(ADD_ONE + b"&%ED%A0%80=1")),
    "a lone percent sign": (400, get(ADD_ONE + b"&name=100%")),
    "a percent sign before no digits": (400, get(ADD_ONE + b"&name=%zz")),
    "a parameter twice": (400, get(ADD_ONE + b"&name=a&name=b")),
    "the phone twice": (400, get(ADD_ONE + b"&phone=79123456789")),
    "the phone in query and form": (400, post(ADD_ONE, b"phone=79123456789", kind=FORM)),
    "1,200 parameters": (400, get(ADD_ONE + b"&" + b"&".join(b"%d=" % number for number in range(1_200)))),
    "no phone": (400, get(ADD)),
    "a phone of 5,000 digits": (400, get(ADD + b"?phone=" + b"9" * 5_000)),
    "a phone of other digits": (400, get(ADD + b"?phone=%D9%A7%D9%A9%D9%A1")),
    # headers
    "a key that is not UTF-8": (400, get(ADD_ONE, b"Idempotence-Key: \xff\xfe")),
    "a key that is not ASCII": (400, get(ADD_ONE, "Idempotence-Key: ключ".encode())),
    "a key with a tab": (400, get(ADD_ONE, b"Idempotence-Key: a\tb")),
    "a page of another site": (403, get(b"/_emulator/reset", b"Origin: http://\xff", method=b"POST")),
    # the body
    "a form that is not UTF-8": (400, post(ADD, b"phone=79123456789&name=\xff", kind=FORM)),
    "a form with a null": (400, post(ADD, b"phone=79123456789&name=%00", kind=FORM)),
    "a form with a raw null": (400, post(ADD, b"phone=79123456789&name=a\0b", kind=FORM)),
    "a form with bad escapes": (400, post(ADD, b"phone=79123456789&name=%FF", kind=FORM)),
    "a form with GET": (415, post(ADD_ONE, b"name=Alex", kind=FORM, method=b"GET")),
    "JSON for a form": (415, post(ADD, b'{"phone":"79123456789"}')),
    "a form for JSON": (415, post(ADD_PHONES, b'[{"phone":"79123456789"}]', kind=FORM)),
    "no body": (400, post(ADD_PHONES, b"")),
    "no JSON": (400, post(ADD_PHONES, b"nonsense")),
    "half a JSON": (400, post(ADD_PHONES, b'[{"phone":"79123456789"}')),
    "JSON with a mark before it": (400, post(ADD_PHONES, b'\xef\xbb\xbf[{"phone":"79123456789"}]')),
    "JSON in UTF-16": (400, post(ADD_PHONES, '[{"phone":"79123456789"}]'.encode("utf-16"))),
    "JSON that is not UTF-8": (400, listed(b'"\xff"')),
    "JSON with a surrogate's bytes": (400, listed(b'"\xed\xa0\x80"')),
    "JSON with a raw null": (400, listed(b'"a\0b"')),
    "JSON with an escaped null": (400, listed(b'"a\\u0000b"')),
    "JSON with a null in a name": (400, listed(b'{"a\\u0000b": 1}')),
    "JSON with a lone surrogate": (400, listed(b'"\\ud800"')),
    "JSON with turned surrogates": (400, listed(b'"\\udc00\\ud800"')),
    "JSON with NaN": (400, listed(b"NaN")),
    "JSON with Infinity": (400, listed(b"-Infinity")),
    "JSON with 1e400": (400, listed(b"1e400")),
    "JSON with a number of 10,000 digits": (400, listed(b"9" * 10_000)),
    "JSON with a comment": (400, post(ADD_PHONES, b'[{"phone":"79123456789"}] // one')),
    "100,000 brackets": (400, listed(nested(100_000))),
    "100,000 braces": (400, listed(nested(100_000, b'{"a":', b"}"))),
    "100,000 brackets without an end": (400, listed(b"[" * 100_000)),
    "wrong types": (400, item('[{"phone":true}]')),
    "an object for a list": (400, item('{"phone":"79123456789"}')),
    "an empty list": (400, item("[]")),
    "a bad one among good ones": (400, item('[{"phone":"79123456789"},{"phone":"12"}]')),
    "one twice": (400, item('[{"phone":"79123456789"},{"phone":"+79123456789"}]')),
    "a policy of nonsense": (400, item('[{"phone":"79123456789","allowedTime":{"mon":[]}}]')),
    "a start in digits of another script": (400, item('[{"phone":"79123456789","startDateTime":"٢٠٢٦"}]')),
    "a time of 1e400": (400, post(BY_DATE, b'{"filter":{"createdAtFrom":1e400}}')),
    "a time of 1e308": (400, post(BY_DATE, b'{"filter":{"createdAtFrom":1e308}}')),
    "a time of 10,000 digits": (400, post(BY_DATE, b'{"filter":{"createdAtFrom":"' + b"9" * 10_000 + b'"}}')),
    "a time before all times": (400, post(BY_DATE, b'{"filter":{"createdAtTo":"0001-01-01T00:00+23:59"}}')),
    "a page beyond all pages": (400, post(CALLS + b"/callJob/getUnfinished", b'{"page":1e18}')),
    "an id of 10,000 digits": (400, post(CALLS + b"/callJob/cancel", b'{"ids":["' + b"9" * 10_000 + b'"]}')),
    "nonsense that says it is gzip": (400, post(ADD_PHONES, b"nonsense" * 9, b"Content-Encoding: gzip")),
    "nonsense that says it is deflate": (400, post(ADD_PHONES, b"\xff" * 99, b"Content-Encoding: deflate")),
    "gzip without its end": (400, post(ADD_PHONES, gzip.compress(b"[" * 999)[:-9], b"Content-Encoding: gzip")),
    "an encoding that there is not": (400, post(ADD_PHONES, b"nonsense", b"Content-Encoding: br, x-none")),
    "a bomb of gzip": (413, post(ADD_PHONES, gzip.compress(bytes(100_000_000), 9), b"Content-Encoding: gzip")),
    "a bomb of deflate": (413, post(ADD_PHONES, zlib.compress(bytes(100_000_000), 9), b"Content-Encoding: deflate")),
    # the emulator's own paths
    "no JSON for a rule": (400, post(b"/_emulator/faults", b"nonsense")),
    "a rule that is not UTF-8": (400, post(b"/_emulator/faults", b'{"phase":"\xff"}')),
    "a rule that nests deeply": (400, post(b"/_emulator/faults", nested(100_000))),
    "a rule that can't match": (400, post(b"/_emulator/faults", b'{"phase":"in_body","action":"reset","path":"x"}')),
    "a rule with a broken header": (
        400,
        post(
            b"/_emulator/faults",
            b'{"phase":"before_commit","action":"status","headers":{"A":"1\\r\\nContent-Length: 0"}}',
        ),
    ),
    "a clock of 1e400": (400, post(b"/_emulator/clock", b'{"now":1e400}', method=b"PATCH")),
    "settings of nonsense": (400, post(b"/_emulator/settings", b'{"max_body":"x"}', method=b"PATCH")),
    "a campaign of another script's digits": (404, post(b"/_emulator/campaigns/%D9%A1", b"{}", method=b"PATCH")),
    "a campaign that is not UTF-8": (400, post(b"/_emulator/campaigns/%FF", b"{}", method=b"PATCH")),
    "a name with a lone surrogate": (400, post(b"/_emulator/campaigns/1", b'{"name":"\\ud800"}', method=b"PATCH")),
    "a size of 5,000 digits": (400, get(b"/_emulator/jobs?size=" + b"9" * 5_000)),
    "an oracle's payload that nests deeply": (400, get(b"/_emulator/rings?phone=1&payload=" + b"[" * 7_000)),
    "a snapshot of nonsense": (400, post(b"/_emulator/snapshot", b"nonsense", method=b"PUT")),
    "a snapshot that nests deeply": (400, post(b"/_emulator/snapshot", nested(100_000), method=b"PUT")),
}  # fmt: skip


def check_untouched(emulator: Emulator) -> None:
    """Nothing was changed, all can be shown, and a good request is served."""
    snapshot = json.loads(ask(emulator.port, get(b"/_emulator/snapshot")).body)
    assert (snapshot["jobs"], snapshot["keys"], snapshot["faults"]) == ([], [], [])
    assert all(campaign["keyless"] == [] for campaign in snapshot["campaigns"])
    for path in (b"/requests", b"/overview", b"/jobs", b"/settings"):
        assert ask(emulator.port, get(b"/_emulator" + path)).status == 200
    check_served(emulator)


def check_served(emulator: Emulator) -> None:
    reply = ask(emulator.port, get(ADD_ONE))
    assert (reply.status, reply.body) == (200, b'"5665334669"')
    assert reply.seconds < AT_ONCE


def check_refused(reply: Reply) -> None:
    assert 400 <= reply.status < 500
    assert reply.seconds < AT_ONCE
    assert TOK not in reply.head + reply.body
    assert reply.json().get("message") or reply.json()["error"], "it says what is wrong"


@pytest.mark.parametrize("data", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_broken_http_is_refused(emulator: Emulator, data: bytes) -> None:
    with Wire(emulator.port) as wire:
        wire.send(data)
        check_refused(wire.reply())
        assert wire.is_closed(), "for nobody knows where the next request would begin"
    check_untouched(emulator)


@pytest.mark.parametrize(("status", "data"), BAD_CONTENT.values(), ids=BAD_CONTENT.keys())
def test_bad_content_is_refused(emulator: Emulator, status: int, data: bytes) -> None:
    reply = ask(emulator.port, data)
    check_refused(reply)
    assert reply.status == status
    check_untouched(emulator)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        (b"not UTF-8", "a token that is not UTF-8"),
        (b"not UTF-8", "a parameter that is not UTF-8"),
        (b"not UTF-8", "a form that is not UTF-8"),
        (b"not UTF-8", "JSON that is not UTF-8"),
        (b"not UTF-8", "a rule that is not UTF-8"),
        (b"null character", "a token with a null"),
        (b"null character", "a null in a parameter"),
        (b"null character", "JSON with an escaped null"),
        (b"%25", "a lone percent sign"),
        (b"twice", "a parameter twice"),
        (b"1000 parameters", "1,200 parameters"),
        (b"nests too deeply", "100,000 brackets"),
        (b"encoding is wrong", "nonsense that says it is gzip"),
        (b"max_body", "a bomb of gzip"),
        (b"matches no endpoint", "a rule that can't match"),
    ],
)
def test_a_refusal_names_its_reason(emulator: Emulator, reason: bytes, name: str) -> None:
    assert reason in ask(emulator.port, BAD_CONTENT[name][1]).body


def test_an_unknown_path_is_told_which_there_are(emulator: Emulator) -> None:
    paths = ask(emulator.port, get(b"/nowhere")).json()["paths"]
    assert "POST, GET /api/crmCalls/campaign/{token}/addPhone" in paths
    paths = ask(emulator.port, get(b"/_emulator/nowhere")).json()["paths"]
    assert "GET /_emulator/clock" in paths


@pytest.mark.parametrize(
    "data",
    [
        get(b"http://example.com" + STATUS),
        b"GET " + STATUS + b" HTTP/1.0\r\n\r\n",
        get(STATUS, b"x-empty:"),
        get(STATUS, b"Connection: upgrade", b"Upgrade: websocket", common=HOST),
        get(STATUS + b"#fragment"),
        b"\r\n\r\n" + get(STATUS),
        get(STATUS.replace(TOK, b"".join(b"%%%02x" % byte for byte in TOK))),
    ],
    ids=["absolute", "HTTP/1.0", "empty header", "upgrade", "fragment", "empty lines", "encoded token"],
)
def test_what_is_odd_but_right_is_served(emulator: Emulator, data: bytes) -> None:
    reply = ask(emulator.port, data)
    assert (reply.status, reply.body) == (200, b"inProgress")


@pytest.mark.parametrize("target", [STATUS, b"/", b"/_emulator/clock", b"/nowhere", ADD_ONE])
def test_head_is_refused_without_a_body(emulator: Emulator, target: bytes) -> None:
    with Wire(emulator.port) as wire:
        wire.send(get(target, method=b"HEAD"))
        assert wire.reply(to_head=True).status in (404, 405)
        assert wire.is_closed()
    check_untouched(emulator)


class TestBodies:
    def test_a_length_over_the_limit_is_refused_before_the_body_comes(self, emulator: Emulator) -> None:
        for path in (ADD, b"/nowhere", b"/_emulator/faults"):
            with Wire(emulator.port) as wire:
                wire.send(get(path, b"Content-Length: 1000000000", method=b"POST") + b"a=b")
                reply = wire.reply()
                check_refused(reply)
                assert reply.status == 413
        check_untouched(emulator)

    def test_chunks_over_the_limit_are_refused_before_the_last_one(self, emulator: Emulator) -> None:
        emulator.settings(max_body=1000)
        with Wire(emulator.port) as wire:
            wire.send(chunked(ADD, b"64\r\n" + b"a" * 100 + b"\r\n"))
            for _ in range(10):
                wire.send(b"64\r\n" + b"a" * 100 + b"\r\n")
            reply = wire.reply()
            check_refused(reply)
            assert reply.status == 413
            assert b"1,000 bytes" in reply.body
        check_untouched(emulator)

    def test_a_body_of_just_the_limit_is_read(self, emulator: Emulator) -> None:
        body = b'[{"phone":"79123456789"}]'
        emulator.settings(max_body=len(body))
        assert ask(emulator.port, post(ADD_PHONES, body + b" ")).status == 413
        assert ask(emulator.port, post(ADD_PHONES, body)).status == 200

    def test_a_packed_body_counts_unpacked(self, emulator: Emulator) -> None:
        emulator.settings(max_body=10_000)
        packed = gzip.compress(b'[{"phone":"79123456789"}]' + b" " * 20_000)
        assert len(packed) < 200
        assert ask(emulator.port, post(ADD_PHONES, packed, b"Content-Encoding: gzip")).status == 413
        check_untouched(emulator)

    def test_who_asks_first_is_told_to_go_on(self, emulator: Emulator) -> None:
        body = b"phone=79123456789"
        with Wire(emulator.port) as wire:
            headers = (b"Expect: 100-continue", b"Content-Type: " + FORM, b"Content-Length: %d" % len(body))
            wire.send(get(ADD, *headers, method=b"POST"))
            time.sleep(0.1)
            wire.send(body)
            assert wire.reply().body == b'"5665334669"'

    def test_who_asks_first_for_too_much_is_refused(self, emulator: Emulator) -> None:
        reply = ask(emulator.port, get(ADD, b"Expect: 100-continue", b"Content-Length: 1000000000", method=b"POST"))
        check_refused(reply)
        assert reply.status == 413

    @pytest.mark.parametrize("path", [ADD_ONE, ADD_PHONES, b"/nowhere", b"/_emulator/faults", b"/_emulator/snapshot"])
    def test_who_leaves_amid_the_body_changes_nothing(self, emulator: Emulator, path: bytes) -> None:
        for end in (True, False):
            with Wire(emulator.port) as wire:
                wire.send(get(path, b"Content-Type: " + FORM, b"Content-Length: 100", method=b"POST") + b"name=")
                time.sleep(0.05)
                if end:
                    wire.end()
        time.sleep(0.05)
        check_untouched(emulator)

    def test_a_body_that_does_not_come_is_refused_in_the_end(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "_BODY_TIMEOUT", 0.2)
        reply = ask(emulator.port, get(ADD_ONE, b"Content-Length: 100", method=b"POST") + b"name=")
        check_refused(reply)
        assert reply.status == 408
        check_untouched(emulator)

    def test_json_of_every_depth_is_taken_or_refused(self, emulator: Emulator) -> None:
        """Whatever can be read can be shown, and be answered with: the limits of both lie near each other."""
        with Wire(emulator.port) as wire:
            for depth in (1, 10, 100, *range(850, 1010), 2_000, 10_000):
                deep = nested(depth)
                rule = b'{"phase":"before_commit","action":"status","status":418,"body":' + deep + b"}"
                listed = b'[{"phone":"79123456789","payload":{"name":' + deep + b"}}]"
                wire.send(post(ADD_PHONES, listed, common=HOST))
                assert wire.reply().status in (200, 400)
                wire.send(get(b"/_emulator/jobs", common=HOST))
                assert wire.reply().status == 200
                wire.send(post(b"/_emulator/faults", rule, common=HOST))
                is_taken = wire.reply().status == 200
                wire.send(get(STATUS, common=HOST))
                assert wire.reply().status == (418 if is_taken else 200)
                for path in (b"/_emulator/faults", b"/_emulator/overview"):
                    wire.send(get(path, common=HOST))
                    assert wire.reply().status == 200
                wire.send(post(b"/_emulator/reset", b"", common=HOST))
                assert wire.reply().status == 200


class TestOthers:
    """A client that is slow, silent or gone holds up nobody else."""

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"GET /api/cal",
            b"GET " + STATUS + b" HTTP/1.1\r\nHos",
            get(ADD_ONE, b"Content-Length: 100", method=b"POST") + b"name=",
            chunked(ADD_ONE, b"5\r\nname"),
            get(ADD, b"Content-Length: 1000000000", method=b"POST"),
        ],
        ids=["nothing", "half a request line", "half a header", "half a body", "half a chunk", "too much"],
    )
    def test_silent_clients_hold_up_nobody(self, emulator: Emulator, data: bytes) -> None:
        wires = [Wire(emulator.port) for _ in range(100)]
        try:
            for wire in wires:
                wire.send(data)
            check_untouched(emulator)
        finally:
            for wire in wires:
                wire.__exit__()

    def test_a_client_that_sends_byte_by_byte_is_served_and_others_too(self, emulator: Emulator) -> None:
        data = get(STATUS)
        with Wire(emulator.port) as slow:
            for index in range(len(data)):
                slow.send(data[index : index + 1])
                if index % 10 == 0:
                    assert ask(emulator.port, get(STATUS)).seconds < AT_ONCE
            assert slow.reply().body == b"inProgress"

    def test_a_client_that_does_not_read_holds_up_nobody(self, emulator: Emulator) -> None:
        with Wire(emulator.port) as wire:
            wire.send(get(b"/_emulator/openapi.json", common=HOST) * 2_000)
            check_served(emulator)

    def test_many_broken_ones_at_once(self, emulator: Emulator) -> None:
        requests = [*BROKEN_HTTP.values(), *(data for _, data in BAD_CONTENT.values() if len(data) < 10_000)]
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda data: ask(emulator.port, data), requests * 3, timeout=30))
        assert {reply.status // 100 for reply in replies} == {4}
        check_untouched(emulator)


class TestPipelines:
    def test_answers_come_in_the_order_of_the_requests(self, emulator: Emulator) -> None:
        good, bad = get(STATUS, common=HOST), get(ADD + b"?phone=12", common=HOST)
        with Wire(emulator.port) as wire:
            wire.send((good + bad) * 100)
            assert [wire.reply().status for _ in range(200)] == [200, 400] * 100

    def test_what_stands_before_a_broken_one_is_answered_and_what_stands_behind_it_is_not(
        self, emulator: Emulator
    ) -> None:
        with Wire(emulator.port) as wire:
            wire.send(get(STATUS, common=HOST) * 3)
            assert [wire.reply().status for _ in range(3)] == [200] * 3
            wire.send(get(STATUS, b"nonsense", common=HOST) + get(ADD_ONE))
            assert wire.reply().status == 400
            assert wire.is_closed()
        check_untouched(emulator)

    @pytest.mark.parametrize("body", [b"GET " + ADD_ONE + b" HTTP/1.1\r\nHost: x\r\n\r\n"])
    def test_a_refused_body_is_not_taken_for_a_request(self, emulator: Emulator, body: bytes) -> None:
        for request in (
            post(b"/nowhere", body, common=HOST),
            post(STATUS, body, common=HOST),
            post(b"/_emulator/nowhere", body, common=HOST),
            chunked(b"/nowhere", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
        ):
            assert 400 <= ask(emulator.port, request).status < 500
        check_untouched(emulator)

    def test_a_client_that_leaves_before_its_answers_is_no_trouble(self, emulator: Emulator) -> None:
        for _ in range(20):
            with Wire(emulator.port, TIMEOUT) as wire:
                wire.send(get(b"/_emulator/overview", common=HOST) * 50)
        check_untouched(emulator)


def test_the_journal_shows_a_refused_key_as_far_as_it_is_text(emulator: Emulator) -> None:
    ask(emulator.port, get(ADD_ONE, b"Idempotence-Key: a\xff"))
    ask(emulator.port, get(ADD_ONE, "Idempotence-Key: ключ".encode()))
    assert [line.key for line in emulator.requests()] == ["a?", "ключ"]


@pytest.mark.parametrize(
    "text",
    [
        '[{"phone":"79123456789","startDateTime":"9999-12-31T23:59:59Z","allowedDays":["mon"]}]',
        '[{"phone":"80012345678","allowedDays":["mon"]}]',
    ],
    ids=["the last day of all", "a number of no zone"],
)
def test_a_policy_that_is_hard_to_work_out_is_taken_or_refused(emulator: Emulator, text: str) -> None:
    assert ask(emulator.port, item(text)).status in (200, 400)


def test_a_clock_that_ran_out_of_its_century_can_be_slowed_or_says_why_not(emulator: Emulator) -> None:
    late = time.time() + 100 * 366 * 86400 - 1
    fast = json.dumps({"now": late, "rate": 1e5}).encode()
    assert ask(emulator.port, post(b"/_emulator/clock", fast, method=b"PATCH")).status == 200
    time.sleep(0.01)
    assert ask(emulator.port, post(b"/_emulator/clock", b'{"rate":1}', method=b"PATCH")).status in (200, 400)
