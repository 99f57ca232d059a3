"""The command ``aimylogic-emulator`` as a process of its own, and a client for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from aimylogic_provider.emulator import DEFAULT_TOKEN, EmulatorClient

__all__ = ["LocalEmulator"]


class LocalEmulator(EmulatorClient):
    """The emulator, as a context manager.

    :param port: 0 for any free one
    :param tokens: names of campaigns by their tokens
    :param folder: where it works, and writes what goes wrong to ``emulator.log``; None for here, and the terminal
    """

    def __init__(self, port: int = 0, tokens: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
        command = [str(Path(sys.executable).parent / "aimylogic-emulator"), "--port", str(port)]
        for token, name in (tokens or {}).items():
            command += ["--token", f"{token}={name}"]
        log = None if folder is None else (folder / "emulator.log").open("ab")
        try:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=log, text=True,
                start_new_session=True, cwd=folder,
            )  # fmt: skip
        finally:
            if log is not None:
                log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("The emulator serves"):
            raise RuntimeError(
                "the emulator did not start" + ("" if folder is None else f": see {folder}/emulator.log")
            )
        super().__init__(line.split()[-1], next(iter(tokens or {}), DEFAULT_TOKEN))

    def __enter__(self) -> LocalEmulator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
