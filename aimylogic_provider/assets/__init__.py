"""Assets as DAGs name them: to be started when calls were added, or to declare that a task adds some.

``from aimylogic_provider.assets import campaign``, or by its URI: ``Asset("aimylogic://campaign/<connection id>")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.assets.aimylogic import campaign

__all__ = ["campaign"]

__getattr__, __dir__ = lazy_names(__name__, {"campaign": "aimylogic"})
