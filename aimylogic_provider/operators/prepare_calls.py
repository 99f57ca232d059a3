"""PrepareCallsOperator: freezes given calls, or a pasted list, as a call list, and calls nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from aimylogic_provider.airflow_task.airflow_imports import BaseOperator
from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.call_list_task.call_list_base import CallListBase
from aimylogic_provider.call_list_task.prepares_lists import PreparesLists
from aimylogic_provider.call_list_task.rules.only_new_by_lists import OnlyNewByLists
from aimylogic_provider.retries.policy_argument import policy_argument
from aimylogic_provider.retries.retry_policy import DEFAULT_RETRY_POLICY

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow.sdk import XComArg
    from airflow.sdk.definitions.retry_policy import RetryPolicy

    from aimylogic_provider.airflow_task.base_operator_arguments import RetriedTaskArguments
    from aimylogic_provider.call_list.freeze.finish_times import Finishes
    from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
    from aimylogic_provider.call_list.freeze.rows_read import Reader
    from aimylogic_provider.call_list.pasted.pasted_calls import PastedCallReader
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list_task.freezing.row_source import RowSource

__all__ = ["PrepareCallsOperator"]

_BAD_TOLD = 100
"""Bad lines that the log tells one by one, at most."""


class PrepareCallsOperator(PreparesLists, OnlyNewByLists, CallListBase, BaseOperator):
    """Freeze calls that the DAG gives, or a list that a person pasted, as a call list, and call nobody.

    The half of :class:`AddPhonesOperator` that freezes: a person may approve the list, and
    :class:`SendCallListOperator` sends it. Returns what :class:`PrepareCallListOperator` does.

    What is wrong with a pasted list the log tells line by line: its number, the phone masked, the reason and the way
    out. The other lines become calls. A list that can't be read for sure fails the task, and nobody is called.

    :param calls: as those of :class:`AddPhonesOperator`; or else *pasted*. (templated)
    :param pasted: text: a phone a line, or cells parted by tabs, semicolons or commas, with a header or without, of
        5,000 lines at most. The other cells are the payload, by the names in the header. (templated)
    :param columns: names of a pasted list's columns if it has no header, in their order, ``phone`` among them; a list,
        or text with commas. (templated)
    :param only_new: whom another list of this task called within that time, of whichever run, isn't called, nor whoever
        stands in one that was begun and isn't over: a timedelta, or True for ever. The task's own lists tell that, in
        ``call_list_path``, which all workers must share. The task that sends the list looks again before each send, and
        must have ``max_active_tis_per_dag=1``
    :param call_again: True to call again, on purpose, whom other runs called ten minutes before this one was triggered,
        or earlier: of later calls whoever triggers it can't have known, so that a second click rings nobody. Also text,
        as a template makes it of a form's box: True, yes, 1, or False, no, 0, None and blanks. (templated)
    :param phone_region: two-letter code of the country whose national numbers are understood, as in ``RU``. (templated)
    :param phone_reading: and all further parameters: as those of :class:`AddPhonesOperator`
    :param shards: as that of :class:`PrepareCallListOperator`
    :param retry_policy: when the next try comes after a failure (Airflow 3.3 and newer); None for what ``retry_delay``
        says alone
    """

    template_fields: Sequence[str] = (
        "calls", "pasted", "columns", "phone_region", "policy", "call_before", "call_list_path", "exclude_sql",
        "exclude_conn_id", "call_again",
    )  # fmt: skip
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"calls": "json", "policy": "json", "exclude_sql": "sql"}
    ui_color = "#e6f2ff"
    _rendered_as: ClassVar[dict[str, tuple[str, ...]]] = {
        "sent": ("calls",), "nested": ("calls",), "values": ("policy",), "as_they_are": ("exclude_sql",),
    }  # fmt: skip
    pasted = ShownMasked(of_calls=True)
    _not_again: ClassVar[str] = "whatever it is given by now is not read"
    _lines: PastedCallReader | None = None
    """What reads a pasted list, and knows its bad lines."""

    def __init__(
        self,
        *,
        calls: Sequence[Mapping[str, Any] | str | int] | XComArg | str | None = None,
        pasted: XComArg | str | None = None,
        columns: Sequence[str] | str = (),
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        max_calls_per_phone: int | None = 1,
        only_new: timedelta | bool = False,
        call_again: bool | str = False,
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        exclude_unreadable: Literal["fail", "skip"] = "fail",
        holdout: float | None = None,
        holdout_salt: str = "",
        shards: int = 1,
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        max_calls: int | None = None,
        max_change: float | None = None,
        on_excess: Literal["fail", "ask"] = "fail",
        call_list_path: str | None = None,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        **kwargs: Unpack[RetriedTaskArguments],
    ) -> None:
        super().__init__(
            phone_region=phone_region,
            phone_reading=phone_reading,
            phone_check=phone_check,
            countries=countries,
            policy=policy,
            call_before=call_before,
            method=method,
            batch_size=batch_size,
            max_batch_bytes=max_batch_bytes,
            max_calls_per_phone=max_calls_per_phone,
            only_new=only_new,
            call_again=call_again,
            exclude_sql=exclude_sql,
            exclude_conn_id=exclude_conn_id,
            exclude_unreadable=exclude_unreadable,
            holdout=holdout,
            holdout_salt=holdout_salt,
            shards=shards,
            on_rejected=on_rejected,
            max_rejected=max_rejected,
            max_calls=max_calls,
            max_change=max_change,
            on_excess=on_excess,
            call_list_path=call_list_path,
            **policy_argument(retry_policy),
            **kwargs,
        )
        mapped = getattr(self, "_BaseOperator__from_mapped", False)
        if (calls is None) == (pasted is None) and not mapped:
            raise ValueError("give calls, or pasted: one of the two is what is frozen")
        if self.exclude_sql is not None and self.exclude_conn_id is None:
            raise ValueError("exclude_sql needs exclude_conn_id: the connection of the database that it asks")
        self.calls = calls
        self.pasted = pasted
        self.columns = columns
        self._is_pasted = pasted is not None
        if self._is_pasted:
            self._to_correct = "Correct the list, and start a new run with it"
        if calls is not None:
            self._check_calls(calls)

    def _take_blank_as_nothing(self) -> None:
        super()._take_blank_as_nothing()
        if self.phone_region is not None:
            self.phone_region = str(self.phone_region).strip().upper()  # as somebody wrote it into a form

    def _row_source(self) -> RowSource:
        if not self._is_pasted:
            return super()._row_source()
        from aimylogic_provider.call_list.pasted.pasted_calls import PastedCallReader
        from aimylogic_provider.call_list.pasted.pasted_text import read_pasted
        from aimylogic_provider.call_list_task.freezing.row_source import RowSource

        rules = self._call_rules()  # what can't be rendered is told first
        found = read_pasted(self.pasted or "", _names(self.columns))
        reader = self._lines = PastedCallReader(rules, found.lines)

        def opened(stack: ExitStack) -> tuple[Reader, Iterable[Any]]:
            self.log.info("Freezing the call list: %s.", found.told)
            return reader, found.lines

        return RowSource("finish" in rules.policy_of_all, opened)

    def _tell_of_frozen(self, pointer: Pointer, rejections: Rejections, finishes: Finishes) -> None:
        if self._lines is not None and (bad := self._lines.bad):
            self.log.warning(
                "%s of %s lines can't be called%s. Line by line:", f"{len(bad):,}", f"{len(self._lines.lines):,}",
                "; the others can" if len(bad) < len(self._lines.lines) else "",
            )  # fmt: skip
            for line, reason in bad[:_BAD_TOLD]:
                self.log.warning("Line %s: %s", f"{line:,}", reason)
            if len(bad) > _BAD_TOLD:
                self.log.warning("And %s more: %s.", f"{len(bad) - _BAD_TOLD:,}", pointer.rejected_rows)
        super()._tell_of_frozen(pointer, rejections, finishes)

    def _key_names(self) -> Sequence[str]:
        return ("key",) if self.pasted is None else ("line",)

    def _told(self) -> list[object]:
        from aimylogic_provider.call_list.store.manifest import sha256

        if self.pasted is None:
            return super()._told()
        return [sha256(str(self.pasted).encode(errors="backslashreplace")), [*_names(self.columns)]]


def _names(columns: Collection[str] | str) -> list[str]:
    """Names of columns, also as text."""
    return [*filter(None, (name.strip() for name in (columns.split(",") if isinstance(columns, str) else columns)))]
