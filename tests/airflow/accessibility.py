"""What axe-core finds on a page that is open: whatever keeps people out who don't see it, or don't use a mouse."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

from tests.conftest import absent

__all__ = ["serious_findings"]


@cache
def _axe() -> str:
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        absent("axe-core is absent: `make mariadb` installs what tests/optional.lock names")
    return (Path(found.origin).parent / "axe.min.js").read_text()


def serious_findings(page: Page | Frame) -> list[str]:
    """What is serious or critical, in words. The script is put in by DevTools, which the page's policy doesn't bind."""
    page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
