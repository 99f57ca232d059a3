"""The command ``aimylogic-emulator`` as a process of its own, and a client for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aimylogic_provider.emulator import EmulatorClient

__all__ = ["LocalEmulator"]


class LocalEmulator(EmulatorClient):
    """The emulator, as a context manager.

    :param port: 0 for any free one
    """

    def __init__(self, port: int = 0) -> None:
        command = [str(Path(sys.executable).parent / "aimylogic-emulator"), "--port", str(port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("The emulator serves"):
            raise RuntimeError("the emulator did not start")
        super().__init__(line.split()[-1])

    def __enter__(self) -> LocalEmulator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
