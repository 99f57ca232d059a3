"""Where a campaign is: hosts, tokens, URLs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.endpoints import add_phone, status
from aimylogic_provider.calls_api.errors import ConnectionRejectedError, RejectedError

TOKEN = "8231.7056.1b131df1"


@pytest.mark.parametrize(
    ("host", "port", "scheme", "base"),
    [
        (None, None, None, "https://app.aimylogic.com"),
        ("", 0, None, "https://app.aimylogic.com"),
        ("app.jaicp.com", None, None, "https://app.jaicp.com"),
        ("HTTPS://App.JAICP.com/", 443, None, "https://app.jaicp.com"),
        ("calls.example.com", 8443, None, "https://calls.example.com:8443"),
        ("https://calls.example.com:9000", 8443, None, "https://calls.example.com:8443"),
        ("http://127.0.0.1", 8089, None, "http://127.0.0.1:8089"),
        ("localhost", 8089, "http", "http://localhost:8089"),
        ("http://[::1]:8089", None, None, "http://[::1]:8089"),
    ],
)
def test_hosts(host: str | None, port: int | None, scheme: str | None, base: str) -> None:
    assert CampaignAddress.of(host, TOKEN, port=port, scheme=scheme).base_url == base


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("https://app.aimylogic.com/api", "without a path"),
        ("https://app.aimylogic.com?x=1", "without a path"),
        ("https://user:word@app.aimylogic.com", "without a path"),
        ("ftp://app.aimylogic.com", "without a path"),
        ("https://", "without a path"),
        ("https://host:port", "without a path"),
        ("https://a b", "without a path"),
        ("http://app.aimylogic.com", "use https"),
        ("http://192.168.1.5:8089", "use https"),
        ("http://127.0.0.1.example.com", "use https"),
    ],
)
def test_bad_hosts(host: str, message: str) -> None:
    with pytest.raises(ConnectionRejectedError, match=message) as error:
        CampaignAddress.of(host, TOKEN)
    assert TOKEN not in str(error.value)
    assert "word" not in str(error.value)


def test_a_pasted_url_does_not_show_its_token() -> None:
    with pytest.raises(ConnectionRejectedError, match=r"'https://app\.aimylogic\.com…'"):
        CampaignAddress.of("https://app.aimylogic.com/api/crmCalls/campaign/9.9.secret/addPhone?phone=1", TOKEN)


def test_plain_http_can_be_allowed() -> None:
    assert CampaignAddress.of("http://10.0.0.7", TOKEN, allow_plain_http=True).base_url == "http://10.0.0.7"


@pytest.mark.parametrize("token", [None, "", "  ", "a/b", "a b", "a\nb", "a?b", "то́кен"])
def test_bad_tokens_are_never_shown(token: str | None) -> None:
    with pytest.raises(ConnectionRejectedError) as error:
        CampaignAddress.of(None, token)
    assert not token or not token.strip() or token not in str(error.value)


def test_urls_are_encoded_and_hold_the_token_only_there() -> None:
    address = CampaignAddress.of(None, "1.2.a%b+c")
    request = add_phone(Call.of("79123456789", {"name": "Алекс & Co", "a b": "1+1"}, "+03:30"))
    assert address.url(request) == (
        "https://app.aimylogic.com/api/crmCalls/campaign/1.2.a%25b%2Bc/addPhone?phone=79123456789&gmtZone=%2B03%3A30"
        "&a%20b=1%2B1&name=%D0%90%D0%BB%D0%B5%D0%BA%D1%81%20%26%20Co"
    )
    assert "1.2.a" not in repr(address) + repr(request)
    assert "7912345" not in repr(request) + repr(Call.of("79123456789"))
    assert set(address.secrets()) == {"1.2.a%b+c", "1.2.a%25b%2Bc"}


def test_a_long_url_is_refused_with_the_way_out() -> None:
    address = CampaignAddress.of(None, TOKEN)
    free = 8000 - len(address.url(replace(status(), query=(("a", ""),))))
    assert len(address.url(replace(status(), query=(("a", "x" * free),)))) == 8000
    with pytest.raises(RejectedError, match=r"8,001 characters.*addPhones"):
        address.url(replace(status(), query=(("a", "x" * (free + 1)),)))


@pytest.mark.parametrize(
    "host",
    [
        f"https://app.aimylogic.com/{TOKEN}/addPhone?back=https://x",
        f"x/{TOKEN}://y",
        f"https:\\\\app.aimylogic.com\\{TOKEN}",
        f"https://me:{TOKEN}@app.aimylogic.com",
    ],
)
def test_a_token_within_a_host_is_not_shown(host: str) -> None:
    with pytest.raises(ConnectionRejectedError, match="without a path") as error:
        CampaignAddress.of(host, TOKEN)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64, "https://\u00b2", "https://-\u00e9-"])
def test_a_name_that_nothing_can_be_sent_to_is_refused_before_anything_is_noted(host: str) -> None:
    with pytest.raises(ConnectionRejectedError, match="isn't a host name"):
        CampaignAddress.of(host, TOKEN)


@pytest.mark.parametrize("token", [".", ".."])
def test_a_token_that_would_lead_to_another_path_is_refused(token: str) -> None:
    with pytest.raises(ConnectionRejectedError, match="dots alone"):
        CampaignAddress.of(None, token)


def test_a_port_too_long_to_be_written_is_refused() -> None:
    with pytest.raises(ConnectionRejectedError, match="isn't a port"):
        CampaignAddress.of(None, TOKEN, port=10**5000)
