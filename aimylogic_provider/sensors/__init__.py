"""Sensors: tasks that wait, for call jobs to be over or for a campaign to be in a state. They send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.sensors.call_job import CallJobSensor
    from aimylogic_provider.sensors.campaign_status import CampaignStatusSensor

__all__ = ["CallJobSensor", "CampaignStatusSensor"]

_MODULES = {
    "CallJobSensor": "call_job",
    "CampaignStatusSensor": "campaign_status",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
