"""A cancel for a list: in slices, gone on with, never while a task sends it, and only in its own campaign."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimylogic_provider.emulator import Emulator
from tests.call_list.sync import phone
from tests.conftest import OTHER_TOKEN, connection_json, needs_record
from tests.pages.conftest import Client
from tests.pages.sent_list import RUN, SentList

RENDERED = {"aimylogic_conn_id": "aimylogic_default"}
BUSY = ("running", "queued", "scheduled", "deferred", "up_for_retry", "restarting", "up_for_reschedule", None,
        "awaiting_input", "a later Airflow's")  # fmt: skip


@pytest.fixture
def batch_size() -> int:
    return 200


def statuses(emulator: Emulator) -> set[str | None]:
    return {job.status for job in emulator.jobs()}


def slices(client: Client, address: str, name: str = "uma") -> list[dict[str, Any]]:
    """All answers, as the page's script asks for them."""
    answers: list[dict[str, Any]] = []
    while not answers or not answers[-1]["finished"]:
        answer = client(name).post(f"{address}/cancel", json={"begin": not answers})
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    return answers


def test_all_open_calls_are_cancelled_slice_by_slice(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(1000))
    sent.send()
    shown = client("uma").get(f"{sent.address}/cancel").text
    assert "Cancel 1,000 calls" in shown
    assert "connection aimylogic_default" in shown
    answers = slices(client, sent.address)
    assert [(one["at"], one["left"]) for one in answers] == [(400, 600), (800, 200), (1000, 0)]
    cancelled = sum(job.status == "cancelledByUser" for job in sent.sync.emulator.jobs())
    told = f"Of 1,000 calls {cancelled:,} are cancelled, {1000 - cancelled:,} were over already. That is all"
    assert answers[-1]["told"] == told
    assert cancelled > 900, "some rang before"
    assert "All 1,000 were gone through" in client("uma").get(f"{sent.address}/cancel").text


def test_whoever_closed_the_page_goes_on_where_it_stopped(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(700))
    sent.send()
    first = client("uma").post(f"{sent.address}/cancel", json={"begin": True}).json()
    shown = client("ada").get(f"{sent.address}/cancel").text
    assert "300 are left" in shown
    assert "Go on: cancel the 300 that are left" in shown
    requests = sent.sync.emulator.count("callJob/cancel")
    answers = slices(client, sent.address, "ada")
    assert (first["at"], [one["at"] for one in answers]) == (400, [700])
    assert answers[-1]["cancelled"] + answers[-1]["over"] == 700
    assert sent.sync.emulator.count("callJob/cancel") - requests == 2, "only what was left"


def test_a_slice_that_begins_amid_a_batch_leaves_nobody_out(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(700))
    sent.send(batch_size=300)
    assert [one["at"] for one in slices(client, sent.address)] == [400, 700]
    assert all(job.finished for job in sent.sync.emulator.jobs())


def test_what_is_over_and_what_the_campaign_does_not_know_is_told_apart(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(30))
    sent.send()
    file = next(sent.folder.glob("done/*"))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[3]["job"], lines[20]["job"] = "999999999999", "999999999998"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (answer,) = slices(client, sent.address)
    assert (answer["cancelled"] + answer["over"], answer["not_known"], answer["left"]) == (28, 2, 0)
    assert "2 the campaign doesn't know" in answer["told"]


@pytest.mark.parametrize("state", BUSY)
def test_nothing_is_cancelled_while_a_task_may_send(state: str | None, sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(3))
    sent.send()
    assert sent.task_instance is not None
    sent.rows.set_state(sent.task_instance, state)
    shown = client("uma").get(f"{sent.address}/cancel").text
    assert "<button" not in shown.partition("<main")[2].partition("</main")[0]
    assert "Mark these tasks as failed in Airflow first" in shown
    answer = client("uma").post(f"{sent.address}/cancel", json={})
    assert answer.status_code == 409
    assert f"sync ({state or 'not begun'})" in answer.json()["detail"]
    assert "cancelledByUser" not in statuses(sent.sync.emulator)


def test_a_shard_that_is_still_queued_keeps_its_list_from_being_cancelled(sent: SentList, client: Client) -> None:
    from tests.call_list.test_shards import Sharded

    sent.sync.add(phone(number) for number in range(40))
    sharded = Sharded(sent.sync, shards=2)
    rows = sent.rows
    rows.task("winter_sale", RUN, "prepare", operator="PrepareCallListOperator", returned=sharded.call_list)
    sharded.sending[0].run_id = RUN
    rows.task("winter_sale", RUN, "send", map_index=0, operator="SendCallListOperator", returned=sharded.send(0),
              rendered={"aimylogic_conn_id": "aimylogic_default"})  # fmt: skip
    other = rows.task("winter_sale", RUN, "send", map_index=1, operator="SendCallListOperator", state="queued")
    address = f"lists/winter_sale/{RUN}/send/0"
    answer = client("uma").post(f"{address}/cancel", json={})
    assert answer.status_code == 409
    assert "send [1] (queued)" in answer.json()["detail"]
    rows.set_state(other, "failed")
    assert client("uma").post(f"{address}/cancel", json={}).status_code == 200
    assert statuses(sent.sync.emulator) == {"cancelledByUser"}


def test_a_list_that_is_about_to_be_sent_is_not_told_to_be_cancelled(sent: SentList, client: Client) -> None:
    from tests.call_list.test_shards import Sharded

    sent.sync.add(phone(number) for number in range(3))
    frozen = Sharded(sent.sync, shards=1).call_list
    sent.rows.task("winter_sale", RUN, "prepare", operator="PrepareCallListOperator", returned=frozen)
    sent.rows.task("winter_sale", RUN, "send", operator="SendCallListOperator", state="queued", rendered=RENDERED)
    answer = client("uma").post(f"lists/winter_sale/{RUN}/send/-1/cancel", json={"begin": True})
    assert (answer.status_code, "send (queued)" in answer.text) == (409, True)


