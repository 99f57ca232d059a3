"""What a person answered, as Airflow brings it to a task."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["said"]


def said(option: str, form: Any = None, **changes: Any) -> dict[str, Any]:
    """The event of an answer by Maria.

    :param option: that she chose
    :param form: what she filled in
    :param changes: what is otherwise
    """
    return {
        "chosen_options": [option],
        "params_input": form or {},
        "responded_at": datetime(2026, 1, 2, tzinfo=UTC),
        "responded_by_user": {"id": "7", "name": "Maria"},
        "timedout": False,
        **changes,
    }
