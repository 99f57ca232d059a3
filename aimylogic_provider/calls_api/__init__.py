"""The Calls API as plain values: what is asked, what is answered, and what an answer means.

Nothing here knows of Airflow, and only ``transport`` touches a socket. ``call`` and ``policy`` are what may be sent,
``endpoints`` the requests and the parsers of their answers, ``answers`` what is known after an answer and whether
another try can help, ``client`` the two put together over a transport. Users of the hook import from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.call import ListedCall
    from aimylogic_provider.calls_api.errors import AimylogicError, ApiError, Known, RejectedError
    from aimylogic_provider.calls_api.policy import CallPolicy
    from aimylogic_provider.calls_api.reports import CallAttempt, CallJob, Campaign

__all__ = [
    "AimylogicError",
    "ApiError",
    "CallAttempt",
    "CallJob",
    "CallPolicy",
    "Campaign",
    "Known",
    "ListedCall",
    "RejectedError",
]

_PLACES = {
    "AimylogicError": "errors",
    "ApiError": "errors",
    "CallAttempt": "reports",
    "CallJob": "reports",
    "CallPolicy": "policy",
    "Campaign": "reports",
    "Known": "errors",
    "ListedCall": "call",
    "RejectedError": "errors",
}


def __getattr__(name: str) -> object:
    # Loaded when used (PEP 562): importing a package must cost nothing.
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
