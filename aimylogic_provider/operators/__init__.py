"""Operators: what a DAG imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.operators.add_phone import AddPhoneOperator
    from aimylogic_provider.operators.approve_call_list import ApproveCallListOperator
    from aimylogic_provider.operators.call_list import PrepareCallListOperator, SendCallListOperator
    from aimylogic_provider.operators.sum_reports import SumReportsOperator

__all__ = [
    "AddPhoneOperator",
    "ApproveCallListOperator",
    "PrepareCallListOperator",
    "SendCallListOperator",
    "SumReportsOperator",
]

_PLACES = {
    "AddPhoneOperator": "add_phone",
    "ApproveCallListOperator": "approve_call_list",
    "PrepareCallListOperator": "call_list",
    "SendCallListOperator": "call_list",
    "SumReportsOperator": "sum_reports",
}


def __getattr__(name: str) -> object:
    # Loaded when used (PEP 562): importing a package must cost nothing.
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
