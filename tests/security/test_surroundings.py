"""What the environment names, proxies and netrc, sends neither token nor credentials where nobody meant them to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.http_messages import NoResponse
from aimylogic_provider.calls_api.transports.proxies import proxy_for
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from tests.conftest import TOKEN
from tests.security.hostile import TRANSPORTS, answer, hostile, send

STATUS = endpoints.status()
SETTINGS = TransportSettings(connect_timeout=2, read_timeout=2)
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_is_plain_http_on_this_machine_stays_there(
    transport: str, name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would get the token in the clear, and would look for the host on its own machine."""
    with hostile(answer(b'"proxy"')) as proxy, hostile(answer(b'"here"'), host=host) as server:
        monkeypatch.setenv(name, proxy.url)
        assert send(transport, STATUS, f"{server.url}/{TOKEN}", SETTINGS).body == b'"here"'
    assert proxy.requests == []


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "the connection"])
def test_a_proxy_gets_the_hosts_name_alone(transport: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel: what goes through that is encrypted."""
    settings = SETTINGS
    with hostile(answer(b"", "403 Forbidden")) as proxy:
        at = proxy.url.replace("://", "://somebody:pass-word@")
        if name == "the connection":
            settings = TransportSettings(connect_timeout=2, read_timeout=2, proxies={"https": at})
        else:
            monkeypatch.setenv(name, at)
        with pytest.raises(NoResponse) as error:
            send(transport, STATUS, f"https://calls.example/{TOKEN}", settings)
    (head,) = proxy.requests
    assert head.startswith(b"CONNECT calls.example:443 HTTP/1.")
    assert TOKEN.encode() not in head
    assert b"Basic c29tZWJvZHk6cGFzcy13b3Jk\r\n" in head  # somebody:pass-word
    assert "pass-word" not in str(error.value)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_netrc_is_not_read(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with hostile(answer()) as server:
        send(transport, STATUS, server.url, SETTINGS)
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_cookie_comes_back(transport: str) -> None:
    """A server could mark a worker, and have it bear whatever it likes."""
    import asyncio

    from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
    from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport

    async def twice(url: str) -> None:
        async with AiohttpTransport(SETTINGS, connections=1) as by_aiohttp:
            for _ in range(2):
                await by_aiohttp.send(STATUS, url)

    with hostile(answer(b'"1"', "200 OK", "Set-Cookie: a=b; Path=/")) as server:
        if transport == "aiohttp":
            asyncio.run(twice(server.url))
        else:
            by_requests = RequestsTransport(SETTINGS)
            for _ in range(2):
                by_requests.send(STATUS, server.url)
            by_requests.close()
    assert len(server.requests) == 2
    assert b"cookie" not in b"".join(server.requests).lower()


URL = "https://calls.example/api"


@pytest.mark.parametrize(
    ("environment", "proxies", "url", "proxy"),
    [
        ({}, {}, URL, None),
        ({"HTTPS_PROXY": "http://env"}, {}, URL, "http://env"),
        ({"HTTP_PROXY": "http://env"}, {}, URL, None),
        ({"ALL_PROXY": "http://env"}, {}, URL, "http://env"),
        ({"HTTPS_PROXY": "http://env", "NO_PROXY": "calls.example"}, {}, URL, None),
        ({"HTTPS_PROXY": "http://env", "NO_PROXY": ".example"}, {}, URL, None),
        ({"HTTPS_PROXY": "http://env", "NO_PROXY": "10.0.0.0/8"}, {}, "https://10.1.2.3/api", None),
        ({"HTTPS_PROXY": "http://env"}, {"https": "http://own"}, URL, "http://own"),
        ({"HTTPS_PROXY": "http://env"}, {"http": "http://own"}, URL, None),
        ({"HTTPS_PROXY": "http://env"}, {"https://calls.example": "http://own"}, URL, "http://own"),
        ({"HTTPS_PROXY": "http://env"}, {}, "https://127.0.0.1:8089/api", None),
        ({"HTTPS_PROXY": "http://env"}, {}, "https://[::1]/api", None),
        ({}, {"http": "http://own"}, "http://127.0.0.1:8089/api", "http://own"),
    ],
)
def test_which_proxy(
    environment: dict[str, str], proxies: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection's, if it names any; else the environment's, as ``requests`` reads it; to this machine none."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url, proxies) == proxy
