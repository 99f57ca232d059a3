"""The same schedules of calls beneath rendering and transport: no operator, hook, URL or body, and far faster.

What is left is what decides: the try, the record, the decision, the repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.calls_api.client import Answer
from aimylogic_provider.calls_api.errors import ApiError, Known
from aimylogic_provider.calls_api.http_messages import NoResponse
from aimylogic_provider.calls_api.reports import CallJob
from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings
from aimylogic_provider.emulator.world.faults import FaultAction
from aimylogic_provider.emulator.world.phones import phone_in_reports
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.idempotence.attempt import AddPhoneAttempt as CallTry
from aimylogic_provider.idempotence.errors import NotAddedError
from aimylogic_provider.idempotence.keys import Intent
from aimylogic_provider.idempotence.record.record_copies import RunMark
from aimylogic_provider.idempotence.record.second_record import SecondRecord
from tests.proof.airflow_seam import AssetState, StateStore, Try
from tests.proof.calls import REPORT_LAG, CallTasks
from tests.proof.network import NetworkFault, Sent, Server
from tests.proof.seams import TOKENS, Quiet
from tests.proof.simulation import running_worker, wait_through

__all__ = ["CallsBeneath"]

_TIMEOUT = TransportSettings().total_timeout
_NOT_RETRYABLE = (401, 403)


class CallsBeneath(CallTasks):
    """A run whose tasks are tries without operators."""

    def execute(self, one_try: Try) -> Callable[[], Any]:
        settings, person = self.intend(one_try)
        call = Call(person, (("name", settings["payload"]),), settings["gmt_zone"])
        run, instance = self.run, one_try.instance
        intent = Intent(
            dag_id="winter_sale", run_id=run.name, task_id=instance.task_id, campaign=str(settings["campaign"]),
            call=call, test_call=self.world.schedule.kind == "test call", call_again=settings["call_again"],
            mapped=self.mapped,
        )  # fmt: skip
        mark = self._mark(one_try)

        def add() -> str:
            return CallTry(
                intent,
                store=_Store(one_try),
                campaign=_Campaign(self.world.server, TOKENS[settings["campaign"]], one_try),
                clock=running_worker(),
                first_try=mark.first,
                clear_number=run.clear_number,
                run_began=mark.began,
                report_lag=REPORT_LAG,
                send_timeout=_TIMEOUT,
                log=Quiet(),
                second=self._second_record(one_try),
                cleared=mark.cleared,
            ).run()

        return add

    def _second_record(self, one_try: Try) -> SecondRecord | None:
        run, instance = self.run, one_try.instance
        if instance.assets is None:
            return None
        return SecondRecord(
            AssetState(one_try, "aimylogic://calls"), dag_id="winter_sale", task_id=instance.task_id, run_id=run.name,
            map_index=instance.map_index, iteration=None, mark=self._mark(one_try), wall=running_worker().wall,
        )  # fmt: skip

    def _mark(self, one_try: Try) -> RunMark:
        run = self.run
        return RunMark(
            run.run_after.timestamp(), run.start_date.timestamp(), run.clear_number, one_try.number,
            first=one_try.number == 1 and run.clear_number == 0,
            cleared=run.clear_number + run.uncounted > 0,
            remembers=one_try.instance.has_store,
        )  # fmt: skip

    def is_over(self, result: Any) -> bool:
        if isinstance(result, NotAddedError):
            return not result.retryable
        return super().is_over(result)

    def ends_as_tasks_do(self, result: Any) -> bool:
        return isinstance(result, NotAddedError) or super().ends_as_tasks_do(result)


class _Store:
    """The store port over a try's state store."""

    def __init__(self, one_try: Try) -> None:
        self.remembers = one_try.instance.has_store
        self._store = StateStore(one_try)

    def read(self) -> object | None:
        found: object | None = self._store.get("aimylogic") if self.remembers else None
        return found

    def write(self, content: dict[str, object]) -> None:
        if self.remembers:
            self._store.set("aimylogic", content)


@dataclass
class _Campaign:
    """The campaign port over a server without URLs and bodies."""

    server: Server
    token: str
    one_try: Try

    def status(self) -> Answer[str]:
        return self._ask("status", lambda: "inProgress")

    def jobs_of(self, phone: str) -> Answer[tuple[CallJob, ...]]:
        def shown() -> tuple[CallJob, ...]:
            return tuple(
                CallJob(
                    id=job.id,
                    phone=phone_in_reports(phone, self.server.campaigns.settings.phones_as) or "",
                    created_at=datetime.fromtimestamp(job.created, UTC),
                    redial_number=job.redial,
                )
                for job in self.server.jobs_of(self.token, phone)
            )

        return self._ask("callJob/getReport", shown)

    def add_phone(self, call: Call, *, idempotence_key: str | None, test_call: bool = False) -> Answer[str]:
        person = call.phone, f'{{"name":"{dict(call.payload)["name"]}"}}'
        sent = Sent(0.0, running_worker(), idempotence_key, (person,), self.token)

        def add(sent: Sent | None) -> Answer[str] | ApiError:
            assert sent is not None
            try:
                return Answer(self.server.add_phone(sent, call.gmt_zone, test_call=test_call), self.server.date)
            except Refusal as refusal:
                kind = str(refusal.body["type"])
                # To a client that did send a key, this says that the key was lost on the way.
                lost = kind == "phone.duplicated"
                known = Known.UNANSWERED if lost else Known.REFUSED
                return ApiError(kind, known=known, retryable=lost, status=refusal.status, type=kind)

        return self._through("addPhone", sent, add)

    def _ask(self, name: str, answer: Callable[[], Any]) -> Answer[Any]:
        return self._through(name, None, lambda _: Answer(answer(), self.server.date))

    def _through(self, name: str, sent: Sent | None, take_effect: Callable[[Sent | None], Any]) -> Answer[Any]:
        def changed(fault: NetworkFault, answer: Any) -> Any:
            if fault.action is FaultAction.NO_DATE:
                return answer if isinstance(answer, ApiError) else Answer(answer.value, None)
            once = fault.action is FaultAction.REDIRECT or (
                fault.action is FaultAction.STATUS and fault.status in _NOT_RETRYABLE
            )
            return ApiError(str(fault.action), known=Known.UNANSWERED, retryable=not once)

        steps = self.server.through(name, sent, take_effect, changed, _TIMEOUT)
        try:
            answer = wait_through(steps, running_worker().simulation.pass_time)
        except NoResponse as error:
            raise ApiError(str(error), known=Known.UNANSWERED, retryable=True) from None
        if isinstance(answer, ApiError):
            raise answer
        return answer
