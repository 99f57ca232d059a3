"""What people and rows hold arrives as it is, or is refused: nothing of it becomes a header, a path or a parameter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from aimylogic_provider.calls_api import endpoints
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.client import AsyncCampaignClient, CampaignClient
from aimylogic_provider.calls_api.errors import ConnectionRejectedError, RejectedError
from aimylogic_provider.calls_api.http_messages import Request
from aimylogic_provider.calls_api.phones.phone import canonical_phone, mask_phone
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport, TransportSettings
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.conftest import TOKEN, connection_json
from tests.security.hostile import answer, hostile

SETTINGS = TransportSettings(connect_timeout=2, read_timeout=2)
TEXTS = {
    "line ends": "Alex\r\nX-Evil: yes\r\n\r\nPOST / HTTP/1.1",
    "a further parameter": "Alex&phone=79990000000&gmtZone=Z#x",
    "a path": "../../../etc/passwd?x=1;y=2",
    "percent signs": "%0d%0aX-Evil: yes%00%2e%2e%2f%",
    "an emoji": "👩‍👩‍👧‍👦 𝒜lex",
    "right to left": "\u202eAlex\u2066\u200f",
    "quotes": "'\"`\\; drop table calls;--",
    "a template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "an element": "<script>alert(1)</script>",
    "control characters": "a\x01\x1b[31m\x7f\x85\u2028b",
    "a plus": "a+b c",
    "noncharacters": "\uffff\U0010ffff\ufdd0",
    "nothing but spaces": "   ",
}


def short(value: object) -> str:
    return ascii(value)[:30] if isinstance(value, str) else type(value).__name__


def asked(client: CampaignClient, request: Request[Any]) -> Any:
    return client.ask(request).value


def asked_async(client: CampaignClient, request: Request[Any]) -> Any:
    async def run() -> Any:
        async with AiohttpTransport(SETTINGS, connections=1) as transport:
            return (await AsyncCampaignClient(client.address, transport).ask(request)).value

    return asyncio.run(run())


@pytest.mark.parametrize("ask", [asked, asked_async])
def test_a_payload_arrives_as_it_is(emulator: Emulator, ask: Callable[..., Any]) -> None:
    """As value and as name, by both methods and in a list."""
    client = CampaignClient(CampaignAddress.of(emulator.url, TOKEN), RequestsTransport(SETTINGS))
    payloads = [{name: text, text: name} for name, text in TEXTS.items()]
    call = [Call.of(f"+7912000{number:04}", payload) for number, payload in enumerate(payloads)]
    listed = [ListedCall.of(f"+7913000{number:04}", {"in": [payload]}) for number, payload in enumerate(payloads)]
    for number, one in enumerate(call):
        ask(client, endpoints.add_phone(one, idempotence_key=f"k{number}", method=("GET", "POST")[number % 2]))
    ask(client, endpoints.add_phones(listed, idempotence_key="k"))
    jobs = {job.phone: job.payload for job in emulator.jobs()}
    assert jobs == {
        **{one.phone: payload for one, payload in zip(call, payloads, strict=True)},
        **{one.phone: {"in": [payload]} for one, payload in zip(listed, payloads, strict=True)},
    }


@pytest.mark.parametrize("ask", [asked, asked_async])
def test_it_is_one_request_of_one_line(ask: Callable[..., Any]) -> None:
    with hostile(answer()) as server:
        client = CampaignClient(CampaignAddress.of(server.url, TOKEN), RequestsTransport(SETTINGS))
        ask(client, endpoints.add_phone(Call.of("79123456789", TEXTS), idempotence_key="k"))
    (head,) = server.requests
    line, *headers = head.decode("ascii").rstrip().split("\r\n")
    method, target, version = line.split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    assert urlsplit(target).path == f"/api/crmCalls/campaign/{TOKEN}/addPhone"
    assert dict(parse_qsl(urlsplit(target).query, strict_parsing=True)) == {"phone": "79123456789", **TEXTS}
    assert not [one for one in headers if one.lower().startswith("x-evil")]


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfffb"])
@pytest.mark.parametrize("place", ["value", "name", "deep"])
def test_what_no_server_takes_is_refused(text: str, place: str) -> None:
    payloads: dict[str, dict[str, Any]] = {
        "value": {"a": text},
        "name": {text: "a"},
        "deep": {"a": [{"b": text}]},
    }
    payload = payloads[place]
    with pytest.raises(RejectedError):
        ListedCall.of("79123456789", payload)
    if place != "deep":
        with pytest.raises(RejectedError):
            Call.of("79123456789", payload)


@pytest.mark.parametrize(
    "phone",
    ["79035556677\r\nX: y", "79035556677&gmtZone=Z", "79035556677#", "79035556677/etc", "79035556677?x",
     "7903555\n6677", "79035556677\0", "79035556677\ud800", "79035556677;ext=1", "tel:+79035556677", "٠", "²", "①",
     "-", "+", "++79035556677", 10**5000, -(10**5000), "9" * 100_000],
    ids=short,
)  # fmt: skip
def test_a_phone_is_its_digits_or_none(phone: object) -> None:
    with pytest.raises(RejectedError) as error:
        canonical_phone(phone)
    assert len(str(error.value)) < 400
    assert "9035556677" not in str(error.value)


@pytest.mark.parametrize(
    "phone",
    ["+7903555667²", "+4915123456789¹", "+491512345678⑨", "+49151234567⒏", "+4915123456789 ⁽¹⁾", "+4915123456789₁"],
)
def test_a_footnote_is_no_digit(phone: str) -> None:
    """Of some countries numbers have no one length: with a digit more it would be another person's."""
    with pytest.raises(RejectedError, match="holds characters that aren't part of a phone number"):
        canonical_phone(phone)


