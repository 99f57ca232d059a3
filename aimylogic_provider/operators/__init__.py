"""Operators, one in each module: what a DAG imports.

What several of them share stands in ``airflow_task`` and ``call_list_task``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider.lazy_imports import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.operators.add_phone import AddPhoneOperator
    from aimylogic_provider.operators.add_phones import AddPhonesOperator
    from aimylogic_provider.operators.approve_call_list import ApproveCallListOperator
    from aimylogic_provider.operators.prepare_call_list import PrepareCallListOperator
    from aimylogic_provider.operators.send_call_list import SendCallListOperator
    from aimylogic_provider.operators.sum_reports import SumReportsOperator

__all__ = [
    "AddPhoneOperator",
    "AddPhonesOperator",
    "ApproveCallListOperator",
    "PrepareCallListOperator",
    "SendCallListOperator",
    "SumReportsOperator",
]

_MODULES = {
    "AddPhoneOperator": "add_phone",
    "AddPhonesOperator": "add_phones",
    "ApproveCallListOperator": "approve_call_list",
    "PrepareCallListOperator": "prepare_call_list",
    "SendCallListOperator": "send_call_list",
    "SumReportsOperator": "sum_reports",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
