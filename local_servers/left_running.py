"""Processes of one folder that outlive the program that started them: which those are, and how they are ended.

A number alone tells nothing: after a reboot it may be a stranger's. Whatever was started here works in the folder,
leads a session of its own, has no terminal, and is this Python.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["LeftRunning"]


class LeftRunning:
    """The processes that were started in a folder, and left running.

    :param folder: the working directory of each
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder.resolve())

    def leaders(self) -> list[int]:
        """The process ids of those that are there."""
        return [pid for pid in psutil.pids() if self.leads(pid)]

    def leads(self, pid: int | None) -> bool:
        """Whether a process id is that of one of them, and it lives."""
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.cwd() == self._folder
                and os.getsid(pid) == pid
                and process.terminal() is None
                and os.path.realpath(process.exe()) == os.path.realpath(sys.executable)
            )
        except (psutil.Error, OSError):
            return False

    def is_well(self, pid: int | None) -> bool:
        """Whether it lives, and nobody made it stand still."""
        if pid is None or not self.leads(pid):
            return False
        try:
            return psutil.Process(pid).status() not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except psutil.Error:
            return False

    def end(self, leaders: Iterable[int], seconds: float = 5) -> None:
        """End processes, and what they started: kindly, then, after some seconds, by force.

        :param leaders: their ids; of one that is over by now, what it left behind is ended
        """
        asked = set(leaders)
        self._signal(self._sessions(asked), signal.SIGTERM)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._sessions(asked):
            time.sleep(0.1)
        self._signal(self._sessions(asked), signal.SIGKILL)
        while time.monotonic() < end + seconds and self._sessions(asked):
            time.sleep(0.05)

    def _sessions(self, leaders: set[int]) -> list[int]:
        """The processes of some sessions; those that work elsewhere only while the session's leader is one of ours."""
        ours = {pid for pid in leaders if self.leads(pid)}
        found = []
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                session, process = os.getsid(pid), psutil.Process(pid)
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if session in ours or (session in leaders and process.cwd() == self._folder):
                    found.append(pid)
        return found

    @staticmethod
    def _signal(pids: Iterable[int], number: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                if number != signal.SIGKILL:
                    os.kill(pid, signal.SIGCONT)  # one that was stopped hears nothing else
