"""Harness of a connection's settings: host, port, scheme, token and extra, as an object of these names.

``TOKEN`` in the host stands for the token, as in a URL that was pasted whole.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from urllib3.util import parse_url

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.endpoints import add_phone
from aimylogic_provider.calls_api.errors import ConnectionRejectedError
from aimylogic_provider.hooks.connection_extra import ConnectionExtra
from tests.fuzz.parsers.harness import SECRET, Harness, NotAnInput, check_told, json_value

__all__ = ["HARNESS"]

REQUEST = add_phone(Call.of("79123456789"))
LOOPBACK = re.compile(r"(?:.*\.)?localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|::1|0:0:0:0:0:0:0:1|::ffff:127\.[0-9.]+")


def _check(content: bytes) -> None:
    settings = json_value(content)
    if not isinstance(settings, dict):
        raise NotAnInput
    _check_extra(settings.get("extra"))
    host, token, port, scheme = (settings.get(name) for name in ("host", "token", "port", "scheme"))
    host = host.replace("TOKEN", SECRET) if isinstance(host, str) else None
    token = token.replace("TOKEN", SECRET) if isinstance(token, str) else SECRET
    port = port if type(port) is int else None
    scheme = scheme if scheme in ("http", "https") else None
    for allowed in (False, True):
        _check_address(host, token, port, scheme, allowed)


def _check_address(host: str | None, token: str, port: int | None, scheme: str | None, allowed: bool) -> None:
    try:
        address = CampaignAddress.of(host, token, port=port, scheme=scheme, allow_plain_http=allowed)
    except ConnectionRejectedError as error:
        check_told(error)
        assert SECRET not in str(error) or SECRET in _name(host or ""), "it tells the token"
        return
    base = urlsplit(address.base_url)
    assert base.scheme in ("http", "https")
    assert base.hostname
    assert (base.username, base.path, base.query, base.fragment) == (None, "", "", "")
    assert base.scheme == "https" or allowed or _is_loopback(base.hostname), "the token would go unencrypted"
    again = CampaignAddress.of(address.base_url, token, allow_plain_http=True)
    assert again == address, "the canonical form is another host's"
    assert len(token) < 8 or token not in repr(address) or token in address.base_url, "it tells the token"
    url = parse_url(address.url(REQUEST))
    quoted = quote(token.strip(), safe="")
    assert url.path == f"/api/crmCalls/campaign/{quoted}/addPhone", "it is sent to another path"
    assert url.host is not None
    assert (url.scheme, url.port) == (base.scheme, base.port)
    assert quoted in address.secrets()


def _is_loopback(host: str) -> bool:
    return LOOPBACK.fullmatch(host) is not None or host.startswith("127.") or set(host[:-1]) <= set("0:")


def _name(host: str) -> str:
    """The part of a setting that stands where a host's name does."""
    scheme, found, rest = host.partition("://")
    return re.split(r"[/?#\s\\]", rest if found else scheme, maxsplit=1)[0].rpartition("@")[2] + (
        scheme if found and SECRET in scheme else ""
    )


def _check_extra(content: Any) -> None:
    try:
        extra = ConnectionExtra.of("campaign", content)
    except ConnectionRejectedError as error:
        check_told(error)
        return
    if not all(isinstance(name, str) for name in extra.values):
        raise NotAnInput
    assert all(isinstance(name, str) for name in extra.unknown)
    try:
        settings = extra.transport_settings()
        assert isinstance(extra.flag("allow_plain_http", False), bool)
    except ConnectionRejectedError as error:
        check_told(error)
        assert "secret" not in str(error), "it tells a proxy's password"
        return
    assert 0 < settings.connect_timeout <= 600
    assert 0 < settings.read_timeout <= 600
    assert isinstance(settings.verify, (bool, str))
    assert all(isinstance(part, str) for pair in settings.proxies.items() for part in pair)


HARNESS = Harness("connections", _check, ("calls_api/address.py", "hooks/connection_extra.py"))
