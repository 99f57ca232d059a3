"""Triggers: waits in Airflow's triggerer. They read, and send nothing that adds a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.triggers.call_jobs import CallJobsTrigger
    from aimylogic_provider.triggers.campaign_status import CampaignStatusTrigger

__all__ = ["CallJobsTrigger", "CampaignStatusTrigger"]

_MODULES = {
    "CallJobsTrigger": "call_jobs",
    "CampaignStatusTrigger": "campaign_status",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
