"""Processes of this machine, as Linux tells of them in ``/proc``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["alive", "parent"]


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
