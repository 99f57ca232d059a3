"""TaskFlow decorators, one in each module: a function that becomes a task, as ``@task`` makes one of it.

Airflow finds them by the provider's description as well: ``@task.aimylogic_calls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.decorators.calls_of_function import aimylogic_calls

__all__ = ["aimylogic_calls"]

_MODULES = {"aimylogic_calls": "calls_of_function"}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
