"""What freezes the rows of a query, asked of any database that Airflow has a hook for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.airflow_task.one_at_a_time import OneAtATime
from aimylogic_provider.call_list_task.rules.caps_base import CapsPersons

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.rows import Columns
    from aimylogic_provider.call_list.freeze.rows_read import Reader
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list_task.freezing.row_source import RowSource

__all__ = ["QueryBase"]

_OTHER_OUTCOMES = re.compile(r"outcome\s*(?:not\s+in\b|<>|!=)")
"""Of a query that leaves out whoever has another outcome than some."""


class QueryBase(OneAtATime, CapsPersons):
    """The half that freezes, of the rows of a query.

    Which columns are missing, and what a policy holds, is told before any row is read.
    """

    parameters = ShownMasked()
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {
        "values": ("parameters", "policy"),
        "as_they_are": ("sql", "exclude_sql"),
    }
    _mapped_are_data: ClassVar[bool] = False
    _nobody: ClassVar[str] = "The query gave no rows"
    _with_policies: ClassVar[str] = "policy, policy_columns and call_before"

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
        policy_columns: Mapping[str, str] | None = None,
        consent_column: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if consent_column is not None and not (isinstance(consent_column, str) and consent_column.strip()):
            raise ValueError(
                f"consent_column {consent_column!r} can't be used: give the name of the column in which it stands that "
                "a person agreed to be called"
            )
        if self.method == "addPhone" and policy_columns:
            raise ValueError(self._no_policies())
        for name, columns in (("payload_columns", payload_columns), ("key_columns", key_columns)):
            if isinstance(columns, str):
                raise ValueError(f"{name} {columns!r} is a single text: give a list, even of one")
        if policy_columns is not None and not isinstance(policy_columns, Mapping):
            raise ValueError(
                f"policy_columns {policy_columns!r} isn't a dictionary: give the columns by name, as in "
                "{'finish': 'deadline'}"
            )
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.phone_column = phone_column
        self.gmt_zone_column = gmt_zone_column
        self.payload_columns = payload_columns
        self.key_columns = key_columns or ()
        self.policy_columns = policy_columns
        self.consent_column = consent_column

    def _freeze(self, context: Context, *arguments: Any, **more: Any) -> Pointer:
        waits = getattr(self, "wait_for_completion", False) or self.on_excess == "ask"
        if waits and not (self.results_table or self.max_active_tis_per_dag):
            self.log.warning(
                "A task that waits, for its calls or for a person, isn't limited to one at a time, and without a "
                "results_table nothing keeps two runs at once from calling the same people. Set one, or "
                "max_active_tis_per_dag=1, or wait for calls by a CallJobSensor."
            )
        self._tell_of_own_rule()
        return super()._freeze(context, *arguments, **more)

    def _tell_of_own_rule(self) -> None:
        """Warn if the query may take whoever isn't called today for called, and never select them again."""
        given = {"excluded": self._excludes, "capped": self.max_calls_per_person or self.only_new}
        asked = f"{self.sql}".casefold()
        table = (self.results_table or "").rpartition(".")[2].casefold()
        spared = [f"'{outcome}'" for outcome, rule in given.items() if rule and f"'{outcome}'" not in asked]
        if table and spared and table in asked and ("outcome" not in asked or _OTHER_OUTCOMES.search(asked)):
            self.log.warning(
                "The query asks %s, and doesn't name the outcome %s. Who isn't called today for a rule has a row there "
                "all the same. If the query leaves out all but some outcomes, it never selects them again, also once "
                "the rule lets them be called: have it name who was called, as in outcome in ('created', 'pending', "
                "'unknown'), or take only_new.", self.results_table, " and ".join(spared),
            )  # fmt: skip

    def _columns(self) -> Columns:
        from aimylogic_provider.call_list.freeze.rows import Columns

        return Columns(
            phone=self.phone_column,
            gmt_zone=self.gmt_zone_column,
            payload=None if self.payload_columns is None else tuple(self.payload_columns),
            keys=tuple(self.key_columns),
            consent=self.consent_column,
            policy=dict(self.policy_columns or {}),
            **self._rules_of_all(self.policy_columns or {}),
        )

    def _row_source(self) -> RowSource:
        from aimylogic_provider.airflow_task.template_values import as_parameters
        from aimylogic_provider.call_list.freeze.rows import RowReader
        from aimylogic_provider.call_list.freeze.warehouse import has_column_types, streamed
        from aimylogic_provider.call_list_task.databases import check_query, database_hook
        from aimylogic_provider.call_list_task.freezing.row_source import RowSource
        from aimylogic_provider.lineage.hook_lineage import tell_query

        columns = self._columns()
        check_query(self.sql)
        parameters = as_parameters("parameters", self.parameters)
        hook = database_hook("sql_conn_id", self.sql_conn_id)

        def opened(stack: ExitStack) -> tuple[Reader, Iterable[Any]]:
            self._asked = True
            self.log.info("Freezing the call list: querying %s.", self.sql_conn_id)
            names, rows = stack.enter_context(streamed(hook, self.sql, parameters, self.log, partial(tell_query, hook)))
            reader = RowReader(columns, names)
            return reader, reader.with_keys_checked(rows) if self.results_table else rows

        has_finish = "finish" in columns.policy or "finish" in columns.policy_of_all
        return RowSource(has_finish, opened, typed=has_column_types(hook))

    def _key_names(self) -> Sequence[str]:
        return [*self.key_columns, *filter(None, [self._consent_kept()])]

    def _consent_kept(self) -> str:
        """The column of consent, unless it is a key column, too."""
        keys = {name.casefold() for name in self.key_columns}
        return "" if self.consent_column is None or self.consent_column.casefold() in keys else self.consent_column

    def _told(self) -> list[object]:
        return [self.sql, self.sql_conn_id, self.parameters, self.phone_column, self.payload_columns]
