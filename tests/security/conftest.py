"""A sync, as those tests drive it that attack one."""

from __future__ import annotations

from tests.call_list.conftest import make_sync

__all__ = ["make_sync"]
