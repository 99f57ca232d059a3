"""Airflow's own pages in a real Chromium, as a person uses them: connection, its test, trigger form, result."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from aimylogic_provider.emulator import Emulator
from local_servers.airflow import AirflowError, LocalAirflow
from tests.airflow.campaign import TOKEN

DAG, TASK = "add_phone_by_hand", "add_phone"


@pytest.fixture(scope="module")
def winter_sale() -> Iterator[Emulator]:
    with Emulator(tokens={TOKEN: "Winter sale"}) as emulator:
        yield emulator


def connection_row(page: Page, airflow: LocalAirflow, conn_id: str) -> Locator:
    page.goto(f"{airflow.url}/connections")
    return page.get_by_role("row").filter(has_text=conn_id)


def pressed_test(page: Page, row: Locator) -> str:
    """Press the button, and return what Airflow answers."""
    with page.expect_response("**/connections/test") as answer:
        row.get_by_role("button", name="Test Connection").click()
    assert answer.value.status == 200, answer.value.text()
    message: str = answer.value.json()["message"]
    return message


def test_the_connection_is_made_in_the_form(airflow: LocalAirflow, winter_sale: Emulator, page: Page) -> None:
    with suppress(AirflowError):
        airflow.api("DELETE", "/api/v2/connections/aimylogic_default")  # of another test
    page.goto(f"{airflow.url}/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name='connection_id']").fill("aimylogic_default")
    form.get_by_role("combobox").first.click()
    page.keyboard.type("Aimylogic")
    page.keyboard.press("Enter")
    expect(form.get_by_text("Campaign token", exact=True)).to_be_visible()
    labels = [text for text in form.locator("label").all_inner_texts() if text.strip()]
    assert [text for text in labels if text in ("Login", "Schema", "Password")] == [], "nothing superfluous"
    token = form.locator("input[name='password']")
    assert "Integration → Get token" in (token.get_attribute("placeholder") or "")
    assert form.locator("input[name='host']").get_attribute("placeholder") == "https://app.aimylogic.com"
    form.locator("input[name='host']").fill("http://127.0.0.1")
    token.fill(TOKEN)
    form.locator("input[name='port']").fill(str(winter_sale.port))
    # Airflow 3.4 names the section after the connection's type.
    if not form.get_by_text("Connect timeout", exact=True).is_visible():
        form.get_by_role("button", name=re.compile(r"^(Extra|Aimylogic) Fields$", re.IGNORECASE)).click()
    for label in ("Connect timeout", "Read timeout", "Certificates", "Allow plain http"):
        expect(form.get_by_text(label, exact=True)).to_be_visible()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="aimylogic_default")).to_be_visible()
    saved = airflow.api("GET", "/api/v2/connections/aimylogic_default")
    assert (saved["conn_type"], saved["host"], saved["port"]) == ("aimylogic", "http://127.0.0.1", winter_sale.port)
    assert set(json.loads(saved["extra"] or "{}").values()) <= {None, False}, "fields that nobody touched are unset"


def test_test_connection_tells_how_the_campaign_stands(
    airflow: LocalAirflow, winter_sale: Emulator, page: Page
) -> None:
    airflow.connect(winter_sale.url, TOKEN)
    row = connection_row(page, airflow, "aimylogic_default")
    assert pressed_test(page, row) == "Campaign 'Winter sale' is running: 0 of 0 numbers done"


@pytest.mark.parametrize(
    ("token", "port", "message"),
    [
        ("1234.5678.thisisnotatoken", None, "copy the token again"),
        ("https://app.aimylogic.com/x", None, "holds characters that no token has"),
        (TOKEN, 1, "could not be reached"),
    ],
    ids=["wrong token", "no token", "wrong port"],
)
def test_test_connection_tells_what_to_mend(
    airflow: LocalAirflow, winter_sale: Emulator, page: Page, token: str, port: int | None, message: str
) -> None:
    airflow.connect(f"http://127.0.0.1:{port or winter_sale.port}", token, "to_be_mended")
    answer = pressed_test(page, connection_row(page, airflow, "to_be_mended"))
    assert message in answer
    assert token not in answer


def trigger(airflow: LocalAirflow, winter_sale: Emulator, page: Page, **fields: str) -> Locator:
    """Fill in the trigger form, and press its button."""
    winter_sale.reset()
    airflow.connect(winter_sale.url, TOKEN)
    page.goto(f"{airflow.url}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    for name, text in fields.items():
        form.locator(f"input[name='element_{name}']").fill(text)
    form.get_by_role("button", name="Trigger").click()
    return form


def newest_run(airflow: LocalAirflow) -> str:
    runs = airflow.api("GET", f"/api/v2/dags/{DAG}/dagRuns?order_by=-id&limit=1")["dag_runs"]
    return str(runs[0]["dag_run_id"]) if runs else ""


def test_no_number_is_prefilled_and_without_one_no_run_begins(airflow: LocalAirflow, page: Page) -> None:
    page.goto(f"{airflow.url}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    expect(form.locator("input[name='element_phone']")).to_have_value("")
    expect(form).to_contain_text("With a plus and the country code, as in +1 202 555 0123.")
    expect(form.get_by_role("button", name="Trigger")).to_be_disabled()


def test_a_phone_that_is_none_is_refused_by_the_task(airflow: LocalAirflow, winter_sale: Emulator, page: Page) -> None:
    form = trigger(airflow, winter_sale, page, phone="+7 912 345")
    expect(form).to_be_hidden()
    run = newest_run(airflow)
    task = airflow.wait_for_task(DAG, run, TASK, ("failed", "success", "up_for_retry"))
    assert (task["state"], task["try_number"]) == ("failed", 1)
    page.goto(f"{airflow.url}/dags/{DAG}/runs/{run}/tasks/{TASK}")
    words = "is not a possible number with a country code: write it in full, as in +79123456789"
    expect(page.get_by_text(re.compile(re.escape(words))).first).to_be_visible()
    assert winter_sale.count("addPhone") == 0


def test_a_good_phone_is_green_with_the_jobs_id_and_a_masked_phone(
    airflow: LocalAirflow, winter_sale: Emulator, page: Page
) -> None:
    trigger(airflow, winter_sale, page, phone="+7 912 345-67-89", name="Maria", gmt_zone="+03:00")
    page.wait_for_url("**/runs/**")
    run = newest_run(airflow)
    assert airflow.wait_for_task(DAG, run, TASK, ("failed", "success"))["state"] == "success"
    (job,) = winter_sale.jobs()
    assert (job.phone, job.payload, job.gmt_zone) == ("79123456789", {"name": "Maria"}, "+03:00")
    page.goto(f"{airflow.url}/dags/{DAG}/runs/{run}/tasks/{TASK}")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    expect(page.get_by_text(f"Call job {job.id} created for 7912***6789").first).to_be_visible()
    page.goto(f"{airflow.url}/dags/{DAG}/runs/{run}/tasks/{TASK}/rendered_templates")
    expect(page.get_by_text("7912***6789").first).to_be_visible()
    expect(page.get_by_text("Maria").first).to_be_visible()
    assert "9123456789" not in re.sub(r"\D", "", page.get_by_role("table").first.inner_text())
