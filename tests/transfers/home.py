"""A campaign whose report is brought home, as its tests drive it: calls, a task at Airflow's seam, and an oracle."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aimylogic_provider.calls_api import ListedCall
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.hooks import AimylogicHook
from aimylogic_provider.transfers import AimylogicToSqlOperator
from tests.conftest import TaskInstance
from tests.report_tables.whole_tables import whole

__all__ = ["ATTEMPTS", "JOBS", "Home"]

JOBS, ATTEMPTS = "aimylogic_jobs", "aimylogic_attempts"


class Home:
    """A campaign, a database, and one task after the other."""

    def __init__(self, emulator: Emulator, engine: sa.Engine) -> None:
        self.emulator = emulator
        self.engine = engine
        self._added = 0

    def add(self, count: int = 3) -> list[str]:
        """Add numbers that nobody had before; return the ids of their jobs."""
        phones = [f"79{120_000_000 + self._added + number:09}" for number in range(count)]
        self._added += count
        return list(AimylogicHook().add_phones([ListedCall.of(one) for one in phones]))

    def run(self, interval_of: tuple[datetime, datetime] | None = None, **arguments: Any) -> dict[str, Any]:
        """Run a task."""
        context = TaskInstance(task_id="home").context()
        if interval_of is not None:
            context["data_interval_start"], context["data_interval_end"] = interval_of
            arguments.setdefault("incremental_by", "data_interval")
        operator = AimylogicToSqlOperator(task_id="home", **{"sql_conn_id": "home", **arguments})
        report: dict[str, Any] = operator.execute(context)
        assert json.loads(json.dumps(report)) == report
        return report

    def day(self, number: int) -> tuple[datetime, datetime]:
        """A data interval: so many days after the emulator's today."""
        midnight = self.emulator.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=number), midnight + timedelta(days=number + 1)

    def tables(self) -> list[list[dict[str, Any]]]:
        """Both tables, whole."""
        return [whole(self.engine, JOBS), whole(self.engine, ATTEMPTS)]

    def assert_all_home(self) -> None:
        """What the tables hold is what the campaign tells of all jobs by now."""
        ids = sorted(job.id for job in self.emulator.jobs())
        hook = AimylogicHook()
        chunks = [ids[start : start + 200] for start in range(0, len(ids), 200)]
        jobs = [job for some in chunks for job in hook.get_call_jobs(ids=some)]
        attempts = [one for some in chunks for one in hook.get_call_attempts(ids=some)]
        names = ("call_job_id", "created_at", "finished_at", "job_status", "attempts", "call_seconds", "report_data")
        assert [tuple(row[name] for name in names) for row in whole(self.engine, JOBS)] == sorted(
            (one.id, one.created_at, one.finished_at, one.status, one.attempts_count, one.call_duration,
             one.more.get("reportData"))
            for one in jobs
        )  # fmt: skip
        names = ("call_job_id", "attempt_number", "started_at", "finished_at", "call_result", "job_status")
        assert [tuple(row[name] for name in names) for row in whole(self.engine, ATTEMPTS)] == sorted(
            (one.call_job_id, one.attempt_number, one.started_at, one.finished_at, one.result, one.job_status)
            for one in attempts
        )
