"""Processes that outlive the program that started them: found by where they work, never by their number alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_servers.airflow import wait_for
from local_servers.left_running import LeftRunning

SLEEPS = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
PARENT = (
    f"import os, subprocess, sys; child = [sys.executable, '-c', {SLEEPS!r}]; "
    f"print(subprocess.Popen(child, preexec_fn=lambda: os.setpgid(0, 0)).pid, flush=True); {SLEEPS}"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(started: list[subprocess.Popen[str]], folder: Path, code: str = SLEEPS, *, leads: bool = True) -> int:
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        start_new_session=leads,
    )  # fmt: skip
    started.append(process)
    return process.pid


def test_those_of_the_folder_are_found_and_ended_and_no_others(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    mine, others = start(started, home), start(started, elsewhere)
    follower = start(started, home, leads=False)  # as a command that somebody runs there
    left = LeftRunning(home)
    wait_for("the process", lambda: left.leads(mine), 10)
    assert left.leaders() == [mine]
    assert not any(map(left.leads, (others, follower, None, 2**22 + 1)))
    left.end([mine, others])
    assert started[0].wait(60) == -signal.SIGTERM
    assert started[1].poll() is None is started[2].poll(), "a number that is a stranger's by now is left alone"


def test_it_is_found_though_its_folder_was_deleted(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine, left = start(started, home), LeftRunning(home)
    wait_for("the process", lambda: left.leads(mine), 10)
    shutil.rmtree(home)
    assert left.leaders() == [mine]


def test_what_stands_still_or_hears_nothing_is_ended_with_all_that_it_started(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    left = LeftRunning(tmp_path)
    stubborn, parent = start(started, tmp_path, STUBBORN), start(started, tmp_path, PARENT)
    for process in started:
        assert process.stdout is not None
    assert started[0].stdout.readline() == "on\n"  # type: ignore[union-attr]
    child = int(started[1].stdout.readline())  # type: ignore[union-attr]
    os.kill(stubborn, signal.SIGSTOP)
    wait_for("the stop", lambda: not left.is_well(stubborn), 5)
    assert left.leads(stubborn)
    began = time.monotonic()
    left.end([stubborn, parent], seconds=1)
    assert time.monotonic() - began < 20
    assert [process.wait(60) for process in started] == [-signal.SIGKILL, -signal.SIGTERM]
    wait_for("the child", lambda: not psutil.pid_exists(child), 5)


def test_what_a_dead_one_left_behind_is_ended(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    left, parent = LeftRunning(tmp_path), start(started, tmp_path, PARENT)
    child = int(started[0].stdout.readline())  # type: ignore[union-attr]
    started[0].kill()
    started[0].wait()
    assert psutil.pid_exists(child)
    left.end([parent], seconds=2)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
