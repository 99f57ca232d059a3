"""Operators: what a DAG imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.operators.add_phone import AddPhoneOperator

__all__ = ["AddPhoneOperator"]


def __getattr__(name: str) -> object:
    # Loaded when used (PEP 562): importing a package must cost nothing.
    if name == "AddPhoneOperator":
        from aimylogic_provider.operators.add_phone import AddPhoneOperator

        return AddPhoneOperator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
