"""What freezes calls that a DAG gives, by themselves or as a text that a person pasted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aimylogic_provider.airflow_task.masked_rendering import ShownMasked
from aimylogic_provider.call_list_task.prepare_base import PrepareBase

if TYPE_CHECKING:
    from contextlib import ExitStack

    from aimylogic_provider.call_list.freeze.call_rules import CallRules
    from aimylogic_provider.call_list.freeze.rows_read import Reader
    from aimylogic_provider.call_list_task.freezing.row_source import RowSource

__all__ = ["GivenCallsBase"]


class GivenCallsBase(PrepareBase):
    """The half that freezes, of given calls."""

    calls = ShownMasked(of_calls=True)
    _nobody: ClassVar[str] = "calls is an empty list"

    def _check_calls(self, calls: object) -> None:
        """Check what is known of them as the DAG is parsed.

        Of a mapped task this is its run, which tells it as an error that no retry mends.

        :raises RejectedError: if it is no list of calls, saying what to give
        """
        if not (_is_list_or_known_later(calls) or getattr(self, "_BaseOperator__from_mapped", False)):
            from aimylogic_provider.call_list.freeze.given_calls import listed_calls

            listed_calls(calls)

    def _take_blank_as_nothing(self) -> None:
        from aimylogic_provider.call_list.freeze.given_calls import is_list

        super()._take_blank_as_nothing()
        if is_list(self.calls):
            self.calls = list(self.calls)  # what a mapped task returned, Airflow reads one by one

    def _row_source(self) -> RowSource:
        from aimylogic_provider.call_list.freeze.given_calls import (
            GivenCallReader,
            check_no_pages,
            listed_calls,
            own_policies,
        )
        from aimylogic_provider.call_list_task.freezing.row_source import RowSource

        calls = listed_calls(self.calls)
        check_no_pages(calls)
        own = own_policies(calls)
        rules = self._call_rules({"finish"} & own)  # an unknown name is told of the call that has it
        reader = GivenCallReader(rules, calls)

        def opened(stack: ExitStack) -> tuple[Reader, Iterable[Any]]:
            self.log.info("Freezing the call list: %s calls are given.", f"{len(calls):,}")
            return reader, calls

        return RowSource("finish" in own or "finish" in rules.policy_of_all, opened)

    def _call_rules(self, own: Collection[str] = ()) -> CallRules:
        """What holds for all calls.

        :param own: as of :meth:`_policy_of_all`
        """
        from aimylogic_provider.call_list.freeze.call_rules import CallRules

        return CallRules(**self._rules_of_all(own))

    def _key_names(self) -> Sequence[str]:
        return ("key",)

    def _told(self) -> list[object]:
        from aimylogic_provider.call_list.freeze.given_calls import is_list
        from aimylogic_provider.call_list.store.manifest import sha256

        # What is no list is told of later, if it is needed at all.
        calls = repr(self.calls) if is_list(self.calls) else self.calls if isinstance(self.calls, str) else ""
        return [sha256(calls.encode(errors="backslashreplace")), getattr(self, "aimylogic_conn_id", "")]


def _is_list_or_known_later(calls: object) -> bool:
    """Whether it is a list, or is only known once the task runs."""
    if isinstance(calls, str):
        return "{" in calls or "[" in calls  # a template, or text that says a list
    return isinstance(calls, (list, tuple)) or hasattr(calls, "iter_references")
