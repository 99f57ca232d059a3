"""A value in a template field after rendering: native, as XCom gave it, or as the text that a template made of it."""

from __future__ import annotations

import ast
import json
from typing import Any

__all__ = ["as_value"]


def as_value(rendered: Any) -> Any:
    """Return what a text says as JSON or as Python's own notation; anything else as it is."""
    if not isinstance(rendered, str):
        return rendered
    try:
        return json.loads(rendered)
    except RecursionError:
        return rendered
    except ValueError:
        try:
            return ast.literal_eval(rendered)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return rendered
