"""The Calls API as a local server, with a clock that can be moved and faults that can be ordered.

What the server knows: ``settings`` (what the contract leaves open), ``clock``, ``jobs``, ``policies``, ``life``,
``keys``, ``campaigns``, ``reports``, ``faults``, ``journal`` and ``state`` are plain objects without a socket.
How it is asked: ``exchange`` and ``bodies`` are requests and answers as values, ``calls_routes`` answers the Calls API,
``admin_routes`` the emulator's own paths (with ``views``, ``openapi`` and ``page``). Sockets are in ``server`` and
``strikes``. Three ways in: ``local`` (a context manager) and ``pytest_plugin``, ``client``, ``__main__``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.emulator.client import EmulatorClient, EmulatorError, OrderedFault
    from aimylogic_provider.emulator.local import Emulator

__all__ = ["DEFAULT_TOKEN", "Emulator", "EmulatorClient", "EmulatorError", "OrderedFault"]

DEFAULT_TOKEN = "8231.7056.1b131df1"  # noqa: S105 - the token of the vendor's own example
"""The token of the one campaign that the emulator serves if it is told nothing else."""

_PLACES = {
    "Emulator": "aimylogic_provider.emulator.local",
    "EmulatorClient": "aimylogic_provider.emulator.client",
    "EmulatorError": "aimylogic_provider.emulator.client",
    "OrderedFault": "aimylogic_provider.emulator.client",
}


def __getattr__(name: str) -> object:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
