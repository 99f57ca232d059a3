"""Cancelling the jobs that a task created, as it is ended by a person. What could be done by then is told."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection

__all__ = ["CANCEL_WITHIN", "cancel_jobs"]

CANCEL_WITHIN = 25.0
"""Seconds. Airflow gives a trigger that a person's action ended 30, and who ends a task is not to wait for longer."""
_PAUSE = 2.0
"""Seconds after a failure that passes by itself."""


def cancel_jobs(campaign: CampaignOfConnection, ids: Iterable[str], *, seconds: float = CANCEL_WITHIN) -> str:
    """Cancel call jobs, in the time that there is; return in words which could be.

    A connection of its own: what the task has under way may be in the midst of a request.

    :param ids: of jobs that the task created
    :param seconds: in which to end; a request that is under way then may take longer
    """
    from aimylogic_provider.calls_api import endpoints
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.errors import AimylogicError, ApiError
    from aimylogic_provider.calls_api.request_fields import IDS_PER_REQUEST
    from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport

    client = CampaignClient(campaign.address, RequestsTransport(campaign.settings))
    end = time.monotonic() + seconds
    try:
        waiting = list(dict.fromkeys(ids))
    except (AimylogicError, OSError, ValueError) as error:
        return f"Its call jobs go on, for which ones they are can't be read: {error}."
    total, cancelled, why = len(waiting), 0, ""
    groups = [waiting[start : start + IDS_PER_REQUEST] for start in range(0, total, IDS_PER_REQUEST)]
    while groups and time.monotonic() < end:
        some = groups.pop(0)
        try:
            cancelled += len(client.ask(endpoints.cancel_call_jobs(ids=some)).value)
        except ApiError as error:
            why = str(error)
            if error.is_unknown_id:  # one of them: the server refused the whole request
                half = len(some) // 2
                groups[:0] = [some[:half], some[half:]] if half else []
                continue
            groups.insert(0, some)
            if not error.retryable:
                break
            time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))
    if groups and not why:
        why = f"the {seconds:g} seconds that there are were over"
    rest = f" The others are over, or go on{f' ({why})' if why else ''}." if cancelled < total else ""
    return f"Call jobs that were cancelled: {cancelled:,} of {total:,}.{rest}"