@pytest.mark.parametrize("seen_by", ["prepare/-1", "send/0"])
def test_a_task_of_a_class_of_ones_own_that_still_sends_keeps_its_list_too(
    seen_by: str, sent: SentList, client: Client
) -> None:
    from tests.call_list.test_shards import Sharded

    sent.sync.add(phone(number) for number in range(40))
    sharded = Sharded(sent.sync, shards=2)
    rows, fields = sent.rows, {"aimylogic_conn_id": "aimylogic_default"}
    rows.task("winter_sale", RUN, "prepare", operator="PrepareCallListOperator", returned=sharded.call_list,
              rendered=fields)  # fmt: skip
    sharded.sending[0].run_id = RUN
    rows.task("winter_sale", RUN, "send", map_index=0, operator="MySend", returned=sharded.send(0), rendered=fields)
    other = rows.task("winter_sale", RUN, "send", map_index=1, operator="MySend", state="running")
    address = f"lists/winter_sale/{RUN}/{seen_by}"
    answer = client("uma").post(f"{address}/cancel", json={"begin": True})
    assert answer.status_code == 409
    assert "send [1] (running)" in answer.json()["detail"]
    assert "cancelledByUser" not in statuses(sent.sync.emulator)
    rows.set_state(other, "failed")
    assert client("uma").post(f"{address}/cancel", json={}).status_code == 200


def test_another_campaign_is_never_asked_to_cancel(
    sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent.sync.add(phone(number) for number in range(3))
    sent.send()
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sent.sync.emulator, OTHER_TOKEN))
    answer = client("uma").post(f"{sent.address}/cancel", json={"begin": True})
    assert answer.status_code == 409
    assert "leads to another campaign than the list was sent to" in answer.json()["detail"]
    assert "cancelledByUser" not in statuses(sent.sync.emulator)


def test_a_campaign_that_is_down_is_told_and_what_is_left(
    sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent.sync.add(phone(number) for number in range(3))
    sent.send()
    sent.sync.emulator.fault("before_commit", "status", path="callJob/cancel", status=503, times=None)
    answer = client("uma").post(f"{sent.address}/cancel", json={"begin": True})
    assert answer.status_code == 503
    assert "3 calls are left" in answer.json()["detail"]


def test_what_failed_amid_a_slice_is_done_by_the_next_one(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(300))
    sent.send()
    sent.sync.emulator.fault("before_commit", "status", path="callJob/cancel", status=503, nth=2)
    answers = slices(client, sent.address)
    assert [(one["at"], one["left"]) for one in answers] == [(200, 100), (300, 0)]
    assert answers[-1]["cancelled"] + answers[-1]["over"] == 300
    assert all(job.finished for job in sent.sync.emulator.jobs())


def test_a_viewer_may_not_and_what_was_done_is_in_the_audit_log(sent: SentList, client: Client) -> None:
    from airflow.models.log import Log
    from sqlalchemy import select

    sent.sync.add(phone(number) for number in range(3))
    sent.send()
    assert client("vera").post(f"{sent.address}/cancel", json={}).status_code == 403
    assert client("uma", page=False).post(f"{sent.address}/cancel", json={}).status_code == 403
    assert "cancelledByUser" not in statuses(sent.sync.emulator)
    slices(client, sent.address)
    sent.rows._session.rollback()
    noted = sent.rows._session.scalars(select(Log).where(Log.event.like("aimylogic.cancel%")).order_by(Log.id)).all()
    assert [(one.event, one.owner, one.task_id) for one in noted] == [
        ("aimylogic.cancel_list", "uma", "sync"),
        ("aimylogic.cancelled_calls", "uma", "sync"),
    ]
    assert json.loads(noted[1].extra)["cancelled"] == 3


def test_a_connection_that_is_not_known_any_more_is_told(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1)])
    report = sent.sync.attempt()
    sent.rows.task(
        "winter_sale", RUN, "sync", returned=report, entry=sent.sync.entry if sent.sync.task.has_store else None
    )
    told = client("uma").post(f"{sent.address}/cancel", json={}).json()["detail"]
    assert "isn't known to Airflow any more" in told


@needs_record
@pytest.mark.parametrize(
    ("was_sent", "why_not"),
    [(False, "Nothing of this list was sent before it was deleted"), (True, "with it which calls it has")],
)
def test_of_a_list_that_was_deleted_it_is_told_what_can_be_done(
    was_sent: bool, why_not: str, sent: SentList, client: Client
) -> None:
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList
    from tests.call_list.test_shards import Sharded

    sent.sync.add([phone(1), phone(2)])
    if was_sent:
        sent.send()
        frozen = sent.sync.entry["call_list"]
        address = sent.address
    else:
        frozen = Sharded(sent.sync, shards=1).call_list
        sent.rows.task("winter_sale", RUN, "read", operator="PrepareCallsOperator", returned=frozen)
        sent.rows.task("winter_sale", RUN, "send", operator="SendCallListOperator", state="skipped", rendered=RENDERED)
        address = f"lists/winter_sale/{RUN}/send/-1"
    CallList.open(Pointer.of(frozen)).delete("for a person said no to it", "Anna")
    assert why_not in client("uma").get(f"{address}/cancel").text
    answer = client("uma").post(f"{address}/cancel", json={"begin": True})
    assert answer.status_code == 409
    assert why_not in answer.json()["detail"]
