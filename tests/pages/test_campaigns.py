"""The page *Campaigns*: how each campaign stands, what is done to it, and that many who look cost one request."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any

import httpx
import pytest

from aimylogic_provider.emulator import Emulator
from aimylogic_provider.pages import slow_readings
from aimylogic_provider.pages.campaigns import last_day, standing
from aimylogic_provider.pages.rendering import FRAGMENT
from aimylogic_provider.pages.slow_readings import TooSlowError
from tests.pages.conftest import Client
from tests.pages.people import session_token

TOKEN, OTHER = "8231.7056.8c1f00a7d2e94b", "9000.1.5de1cc40b7f2aa"
CAMPAIGNS = {TOKEN: "Winter sale", OTHER: '<img src=x onerror="alert(1)">'}


@pytest.fixture(scope="module")
def _served() -> Iterator[Emulator]:
    with Emulator(tokens=CAMPAIGNS) as emulator:
        yield emulator


@pytest.fixture
def emulator(_served: Emulator) -> Emulator:
    _served.reset()
    return _served


def connect(session: Any, emulator: Emulator | None, conn_id: str = "winter", token: str = TOKEN, **given: Any) -> None:
    from airflow.models.connection import Connection

    url = "http://127.0.0.1:9" if emulator is None else emulator.url
    settings = {"conn_type": "aimylogic", "host": url, "password": token, **given}
    session.add(Connection(conn_id=conn_id, **settings))
    session.commit()


def part(browser: Any, conn_id: str = "winter", what: str = "state") -> str:
    answer = browser.get(f"campaigns/{what}/{conn_id}", headers={FRAGMENT: "1"})
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", str(answer.text))


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def audited(session: Any) -> list[tuple[str, str, Any]]:
    from airflow.models.log import Log

    return [(row.event, row.owner, json.loads(row.extra)) for row in session.query(Log).order_by(Log.id)]


# What is listed


def test_each_campaign_is_listed_and_asked_for_only_when_it_comes_into_view(
    client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator)
    connect(session, emulator, "warehouse", conn_type="postgres")
    page = client("otto").get("campaigns").text
    assert '<h2 id="campaign-1">winter</h2>' in page
    assert 'data-refresh="/aimylogic/campaigns/state/winter" data-every="5" data-in-view' in page
    assert "warehouse" not in page
    assert emulator.count() == 0, "the page itself asks nobody"


def test_connections_of_the_environment_and_of_dags_are_listed_with_where_they_are_from(session: Any) -> None:
    from airflow.models.asset import AssetActive, AssetModel

    from aimylogic_provider.airflow_task.assets import campaign_uri
    from aimylogic_provider.pages.campaigns.listed_connections import listed_connections

    connect(session, None, "Winter")
    for name in ("calls/in vault", "Winter"):
        uri = campaign_uri(name)
        session.add(AssetModel(name=uri, uri=uri, group="asset"))
        session.flush()
        session.add(AssetActive(name=uri, uri=uri))
    gone = campaign_uri("of_a_dag_that_is_gone")
    session.add(AssetModel(name=gone, uri=gone, group="asset"))
    session.commit()
    environment = {
        "AIRFLOW_CONN_SPRING": '{"conn_type": "aimylogic", "password": "1.2.secret"}',
        "AIRFLOW_CONN_AS_URI": "aimylogic://:1.2.secret@app.aimylogic.com",
        "AIRFLOW_CONN_BROKEN": '{"conn_type": "aimylogic"',
        "AIRFLOW_CONN_OTHER": "postgres://somewhere",
        "AIRFLOW_CONN_WINTER": "aimylogic://",
    }
    assert [(one.conn_id, one.place) for one in listed_connections(session, environment)] == [
        ("Winter", "in the environment, as AIRFLOW_CONN_WINTER"),
        ("as_uri", "in the environment, as AIRFLOW_CONN_AS_URI"),
        ("calls/in vault", "named by a DAG"),
        ("spring", "in the environment, as AIRFLOW_CONN_SPRING"),
    ]


def test_a_viewer_without_rights_sees_no_campaign_and_reads_which_right_is_missing(
    client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator)
    page = client("vera").get("campaigns").text
    assert "winter" not in page
    assert "one must be allowed to <b>read its connection</b>" in page
    refused = client("vera").get("campaigns/state/winter", headers={FRAGMENT: "1"})
    assert (refused.status_code, emulator.count()) == (403, 0)


def test_an_airflow_without_campaigns_says_how_to_add_one(client: Client) -> None:
    page = client("otto").get("campaigns").text
    assert "Add a connection of the type <b>Aimylogic</b>" in page
    assert 'href="/connections"' in page


def test_the_page_is_there_at_once_with_two_hundred_connections(client: Client, session: Any) -> None:
    from airflow.models.connection import Connection

    session.add_all(Connection(conn_id=f"campaign_{n:03}", conn_type="aimylogic", password=TOKEN) for n in range(200))
    session.commit()
    browser = client("otto")
    browser.get("campaigns")  # the first one loads the templates
    took = []
    for _ in range(5):
        began, cpu = time.perf_counter(), time.process_time()
        page = browser.get("campaigns").text
        took.append((time.process_time() - cpu, time.perf_counter() - began))
    assert page.count("<article") == 200
    used, waited = map(min, zip(*took, strict=True))
    assert used < 0.3, "of the processor: other work of the machine doesn't count"
    assert waited < 3


# How it stands


def test_a_campaigns_state_is_told_in_numbers(client: Client, session: Any, emulator: Emulator) -> None:
    emulator.settings(outcomes={"79120000001": ["longCallWithResult"]})
    connect(session, emulator)
    add(emulator, 2)
    emulator.advance(hours=3)
    html = part(client("otto"))
    assert "Winter sale" in html
    assert ">Running<" in html
    assert "2 of 2" in words(html)
    assert "(minutes or seconds: the server doesn't say)" in html
    assert TOKEN not in html
    assert 'data-send="/aimylogic/campaigns/pause/winter"' in html
    assert "/resume/" not in html


def add(emulator: Emulator, numbers: int, token: str = TOKEN) -> None:
    items = [{"phone": f"7912{n:07}"} for n in range(numbers)]
    answer = httpx.post(f"{emulator.url}/api/calls/campaign/{token}/addPhones", json=items)
    assert answer.status_code == 200, answer.text


def test_a_script_in_a_campaigns_name_is_only_read(client: Client, session: Any, emulator: Emulator) -> None:
    connect(session, emulator, token=OTHER)
    html = part(client("otto"))
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in html
    assert "<img" not in html


def test_a_name_that_holds_the_token_is_not_shown(client: Client, session: Any, emulator: Emulator) -> None:
    emulator.campaign(name=f"mine: {TOKEN}")
    connect(session, emulator)
    html = part(client("otto"))
    assert "A campaign of a name that can't be shown" in html
    assert TOKEN not in html


def test_two_connections_of_one_campaign_are_two_rows_that_say_so(
    client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator)
    connect(session, emulator, "winter_again")
    browser = client("otto")
    part(browser)
    assert "The same campaign as winter:" in part(browser, "winter_again")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"password": "1234.5678.thisisnotatoken"}, "copy the token again"),
        ({"password": ""}, "The connection has no campaign token"),
        ({"host": "http://example.com"}, "would send the token unencrypted"),
        ({"host": f"https://app.aimylogic.com/api/crmCalls/campaign/{TOKEN}/addPhone"}, "without a path"),
    ],
    ids=["wrong token", "no token", "plain http", "a whole URL as the host"],
)
def test_a_connection_that_is_wrong_is_told_with_the_way_out(
    given: dict[str, str], told: str, client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator, **given)
    html = part(client("otto"))
    assert told in html
    assert '<a class="airflow" href="/connections">' in html
    assert "data-send" not in html
    assert TOKEN not in html
    assert "thisisnotatoken" not in html


def test_an_extra_that_is_no_json_is_told(client: Client, session: Any, emulator: Emulator) -> None:
    from airflow.models.connection import Connection

    connect(session, emulator)
    session.execute(Connection.__table__.update().values(extra="{nonsense", is_extra_encrypted=False))
    session.commit()
    assert "its extra isn&#39;t a JSON object" in part(client("otto"))


def test_no_connection_and_one_of_another_type_are_told_and_nothing_is_sent(
    client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator, "warehouse", conn_type="postgres")
    assert "There is no connection &#39;nowhere&#39;" in part(client("otto"), "nowhere")
    assert "is of another type than" in part(client("otto"), "warehouse")
    assert client("otto").post("campaigns/stop/warehouse").status_code == 404
    assert emulator.count() == 0
    assert audited(session) == [], "nothing was tried"


def test_a_campaign_that_can_not_be_reached_shows_its_last_state_with_its_age(
    client: Client, session: Any, emulator: Emulator
) -> None:
    connect(session, emulator)
    browser = client("otto")
    assert "Running" in part(browser)
    standing.forget("winter")
    emulator.fault("before_commit", "status", status=503, times=None)
    html = part(browser)
    assert "could not be reached" in html
    assert "Winter sale" in html
    assert "what it told last, at <time" in html
    assert "data-send" not in html, "nothing is done to what can't be seen"


def test_a_slow_campaign_is_waited_for_three_seconds(
    client: Client, session: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert standing.LIMIT == 3.0
    # Of the asking alone: a busy machine may take longer until it asks.
    monkeypatch.setattr("aimylogic_provider.pages.asking.LIMIT", 0.3)
    emulator.fault("before_commit", "delay", seconds=20)
    connect(session, emulator)
    browser = client("otto")
    began = time.monotonic()
    html = part(browser)
    took = time.monotonic() - began
    emulator.clear_faults()
    assert "could not be reached" in html
    assert "within 0.3 seconds" in html
    assert took < 10


def test_the_last_state_of_another_campaign_is_not_shown(client: Client, session: Any, emulator: Emulator) -> None:
    from airflow.models.connection import Connection

    connect(session, emulator)
    browser = client("otto")
    assert "Winter sale" in part(browser)
    standing.forget("winter")
    session.query(Connection).one().host = "http://127.0.0.1:9"
    session.commit()
    html = part(browser)
    assert "could not be reached" in html
    assert "Winter sale" not in html


# What is done to it


@pytest.mark.parametrize(
    ("before", "action", "after", "told"),
    [
        ("inProgress", "pause", "paused", "The campaign is paused"),
        ("paused", "resume", "inProgress", "The campaign is running"),
        ("inProgress", "stop", "finished", "The campaign is stopped"),
        ("paused", "pause", "paused", "The campaign is paused already: nothing was changed"),
    ],
)
def test_a_button_does_what_it_says_and_stands_in_the_audit_log(
    before: Any, action: str, after: str, told: str, client: Client, session: Any, emulator: Emulator
) -> None:
    emulator.campaign(status=before)
    connect(session, emulator)
    browser = client("otto")
    part(browser)
    answer = browser.post(f"campaigns/{action}/winter")
    assert answer.json() == {"told": f"winter: {told}"}
    assert emulator.campaign().status == after
    assert audited(session) == [(f"aimylogic.{action}_campaign", "otto", {"conn_id": "winter"})]
    shown = {"paused": "Paused", "inProgress": "Running", "finished": "Stopped"}[after]
    assert f">{shown}<" in part(browser), "what the server tells now, and not what was kept"


def test_it_stands_in_the_audit_log_though_it_failed(client: Client, session: Any, emulator: Emulator) -> None:
    emulator.campaign(status="finished")
    connect(session, emulator)
    answer = client("otto").post("campaigns/resume/winter")
    assert answer.status_code == 409
    assert "a stopped one is not resumed: start it in Aimylogic" in answer.json()["detail"]
    assert [event for event, _, _ in audited(session)] == ["aimylogic.resume_campaign"]


def test_an_answer_that_was_lost_is_settled_by_the_status(client: Client, session: Any, emulator: Emulator) -> None:
    lost = emulator.fault("after_commit", "reset", path="control/pause")
    connect(session, emulator)
    answer = client("otto").post("campaigns/pause/winter")
    assert answer.json() == {"told": "winter: The campaign is paused"}
    assert (lost.hits, emulator.count("control/pause")) == (1, 1)


def test_a_request_without_effect_is_told_and_not_repeated(client: Client, session: Any, emulator: Emulator) -> None:
    failed = emulator.fault("before_commit", "status", status=503, path="control/pause")
    connect(session, emulator)
    answer = client("otto").post("campaigns/pause/winter")
    assert answer.status_code == 409
    assert "Not paused" in answer.json()["detail"]
    assert "the status inProgress" in answer.json()["detail"]
    assert (failed.hits, emulator.count("control/pause")) == (1, 1)


def test_another_sites_page_pauses_nothing(client: Client, session: Any, emulator: Emulator) -> None:
    connect(session, emulator)
    assert client("otto", page=False).post("campaigns/pause/winter").status_code == 403
    assert client("uma").post("campaigns/pause/winter").status_code == 403
    assert (emulator.count(), audited(session)) == (0, [])


@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
def test_a_button_asks_first_in_words_and_numbers(
    action: str, client: Client, session: Any, emulator: Emulator
) -> None:
    emulator.campaign(lines=0)
    add(emulator, 1200)
    if action == "resume":
        emulator.campaign(status="paused")
    connect(session, emulator)
    html = part(client("otto"))
    (button,) = re.findall(rf"<button[^>]*/{action}/winter[^>]*>", html)
    assert "1,200 numbers are not done yet" in button
    assert 'data-confirm="' in button
    assert ("This is final" in button) == (action == "stop")


# The last day


def test_the_last_day_is_counted_hour_by_hour(client: Client, session: Any, emulator: Emulator) -> None:
    emulator.set_time(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    emulator.settings(outcomes={f"7912{n:07}": ["longCallWithResult"] for n in range(3)}, page_cap=2)
    add(emulator, 3)
    emulator.advance(hours=8)
    connect(session, emulator)
    browser = client("otto")
    html = part(browser, what="day")
    assert "<b>3</b> done" in html
    assert re.search(r"02 Mar (09|10|11):00 UTC: 3<", html), html
    assert html.count("<rect") == 24
    assert "at least" not in html
    assert "still being read" not in html


def test_a_repeat_that_the_script_makes_is_no_further_number(client: Client, session: Any, emulator: Emulator) -> None:
    emulator.settings(redials=2)
    add(emulator, 3)
    emulator.advance(hours=20)
    connect(session, emulator)
    assert len(emulator.jobs()) > 3
    assert "<b>3</b> done" in part(client("otto"), what="day")


def test_more_than_is_read_of_an_hour_is_told_as_at_least(
    client: Client, session: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_day, "_PAGES_OF_HOUR", 2)
    emulator.settings(page_cap=2)
    emulator.campaign(lines=50)
    add(emulator, 9)
    emulator.advance(hours=8)
    connect(session, emulator)
    html = part(client("otto"), what="day")
    assert re.search(r"At least <b>[4-8]</b> done, at least", html), html
    assert ", at least: 4<" in html


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("ignored", "asked for an hour, the server shows another"),
        ("text_elsewhere", "t be believed"),
        ("empty", "showed nothing by which it could be believed"),
    ],
)
def test_a_report_that_does_not_heed_time_limits_is_not_believed(
    limits: Any, told: str, client: Client, session: Any, emulator: Emulator
) -> None:
    add(emulator, 3)
    emulator.advance(hours=8)
    emulator.settings(limits_by_date=limits)
    connect(session, emulator)
    html = part(client("otto"), what="day")
    assert told in html
    assert "<rect" not in html


def test_a_slow_report_does_not_hold_the_page_and_is_there_later(
    client: Client, app: Any, session: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_day, "LIMIT", 0.2)
    add(emulator, 3)
    emulator.advance(hours=8)
    emulator.fault("before_commit", "delay", seconds=0.5, path="callJob/getReportByDate", times=4)
    connect(session, emulator)
    client("otto")

    async def twice() -> list[str]:
        transport = httpx.ASGITransport(app=app)
        cookies, headers = {"_token": session_token("otto")}, {FRAGMENT: "1"}
        path = "/aimylogic/campaigns/day/winter"
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies) as browser:
            first = await browser.get(path, headers=headers)
            async with asyncio.timeout(30):
                while "<b>3</b> done" not in (later := await browser.get(path, headers=headers)).text:
                    await asyncio.sleep(0.2)
            return [first.text, later.text]

    first, second = asyncio.run(twice())
    assert "24 hours are still being read" in first
    assert "<b>3</b> done" in second


# Many who look


def browsers(count: int, path: str, app: Any) -> list[int]:
    """So many people load a part at the same time, in the API server's one event loop."""

    async def all_at_once() -> list[int]:
        transport = httpx.ASGITransport(app=app)
        cookies = {"_token": session_token("otto")}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies) as browser:
            one = (browser.get(f"/aimylogic/campaigns/{path}", headers={FRAGMENT: "1"}) for _ in range(count))
            return [answer.status_code for answer in await asyncio.gather(*one)]

    return asyncio.run(all_at_once())


