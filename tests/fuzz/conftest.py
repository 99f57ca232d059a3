"""What the fuzz tests share: whatever comes in, the server logs no trouble of its own, and never a token."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.conftest import OTHER_TOKEN, TOKEN

_SERVERS = ("aimylogic_provider", "aiohttp", "asyncio")


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A line of WARNING or above means that the server was surprised; a token must not stand in any line."""
    for name in _SERVERS:
        caplog.set_level(logging.DEBUG, name)
    yield
    records = [one for one in caplog.get_records("call") if one.name.partition(".")[0] in _SERVERS]
    assert [one.getMessage() for one in records if one.levelno >= logging.WARNING] == []
    formatted = "\n".join(caplog.handler.format(one) for one in records)
    assert TOKEN not in formatted
    assert OTHER_TOKEN not in formatted
