"""Ports for servers of tests: each is given once, to whichever process asks."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain

import pytest

from local_servers.airflow import free_port

DRAWS_IT_FIRST = """
import secrets, sys
from local_servers.airflow import free_port
draw, first = secrets.randbelow, [int(sys.argv[1])]
secrets.randbelow = lambda most: first.pop() if first else draw(most)
print(free_port(), len(first))
"""


def test_a_port_is_given_once_though_nobody_listens_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    port, draw = free_port(), secrets.randbelow
    drawn: Iterator[int] = chain([port - 20_000, port - 20_000], iter(lambda: draw(12_000), None))
    monkeypatch.setattr(secrets, "randbelow", lambda most: next(drawn))
    assert free_port() != port


def test_nor_is_it_given_to_another_process() -> None:
    port = free_port()
    command = [sys.executable, "-c", DRAWS_IT_FIRST, str(port - 20_000)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    given, not_drawn = done.stdout.split()
    assert not_drawn == "0"
    assert given != str(port)
