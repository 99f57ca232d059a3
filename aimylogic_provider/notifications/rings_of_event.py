"""Whom a notifier rings for what happened, and what the campaign's script is told: the calls that are to be added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from aimylogic_provider.airflow_task.template_values import as_mapping
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.calls.gmt_zone import canonical_gmt_zone
from aimylogic_provider.calls_api.calls.payload import flat_payload
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.idempotence.keys import Notice, campaign_digest
from aimylogic_provider.notifications.notifier_fields import NO_PHONE, listed, tell_unusable
from aimylogic_provider.notifications.ringing import Ring

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.address import CampaignAddress
    from aimylogic_provider.notifications.aimylogic import AimylogicNotifier
    from aimylogic_provider.notifications.callback_event import CallbackEvent

__all__ = ["rings_of_event"]


def rings_of_event(
    notifier: AimylogicNotifier, event: CallbackEvent, address: CampaignAddress, unrendered: str
) -> tuple[list[Ring], list[str]]:
    """The calls that are to be added, each phone once; and why some can't be.

    :param notifier: with its fields as they were rendered
    :param unrendered: why the payload could not be; empty if it could
    """
    rings: dict[str, Ring] = {}
    rejected: list[str] = []
    usual = event.facts(notifier.once_per)
    payload = _usable_payload(notifier, usual, unrendered)
    zone = _usable_zone(notifier)
    for phone in listed(notifier.phone):
        try:
            call = _call(notifier, phone, payload, zone)
            ring = Ring(call, _key(notifier, event, address, call.phone), notifier.test_call)
            try:
                address.url(ring.request)
            except RejectedError as error:  # the payload makes the request too long
                tell_unusable(notifier.log, "payload", str(error))
                ring = replace(ring, call=_call(notifier, phone, usual, zone))
        except RejectedError as error:
            rejected.append(f"{error}")
        else:
            rings[ring.call.phone] = ring
    if not rings and not rejected:
        rejected.append(NO_PHONE)
    return [*rings.values()], rejected


def _key(notifier: AimylogicNotifier, event: CallbackEvent, address: CampaignAddress, phone: str) -> str:
    about = event.about(notifier.once_per)
    return Notice(event.dag_id, event.run_id, about, campaign_digest(address), phone, notifier.test_call).key


def _usable_payload(notifier: AimylogicNotifier, usual: Mapping[str, object], unrendered: str) -> Mapping[str, object]:
    """The payload, or, if it can't be used, the usual one: who is on call is rung all the same."""
    reason = unrendered
    if not reason:
        try:
            payload = as_mapping("payload", notifier.payload)
            flat_payload(payload)
        except RejectedError as error:
            reason = str(error)
        else:
            return usual if payload is None else payload
    tell_unusable(notifier.log, "payload", reason)
    return usual


def _usable_zone(notifier: AimylogicNotifier) -> str | None:
    """The time zone, or None, for each number's own, if the one that is wished can't be used."""
    try:
        canonical_gmt_zone(notifier.gmt_zone)
    except RejectedError as error:
        tell_unusable(notifier.log, "gmt_zone", str(error))
        return None
    return notifier.gmt_zone


def _call(notifier: AimylogicNotifier, phone: object, payload: Mapping[str, object], zone: str | None) -> Call:
    return Call.of(
        phone,
        payload,
        zone,
        phone_region=notifier.phone_region,
        phone_reading=notifier.phone_reading,
        phone_check=notifier.phone_check,
    )