def test_fifty_browsers_cost_one_request(client: Client, app: Any, session: Any, emulator: Emulator) -> None:
    connect(session, emulator)
    client("otto")
    assert browsers(50, "state/winter", app) == [200] * 50
    assert emulator.count() == 1
    assert browsers(2, "state/winter", app) == [200] * 2
    assert emulator.count() == 1, "what was seen is kept for some seconds"


def test_fifty_browsers_cost_one_reading_of_the_day_and_the_next_minute_one_hour_of_it(
    client: Client, app: Any, session: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_time(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    connect(session, emulator)
    client("otto")
    assert browsers(50, "day/winter", app) == [200] * 50
    assert emulator.count("callJob/getReportByDate") == 24, "an hour, a page"
    monkeypatch.setattr(last_day, "_readings", last_day.SharedReadings(last_day._KEPT))
    standing.forget("winter")
    emulator.advance(minutes=2)
    assert browsers(5, "day/winter", app) == [200] * 5
    assert emulator.count("callJob/getReportByDate") == 25, "the hours that are over are kept"


def test_a_reading_that_began_before_a_change_is_not_kept() -> None:
    from aimylogic_provider.pages.campaigns.shared_readings import SharedReadings

    async def read_meanwhile() -> list[str]:
        shared: SharedReadings[str] = SharedReadings(60)
        begun, told = asyncio.Event(), asyncio.Event()

        async def slow() -> str:
            begun.set()
            await told.wait()
            return "before"

        async def quick() -> str:
            return "after"

        first = asyncio.create_task(shared.get("winter", slow))
        await begun.wait()
        shared.forget("winter")
        told.set()
        return [await first, await shared.get("winter", quick), await shared.get("winter", slow)]

    assert asyncio.run(read_meanwhile()) == ["before", "after", "after"]


def test_a_campaign_is_seen_though_the_store_of_lists_hangs(session: Any, emulator: Emulator) -> None:
    connect(session, emulator)
    ended = Event()

    async def while_it_hangs() -> str:
        hung = [slow_readings.read_within(0.1, ended.wait, 20) for _ in range(8)]
        assert all(isinstance(one, TooSlowError) for one in await asyncio.gather(*hung, return_exceptions=True))
        return (await standing.look_up("winter")).address.base_url

    try:
        assert asyncio.run(while_it_hangs()) == emulator.url
    finally:
        ended.set()
