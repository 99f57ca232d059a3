"""The Calls API as a local server, with a clock that can be moved and faults that can be ordered.

``clock``, ``campaigns`` (state), ``faults`` and ``journal`` are plain objects that know no HTTP; ``calls_routes``
serves the Calls API, ``admin_routes`` the emulator's own; ``server`` puts them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.emulator.server import Emulator

__all__ = ["DEFAULT_TOKEN", "Emulator"]

DEFAULT_TOKEN = "8231.7056.1b131df1"  # noqa: S105 - the token of the vendor's own example
"""The token of the one campaign that the emulator serves if it is told nothing else."""


def __getattr__(name: str) -> object:
    if name == "Emulator":
        from aimylogic_provider.emulator.server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
