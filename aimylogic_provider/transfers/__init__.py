"""Transfers: from a warehouse to a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.transfers.sql_to_aimylogic import SqlToAimylogicOperator

__all__ = ["SqlToAimylogicOperator"]


def __getattr__(name: str) -> object:
    # Loaded when used (PEP 562): importing a package must cost nothing.
    if name == "SqlToAimylogicOperator":
        from aimylogic_provider.transfers.sql_to_aimylogic import SqlToAimylogicOperator

        return SqlToAimylogicOperator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
