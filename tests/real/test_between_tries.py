"""What changes between two tries, of which the first was killed in mid-request: time, DAG, package, record, date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call
from aimylogic_provider.idempotence.keys import Intent, campaign_digest
from local_servers.airflow import AirflowError, LocalAirflow, wait_for
from local_servers.warehouse import make_warehouse, warehouse_phone
from tests.airflow.campaign import TOKEN, Campaign
from tests.conftest import needs_record
from tests.real.extent import only_in_whole
from tests.real.held import HeldRun
from tests.real.installation import Installation
from tests.real.metadata import Metadata
from tests.real.tally import Tally

pytestmark = needs_record

PHONE = "79120000700"
MakeRun = Callable[..., HeldRun]


@pytest.fixture
def make_run(airflow: LocalAirflow, campaign: Campaign, metadata: Metadata, tally: Tally) -> MakeRun:
    def make(run: str, dag: str = "a_call", task: str = "call") -> HeldRun:
        return HeldRun(airflow, campaign, metadata, tally, dag, run, task)

    return make


@pytest.fixture
def edited(dags: Path) -> Iterator[Callable[[str, str], None]]:
    """Edits the DAG file, for the length of a test."""
    file = dags / "calls.py"
    before = file.read_text()

    def edit(what: str, into: str) -> None:
        assert before.count(what) == 1
        file.write_text(before.replace(what, into))

    yield edit
    file.write_text(before)


@pytest.fixture
def other_version(installation: Installation) -> Iterator[Callable[[], None]]:
    """Installs the wheel whose keys are made by another recipe, for the length of a test."""

    def install() -> None:
        installation.install(installation.other)
        assert installation.scheme() == "2"

    assert installation.scheme() == "1"
    yield install
    installation.install(installation.now)


def checked(call: HeldRun, scenario: str) -> None:
    """One job and no other one, and its id was returned."""
    (job,) = call.campaign.jobs
    assert job.phone == PHONE
    call.tally.calls([PHONE], [job.phone], None)
    assert (call.instance.state, call.returned) == ("success", job.id), call.log[-3000:]
    call.tally.scenarios.append(scenario)


@pytest.mark.parametrize("phase", ["after_commit", pytest.param("before_commit", marks=only_in_whole)])
def test_the_dag_is_edited(make_run: MakeRun, edited: Callable[[str, str], None], phase: str) -> None:
    call = make_run(f"edited-{phase}")
    call.trigger(first=PHONE)
    call.kill_in_mid_request(phase)
    edited('"name": "Alex"', '"name": "Boris"')
    call.campaign.emulator.advance(minutes=15)  # the report's lag
    call.go()
    checked(call, f"DAG edited, killed {phase.replace('_', ' ')}")
    (job,) = call.campaign.jobs
    assert job.payload == {"name": "Alex" if phase == "after_commit" else "Boris"}
    assert call.keys() == [job.key] * (1 if phase == "after_commit" else 2), "the recorded key counts"


def key_by_recipe(call: HeldRun) -> str:
    """The key that the recipe of this repository makes of the call."""
    address = CampaignAddress.of(call.campaign.emulator.url, TOKEN)
    return Intent(call.dag, call.run, call.task, campaign_digest(address), Call.of(PHONE, {"name": "Alex"})).key


def test_the_package_is_upgraded(
    make_run: MakeRun, other_version: Callable[[], None], installation: Installation
) -> None:
    begun = make_run("upgraded")
    begun.trigger(first=PHONE)
    begun.kill_in_mid_request("after_commit")
    other_version()
    begun.go()
    checked(begun, "package upgraded")
    assert begun.keys() == [key_by_recipe(begun)] * 2, "the recorded key counts"

    begun.campaign.emulator.reset()
    later = make_run("downgraded")
    later.trigger(first=PHONE)
    later.kill_in_mid_request("after_commit")
    installation.install(installation.now)
    later.go()
    checked(later, "package downgraded")
    (key, repeated) = later.keys()
    assert key == repeated != key_by_recipe(later), "the other version did make keys by another recipe"


@pytest.mark.parametrize(
    ("way", "phase", "hours"),
    [
        ("SQL", "after_commit", 1),
        ("REST", "after_commit", 25),
        pytest.param("REST", "before_commit", 25, marks=only_in_whole),
    ],
)
def test_the_row_of_its_state_is_deleted(make_run: MakeRun, way: str, phase: str, hours: int) -> None:
    """The second record tells of the request: a young key is repeated, and later the report finds its job, or none."""
    call = make_run(f"deleted-{way}-{phase}-{hours}")
    call.trigger(first=PHONE)
    call.kill_in_mid_request(phase)
    assert call.metadata.entry(call.instance) is not None
    if way == "SQL":
        assert call.metadata.delete_entry(call.instance) == 1
    else:
        path = f"/api/v2/dags/{call.dag}/dagRuns/{call.run}/taskInstances/{call.task}/state-store/aimylogic"
        call.airflow.api("DELETE", path)
    assert call.metadata.entry(call.instance) is None
    call.campaign.emulator.advance(hours=hours)
    call.go()
    checked(call, f"record deleted by {way}, {hours} h")


@only_in_whole
def test_one_date_is_backfilled_twice(make_run: MakeRun, airflow: LocalAirflow, campaign: Campaign) -> None:
    def backfill(behaviour: str) -> None:
        body = {
            "dag_id": "backfilled", "from_date": "2026-01-15T00:00:00Z", "to_date": "2026-01-15T23:59:59Z",
            "reprocess_behavior": behaviour, "dag_run_conf": {"conn_id": campaign.conn_id, "first": PHONE},
        }  # fmt: skip

        def begun() -> bool:
            try:
                airflow.api("POST", "/api/v2/backfills", body)
            except AirflowError as error:
                if error.status != 409:  # the one before is not over yet
                    raise
                return False
            return True

        wait_for("the backfill", begun, 300, every=1)

    def run_id() -> str | None:
        runs = airflow.api("GET", "/api/v2/dags/backfilled/dagRuns")["dag_runs"]
        return runs[0]["dag_run_id"] if runs else None

    backfill("none")
    call = make_run(wait_for("its run", run_id, 180), "backfilled")
    call.kill_in_mid_request("after_commit")
    call.go()
    before, requests = call.instance.number, call.keys()
    campaign.emulator.advance(hours=25)
    backfill("completed")
    wait_for("the second time", lambda: call.instance.number > before, 300)
    call.ended()
    checked(call, "one date backfilled twice, 25 h between")
    assert call.keys() == requests, "it asks nobody"


def test_the_package_is_upgraded_in_mid_sync(
    make_run: MakeRun, other_version: Callable[[], None], airflow: LocalAirflow, tmp_path: Path
) -> None:
    """What is on its way is not sent by keys of another recipe: nobody is called twice."""
    rows = 1000
    sync = make_run("sync-upgraded", "sync_addPhones", "sync")
    airflow.connect_database(make_warehouse(tmp_path / "w.db", rows), "warehouse-upgraded")
    sync.campaign.fault("after_commit", "delay", path="addPhones", seconds=0.3, times=2)
    sync.trigger(sql_conn_id="warehouse-upgraded", results_conn_id="warehouse-upgraded", lists=str(tmp_path / "lists"))
    sync.kill_in_mid_request("after_commit", "addPhones")
    other_version()
    ended = sync.go()
    phones = [warehouse_phone(number) for number in range(rows) if number % 100 != 99]
    held = Counter(job.phone for job in sync.campaign.jobs)
    assert [phone for phone in phones if held[phone] > 1] == [], "called twice"
    assert ended.state == "success", sync.log[-3000:]
    sync.tally.calls(phones, [job.phone for job in sync.campaign.jobs])
    sync.tally.scenarios.append("package upgraded in mid-sync")
