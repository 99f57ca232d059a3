"""Python's search for garbage, which in a process as large as Airflow's takes a tenth of the time of many requests.

Nothing of calls is known here.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["seldom_collected"]

_SELDOM = (20_000, 20, 20)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Search only what is made from here on, and seldom; afterwards as before."""
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.freeze()
    if 0 < thresholds[0] < _SELDOM[0]:
        gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:  # else Airflow froze what its processes share, and it is to stay so
            gc.unfreeze()
