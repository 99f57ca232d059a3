"""Notifiers: callbacks of DAGs, tasks and deadlines that ring people, in the little time that a callback has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.notifications.aimylogic import AimylogicNotifier

__all__ = ["AimylogicNotifier"]

_MODULES = {"AimylogicNotifier": "aimylogic"}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
