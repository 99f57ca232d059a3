"""What a try of ``capped_runs`` needs, imported once by the process from which they are forked."""

from __future__ import annotations

import aiohttp
import sqlalchemy
from airflow.providers.sqlite.hooks.sqlite import SqliteHook

import tests.conftest
from aimylogic_provider.call_list.freeze import freeze
from aimylogic_provider.call_list.persons import caps_in_force
from aimylogic_provider.call_list.send import sending
from aimylogic_provider.call_list_task import send_base, sync_base
from aimylogic_provider.transfers import SqlToAimylogicOperator

__all__ = [
    "SqlToAimylogicOperator", "SqliteHook", "aiohttp", "caps_in_force", "freeze", "send_base", "sending", "sqlalchemy",
    "sync_base", "tests",
]  # fmt: skip
