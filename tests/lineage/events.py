"""OpenLineage's events: sent by Airflow's provider, received as text, and read by OpenLineage's own classes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

__all__ = ["Emitted"]


def read(kind: Any, told: dict[str, Any]) -> Any:
    """One of OpenLineage's objects of what an event says; fails over whatever its class doesn't know."""
    import attrs

    known = {one.name: one for one in attrs.fields(kind)}
    assert set(told) <= set(known), f"{kind.__name__} has no {set(told) - set(known)}"
    return kind(**{known[name].alias: value for name, value in told.items() if known[name].init})


def facets(kinds: dict[str, Any], told: dict[str, Any] | None) -> dict[str, Any]:
    return {name: read(kinds[name], one) for name, one in (told or {}).items()}


def event_of(body: str) -> Any:
    """An event as OpenLineage's classes read it; written again, it is what was received."""
    from openlineage.client import event_v2, serde
    from openlineage.client import facet_v2 as known

    told = json.loads(body)
    of_jobs = {"sql": known.sql_job.SQLJobFacet, "jobType": known.job_type_job.JobTypeJobFacet}
    of_runs = {
        "processing_engine": known.processing_engine_run.ProcessingEngineRunFacet,
        "tags": known.tags_run.TagsRunFacet,
    }
    statistics = {"outputStatistics": known.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet}
    run, job = told.pop("run"), told.pop("job")
    read_again = event_v2.RunEvent(
        run=event_v2.Run(run["runId"], facets(of_runs, run.get("facets"))),
        job=event_v2.Job(job["namespace"], job["name"], facets(of_jobs, job.get("facets"))),
        inputs=[
            read(event_v2.InputDataset if "inputFacets" in one else event_v2.Dataset, one) for one in told.pop("inputs")
        ],
        outputs=[
            read(
                event_v2.OutputDataset,
                one if "outputFacets" not in one else {**one, "outputFacets": facets(statistics, one["outputFacets"])},
            )
            for one in told.pop("outputs")
        ],
        eventType=event_v2.RunState(told.pop("eventType")),
        eventTime=told.pop("eventTime"),
        producer=told.pop("producer"),
    )
    assert set(told) == {"schemaURL"}
    again = json.loads(serde.Serde.to_json(read_again))
    assert {name: again[name] for name in json.loads(body)} == json.loads(body)
    return read_again


class Emitted:
    """What was emitted of tasks.

    :param url: of the listener
    :param bodies: what it receives
    """

    def __init__(self, url: str, bodies: list[str]) -> None:
        from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
        from openlineage.client import OpenLineageClient
        from openlineage.client.transport.http import HttpConfig, HttpTransport

        self.bodies = bodies
        transport = HttpTransport(HttpConfig.from_dict({"type": "http", "url": url}))
        self._adapter = OpenLineageAdapter(client=OpenLineageClient(transport=transport))

    def of(self, operator: Any, state: str) -> Any:
        """The event of a task in some state, by the provider's own extraction."""
        from airflow.providers.openlineage.extractors import ExtractorManager
        from airflow.utils.state import TaskInstanceState

        told = ExtractorManager().extract_metadata(
            SimpleNamespace(run_id="a run"), operator, TaskInstanceState(state), SimpleNamespace()
        )
        common: dict[str, Any] = {
            "run_id": str(uuid4()), "job_name": f"winter_sale.{operator.task_id}", "task": told, "owners": None,
            "tags": None, "nominal_start_time": None, "nominal_end_time": None, "job_description": None,
        }  # fmt: skip
        now = datetime.now(UTC).isoformat()
        if state == "running":
            self._adapter.start_task(event_time=now, **common)
        elif state == "failed":
            self._adapter.fail_task(end_time=now, **common)
        else:
            self._adapter.complete_task(end_time=now, **common)
        return event_of(self.bodies[-1])
