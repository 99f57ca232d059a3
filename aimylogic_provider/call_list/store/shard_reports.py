"""What tasks tell of the shards that they sent, as one report of the list. Only their reports are read, and no list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.outcomes import RowCounts

__all__ = ["summed"]


class _ShardReport(RowCounts, frozen=True, kw_only=True):
    call_list: str
    seconds: float
    shard: int
    shards: int
    rejected_rows: str | None = None
    results_table: str | None = None


def summed(reports: Iterable[object]) -> dict[str, Any]:
    """Return one report of a list of which each shard is reported once.

    Its ``seconds`` are those of the shard that took longest.

    :raises CallListError: if they aren't reports of shards, of different lists, or not of each shard once
    """
    try:
        found = msgspec.convert(list(reports), list[_ShardReport])
    except (msgspec.ValidationError, TypeError) as error:
        raise CallListError(
            f"these aren't reports of shards ({error}): give what SendCallListOperator returned for each shard, by its "
            ".output"
        ) from None
    if not found:
        raise CallListError("there is no report at all: give that of each shard, by SendCallListOperator's .output")
    _check_complete(found)
    first = found[0]
    report = {
        **sum(found, RowCounts(0, 0, 0, 0, 0, 0)).as_report(),
        "call_list": first.call_list,
        "rejected_rows": first.rejected_rows,
        "seconds": max(report.seconds for report in found),
        "shards": first.shards,
    }
    return report if first.results_table is None else {**report, "results_table": first.results_table}


def _check_complete(reports: list[_ShardReport]) -> None:
    """Check that each shard of one list is reported once.

    :raises CallListError: if not
    """
    path, shards = reports[0].call_list, reports[0].shards
    for report in reports:
        if report.call_list != path:
            raise CallListError(
                f"the reports are of different lists, {path} and {report.call_list}: give those of one list's shards"
            )
        if report.shards != shards:
            raise CallListError(
                f"{path} has {shards} shards by one report, and {report.shards} by another: give the reports as "
                "SendCallListOperator returned them"
            )
        if not 0 <= report.shard < shards:
            raise CallListError(f"shard {report.shard} is none of {path}, which has {shards}, counted from 0")
    times = Counter(report.shard for report in reports)
    if twice := sorted(shard for shard, count in times.items() if count > 1):
        raise CallListError(f"shard {twice[0]} of {path} is reported {times[twice[0]]} times: give each report once")
    if missing := sorted(set(range(shards)) - set(times)):
        numbers = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
        raise CallListError(
            f"{len(missing)} of the {shards} shards of {path} are not reported ({numbers}): their people may not have "
            f"been called. Send all, by SendCallListOperator.partial(…).expand(shard=list(range({shards})))"
        )
