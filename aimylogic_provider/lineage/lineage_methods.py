"""The methods by which Airflow's OpenLineage provider asks a task what it reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimylogic_provider.lineage.task_lineage import TaskLineage

__all__ = ["TellsLineage"]


class TellsLineage:
    """A task that tells what it reads and writes, if anybody asks. Without OpenLineage's provider nobody does."""

    log: Any

    def _lineage(self, *, over: bool) -> TaskLineage | None:
        """What the task reads and writes, as far as is known.

        :param over: whether the try is over, and not about to begin
        """
        raise NotImplementedError

    def get_openlineage_facets_on_start(self) -> Any:
        """Return the query and the campaign. No database is asked: it may not answer."""
        return self._told_of_lineage(over=False)

    def get_openlineage_facets_on_complete(self, task_instance: object) -> Any:
        """Return the query with its tables, and what was written, with counts.

        :param task_instance: Airflow's
        """
        return self._told_of_lineage(over=True)

    def get_openlineage_facets_on_failure(self, task_instance: object) -> Any:
        """Return the same of a try that failed, as far as it came.

        :param task_instance: Airflow's
        """
        return self._told_of_lineage(over=True)

    def _told_of_lineage(self, *, over: bool) -> Any:
        try:
            from aimylogic_provider.lineage.openlineage_datasets import operator_lineage

            told = self._lineage(over=over)
            return None if told is None else operator_lineage(told)
        except Exception as error:  # noqa: BLE001 - it only tells
            self.log.debug("Lineage can't be told: %s.", type(error).__name__)
            return None
