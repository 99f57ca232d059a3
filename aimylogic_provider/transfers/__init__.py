"""Transfers, one operator in each module: from a warehouse to a campaign, and from its report into tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.transfers.aimylogic_to_sql import AimylogicToSqlOperator
    from aimylogic_provider.transfers.sql_to_aimylogic import SqlToAimylogicOperator

__all__ = ["AimylogicToSqlOperator", "SqlToAimylogicOperator"]

_MODULES = {
    "AimylogicToSqlOperator": "aimylogic_to_sql",
    "SqlToAimylogicOperator": "sql_to_aimylogic",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
