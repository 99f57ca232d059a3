"""What all that freezes or sends call lists has: where they lie, how many rows may be set aside, how a task ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.airflow_imports import (
    AirflowFailException,
    AirflowSkipException,
    OperatorMixin,
)
from aimylogic_provider.airflow_task.argument_checks import (
    DEFAULT_CONN_ID,
    check_choice,
    check_same_in_all_runs,
    is_share_or_count,
)
from aimylogic_provider.lineage.lineage_methods import TellsLineage
from aimylogic_provider.retries.policy_argument import HasRetryPolicy
from aimylogic_provider.task_end.tells_end import TellsEnd

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.telemetry.task_telemetry import ListTelemetry
    from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["CallListBase", "ResultsTableBase"]


class CallListBase(HasRetryPolicy, TellsLineage, TellsEnd, OperatorMixin):
    """What both halves of a sync have: how many rows may be set aside, and where lists lie."""

    results_table: str | None = None
    """Of those that have one; see :class:`ResultsTableBase`."""
    results_conn_id: str | None = None
    first: int | None = None
    """Of those that send, and may send some calls before all others: how many."""
    _told_by: ListTelemetry | None = None
    _frozen: Pointer | None = None
    """The list that this try froze, whatever became of it."""
    _asked: bool = False
    """Whether this try asked the database for rows."""
    _nobody_because: str = ""
    """Why nobody of the list is called, though it could be: other runs' lists called them. Empty of any other."""
    _lists: str | None = None
    """The address of the folder of the list's task, once it is known."""

    def __init__(
        self,
        *,
        on_rejected: Literal["skip", "fail"] = "skip",
        max_rejected: float | None = None,
        call_list_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_rejected", on_rejected, "skip", "fail")
        if on_rejected == "fail" and max_rejected is not None:
            raise ValueError("on_rejected='fail' allows no rejected row at all: leave max_rejected out, or use 'skip'")
        if max_rejected is not None and not is_share_or_count(max_rejected):
            raise ValueError(
                f"max_rejected {max_rejected!r} can't be used: give a count of rows, as in 10, or a share of them from "
                "0.0 to 1.0, as in 0.05"
            )
        self.on_rejected = on_rejected
        self.max_rejected = max_rejected
        self.call_list_path = call_list_path

    def _take_blank_as_nothing(self) -> None:
        """Have blank text in a templated field be what it is to leave it out."""
        from aimylogic_provider.airflow_task.template_values import blank_as_nothing

        blank_as_nothing(self, aimylogic_conn_id=DEFAULT_CONN_ID)

    def _telemetry(self) -> ListTelemetry:
        """What tells metrics and spans of this try. Its campaign is not known to what only freezes lists."""
        from aimylogic_provider.airflow_task.telemetry.task_telemetry import ListTelemetry

        if self._told_by is None:
            self._told_by = ListTelemetry(self, getattr(self, "aimylogic_conn_id", None))
        return self._told_by

    def _results_conn_id(self) -> str:
        """The connection of the results table's database."""
        return self.results_conn_id or str(getattr(self, "sql_conn_id", ""))

    def _where_and_which(self, context: Context) -> str:
        """What tells a question apart from those of other campaigns, and of other indexes of a mapped task."""
        from aimylogic_provider.airflow_task.required_actions import where_and_which

        label = getattr(self, "index_label", None)
        conn_id = getattr(self, "aimylogic_conn_id", None)
        return where_and_which(context, conn_id, label(context["ti"]) if label is not None else "")

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        told = list_in_words(result)
        return f"nobody is called: {self._nobody_because}. {told}" if self._nobody_because else told

    def _counts_so_far(self, error: BaseException | None) -> Mapping[str, Any]:
        """What is known of the task's list, or of one that came to nothing."""
        pointer = self._known_list() or getattr(error, "pointer", None)
        if pointer is None:
            rejected = getattr(error, "rejected", None)
            return {} if rejected is None else {"rejected": rejected}
        return {**pointer.counts, "call_list": pointer.path, "rejected_rows": pointer.rejected_rows}

    def _known_list(self) -> Pointer | None:
        """The list that is this task's, or that it froze, once it is known."""
        return self._frozen

    def _give_up_claims(self, pointer: Pointer) -> None:
        """A list that surely nobody sends comes to nothing: have it hold nobody, if there is a results table.

        :raises CallListError: if the database fails; another try can help
        """
        from aimylogic_provider.call_list_task.claims_of_task import give_up

        if self.results_table is not None:
            give_up(pointer, self.results_table, self._results_conn_id())

    def _lineage(self, *, over: bool) -> TaskLineage:
        from aimylogic_provider.lineage.task_lineage import TaskLineage

        sql, conn_id = getattr(self, "sql", None), str(getattr(self, "sql_conn_id", ""))
        return TaskLineage(sql=sql if isinstance(sql, str) else None, sql_conn_id=conn_id, asked=over and self._asked)

    def _limit(self) -> Limit:
        from aimylogic_provider.call_list.freeze.rejected.rejected_limit import Limit

        return Limit(0 if self.on_rejected == "fail" else self.max_rejected)

    def _task_folder(self, context: Context) -> TaskFolder:
        from aimylogic_provider.airflow_task.list_folder import folder_of_task

        return folder_of_task(context, self.call_list_path)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End the task as Airflow's users expect it: with a retry where one can help, and without where none can."""
        from aimylogic_provider.call_list.store.approval_denied import SaidNoError
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.idempotence.errors import NotAddedError
        from aimylogic_provider.retries.task_failures import failed

        try:
            yield
        except SaidNoError as error:
            raise AirflowSkipException(f"Nobody is called: {error}") from None
        except RejectedError as error:
            raise AirflowFailException(f"Rejected before any request: {error}") from None
        except (CallListError, NotAddedError) as error:
            raise failed(error) from None


class ResultsTableBase(CallListBase):
    """What those have besides that tell a results table what becomes of rows."""

    def __init__(self, *, results_table: str | None = None, results_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if results_table is not None:
            check_same_in_all_runs("the schema of results_table", _schema_of(results_table))
            check_same_in_all_runs("results_conn_id", results_conn_id)
        self.results_table = results_table
        self.results_conn_id = results_conn_id


def _schema_of(results_table: object) -> object:
    """What stands before the name of a table, which may be a template."""
    if not isinstance(results_table, str):
        return None
    plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", lambda found: "x" * len(found[0]), results_table, flags=re.DOTALL)
    return results_table[: max(plain.rfind("."), 0)]
