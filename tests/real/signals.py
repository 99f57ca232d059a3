"""The three ways in which a try is struck, and what lives on of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.airflow.processes import alive, parent

__all__ = ["Kind", "Struck"]


class Kind(StrEnum):
    """How a try is struck."""

    TASK = "KILL the task"
    SUPERVISOR = "KILL its supervisor"
    STOP = "STOP both"


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
