"""The results table as a task keeps it: all rows before anything is sent, and what became of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.airflow_task.telemetry.task_telemetry import TaskTelemetry
    from aimylogic_provider.call_list.send.sending import Sending
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.tables.results_table import ResultsTable
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["check_told", "keeping_results", "opened", "tell_jobs", "tell_rejected"]


def opened(name: str, conn_id: str, keys: Sequence[str], consent: str = "") -> closing[ResultsTable]:
    """Return a results table, made if there is none, as a context manager.

    :param name: of the table
    :param conn_id: of its database
    :param consent: as of :class:`.ResultsTable`
    :raises RejectedError: if it can't be used
    :raises CallListError: if the database can't be reached
    """
    from aimylogic_provider.call_list.tables.results_table import ResultsTable
    from aimylogic_provider.call_list_task.databases import engine_of

    return closing(ResultsTable(engine_of("results_conn_id", conn_id), name, keys, consent))


def check_told(of_list: str, results_table: str | None, log: Log) -> None:
    """Check that what becomes of a list's calls is told where the query that froze it looks for that.

    :param of_list: the results table with which it was frozen; empty for none
    :param results_table: that of the task that sends
    :raises CallListError: if it isn't told anywhere
    """
    from aimylogic_provider.call_list.store.manifest import CallListError

    if of_list and results_table is None:
        raise CallListError(
            f"results_table is missing: the list was frozen with {of_list!r}, where nothing would tell that its "
            "people were called, so that the next run's query selects them again. This try sent nothing. Give this "
            "task the same results_table and results_conn_id, and clear it"
        )
    if of_list and results_table != of_list:
        log.warning(
            "The list was frozen with results_table %s, and what becomes of its calls is told in %s: a query that "
            "asks the former may select its people again.", of_list, results_table,
        )  # fmt: skip


def tell_rejected(context: Context, name: str, conn_id: str, pointer: Pointer) -> None:
    """Write the rows of a list that can't be called, with their reasons.

    :param name: of the table
    :param conn_id: of its database
    :raises RejectedError: if the table can't be used
    :raises CallListError: if the database doesn't take them, or the list can't be read
    """
    from aimylogic_provider.call_list.store.stored_list import CallList
    from aimylogic_provider.call_list.tables.row_results import RowResults

    call_list = CallList.open(pointer)
    results = RowResults(call_list, 0, _of(context), full_phones=False)
    with opened(name, conn_id, call_list.manifest.keys, call_list.manifest.consent) as table:
        for rows in results.of_others():
            table.write(rows)


def _of(context: Context) -> dict[str, str]:
    ti = context["ti"]
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id}


@contextmanager
def keeping_results(
    context: Context,
    name: str,
    conn_id: str,
    phones: Literal["masked", "full"],
    sending: Sending,
    shard: int,
    log: Log,
) -> Iterator[None]:
    """Write a shard's rows as they stand before the block, and again after it, however it ended.

    :param name: of the table
    :param conn_id: of its database
    :raises RejectedError: if the table can't be used; before the block
    :raises CallListError: if the database doesn't take them; not in place of the block's own error
    """
    from aimylogic_provider.call_list.store.manifest import CallListError
    from aimylogic_provider.call_list.tables.row_results import RowResults
    from aimylogic_provider.call_list_task.claim_release import taken_by_others
    from aimylogic_provider.call_list_task.claims_of_task import let_go_of_settled, opened_claims

    call_list = sending.call_list
    results = RowResults(call_list, shard, _of(context), full_phones=phones == "full")
    told = call_list.manifest
    with opened(name, conn_id, told.keys, told.consent) as table, opened_claims(name, conn_id) as claims:
        if not claims.begin_sending(call_list.manifest.id, call_list.folder.address):
            log.warning(
                "The list was frozen without a results table, so that nothing keeps its people apart from those of "
                "another run: two at once may both call them. Give the task that froze it the same results_table."
            )
        taken = taken_by_others(claims, call_list, shard, sending.known)
        sending.leave(taken)
        for rows in results.at_first(sending.known, besides=taken):
            table.write(rows)
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException:  # execution_timeout is no Exception, nor is a process that is told to end
            try:
                pending = 0
                for rows in results.of_calls(sending.known, besides=taken):
                    table.write(rows)
                    pending += sum(row["outcome"] == "pending" for row in rows)
                let_go_of_settled(claims, call_list, shard, sending.known)
                if pending:
                    log.warning(
                        "%s rows stand as pending in %s, and are held by this list: its next try goes on with them.",
                        f"{pending:,}", name,
                    )  # fmt: skip
            except CallListError as error:
                log.warning("%s.", error)
            raise
        for rows in results.of_calls(sending.known):
            table.write(rows)
        if call_list.manifest.shards > 1:  # others may go on for long
            let_go_of_settled(claims, call_list, shard, sending.known)


def tell_jobs(
    report: Mapping[str, Any],
    name: str,
    conn_id: str,
    aimylogic_conn_id: str,
    report_lag: float,
    log: Log,
    telemetry: TaskTelemetry,
) -> None:
    """Write what became of a list's call jobs, as far as the campaign's report shows it. Sends nothing.

    A table that has no columns for it is warned of, with the way out, and stays as it is.

    :param report: on the list, as the task that sent it returns it
    :param name: of the table
    :param conn_id: of its database
    :param report_lag: seconds
    :raises CallListError: if the database or the server fails; what is written stays
    """
    from aimylogic_provider.call_list.store.manifest import CallListError
    from aimylogic_provider.call_list.tables.job_results import JobResults, RowsOf
    from aimylogic_provider.call_list_task.databases import engine_of
    from aimylogic_provider.call_list_task.results_update import HomeCounts, bring_home, counting_updated
    from aimylogic_provider.calls_api.errors import ApiError, RejectedError
    from aimylogic_provider.campaign_task.action_errors import ActionError
    from aimylogic_provider.campaign_task.job_reports import JobReports
    from aimylogic_provider.waiting.job_source import JobSource

    try:
        opened = closing(JobResults(engine_of("results_conn_id", conn_id), name))
    except RejectedError as error:
        log.warning("What became of the calls isn't told in the results table: %s", error)
        return
    only = None
    if report.get("shards", 1) > 1:
        only = {*JobSource.of_call_list(report, report["shard"]).read_ids()}
    counts, of = HomeCounts(), RowsOf(call_list=str(report["call_list"]).rpartition("/")[2])
    with opened as results, counting_updated(telemetry, counts):
        try:
            ask = JobReports(aimylogic_conn_id, log).ask
            bring_home(results, of, ask, counts, report_lag=report_lag, only=only, fails_if_none_known=False)
        except (ApiError, ActionError) as error:
            raise CallListError(
                f"what became of the calls can't be told in {name}, for the report can't be asked ({error}): "
                f"{counts.in_words()}",
                retryable=error.retryable,
                retry_after=error.retry_after,
            ) from None
    counts.tell(log)
