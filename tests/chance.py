"""What tests draw at random: the same each time, unless ``AIMYLOGIC_SEED`` says otherwise; ``random`` draws anew."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

__all__ = ["calm_properties", "chosen_seed"]

_CHOSEN = os.environ.get("AIMYLOGIC_SEED", "")


def chosen_seed(usual: int) -> int:
    """The seed of this run.

    :param usual: where none is chosen
    """
    return random.randrange(2**32) if _CHOSEN == "random" else int(_CHOSEN or usual)


def calm_properties() -> None:
    """Have property tests fail no change that has nothing to do with them.

    How long anything takes says nothing on a machine that has other work; and which examples are drawn must not hang on
    the modules that other tests have loaded by then, whose constants would be drawn, too.
    """
    fixed = _CHOSEN != "random"
    settings.register_profile("calm", deadline=None, derandomize=fixed, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("calm")
    if fixed and hasattr(providers, "_get_local_constants"):
        none = providers._local_constants
        providers._get_local_constants = lambda: none
