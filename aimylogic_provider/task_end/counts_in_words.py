"""Counts as tasks return them, in the words of a task's last line. Words only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ends_in_words", "list_in_words", "report_in_words", "withdrawn_in_words"]

_SELDOM = {
    "refused": "refused", "doubles": "doubles", "expired": "too late to be sent",
    "claimed": "held by another run's list", "capped": "capped", "excluded": "excluded", "held_out": "held out",
}  # fmt: skip
"""What is told of rows where there are such."""
_OF_JOBS = {"not_found": "not found", "vanished": "vanished", "unread": "can't be read"}


def list_in_words(report: Mapping[str, Any]) -> str:
    """What became of a call list's rows, by a report on it, or by what is known of it so far.

    :param report: ``rows``, ``rejected`` and whatever else is known; ``calls`` of what isn't sent
    """
    parts = [f"{report['created']:,} calls created"] if "created" in report else []
    if "created" not in report and "calls" in report:
        parts.append(f"{report['calls']:,} calls in the list")
    if "rejected" in report:
        parts.append(f"{report['rejected']:,} rejected")
    parts += [f"{report[name]:,} {words}" for name, words in _SELDOM.items() if report.get(name)]
    if "unknown" in report:
        parts.append(f"{report['unknown']:,} unknown")
    if report.get("left"):
        parts.append(f"{report['left']:,} not settled yet")
    told = f"{report['rows']:,} rows: {', '.join(parts)}" if "rows" in report else ", ".join(parts)
    if report.get("dry_run"):
        told += "; a dry run: nobody is called"
    if report.get("jobs"):
        told += f"; {ends_in_words(report['jobs'])}"
    where = report.get("rejected_rows") if report.get("rejected") else None
    return f"{told}.\nWhich rows are rejected, and why: {where}" if where else told


def ends_in_words(counts: Mapping[str, int]) -> str:
    """Call jobs by what became of them."""
    told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    return f"{sum(counts.values()):,} call jobs: {told}" if told else "no call jobs"


def withdrawn_in_words(counts: Mapping[str, Any]) -> str:
    """What became of open jobs whose people a query no longer selects."""
    told = [
        f"{counts[name]:,} {words}"
        for name, words in (
            ("still_selected", "still selected"), ("without_key", "of whom isn't known"), ("withdrawn", "withdrawn"),
            ("too_late", "too late"), ("gone", "unknown in the campaign"), ("not_shown", "not shown yet"),
        )
        if name in counts and (counts[name] or name in ("still_selected", "withdrawn", "too_late"))
    ]  # fmt: skip
    return f"{counts.get('open', 0):,} open calls: {', '.join(told)}" if told else "nothing was withdrawn yet"


def report_in_words(report: Mapping[str, Any]) -> str:
    """What was brought home of a campaign's report: rows of the tables that are new, changed and so on."""
    tables = {name: report[name] for name in ("jobs", "attempts") if report.get(name) is not None}
    if not any(counts["read"] or counts["unread"] or counts["not_found"] for counts in tables.values()):
        return "nothing to bring home: the report shows nothing of what was asked for"
    return "; ".join(_table_in_words(name, counts) for name, counts in tables.items())


def _table_in_words(name: str, counts: Mapping[str, Any]) -> str:
    told = [f"{counts[one]:,} {one}" for one in ("new", "changed", "unchanged") if one in counts]
    told += [f"{counts[one]:,} {words}" for one, words in _OF_JOBS.items() if counts.get(one)]
    told += [f"{counts['open']:,} still open"] if counts.get("open") else []
    return f"{name}: {', '.join(told)}"
