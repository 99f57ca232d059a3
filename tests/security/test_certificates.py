"""A server that can't prove who it is gets no request, and so no token; both transports trust the same authorities."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.errors import ConnectionRejectedError
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from tests.conftest import TOKEN
from tests.security.certificates import Authority
from tests.security.hostile import TRANSPORTS, answer, hostile, send

STATUS = endpoints.status()


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "theirs")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def settings(verify: bool | str | Path) -> TransportSettings:
    trusted = verify if isinstance(verify, bool) else str(verify)
    return TransportSettings(connect_timeout=1, read_timeout=1, verify=trusted)


FALSE: dict[str, Callable[[Authority, Authority], ssl.SSLContext]] = {
    "of another authority": lambda ours, theirs: theirs.server("127.0.0.1"),
    "of another host": lambda ours, theirs: ours.server("127.0.0.2"),
    "of a name, and asked by address": lambda ours, theirs: ours.server("localhost"),
    "expired": lambda ours, theirs: ours.server("127.0.0.1", days=-1),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("false", FALSE.values(), ids=FALSE.keys())
def test_a_false_certificate_gets_no_request(
    transport: str, false: Callable[[Authority, Authority], ssl.SSLContext], ours: Authority, theirs: Authority
) -> None:
    with hostile(answer(), tls=false(ours, theirs)) as server, pytest.raises(NoResponse) as error:
        send(transport, STATUS, f"{server.url}/{TOKEN}", settings(ours.path))
    assert error.value.kind is NoResponseKind.CERTIFICATE
    assert server.requests == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_authority_that_nobody_named_is_not_trusted(transport: str, ours: Authority) -> None:
    with hostile(answer(), tls=ours.server("127.0.0.1")) as server, pytest.raises(NoResponse) as error:
        send(transport, STATUS, server.url, settings(True))
    assert error.value.kind is NoResponseKind.CERTIFICATE
    assert server.requests == []


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("named_by", ["verify", "a folder", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_authority_is_named_for_both_transports_alike(
    transport: str, named_by: str, host: str, ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify: bool | Path = True
    if named_by == "verify":
        verify = ours.path
    elif named_by == "a folder":
        verify = hashed(tmp_path / "authorities", ours)
    else:
        monkeypatch.setenv(named_by, str(ours.path))
    with hostile(answer(), tls=ours.server(host), host=host) as server:
        assert send(transport, STATUS, server.url, settings(verify)).status == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_the_environment_names_alone_does_not_turn_checks_off_nor_over_those_of_the_connection(
    transport: str, ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(theirs.path))
    with hostile(answer(), tls=theirs.server("127.0.0.1")) as server, pytest.raises(NoResponse):
        send(transport, STATUS, server.url, settings(ours.path))
    assert server.requests == []


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("named_by", ["verify", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_that_are_nowhere_are_told_before_any_request(
    transport: str, named_by: str, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    if named_by != "verify":
        monkeypatch.setenv(named_by, "/nowhere/authorities.pem")
    with hostile(answer(), tls=ours.server("127.0.0.1")) as server:
        with pytest.raises(ConnectionRejectedError, match=r"from '/nowhere/authorities\.pem': correct verify in"):
            send(transport, STATUS, server.url, settings("/nowhere/authorities.pem" if named_by == "verify" else True))
        assert server.requests == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_checks_are_off_only_if_the_connection_says_so(transport: str, theirs: Authority) -> None:
    with hostile(answer(), tls=theirs.server("elsewhere.example")) as server:
        assert send(transport, STATUS, server.url, settings(False)).status == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_without_tls_gets_no_request(transport: str) -> None:
    with hostile(answer()) as server, pytest.raises(NoResponse):
        send(transport, STATUS, server.url.replace("http:", "https:") + f"/{TOKEN}", settings(True))
    assert TOKEN.encode() not in b"".join(server.requests)


@pytest.mark.parametrize(
    "host",
    ["http://app.aimylogic.com", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://0.0.0.0",
     "http://10.0.0.1", "http://[::2]", "http://127.1", "http://2130706433", "HTTP://app.aimylogic.com", "http://[::ffff:10.0.0.1]"],
)  # fmt: skip
def test_plain_http_leaves_this_machine_only_if_the_connection_says_so(host: str) -> None:
    with pytest.raises(ConnectionRejectedError, match="unencrypted"):
        CampaignAddress.of(host, TOKEN)
    assert CampaignAddress.of(host, TOKEN, allow_plain_http=True).base_url.startswith("http://")


@pytest.mark.parametrize("host", ["http://ⅼocalhost", "http://１２７.0.0.1"])
def test_a_host_in_letters_that_only_look_like_this_machine_is_none(host: str) -> None:
    with pytest.raises(ConnectionRejectedError, match="isn't a host name or address"):
        CampaignAddress.of(host, TOKEN, allow_plain_http=True)


def hashed(folder: Path, authority: Authority) -> Path:
    """A folder of authorities, as OpenSSL looks them up: by a hash of their names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    folder.mkdir()
    content = authority.path.read_bytes()
    name = x509.load_pem_x509_certificate(content).subject
    # OpenSSL hashes the canonical name: in small letters, as UTF-8 text.
    (attribute,) = name
    value = str(attribute.value).lower().encode()
    canonical = bytes([0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, len(value)]) + value
    sequence = bytes([0x31, len(canonical) + 2, 0x30, len(canonical)]) + canonical
    digest = hashes.Hash(hashes.SHA1())
    digest.update(sequence)
    number = int.from_bytes(digest.finalize()[:4], "little")
    (folder / f"{number:08x}.0").write_bytes(content)
    return folder
