"""Operators, one in each module: what a DAG imports.

What several of them share stands in ``airflow_task`` and ``call_list_task``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.operators.add_phone import AddPhoneOperator
    from aimylogic_provider.operators.add_phones import AddPhonesOperator
    from aimylogic_provider.operators.approve_call_list import ApproveCallListOperator
    from aimylogic_provider.operators.cancel_calls import CancelCallsOperator
    from aimylogic_provider.operators.get_campaign import GetCampaignOperator
    from aimylogic_provider.operators.pause_campaign import PauseCampaignOperator
    from aimylogic_provider.operators.prepare_call_list import PrepareCallListOperator
    from aimylogic_provider.operators.prepare_calls import PrepareCallsOperator
    from aimylogic_provider.operators.resume_campaign import ResumeCampaignOperator
    from aimylogic_provider.operators.send_call_list import SendCallListOperator
    from aimylogic_provider.operators.stop_campaign import StopCampaignOperator
    from aimylogic_provider.operators.sum_reports import SumReportsOperator
    from aimylogic_provider.operators.update_results import UpdateResultsOperator
    from aimylogic_provider.operators.withdraw_calls import WithdrawCallsOperator

__all__ = [
    "AddPhoneOperator",
    "AddPhonesOperator",
    "ApproveCallListOperator",
    "CancelCallsOperator",
    "GetCampaignOperator",
    "PauseCampaignOperator",
    "PrepareCallListOperator",
    "PrepareCallsOperator",
    "ResumeCampaignOperator",
    "SendCallListOperator",
    "StopCampaignOperator",
    "SumReportsOperator",
    "UpdateResultsOperator",
    "WithdrawCallsOperator",
]

_MODULES = {
    "AddPhoneOperator": "add_phone",
    "AddPhonesOperator": "add_phones",
    "ApproveCallListOperator": "approve_call_list",
    "CancelCallsOperator": "cancel_calls",
    "GetCampaignOperator": "get_campaign",
    "PauseCampaignOperator": "pause_campaign",
    "PrepareCallListOperator": "prepare_call_list",
    "PrepareCallsOperator": "prepare_calls",
    "ResumeCampaignOperator": "resume_campaign",
    "SendCallListOperator": "send_call_list",
    "StopCampaignOperator": "stop_campaign",
    "SumReportsOperator": "sum_reports",
    "UpdateResultsOperator": "update_results",
    "WithdrawCallsOperator": "withdraw_calls",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
