"""The command ``aimylogic-emulator`` as a process of its own, and the few questions that the demo asks it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["LocalEmulator"]


class LocalEmulator:
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
        self.url = line.split()[-1] if line else ""
        if not self.url.startswith("http://"):
            raise RuntimeError("the emulator did not start")

    def __enter__(self) -> LocalEmulator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Ask one of the emulator's own paths."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/_emulator{path}", method=method, data=None if body is None else json.dumps(body).encode()
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            return json.load(response)

    def lose_answers(self, times: int) -> None:
        """Let the next *times* answers to addPhone get lost, after the job was created."""
        rule = {"phase": "after_commit", "action": "reset", "path": "/addPhone", "times": times}
        self.api("POST", "/faults", rule)

    def advance(self, hours: float) -> None:
        """Move the clock."""
        self.api("POST", "/clock/advance", {"seconds": hours * 3600})

    def jobs(self) -> list[dict[str, Any]]:
        """All call jobs of the campaign."""
        found: list[dict[str, Any]] = self.api("GET", "/campaigns/1/jobs")
        return found

    def count(self, endpoint: str) -> int:
        """How many requests an endpoint has had."""
        number: int = self.api("GET", "/requests")["counts"].get(endpoint, 0)
        return number
