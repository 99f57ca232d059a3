"""What pages say of what is gone: a DAG, a run, a task, a list's folder, the connection that a list was sent by."""

from __future__ import annotations

import shutil

import pytest

from tests.call_list.sync import phone
from tests.pages.airflow_rows import AirflowRows
from tests.pages.conftest import Client
from tests.pages.sent_list import RUN, SentList
from tests.pages.test_call_lists import words


@pytest.fixture
def sent(sent: SentList) -> SentList:
    """Sent, too."""
    sent.sync.add(phone(number) for number in range(12))
    sent.send()
    return sent


STAYS = "Whom it called stays called"


@pytest.mark.parametrize("page", ["", "/sync/-1", "/sync/-1/state", "/sync/-1/cancel", "/sync/-1/results.csv"])
def test_of_a_dag_that_was_deleted_it_is_told_what_stays(page: str, client: Client) -> None:
    answer = client("uma").get(f"lists/winter_sale/{RUN}{page}")
    assert answer.status_code == 404
    told = words(answer.text)
    assert "Airflow has no DAG winter_sale, or no longer: whoever deletes a DAG deletes its runs" in told
    assert STAYS in told


def test_of_a_run_that_was_deleted_too(rows: AirflowRows, client: Client) -> None:
    rows.task("winter_sale", "another", "sync")
    answer = client("vera").get(f"lists/winter_sale/{RUN}")
    assert answer.status_code == 404
    assert f"DAG winter_sale has no run {RUN}, or no longer" in words(answer.text)
    assert STAYS in words(answer.text)


def test_a_task_that_was_renamed_is_told_from_a_run_that_is_gone(rows: AirflowRows, client: Client) -> None:
    rows.task("winter_sale", RUN, "sync")
    answer = client("vera").get(f"lists/winter_sale/{RUN}/synced/-1")
    assert answer.status_code == 404
    assert "The run has no such task instance, or no longer: the task was renamed" in words(answer.text)
    assert client("vera").get(f"lists/winter_sale/{RUN}").status_code == 200


def test_of_a_folder_that_is_gone_the_counts_stay_and_nothing_is_cancelled(sent: SentList, client: Client) -> None:
    shutil.rmtree(sent.folder)
    assert "12 created" in words(client("uma").get(sent.address).text)
    gone = "it was deleted, or lies on another worker's disk"
    assert gone in words(client("uma").get(f"{sent.address}/folder").text)
    file = client("uma").get(f"{sent.address}/results.csv")
    assert (file.status_code, gone in words(file.text)) == (404, True)
    shown = words(client("uma").get(f"{sent.address}/cancel").text)
    done = client("uma").post(f"{sent.address}/cancel", json={"begin": True})
    assert done.status_code == 409
    for told in (shown, done.json()["detail"]):
        assert gone in told
        assert "Put the folder back where the API server reaches it; or cancel the calls by CancelCallsOperator" in told
        assert "given up" not in told, "what a task would say is for whoever mends tasks"
    assert sent.sync.emulator.count("callJob/cancel") == 0


def test_of_a_connection_that_was_renamed_the_list_is_shown_and_the_way_to_cancel(
    sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT")
    assert "12 created" in words(client("uma").get(sent.address).text)
    done = client("uma").post(f"{sent.address}/cancel", json={"begin": True})
    assert done.status_code == 409
    assert "there is no connection 'aimylogic_default'" in done.json()["detail"]
    assert "If it was renamed, add one of the old name, with the same token" in done.json()["detail"]
    card = client("otto").get("campaigns/state/aimylogic_default")
    assert "There is no connection 'aimylogic_default'" in words(card.text)
    assert "<button" not in card.text.partition("<main")[2].partition("</main")[0]
    pressed = client("otto").post("campaigns/pause/aimylogic_default")
    assert pressed.status_code == 404
    assert pressed.json()["detail"].startswith("Nothing was done: there is no connection 'aimylogic_default'")
