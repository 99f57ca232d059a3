"""Hooks: from an Airflow connection to a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.hooks.aimylogic import AimylogicHook

__all__ = ["AimylogicHook"]


def __getattr__(name: str) -> object:
    # Loaded when used (PEP 562): importing a package must cost nothing.
    if name == "AimylogicHook":
        from aimylogic_provider.hooks.aimylogic import AimylogicHook

        return AimylogicHook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
