"""AimylogicNotifier: rings people over what happened to a DAG, a task or a deadline, once however often it is told."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.airflow_imports import BaseNotifier

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.hooks.campaign_of_connection import CampaignOfConnection
    from aimylogic_provider.notifications.callback_event import CallbackEvent
    from aimylogic_provider.notifications.ringing import Outcome, Ring

__all__ = ["AimylogicNotifier"]

_ONCE_PER = ("dag_run", "task", "try")


class AimylogicNotifier(BaseNotifier):
    """Ring the people on call, by an Aimylogic campaign, once for each failure however often its callback runs.

    For ``on_failure_callback`` of a DAG or a task, and the other callbacks; and, as ``AsyncCallback(AimylogicNotifier,
    kwargs={…})`` or ``SyncCallback(…)``, for a ``DeadlineAlert``. Whichever process runs a callback, and how often, the
    call's idempotence key is the same, so that the server adds it once. The key protects for 24 hours: a callback that
    comes later rings nobody, and says so in its log, for it can't be known who was rung.

    An error of this notifier never touches the task or the run: Airflow logs it, and counts the callback as failed.

    :param phone: the number, or several, each of which is rung; in any writing with country code. (templated)
    :param payload: flat names and values, which the campaign's script reads; or a template that makes them, as text. If
        left out: ``event`` (``failed``, ``retry``, ``success``, ``skipped``, ``started`` or ``deadline``), ``dag_id``
        and ``run_id``; with *once_per* ``task`` also ``task_id``; with ``try`` also ``try_number``, and, of a mapped
        task, ``map_index``. (templated)
    :param gmt_zone: the people's time zone, as in ``+03:30`` or ``Europe/Moscow``; the number's own if left out.
        (templated)
    :param aimylogic_conn_id: the connection: one campaign. (templated)
    :param once_per: what each person is rung once for, by event: the DAG run, whichever of its tasks fail
        (``dag_run``); each ``task``, however many of its mapped instances fail; or each ``try`` of each task instance.
        A run that was cleared may ring anew. A deadline rings once in any case
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``
    :param phone_reading: whether a number without a plus bears its country code (``international``), doesn't
        (``national``), or may (``either``)
    :param phone_check: whether a number without a plus must be ``in use``, or only ``possible``, as those of new ranges
        are
    :param test_call: use the campaign's address for testing, which lets the same number be added again and again, each
        time that the callback runs
    :param on_test_runs: ring also for runs of ``dag.test()``, ``airflow dags test`` and ``airflow tasks test``
    :param context: given by Airflow, to callbacks of deadlines
    :raises ValueError: if an argument that is no template can't be used
    """

    template_fields: Sequence[str] = ("phone", "payload", "gmt_zone", "aimylogic_conn_id")

    def __init__(
        self,
        *,
        phone: str | int | Sequence[str | int],
        payload: Mapping[str, object] | str | None = None,
        gmt_zone: str | None = None,
        aimylogic_conn_id: str = "aimylogic_default",
        once_per: Literal["dag_run", "task", "try"] = "dag_run",
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        test_call: bool = False,
        on_test_runs: bool = False,
        context: Context | None = None,
    ) -> None:
        super().__init__(context)
        if once_per not in _ONCE_PER:
            raise ValueError(f"once_per {once_per!r} can't be used: give 'dag_run', 'task' or 'try'")
        for name, flag in (("test_call", test_call), ("on_test_runs", on_test_runs)):
            if not isinstance(flag, bool):
                raise ValueError(f"{name} {flag!r} can't be used: give True or False")
        self.phone = phone
        self.payload = payload
        self.gmt_zone = gmt_zone
        self.aimylogic_conn_id = aimylogic_conn_id
        self.once_per: Literal["dag_run", "task", "try"] = once_per
        self.phone_region = phone_region
        self.phone_reading: Literal["either", "international", "national"] = phone_reading
        self.phone_check: Literal["in use", "possible"] = phone_check
        self.test_call = test_call
        self.on_test_runs = on_test_runs
        self._given: AimylogicNotifier = self
        self._unusable = ""
        """Why the payload can't be rendered, if it can't be."""
        if context is None:
            from aimylogic_provider.notifications.notifier_fields import check_fields

            check_fields(self)

    def __repr__(self) -> str:
        from aimylogic_provider.calls_api.masking import shown

        given = self._given.phone
        phones = given if isinstance(given, (list, tuple)) else [given]
        masked = ", ".join(shown(phone) for phone in phones)
        return (
            f"AimylogicNotifier(phone={masked}, aimylogic_conn_id={self.aimylogic_conn_id!r}, "
            f"once_per={self.once_per!r})"
        )

    def __call__(self, *args: Any) -> None:
        """Ring, from a callback that may block. Airflow calls it.

        :param args: the context, which is left as it is: other callbacks, and what they log, get to see it
        :raises AirflowException: if somebody surely was not rung, or it isn't known; when all others were
        """
        context: Context = args[0] if len(args) == 1 else {}
        self._rendered(context).notify(context)

    def __await__(self) -> Generator[Any, Any, None]:
        """Ring, from a callback that must not block. Airflow awaits it, and gave the context before."""
        return self._awaited().__await__()

    async def _awaited(self) -> None:
        # A template may ask Airflow for a variable, which blocks.
        told = await asyncio.to_thread(self._rendered, self.context)
        await told.async_notify(self.context)

    def notify(self, context: Context) -> None:
        """Ring, with the fields as they are; otherwise as by calling the notifier.

        :param context: as Airflow hands it to a callback
        :raises AirflowException: if somebody surely was not rung, or it isn't known; when all others were
        """
        event = self._event(context)
        if event is None:
            return
        from aimylogic_provider.hooks.aimylogic import AimylogicHook
        from aimylogic_provider.notifications.ringing import ring

        try:
            campaign = AimylogicHook(self.aimylogic_conn_id).campaign
        except Exception as error:  # noqa: BLE001 - there may be any secrets backend
            raise self._no_campaign(error) from None
        rings, rejected = self._rings(event, campaign)
        self._tell(event, ring(campaign, rings) if rings else [], rejected)

    async def async_notify(self, context: Context) -> None:
        """Ring without blocking, with the fields as they are; otherwise as by awaiting the notifier.

        :param context: as Airflow hands it to a callback
        :raises AirflowException: as :meth:`notify`
        """
        event = await asyncio.to_thread(self._event, context)
        if event is None:
            return
        try:
            campaign = await self._campaign()
        except Exception as error:  # noqa: BLE001 - there may be any secrets backend
            raise self._no_campaign(error) from None
        rings, rejected = await asyncio.to_thread(self._rings, event, campaign)
        from aimylogic_provider.notifications.ringing import ring_async

        outcomes = await ring_async(campaign, rings) if rings else []
        # What is told is told to Airflow's supervisor too, which would block.
        await asyncio.to_thread(self._tell, event, outcomes, rejected)

    async def _campaign(self) -> CampaignOfConnection:
        from aimylogic_provider.hooks.aimylogic_async import AimylogicAsyncHook, load

        await asyncio.to_thread(load)
        return await AimylogicAsyncHook(self.aimylogic_conn_id).look_up()

    def _rendered(self, context: Context) -> AimylogicNotifier:
        """A copy with its templates rendered: the notifier itself may serve other callbacks yet."""
        if "deadline" in context:
            from aimylogic_provider.notifications.notifier_fields import mask_phones

            mask_phones(self.phone)
        told = copy.copy(self)
        told.render_template_fields(context)
        return told

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Render the fields. If a payload or a zone can't be, people are rung all the same, with the usual one.

        :raises AirflowException: if a phone or a connection can't be rendered
        """
        from aimylogic_provider.notifications.notifier_fields import tell_unusable, unrendered

        for field, reason in unrendered(self, context, jinja_env):
            if field == "payload":
                self._unusable = reason
            elif field == "gmt_zone":
                tell_unusable(self.log, field, reason)
                self.gmt_zone = None
            else:
                raise self._failure(f"Nobody is rung: {field} can't be rendered ({reason})")

    def _event(self, context: Context) -> CallbackEvent | None:
        """What happened, if people are to be rung for it.

        :raises AirflowException: if it can't be told what, or it happened too long ago
        """
        from aimylogic_provider.idempotence.time_limits import GUARD_BAND, KEY_WINDOW, SLACK
        from aimylogic_provider.notifications.callback_event import callback_event, is_test_run
        from aimylogic_provider.notifications.ringing import SECONDS

        try:
            event = callback_event(context, self._given)
        except ValueError as error:
            raise self._failure(f"Nobody is rung: {error}") from None
        if not self.on_test_runs and is_test_run(context):
            self.log.info("Nobody is rung, for this is a test run (%s). Set on_test_runs=True to be rung.", event)
            return None
        age = 0.0 if event.at is None else time.time() - event.at
        if age > KEY_WINDOW - GUARD_BAND - SLACK - SECONDS:
            raise self._failure(
                f"Nobody is rung for what happened {age / 3600:.0f} hours ago ({event}). A key protects for 24 hours "
                "from its first use, so it can't be known any more whether people were rung for it before: see the "
                "campaign's report, and call them yourself if they were not"
            )
        return event

    def _rings(self, event: CallbackEvent, campaign: CampaignOfConnection) -> tuple[list[Ring], list[str]]:
        from aimylogic_provider.notifications.rings_of_event import rings_of_event

        return rings_of_event(self, event, campaign.address, self._unusable)

    def _tell(self, event: CallbackEvent, outcomes: Iterable[Outcome], rejected: Iterable[str]) -> None:
        """Log what became of each call.

        :raises AirflowException: if somebody surely was not rung, or it isn't known
        """
        failures = [f"Rejected before any request, and nobody is rung: {reason}" for reason in rejected]
        for one in outcomes:
            phone, reason = one.ring.call.masked_phone, one.error.rstrip(".")
            if one.job is not None:
                self.log.info(
                    "Call job %s is created for %s, by this callback or an earlier one (%s; idempotence key %s).",
                    one.job, phone, event, one.ring.key,
                )  # fmt: skip
            elif one.refused:
                failures.append(f"{phone} is not rung: {reason}")
            else:
                failures.append(
                    f"Whether {phone} is rung is not known, for no send was answered well: {reason}. See the "
                    f"campaign's report before you call them (idempotence key {one.ring.key})"
                )
        if failures:
            raise self._failure("\n".join([f"Not everybody is rung ({event}).", *failures]))

    def _no_campaign(self, error: Exception) -> Exception:
        from aimylogic_provider.airflow_task.masked_fields import masked_phones

        return self._failure(
            f"Nobody is rung, for connection {self.aimylogic_conn_id} can't be used: {type(error).__name__}: "
            f"{masked_phones(str(error))}"
        )

    def _failure(self, message: str) -> Exception:
        """The error to raise, which is logged here: as loud as can be, whatever becomes of it."""
        from aimylogic_provider.airflow_task.airflow_imports import AirflowException

        self.log.error("%s", message)
        return AirflowException(message)
