"""The page at ``/``: the files of ``static``, served as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files

from aimylogic_provider.emulator.http.exchange import HttpAnswer

__all__ = ["FILES"]

_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def _file(name: str, content_type: str) -> HttpAnswer:
    content = (files("aimylogic_provider.emulator") / "static" / name).read_bytes()
    return HttpAnswer(body=content, content_type=content_type, headers=_SECURITY)


FILES: dict[str, Callable[[], HttpAnswer]] = {
    "page.html": partial(_file, "page.html", "text/html; charset=utf-8"),
    "page.css": partial(_file, "page.css", "text/css; charset=utf-8"),
    "page.js": partial(_file, "page.js", "text/javascript; charset=utf-8"),
}
"""What serves each file."""
