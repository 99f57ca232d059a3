"""How the tests of this folder ask the emulator: by plain HTTP, as any client would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests

from aimylogic_provider.emulator import Emulator
from tests.conftest import TOKEN

PHONE = "79123456789"
KEY = "Idempotence-Key"

_session = requests.Session()
_session.trust_env = False
_session.headers["Connection"] = "close"  # for the next emulator may listen where this one did


def phone(number: int) -> str:
    """A number of its own for each number."""
    return f"7912{number:07}"


def crm(emulator: Emulator, token: str = TOKEN) -> str:
    return f"{emulator.url}/api/crmCalls/campaign/{token}"


def calls(emulator: Emulator, token: str = TOKEN) -> str:
    return f"{emulator.url}/api/calls/campaign/{token}"


def ask(
    emulator: Emulator, method: str, endpoint: str, *, token: str = TOKEN, key: str | None = None, **arguments: Any
) -> requests.Response:
    """Ask an endpoint, named by its path behind the token; ``""`` is the campaign itself."""
    base = crm(emulator, token) if endpoint in ("addPhone", "test/addPhone") else calls(emulator, token)
    headers = {**arguments.pop("headers", {}), **({} if key is None else {KEY: key})}
    return _session.request(method, f"{base}/{endpoint}".rstrip("/"), headers=headers, timeout=10, **arguments)


def add(emulator: Emulator, key: str | None = None, *, token: str = TOKEN, **query: str) -> requests.Response:
    """Add a number by POST."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return ask(emulator, "POST", "addPhone", token=token, key=key, params={"phone": PHONE, **query}, headers=headers)


def add_many(
    emulator: Emulator, items: Sequence[object], key: str | None = None, *, token: str = TOKEN
) -> requests.Response:
    return post(emulator, "addPhones", items, key, token=token)


def post(
    emulator: Emulator, endpoint: str, body: object = None, key: str | None = None, *, token: str = TOKEN
) -> requests.Response:
    """Ask with a JSON body; without any for None."""
    arguments = {} if body is None else {"json": body}
    return ask(emulator, "POST", endpoint, token=token, key=key, **arguments)


def get(emulator: Emulator, endpoint: str = "", *, token: str = TOKEN) -> requests.Response:
    return ask(emulator, "GET", endpoint, token=token)


def jobs(emulator: Emulator) -> int:
    """How many jobs the first campaign has."""
    return emulator.campaign(1).jobs


def job(emulator: Emulator, phone: str = PHONE) -> dict[str, Any]:
    """The one job of a phone, as its report shows it."""
    (row,) = post(emulator, "callJob/getReport", {"phones": [phone]}).json()
    return dict(row)


def attempts(emulator: Emulator, phone: str = PHONE) -> list[dict[str, Any]]:
    """The attempts of a phone, as their report shows them."""
    return list(post(emulator, "callAttempt/getReport", {"phones": [phone]}).json())
