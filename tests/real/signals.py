"""The three ways in which a try is struck, and what lives on of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = ["Kind", "Struck", "alive", "parent"]


class Kind(StrEnum):
    """How a try is struck."""

    TASK = "KILL the task"
    SUPERVISOR = "KILL its supervisor"
    STOP = "STOP both"


def parent(process: int) -> int:
    """The process that started another one.

    :raises FileNotFoundError: if that is gone
    """
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])


def alive(process: int) -> bool:
    """Whether a process runs, or is stopped; a zombie does neither."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass
class Struck:
    """A try that was struck.

    :param process: of the task
    :param supervisor: of that
    """

    kind: Kind
    process: int
    supervisor: int

    @classmethod
    def strike(cls, kind: Kind, process: int) -> Struck | None:
        """Strike a try by its process; None if that is gone, or has lost its supervisor before."""
        try:
            supervisor = parent(process)
            if supervisor <= 1 or not _is_supervisor(supervisor):
                return None
            match kind:
                case Kind.TASK:
                    os.kill(process, signal.SIGKILL)
                case Kind.SUPERVISOR:
                    os.kill(supervisor, signal.SIGKILL)
                case Kind.STOP:
                    # The supervisor first: it would else tell Airflow that the task still lives.
                    os.kill(supervisor, signal.SIGSTOP)
                    os.kill(process, signal.SIGSTOP)
        except (FileNotFoundError, ProcessLookupError):
            return None
        return cls(kind, process, supervisor)

    def wake_task(self) -> None:
        _continue(self.process)

    def wake_supervisor(self) -> None:
        _continue(self.supervisor)

    @property
    def lives(self) -> bool:
        """Whether the struck task's process may still do something."""
        return alive(self.process)


def _continue(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def _is_supervisor(process: int) -> bool:
    """Whether it is one of LocalExecutor's workers, which supervise a task each."""
    with suppress(FileNotFoundError):
        return b"LocalExecutor" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False
