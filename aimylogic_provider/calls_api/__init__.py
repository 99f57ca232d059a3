"""The Calls API as plain values: what may be sent, what comes back, and what an answer means.

``endpoint_table`` has the facts of every endpoint, ``endpoints`` a request for each. What a request may bear stands in
``calls`` and ``phones``; ``response_meaning`` says what is known after an answer and whether another try can help;
``client`` puts them together over one of the ``transports``, which alone touch sockets. Nothing here knows of Airflow,
and nothing decides whether a call is repeated: that is for ``idempotence``. Users of the hook import from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimylogic_provider import lazy_names

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
