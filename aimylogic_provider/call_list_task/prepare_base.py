"""The half of a sync that freezes a call list, as what its operators are made of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.argument_checks import check_choice, check_whole
from aimylogic_provider.airflow_task.masked_descriptor import ShownMasked, fields_are_rendered
from aimylogic_provider.airflow_task.one_at_a_time import OneAtATime
from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.finish_times import Arrival, Finishes
    from aimylogic_provider.call_list.freeze.rejections import Rejections
    from aimylogic_provider.call_list.freeze.rows import Columns
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.sync_entry import Freezing

__all__ = ["PrepareBase"]

_BATCH_SIZE = {"addPhones": 1000, "addPhone": 500}  # two of those may be under way
_MOST_CALLS = {"addPhones": 100_000, "addPhone": 1000}


class PrepareBase(OneAtATime, CallListBase):
    """The half that freezes a call list; asks nothing of Aimylogic.

    Which columns are missing, and what a policy holds, is told before any row is read.
    """

    parameters = ShownMasked()

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | str | None = None,
        phone_column: str = "phone",
        gmt_zone_column: str | None = None,
        payload_columns: Sequence[str] | None = None,
        key_columns: Sequence[str] | None = (),
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        policy_columns: Mapping[str, str] | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        max_calls_per_phone: int | None = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("method", method, "addPhones", "addPhone")
        if method == "addPhone" and (policy or policy_columns or call_before is not None):
            raise ValueError(
                "policy, policy_columns and call_before need method='addPhones': addPhone has no call policies"
            )
        for name, columns in (("payload_columns", payload_columns), ("key_columns", key_columns)):
            if isinstance(columns, str):
                raise ValueError(f"{name} {columns!r} is a single text: give a list, even of one")
        if policy_columns is not None and not isinstance(policy_columns, Mapping):
            raise ValueError(
                f"policy_columns {policy_columns!r} isn't a dictionary: give the columns by name, as in "
                "{'finish': 'deadline'}"
            )
        check_whole("batch_size", batch_size, 1, _MOST_CALLS[method])
        check_whole("max_batch_bytes", max_batch_bytes, 1000, 100_000_000, optional=False)
        check_whole("max_calls_per_phone", max_calls_per_phone, 1, 1000)
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.phone_column = phone_column
        self.gmt_zone_column = gmt_zone_column
        self.payload_columns = payload_columns
        self.key_columns = key_columns or ()
        self.phone_region = phone_region
        self.phone_reading = phone_reading
        self.phone_check = phone_check
        self.countries = countries
        self.policy = policy
        self.policy_columns = policy_columns
        self.call_before = call_before
        self.method = method
        self.batch_size = batch_size
        self.max_batch_bytes = max_batch_bytes
        self.max_calls_per_phone = max_calls_per_phone
        self._noted: dict[str, str] = {}

    def _do_render_template_fields(
        self, parent: Any, template_fields: Iterable[str], context: Any, jinja_env: Any, seen_oids: set[int]
    ) -> None:
        """Render what is a template, and have Airflow show phones masked from then on."""
        from aimylogic_provider.airflow_task.template_values import rendering

        if parent is not self:
            super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
            return
        for field, environment in rendering(
            template_fields, self, jinja_env, values=("parameters", "policy"), as_they_are=("sql",), noted=self._noted
        ):
            super()._do_render_template_fields(parent, [field], context, environment, seen_oids)
        fields_are_rendered(self)

    def _columns(self) -> Columns:
        from aimylogic_provider.airflow_task.template_values import as_value, check_rendered
        from aimylogic_provider.call_list.freeze.rows import POLICY_FIELDS, Columns
        from aimylogic_provider.calls_api.errors import RejectedError

        check_rendered(self._noted)
        policy = {} if _is_blank(self.policy) else as_value(self.policy) or {}
        if not isinstance(policy, dict):
            raise RejectedError(
                f"policy {self.policy!r} can't be used: give a dictionary, or a template that makes one, of "
                f"{', '.join(POLICY_FIELDS)}"
            )
        policy = {name: value for name, value in policy.items() if not (isinstance(value, str) and _is_blank(value))}
        for name in (*policy, *(self.policy_columns or {})):
            if name not in POLICY_FIELDS:
                raise RejectedError(f"{name!r} isn't part of a call policy: use {', '.join(POLICY_FIELDS)}")
        if self.call_before is not None:
            if "finish" in policy or "finish" in (self.policy_columns or {}):
                raise RejectedError("call_before is the policy's finish: give one of the two")
            policy["finish"] = self.call_before
        return Columns(
            phone=self.phone_column,
            gmt_zone=self.gmt_zone_column,
            payload=None if self.payload_columns is None else tuple(self.payload_columns),
            keys=tuple(self.key_columns),
            policy=dict(self.policy_columns or {}),
            policy_of_all=policy,
            phone_region=self.phone_region,
            phone_reading=self.phone_reading,
            phone_check=self.phone_check,
            countries=self.countries,
            method=self.method,
            max_bytes=self.max_batch_bytes,
        )

    def _make_results_table(self) -> None:
        """Make the results table before the query, which may ask it whom it leaves out."""
        from aimylogic_provider.call_list_task.results_of_task import opened

        if self.results_table is not None:
            with opened(self.results_table, self._results_conn_id(), self.key_columns):
                pass

    def _told(self) -> list[object]:
        """What says whom this task is to call: what a mapped task's elements may differ by."""
        return [self.sql, self.sql_conn_id, self.parameters, self.phone_column, self.payload_columns]

    def _phone_rules_told(self) -> list[object]:
        """How phones are read, where that is chosen: what an earlier version noted stays as it was."""
        rules = (self.phone_reading, self.phone_check, self.countries)
        return [] if rules == ("either", "in use", None) else [*rules]

    def _source(self, task: TaskFolder) -> str:
        """The digest of that; empty if the task isn't mapped, for then its lists are all of one source."""
        from aimylogic_provider.call_list.store.manifest import sha256

        return sha256(json.dumps(self._told(), default=str).encode()) if task.map_index >= 0 else ""

    def _arrival_at_freeze(self) -> Arrival | None:
        """When what is sent now arrives, if the server can be asked; whatever is too late then, is rejected."""
        return None

    def _freeze(
        self,
        context: Context,
        shards: int = 1,
        *,
        noted: Freezing | None = None,
        note: Callable[[Freezing], None] | None = None,
        lost_since: float | None = None,
    ) -> Pointer:
        """Freeze the call list into a fresh folder. It is the list once a pointer to it is kept.

        :param noted: the list that an earlier try noted, and that never became the task's
        :param note: notes durably that a list is begun, or raises if this try was replaced; without it, or without a
            results table, no rows are claimed
        :param lost_since: as of :func:`.claiming`
        """
        from aimylogic_provider.airflow_task.template_values import as_parameters
        from aimylogic_provider.call_list.freeze.finish_times import Finishes
        from aimylogic_provider.call_list.freeze.freeze import ListOrigin, freeze
        from aimylogic_provider.call_list.freeze.list_files import Cut
        from aimylogic_provider.call_list.freeze.rejections import Rejections
        from aimylogic_provider.call_list.freeze.warehouse import has_column_types, streamed
        from aimylogic_provider.call_list.store.sync_entry import Freezing
        from aimylogic_provider.call_list_task.claims_of_task import claiming, give_up_noted
        from aimylogic_provider.call_list_task.databases import check_query, database_hook

        columns = self._columns()
        check_query(self.sql)
        parameters = as_parameters("parameters", self.parameters)
        has_finish = "finish" in columns.policy or "finish" in columns.policy_of_all
        arrival = self._arrival_at_freeze() if has_finish else None
        rejections, finishes = Rejections(self.log), Finishes(arrival)
        task = self._task_folder(context)
        list_id, folder = task.fresh()
        size = self.batch_size or _BATCH_SIZE[self.method]
        hook = database_hook("sql_conn_id", self.sql_conn_id)
        with ExitStack() as stack:
            claim = None
            if note is not None:
                give_up_noted(task, noted, self.results_table, self._results_conn_id(), self.log)
                if self.results_table is not None:
                    begun = Freezing(list_id, folder.address, self.results_table, self._results_conn_id())
                    note(begun)
                    claim = stack.enter_context(claiming(task, begun, note, self.log, lost_since))
            self.log.info("Freezing the call list: querying %s.", self.sql_conn_id)
            names, rows = stack.enter_context(streamed(hook, self.sql, parameters, self.log))
            pointer = freeze(
                rows,
                names,
                columns,
                folder,
                cut=Cut(size, self.max_batch_bytes, shards, self.max_calls_per_phone),
                limit=self._limit(),
                origin=ListOrigin(list_id, task.words, task.of_task.address, self._source(task)),
                log=self.log,
                rejections=rejections,
                finishes=finishes,
                claim=claim,
                typed=has_column_types(hook),
            )
        self._tell_of_frozen(pointer, rejections, finishes)
        return pointer

    def _tell_of_frozen(self, pointer: Pointer, rejections: Rejections, finishes: Finishes) -> None:
        """Tell in the log what the list holds, and until when it can be sent.

        :raises NobodyToCallError: if it holds nobody, though the query gave rows
        """
        from aimylogic_provider.call_list.freeze.finish_times import as_moment

        if pointer.claimed:
            self.log.warning(
                "%s of %s rows are held by unfinished lists of other runs, which are to call them: not called by this "
                "one. Which ones, and by which list each: %s/held.", f"{pointer.claimed:,}", f"{pointer.rows:,}",
                pointer.path,
            )  # fmt: skip
        if pointer.capped:
            self.log.warning(
                "%s of %s rows are capped: their phones are called for other rows already, as often as "
                "max_calls_per_phone allows (%s). Which ones, and for which row: %s/capped. To have one person called "
                "for several rows, as for two debts, raise it.", f"{pointer.capped:,}", f"{pointer.rows:,}",
                self.max_calls_per_phone, pointer.path,
            )  # fmt: skip
        self.log.info(
            "Frozen: %s rows are %s calls; %s are doubles of those, %s are rejected. The list is %s.",
            *(f"{count:,}" for count in (pointer.rows, pointer.calls, pointer.doubles, pointer.rejected)), pointer.path,
        )  # fmt: skip
        rejections.check_somebody(pointer)
        if finishes.earliest < time.time():  # this worker's clock, and so no more than a hint
            self.log.warning(
                "Calls of this list can be sent until %s, and until %s at the latest: what is later by the server's "
                "time is not sent, and expires.", as_moment(finishes.earliest), as_moment(finishes.latest),
            )  # fmt: skip
        if not pointer.rows:
            self.log.info("The query gave no rows: there is nobody to call.")


def _is_blank(value: object) -> bool:
    return not value or (isinstance(value, str) and not value.strip())
