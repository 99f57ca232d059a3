"""Hooks: from an Airflow connection to a campaign's client. Nothing here knows of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic import AimylogicHook
    from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook

__all__ = ["AimylogicAsyncHook", "AimylogicHook"]

_MODULES = {
    "AimylogicAsyncHook": "aimylogic_async",
    "AimylogicHook": "aimylogic",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
