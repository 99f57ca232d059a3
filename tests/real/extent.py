"""How much is done: ``AIMYLOGIC_REAL_KILLS`` says how many kills there are, ``AIMYLOGIC_SEED`` how they are drawn.

The whole takes 18 minutes (``make prove-real``); below 100 kills there are fewer scenarios, and shorter ones.
"""

from __future__ import annotations

import os

import pytest

from tests.chance import chosen_seed

__all__ = ["KILLS", "SEED", "WHOLE", "only_in_whole"]

KILLS = int(os.environ.get("AIMYLOGIC_REAL_KILLS", "6"))
SEED = chosen_seed(1)
WHOLE = KILLS >= 100
only_in_whole = pytest.mark.skipif(not WHOLE, reason="takes minutes: make prove-real")