@pytest.mark.parametrize(
    "phone",
    ["＋７９０３５５５６６７７", "+7\u00a0903\u2011555‑66‒77", "79035556677/../..", "٧٩٠٣٥٥٥٦٦٧٧", "७९०३५५५६६७७",
     "\u202a+79035556677\u202c", "\u200f79035556677"],
)  # fmt: skip
def test_digits_of_another_width_or_script_are_digits_and_marks_of_direction_are_nothing(phone: str) -> None:
    assert canonical_phone(phone) == "79035556677"


@pytest.mark.parametrize("text", ["9" * 1_000_000 + "x", "(9" * 500_000 + "x", " " * 1_000_000 + "x"], ids=short)
@pytest.mark.parametrize("read", [canonical_phone, mask_phone])
def test_no_phone_takes_long_to_read(text: str, read: Callable[[str], str]) -> None:
    """No clock is asked: tried digit by digit, it would take a week."""
    try:
        assert len(read(text)) < 20
    except RejectedError as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize(
    "zone",
    ["+03:30\r\nX: y", "Europe/../Europe/Moscow", "../../etc/passwd", "/etc/localtime", "Europe/Moscow\0", "Z&phone=7",
     "+٠٣:٣٠٣", "+03:30#", "Europe%2FMoscow", "EUROPE/MOSCOW\n\n x", "posixrules/../UTC", "+0" * 100_000, 3, b"Z"],
    ids=short,
)  # fmt: skip
def test_a_zone_is_one_or_none(zone: object) -> None:
    with pytest.raises(RejectedError) as error:
        Call.of("79123456789", gmt_zone=zone)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "token",
    ["1.2.x\r\nX: y", "1.2.x/../..", "1.2.x?a=b", "1.2.x#", "1.2.x\\", "1.2.x\0", "1.2.х", "..", ".", "...", "1.2.x y",
     "1.2.x\t"],
)  # fmt: skip
def test_a_token_is_one_part_of_a_path(token: str) -> None:
    if token.strip() == "1.2.x":
        assert CampaignAddress.of(None, token).token == "1.2.x"
        return
    with pytest.raises(ConnectionRejectedError) as error:
        CampaignAddress.of(None, token)
    assert "1.2.x" not in str(error.value)


@pytest.mark.parametrize(
    "token", ["1.2.x%2f..%2f..", "1.2.x;a=b", "1.2.x@evil.example", "1.2.x:80", "1.2.%00", "~", "&a=b"]
)
def test_a_token_is_quoted(token: str) -> None:
    url = CampaignAddress.of("calls.example", token).url(endpoints.status())
    parts = urlsplit(url)
    assert (parts.netloc, parts.query, parts.fragment) == ("calls.example", "", "")
    assert parts.path.count("/") == 5
    assert "%2f.." not in url.lower().replace("%25", "")


@pytest.mark.parametrize(
    "host",
    ["https://app.aimylogic.com@evil.example", "https://user:word@app.aimylogic.com", "app.aimylogic.com/../..",
     "app.aimylogic.com?x=", "app.aimylogic.com#x", "app.aimylogic.com\\@evil.example", "https:///evil",
     "javascript:alert(1)",
     "file:///etc/passwd", "ftp://app.aimylogic.com", "https://app.aimylogic.com:99999", "https://app.aimylogic.com:٨٠",
     "https://[::1", "https://a b", "https://%61pp", "https://evil.example\\.aimylogic.com", "https://ev℀il.example",
     "https://evil\0.example"],
)  # fmt: skip
def test_a_host_is_a_host_alone(host: str) -> None:
    with pytest.raises(ConnectionRejectedError):
        CampaignAddress.of(host, TOKEN)


@pytest.mark.parametrize("key", ["k\r\nX: y", "k\n", "k\0", "ключ", " k", "k ", "", "k\x7f", "\ud800"])
def test_a_key_is_one_header(key: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator))
    with pytest.raises(RejectedError):
        AimylogicHook().add_phone("79123456789", idempotence_key=key)
    assert json.dumps([job.phone for job in emulator.jobs()]) == "[]"
