"""Servers that throw back at their callers what they sent, token and all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["KINDS", "PHONE", "echo_servers"]

PHONE = "79120000123"


class Echo(BaseHTTPRequestHandler):
    """A server that throws back at its callers what they sent, token and all."""

    def answer(self) -> None:
        kind = self.server.kind  # type: ignore[attr-defined]
        said = {"type": self.path, "message": f"no {self.path}", "phone": PHONE, "error": self.path, "args": self.path}
        body = b'"' + self.path.encode() + b'"' if kind == 200 else json.dumps(said).encode()
        self.send_response(kind)
        self.send_header("Location", f"http://127.0.0.1:1{self.path}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


KINDS = (200, 302, 400, 401, 404, 500)


@contextmanager
def echo_servers() -> Iterator[dict[int, str]]:
    """Servers that answer everything with one status: their URLs by it."""
    servers = {}
    for kind in KINDS:
        servers[kind] = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        servers[kind].kind = kind  # type: ignore[attr-defined]
        threading.Thread(target=servers[kind].serve_forever, daemon=True).start()
    yield {kind: f"http://127.0.0.1:{server.server_port}" for kind, server in servers.items()}
    for server in servers.values():
        server.shutdown()
