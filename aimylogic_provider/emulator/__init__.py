"""The Calls API as a local server, with a clock that can be moved and faults that can be ordered.

``world`` is what the server knows and how it goes on, without a socket; ``http`` is how it is reached. Three ways in:
``local`` (a context manager) with ``pytest_plugin``, ``client``, ``__main__``. Nothing here knows of Airflow, and of
this package only ``calls_api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.emulator.admin_caller import EmulatorError
    from aimylogic_provider.emulator.client import EmulatorClient, OrderedFault
    from aimylogic_provider.emulator.local import Emulator

__all__ = ["DEFAULT_TOKEN", "Emulator", "EmulatorClient", "EmulatorError", "OrderedFault"]

DEFAULT_TOKEN = "8231.7056.1b131df1"  # noqa: S105 - the token of the vendor's own example
"""The token of the one campaign that the emulator serves if it is told nothing else."""

_MODULES = {
    "Emulator": "local",
    "EmulatorClient": "client",
    "EmulatorError": "admin_caller",
    "OrderedFault": "client",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
