"""The Calls API as plain values: what is asked, what is answered, and what an answer means.

``calls`` is what may be sent, and ``phones`` how numbers are read; ``endpoints`` has the requests and the parsers of
their answers, ``response_meaning`` says what is known after an answer and whether another try can help, ``client`` puts
them together over one of the ``transports``, which alone touch sockets. Nothing here knows of Airflow. Users of the
hook import from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider.lazy_imports import lazy_names

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.calls.call import ListedCall
    from aimylogic_provider.calls_api.calls.policy import CallPolicy
    from aimylogic_provider.calls_api.errors import AimylogicError, ApiError, Known, RejectedError
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

_MODULES = {
    "AimylogicError": "errors",
    "ApiError": "errors",
    "CallAttempt": "reports",
    "CallJob": "reports",
    "CallPolicy": "calls.policy",
    "Campaign": "reports",
    "Known": "errors",
    "ListedCall": "calls.call",
    "RejectedError": "errors",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
