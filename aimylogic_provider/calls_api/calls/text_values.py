"""What a text says, in the notation of JSON or of Python: templates, columns and copied text write both."""

from __future__ import annotations

import ast
import json
from typing import Any

__all__ = ["as_value"]


def as_value(written: Any) -> Any:
    """Return what a text says as JSON or in Python's own notation; anything else as it is.

    A byte order mark before it means nothing, and what was made JSON twice is read twice.
    """
    if not isinstance(written, str):
        return written
    value = _read(written.removeprefix("\ufeff"))
    return _read(value) if isinstance(value, str) and value != written else value


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        return text
    except ValueError:
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return text
