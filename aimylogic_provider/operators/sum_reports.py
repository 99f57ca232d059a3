"""SumReportsOperator: what became of a call list that several tasks sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from aimylogic_provider.airflow_task.airflow_imports import AirflowFailException, BaseOperator
from aimylogic_provider.task_end.tells_end import TellsEnd

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context, XComArg
    from aimylogic_provider.airflow_task.base_operator_arguments import TaskArguments

__all__ = ["SumReportsOperator"]


class SumReportsOperator(TellsEnd, BaseOperator):
    """Sum the reports of a call list's shards, and call nobody.

    Returns one report: ``rows`` = ``created`` + ``doubles`` + ``rejected`` + ``refused`` + ``unknown`` + ``expired`` +
    ``claimed`` + ``capped`` + ``excluded`` + ``held_out``, ``call_list``, ``rejected_rows`` and ``results_table`` as
    those of the shards, ``shards``, and the ``seconds`` of the one that took longest. A shard that is missing fails the
    task, and so do shards that reached nobody.

    :param reports: what :class:`~aimylogic_provider.operators.SendCallListOperator` returned for each shard: its
        ``.output``. (templated)
    """

    template_fields: Sequence[str] = ("reports",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"reports": "json"}
    ui_color = "#e6f2ff"

    def __init__(self, *, reports: Iterable[Any] | XComArg | str, **kwargs: Unpack[TaskArguments]) -> None:
        super().__init__(**kwargs)
        self.reports = reports

    def execute(self, context: Context) -> dict[str, Any]:
        """Sum the reports.

        :raises AirflowFailException: if they are not those of all shards of one list, each once
        """
        from aimylogic_provider.airflow_task.template_values import as_value
        from aimylogic_provider.call_list.send.nobody_reached import reached_nobody
        from aimylogic_provider.call_list.store.manifest import CallListError
        from aimylogic_provider.call_list.store.outcomes import RowCounts
        from aimylogic_provider.call_list.store.shard_reports import summed

        try:
            report = summed(as_value(self.reports))
        except CallListError as error:
            raise AirflowFailException(str(error)) from None
        self._counted = lambda: report
        if reached_nobody(report):
            told = RowCounts.of_report(report).set_aside_in_words
            raise AirflowFailException(
                f"Nobody is called: of {report['rows']:,} rows {told}. Why, each shard's log tells, and the results "
                "table. Correct it, and start a new DAG run"
            )
        return report

    def _result_in_words(self, result: Any) -> str:
        from aimylogic_provider.task_end.counts_in_words import list_in_words

        return f"all {result['shards']:,} shards are sent: {list_in_words(result)}"
