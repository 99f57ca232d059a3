"""The transport against servers that misbehave on real sockets: it sends once, follows nothing, and leaks nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.endpoints import add_phone
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport, TransportSettings

POST = add_phone(Call.of("79123456789"), idempotence_key="k")
SECRET = "1.2.secret-token"
Behaviour = Callable[[socket.socket], None]


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request's head and then does as it is told; yields its URL and the requests it got."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    requests.append(connection.recv(65536))
                    try:
                        behave(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", requests
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def answer(text: str) -> Behaviour:
    return lambda connection: connection.sendall(text.encode())


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"1")
        time.sleep(0.1)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (reset, NoResponseKind.RESET),
        (answer(""), NoResponseKind.RESET),
        (answer("nonsense\r\n\r\n"), NoResponseKind.RESET),
        (answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"), NoResponseKind.RESET),
        (answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), NoResponseKind.RESET),
        (
            answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n123"),
            NoResponseKind.UNDECODABLE,
        ),
        (lambda connection: time.sleep(2), NoResponseKind.TIMEOUT),
        (drip, NoResponseKind.TOO_SLOW),
        (answer("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + "1" * 5000), NoResponseKind.TOO_LARGE),
    ],
    ids=["reset", "closed", "no HTTP", "cut off", "bad chunk", "bad gzip", "no answer", "drip", "too large"],
)
def test_ways_of_not_answering(behave: Behaviour, kind: NoResponseKind) -> None:
    transport = RequestsTransport(TransportSettings(connect_timeout=0.5, read_timeout=0.5, max_body=4096))
    with server(behave) as (url, requests), pytest.raises(NoResponse) as error:
        transport.send(POST, f"{url}/{SECRET}?phone=79123456789")
    assert error.value.kind is kind
    assert len(requests) == 1, "nothing is repeated in the transport"
    assert SECRET not in str(error.value) + repr(error.value)
    assert "79123456789" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_several_threads_at_once_share_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    new_session = RequestsTransport._new_session

    def slowly(transport: RequestsTransport) -> Any:
        time.sleep(0.05)
        made.append(new_session(transport))
        return made[-1]

    monkeypatch.setattr(RequestsTransport, "_new_session", slowly)
    transport = RequestsTransport(TransportSettings())
    ok = answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1")
    with server(ok) as (url, requests), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: transport.send(POST, f"{url}/{number}").body, range(24)))
    assert (answers, len(made), len(requests)) == ([b"1"] * 24, 1, 24)


def test_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoResponse) as error:
        RequestsTransport(TransportSettings()).send(POST, f"http://127.0.0.1:{port}/{SECRET}")
    assert error.value.kind is NoResponseKind.UNREACHABLE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    text = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    with server(answer(text)) as (url, requests):
        assert RequestsTransport(TransportSettings()).send(POST, url).status == status
    assert len(requests) == 1


def test_netrc_is_not_read(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    netrc = Path(str(tmp_path), ".netrc")
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with server(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (url, requests):
        RequestsTransport(TransportSettings()).send(POST, url)
    assert b"Authorization" not in requests[0]


def test_a_request_that_connects_too_late_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a host up has no limit of its own."""
    look_up = socket.getaddrinfo

    def slow(*arguments: object, **more: object) -> object:
        time.sleep(1.2)
        return look_up(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    transport = RequestsTransport(TransportSettings(connect_timeout=0.5, read_timeout=5))
    with server(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (url, requests):
        with pytest.raises(NoResponse) as error:
            transport.send(POST, url)
        time.sleep(0.2)
    assert error.value.kind is NoResponseKind.TIMEOUT
    assert not any(requests), "connected, perhaps, but nothing was sent"


def test_urllib3_logs_neither_token_nor_phone(caplog: pytest.LogCaptureFixture) -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nno header at all\r\n\r\n"
    with caplog.at_level("DEBUG"), server(answer(text)) as (url, _):
        RequestsTransport(TransportSettings()).send(POST, f"{url}/{SECRET}?phone=79123456789")
    assert SECRET not in caplog.text
    assert "79123456789" not in caplog.text


def test_a_post_bears_its_parameters_in_the_url_and_no_body() -> None:
    with server(answer('HTTP/1.1 200 OK\r\nDATE: x\r\nContent-Length: 3\r\n\r\n"1"')) as (url, requests):
        response = RequestsTransport(TransportSettings()).send(POST, f"{url}/a?gmtZone=%2B03%3A30")
    assert (response.body, response.headers["date"]) == (b'"1"', "x")
    assert requests[0].startswith(b"POST /a?gmtZone=%2B03%3A30 HTTP/1.1\r\n")
    assert b"Idempotence-Key: k\r\n" in requests[0]
    assert b"Content-Length: 0\r\n" in requests[0]
