"""AimylogicAsyncHook against the emulator: it reads what the other hook reads, repeats it, and can't send."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from aimylogic_provider.calls_api.errors import ApiError, RejectedError
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicAsyncHook, AimylogicHook
from tests.conftest import OTHER_TOKEN, connection_json

T = TypeVar("T")


def asked(question: Callable[[AimylogicAsyncHook], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with AimylogicAsyncHook() as hook:
            return await question(hook)

    return asyncio.run(ask())


def test_it_reads_what_the_other_hook_reads(connections: None, emulator: Emulator) -> None:
    hook = AimylogicHook()
    job = hook.add_phone("+7 912 345-67-89")
    emulator.advance(days=1)
    since = datetime.now(UTC) - timedelta(days=2)
    questions: list[Callable[[Any], Any]] = [
        lambda hook: hook.get_campaign(),
        lambda hook: hook.get_campaign_status(),
        lambda hook: hook.get_call_jobs(ids=[job]),
        lambda hook: hook.get_call_jobs(phones=["+7 (912) 345-67-89"]),
        lambda hook: hook.get_call_jobs_by_date(created_from=since),
        lambda hook: hook.get_unfinished_call_jobs(page_size=7),
        lambda hook: hook.get_call_attempts(ids=[job]),
        lambda hook: hook.get_call_attempts_by_date(started_from=since),
    ]
    assert [asked(question) for question in questions] == [question(hook) for question in questions]


def test_its_reading_methods_have_the_other_hooks_signatures() -> None:
    def told(hook: type, name: str) -> list[Any]:
        return [(one.name, one.kind, one.default) for one in inspect.signature(getattr(hook, name)).parameters.values()]

    names = [name for name in dir(AimylogicHook) if name.startswith(("get_ca", "get_un"))]
    assert len(names) == 7, names
    assert [told(AimylogicAsyncHook, name) for name in names] == [told(AimylogicHook, name) for name in names]


def test_it_cannot_send() -> None:
    sending = [
        name for name in dir(AimylogicHook) if name.split("_")[0] in ("add", "cancel", "pause", "resume", "stop")
    ]
    assert len(sending) == 6
    assert not any(hasattr(AimylogicAsyncHook, name) for name in sending)


def test_reads_are_repeated_also_after_429(connections: None, emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="reset")
    emulator.fault(phase="before_commit", action="status", status=429, headers={"Retry-After": "1"})
    assert asked(lambda hook: hook.get_campaign_status()) == "inProgress"
    assert emulator.count("status") == 3


def test_a_server_that_asks_for_a_long_pause_is_not_asked_again(connections: None, emulator: Emulator) -> None:
    emulator.fault(phase="before_commit", action="status", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ApiError) as error:
        asked(lambda hook: hook.get_campaign_status())
    assert (error.value.retryable, error.value.retry_after, emulator.count("status")) == (True, 3600, 1)


def test_a_token_that_was_changed_is_taken_up(
    connections: None, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read() -> tuple[bool, str, bool, str]:
        async with AimylogicAsyncHook() as hook:
            same = await hook.look_up_again()
            before = (await hook.get_campaign()).id
            monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(emulator, OTHER_TOKEN))
            changed = await hook.look_up_again()
            return same, str(before), changed, str((await hook.get_campaign()).id)

    same, before, changed, after = asyncio.run(read())
    assert (same, changed) == (False, True)
    assert before != after


def test_outside_its_context_it_says_how_to_use_it(connections: None) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(AimylogicAsyncHook().get_campaign_status())


def test_bad_input_never_reaches_the_network(connections: None, emulator: Emulator) -> None:
    with pytest.raises(RejectedError, match="neither phones nor ids"):
        asked(lambda hook: hook.get_call_jobs())
    assert emulator.requests() == []


def test_what_takes_long_to_load_is_not_loaded_in_the_event_loop(emulator: Emulator) -> None:
    """Where all other triggers wait for it."""
    code = (
        "import asyncio, sys, threading\n"
        "from aimylogic_provider.hooks import AimylogicAsyncHook\n"
        "before = set(sys.modules)\n"
        "loaded_in_loop = []\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if threading.current_thread() is threading.main_thread() and running:\n"
        "            loaded_in_loop.append(name)\n"
        "running = False\n"
        "sys.meta_path.insert(0, Finder())\n"
        "async def ask():\n"
        "    global running\n"
        "    running = True\n"
        "    async with AimylogicAsyncHook() as hook:\n"
        "        await hook.get_campaign_status()\n"
        "        await hook.get_call_jobs_by_date(page_size=1)\n"
        "    running = False\n"
        "asyncio.run(ask())\n"
        "print(*sorted({name.partition('.')[0] for name in loaded_in_loop}))"
    )
    environment = {**os.environ, "AIRFLOW_CONN_AIMYLOGIC_DEFAULT": connection_json(emulator)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    heavy = {"aiohttp", "requests", "urllib3", "phonenumbers", "tenacity", "yarl", "multidict"}
    assert not heavy & set(done.stdout.splitlines()[-1].split()), done.stdout
