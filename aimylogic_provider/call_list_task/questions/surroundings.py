"""What is told beside a list, and doesn't stand in it: how its campaign stands, and whom of it somebody called lately.

All of it is only to be looked at: what can't be read is told so, and no task fails or waits long for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.preview import Preview
    from aimylogic_provider.call_list.runs.waiting_lists import WaitingList
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.calls_api.reports import Campaign

__all__ = ["CampaignTold", "LatelyTold", "Surroundings", "surroundings"]

_DAYS = 7
"""For so long a call counts as one of lately."""
_CONNECT, _READ = 3.0, 5.0
"""Seconds for a campaign's answer, at most: somebody waits for nothing but the question."""
_PHONES = 5000
"""Phones that are looked up, at most."""


@dataclass(frozen=True, slots=True)
class CampaignTold:
    """How a campaign stands.

    :param conn_id: by which connection; empty if it isn't known which
    :param name: of the server's choice
    :param state: what the campaign does, and how far it is, in our words; empty if it can't be told
    :param status: in the server's word
    :param why_not: why it can't be told; empty if it can
    """

    conn_id: str = ""
    name: str = ""
    state: str = ""
    status: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class LatelyTold:
    """How many of a list's people were called lately.

    :param called: how many; None if it can't be told
    :param of: of how many that were looked up
    :param why_not: why it can't be told
    """

    called: int | None
    of: int = 0
    days: int = _DAYS
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All of it; None where nothing is known that could be asked.

    :param waiting: lists of other runs with people of this one, which aren't sent yet
    """

    campaign: CampaignTold | None = None
    lately: LatelyTold | None = None
    waiting: Sequence[WaitingList] = ()


def surroundings(
    operator: Any,
    context: Context,
    preview: Preview,
    results_table: str | None,
    results_conn_id: str | None,
    call_list: CallList | None = None,
) -> Surroundings:
    """Look at what stands around a list; nothing is raised.

    :param operator: that asks about it; its ``aimylogic_conn_id`` names the campaign, or else whoever sends the list
    :param call_list: the list, to have the others looked at that wait; None to leave those out
    """
    try:
        campaign = _campaign(operator, context)
    except Exception as error:  # noqa: BLE001 - it is only to be looked at
        campaign = CampaignTold(why_not=f"it can't be looked at ({type(error).__name__})")
    lately = None
    if results_table is not None:
        try:
            lately = _lately(preview, results_table, results_conn_id or "", campaign.conn_id or None)
        except Exception as error:  # noqa: BLE001 - as above; its words may hold what a database says
            operator.log.info("Who was called lately can't be told: %s", error)
            lately = LatelyTold(None, why_not=type(error).__name__)
    waiting: Sequence[WaitingList] = ()
    try:
        waiting = _waiting(call_list) if call_list is not None else ()
    except Exception as error:  # noqa: BLE001 - as above
        operator.log.info("Which other lists wait can't be told: %s", error)
    return Surroundings(campaign, lately, waiting)


def _waiting(call_list: CallList) -> Sequence[WaitingList]:
    """Lists of other runs of the task that froze a list, which aren't sent yet, and have people of it."""
    import time

    from aimylogic_provider.call_list.runs.waiting_lists import waiting_lists

    return waiting_lists(call_list, time.time())


def _campaign(operator: Any, context: Context) -> CampaignTold:
    from aimylogic_provider.calls_api.errors import AimylogicError
    from aimylogic_provider.hooks.connection_test_message import name_and_state

    named = getattr(operator, "aimylogic_conn_id", None)
    conn_ids = [named] if named else sorted({*_conn_ids_of_senders(operator, context)})
    if not conn_ids:
        return CampaignTold(why_not="no task behind this one says where the list goes: aimylogic_conn_id names it")
    if len(conn_ids) > 1:
        several = f"it goes to several, by the connections {', '.join(conn_ids)}"
        return CampaignTold(why_not=f"{several}: aimylogic_conn_id names the one to be looked at")
    (conn_id,) = conn_ids
    try:
        campaign, address = _asked_once(conn_id)
    except AimylogicError as error:
        return CampaignTold(conn_id, why_not=str(error))
    except Exception as error:  # noqa: BLE001 - as if there is no such connection
        return CampaignTold(conn_id, why_not=f"its connection can't be used ({type(error).__name__})")
    name, state = name_and_state(campaign, address)
    return CampaignTold(conn_id, name, state, campaign.status or "")


def _asked_once(conn_id: str) -> tuple[Campaign, Any]:
    """Ask for a campaign by one request, which is given up soon."""
    from aimylogic_provider.calls_api import endpoints
    from aimylogic_provider.calls_api.client import CampaignClient
    from aimylogic_provider.calls_api.transports.requests_transport import RequestsTransport
    from aimylogic_provider.hooks.aimylogic import AimylogicHook

    found = AimylogicHook(conn_id).campaign
    settings = replace(
        found.settings,
        connect_timeout=min(found.settings.connect_timeout, _CONNECT),
        read_timeout=min(found.settings.read_timeout, _READ),
    )
    client = CampaignClient(found.address, RequestsTransport(settings))
    return client.ask(endpoints.campaign()).value, client.address


def _conn_ids_of_senders(operator: Any, context: Context) -> Iterator[str]:
    """By which connections the list is sent by what follows, as the DAG says."""
    from aimylogic_provider.airflow_task.airflow_imports import MappedOperator
    from aimylogic_provider.airflow_task.argument_checks import DEFAULT_CONN_ID

    if operator.get_dag() is None:
        return
    for task in operator.get_flat_relatives(upstream=False):
        mapped = isinstance(task, MappedOperator)
        if not getattr(task.operator_class if mapped else type(task), "_sends_a_given_list", False):
            continue
        given = task.partial_kwargs.get("aimylogic_conn_id", DEFAULT_CONN_ID) if mapped else task.aimylogic_conn_id
        rendered = operator.render_template(given, context) if "{" in given else given
        yield str(rendered).strip() or DEFAULT_CONN_ID


def _lately(preview: Preview, results_table: str, conn_id: str, campaign_conn_id: str | None) -> LatelyTold | None:
    """Ask the table in which caps count the calls of persons; None if none was ever counted there."""
    from aimylogic_provider.call_list.persons.person_calls import UnknownKeyError, Wanted
    from aimylogic_provider.call_list.store.caps import Cap
    from aimylogic_provider.call_list_task.rules.caps_base import opened_calls

    within = Cap(1, _DAYS * 24 * 3600.0, "max_calls_per_person")
    phones = sorted({*preview.looked_at})[:_PHONES]
    try:
        calls = opened_calls(campaign_conn_id, (within,), "", results_table, conn_id, claims=False)
    except UnknownKeyError:  # whoever caps calls is told of it, aloud
        return None
    with closing(calls):
        if not calls.is_there:
            return None
        looked = calls.look(Wanted(number, phone) for number, phone in enumerate(phones))
        return LatelyTold(sum(map(bool, looked)), len(phones))
