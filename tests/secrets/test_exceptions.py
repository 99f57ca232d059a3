"""The token in no exception, in none beneath it, and in no repr."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from aimylogic_provider.calls_api.errors import AimylogicError
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from tests.airflow.campaign import TOKEN, random_token
from tests.secrets.echo import KINDS, PHONE, echo_servers
from tests.secrets.leaks import leaks

PLANTED = random_token()


@pytest.fixture(scope="module")
def echoes() -> Iterator[dict[int, str]]:
    with echo_servers() as servers:
        yield servers


def told(error: BaseException) -> bytes:
    """All that an exception and those beneath it could tell, whether Python would show them or not."""
    texts = ["".join(traceback.format_exception(error))]
    below: BaseException | None = error
    while below is not None:
        texts += [str(below), repr(below), repr(below.args), repr(vars(below))]
        below = below.__cause__ or below.__context__
    return "\n".join(texts).encode()


def connection(url: str, **extra: object) -> str:
    host, _, port = url.rpartition(":")
    return json.dumps(
        {"conn_type": "aimylogic", "host": host, "port": int(port), "password": TOKEN,
         "extra": {"connect_timeout": 1, "read_timeout": 1, **extra}}
    )  # fmt: skip


CALLS: dict[str, Any] = {
    "add_phone": lambda hook: hook.add_phone("79123456789"),
    "add_phone by GET": lambda hook: hook.add_phone("79123456789", method="GET", idempotence_key="k"),
    "get_campaign": lambda hook: hook.get_campaign(),
    "get_call_jobs": lambda hook: hook.get_call_jobs(phones=["79123456789"]),
    "pause_campaign": lambda hook: hook.pause_campaign(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("kind", [*KINDS, "nobody", "reset", "slow"])
def test_no_token_in_exceptions_and_reprs(
    echoes: dict[int, str], monkeypatch: pytest.MonkeyPatch, kind: int | str, call: Any
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with Emulator(tokens=(TOKEN,)) as emulator:
        if kind == "reset":
            emulator.fault("before_commit", "reset", times=None)
        if kind == "slow":
            emulator.fault("before_commit", "delay", seconds=30, times=None)
        url = echoes[kind] if isinstance(kind, int) else "http://127.0.0.1:1" if kind == "nobody" else emulator.url
        extra = {"read_timeout": 0.1} if kind == "slow" else {}
        monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection(url, **extra))
        hook = AimylogicHook()
        try:
            result = repr(call(hook)).encode()
        except AimylogicError as error:
            result = told(error)
            assert "9123456789" not in str(error)
            assert PHONE not in str(error)
        client = hook.get_conn()
        shown = "\n".join(map(repr, (hook, client, client.address, client._transport, vars(client)))).encode()
        assert leaks({"exception": result, "reprs": shown}, TOKEN) == {}


def test_a_leak_in_an_exception_is_found() -> None:
    try:
        try:
            raise ValueError(PLANTED)
        except ValueError:
            raise RuntimeError("hidden") from None
    except RuntimeError as error:
        assert leaks({"exception": told(error)}, PLANTED)
