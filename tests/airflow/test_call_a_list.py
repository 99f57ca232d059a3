"""The example ``call_a_list`` as a person uses it: a list pasted into the form, what is wrong with it, a yes."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import LocalAirflow, wait_for
from tests.airflow.campaign import TOKEN
from tests.airflow.questions import WAITING, check_buttons_in_sight, shot
from tests.conftest import AIRFLOW

DAG, ASKS = "call_a_list", "may_they_be_called"
PASTED = """\
телефон;name;city
+7 916 123-45-67;Alexandra;Perm
8 912;Boris;Perm
+1 202 555 0123;<script>alert(1)</script>;**x**
7.91E+10;Clara;

+7 916 123-45-67;Alexandra;Perm
;Dora;Perm
"""


def test_a_pasted_list_with_three_bad_lines_is_approved_and_sent(airflow: LocalAirflow, page: Page) -> None:
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag(DAG)
        page.goto(f"{airflow.url}/dags/{DAG}")
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog")
        expect(form.get_by_role("button", name="Trigger")).to_be_disabled()
        expect(form).to_contain_text("What you paste is kept with the run, unmasked")
        form.locator("textarea[name='element_people']").fill(PASTED)
        shot(page, "call-a-list-1-form")
        form.get_by_role("button", name="Trigger").click()
        page.wait_for_url("**/runs/**")
        run = unquote(page.url.partition("/runs/")[2].partition("?")[0].partition("/")[0])
        page.goto("about:blank")  # the run's page asks Airflow all the time
        airflow.wait_for_task(DAG, run, ASKS, WAITING)
        airflow.wait_for_workers_ends(DAG, run, ASKS)
        page.goto(f"{airflow.url}/dags/{DAG}/runs/{quote(run)}/tasks/{ASKS}/required_actions")
        for text in (
            "2 of 6 lines, each added to the campaign once",
            "3 bad lines, which aren't called",
            "phone is empty",
            "has lost its last digits",
            "is running: 0 of 0 numbers done",
            "1202***0123",
        ):
            expect(page.get_by_text(text).first).to_be_visible()
        lines = page.get_by_role("listitem").filter(has_text="line 3:").last
        expect(lines).to_contain_text("is not a possible number with a country code")
        if AIRFLOW.release >= (3, 2):  # before, Airflow's page holds the run's configuration, as it was pasted
            for hidden in ("9161234567", "123-45-67", "2025550123", "Alexandra", "alert(1)"):
                assert hidden not in page.content()
        check_buttons_in_sight(page, "Approve")
        shot(page, "call-a-list-2-question")
        assert emulator.jobs() == [], "nobody is called before the answer"
        page.get_by_role("button", name="Approve").click()
        assert airflow.wait_for_run(DAG, run) == "success"
        called = Counter((job.phone, job.payload["name"]) for job in emulator.jobs())
        assert called == Counter({("79161234567", "Alexandra"): 1, ("12025550123", "<script>alert(1)</script>"): 1})
        told = airflow.log(DAG, run, "read", 1)
        assert "3 of 6 lines can't be called" in told
        assert "Line 5: phone '7.***10'" in told
        assert "take it from where it is still whole" in told
        assert "9161234567" not in told


@pytest.mark.long
@pytest.mark.parametrize("again", [False, True], ids=["plainly", "with the box"])
def test_two_clicks_on_trigger_and_two_yeses_at_once_call_each_person_once(airflow: LocalAirflow, again: bool) -> None:
    people = [f"+7916{again:d}00{number:04}" for number in range(40)]
    runs = tuple(f"clicked-{again}-{number}" for number in (1, 2, 3))
    answers = {f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{ASKS}/-1/hitlDetails" for run in runs[:2]}
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        airflow.connect(emulator.url, TOKEN)
        airflow.wait_for_dag(DAG)
        emulator.fault("after_commit", "reset", path="addPhones", times=None)  # whichever is first goes on for a while
        for run in runs[:2]:
            airflow.trigger(DAG, run, {"people": "\n".join(people), "again": again})
        for run in runs[:2]:
            airflow.wait_for_task(DAG, run, ASKS, WAITING)
            airflow.wait_for_workers_ends(DAG, run, ASKS)
        answer = {"chosen_options": ["Approve"], "params_input": {}}
        with ThreadPoolExecutor(2) as persons:
            [*persons.map(lambda path: airflow.api("PATCH", path, answer), answers)]
        wait_for("a request that nobody answers", lambda: emulator.faults()[0].hits, 60)
        emulator.clear_faults()
        assert {airflow.wait_for_run(DAG, run) for run in runs[:2]} == {"success"}
        assert Counter(job.phone for job in emulator.jobs()) == Counter(phone.lstrip("+") for phone in people)
        reports = [airflow.xcom(DAG, run, "call") for run in runs[:2]]
        assert sorted(report["created"] for report in reports) == [0, 40]
        assert sorted(report["capped"] for report in reports) == [0, 40]
        airflow.trigger(DAG, runs[2], {"people": "\n".join([*people, "+79160009999"]), "again": False})
        airflow.wait_for_task(DAG, runs[2], ASKS, WAITING)
        told = airflow.log(DAG, runs[2], "read", 1)
        assert "40 × called by the list of" in told
        assert "1 calls in the list" in told
