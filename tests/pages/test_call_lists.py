"""The page *Call lists*, of lists that the operators froze and sent: what it shows, to whom, and of what is broken."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from html import unescape
from typing import Any

import pytest

from aimylogic_provider.calls_api.statuses import talked
from tests.call_list.sync import phone
from tests.conftest import OTHER_TOKEN, connection_json, needs_record
from tests.pages.airflow_rows import AirflowRows
from tests.pages.conftest import DATABASE, Client
from tests.pages.sent_list import RUN, SentList
from tests.pages.waiting_rows import Rows

FRAGMENT = {"X-Aimylogic-Fragment": "1"}


def words(text: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))


def test_the_index_shows_a_list_with_its_counts_in_words(sent: SentList, client: Client) -> None:
    sent.sync.add([*(phone(number) for number in range(25)), phone(3), "", "nonsense"])
    sent.sync.emulator.settings(bad_numbers=[phone(5)])
    sent.send()
    shown = client("vera").get("lists")
    assert shown.status_code == 200
    told = words(shown.text)
    assert "winter_sale" in told
    assert RUN in told
    for count in ("28 rows", "24 created", "1 refused by the server", "2 rejected", "1 double"):
        assert count in told, count
    assert (
        f'href="/aimylogic/lists/winter_sale/{RUN.replace(":", "%3A").replace("+", "%2B")}/sync/-1?list=' in shown.text
    )


def test_a_dag_that_one_may_not_read_is_not_listed(
    rows: AirflowRows, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimylogic_provider.pages.call_lists import routes

    rows.task("open_dag", "r", "sync")
    rows.task("secret_dag", "r", "sync")
    assert "secret_dag" in client("vera").get("lists").text
    monkeypatch.setattr(routes, "readable_runs", lambda user: {"open_dag"})
    shown = client("vera").get("lists").text
    assert "open_dag" in shown
    assert "secret_dag" not in shown


def test_the_index_is_filtered_by_dag_and_goes_back_page_by_page(rows: AirflowRows, client: Client) -> None:
    for number in range(45):
        rows.task("winter" if number % 3 else "summer", f"run_{number:02}", "sync")
    browser = client("vera")
    found: list[str] = []
    address = "lists?dag=WINT"
    while address:
        text = browser.get(address).text
        found += re.findall(r"run_\d\d(?=</span>)", text)
        older = re.search(r'href="/aimylogic/(lists\?[^"]*)">Older', text)
        address = older[1].replace("&amp;", "&") if older else ""
    assert found == [f"run_{number:02}" for number in reversed(range(45)) if number % 3]


@pytest.mark.parametrize("operator", ["PrepareCallListOperator", "PrepareCallsOperator"])
def test_a_list_that_waits_to_be_sent_is_there_once_it_is_frozen(
    operator: str, sent: SentList, rows: AirflowRows, client: Client
) -> None:
    from tests.call_list.test_shards import Sharded

    sent.sync.add([*(phone(number) for number in range(12)), ""])
    frozen = Sharded(sent.sync, shards=1).call_list
    rows.task("winter_sale", RUN, "read", operator=operator, returned=frozen)
    rows.task("winter_sale", RUN, "send", operator="SendCallListOperator", state="queued")
    told = words(client("vera").get("lists").text)
    assert "13 rows" in told
    assert "12 left to send" in told
    assert "2 tasks" in told, "it and what is to send it are one list"


def frozen_list(sent: SentList, rows: AirflowRows) -> dict[str, Any]:
    """A list of a run, frozen and not sent."""
    from tests.call_list.test_shards import Sharded

    sent.sync.add([*(phone(number) for number in range(12)), ""])
    frozen: dict[str, Any] = Sharded(sent.sync, shards=1).call_list
    rows.task("winter_sale", RUN, "read", operator="PrepareCallsOperator", returned=frozen)
    return frozen


@pytest.mark.parametrize("lists", [1, 2])
def test_a_list_that_waits_for_its_approval_says_so_and_leads_there(
    lists: int, sent: SentList, rows: AirflowRows, client: Client, session: Any
) -> None:
    frozen = frozen_list(sent, rows)
    if lists == 2:  # of a run that has another one, which nobody asks about
        other = {**frozen, "path": frozen["path"].rpartition("/")[0] + "/11111111-1111-4111-8111-111111111111"}
        rows.task("winter_sale", RUN, "read_2", operator="PrepareCallsOperator", returned=other)
        rows.task("winter_sale", RUN, "send_2", operator="SendCallListOperator", state="queued", returned=other)
    rows.task("winter_sale", RUN, "send", operator="SendCallListOperator", state=None, returned=frozen)
    waits = '<a href="/aimylogic/waiting">waits for a person</a>'
    assert waits not in client("vera").get("lists").text
    question = Rows(session).ask(
        "Make 12 calls? [2]", ["Approve", "Reject"], dag_id="winter_sale", run_id=RUN, task_id="may_they",
        operator="ApproveCallListOperator", body=f"- The list: ` {frozen['path']} `",
    )  # fmt: skip
    session.commit()
    for page in ("lists", f"lists/winter_sale/{RUN}"):
        assert client("vera").get(page).text.count(waits) == 1
    text = client("vera").get(f"lists/winter_sale/{RUN}/send/-1").text
    assert "It waits for a person" in text
    assert "12 left to send" in words(text)
    if lists == 2:
        assert "It waits for a person" not in client("vera").get(f"lists/winter_sale/{RUN}/send_2/-1").text
    Rows(session).answered(question)
    assert waits not in client("vera").get("lists").text


def test_what_no_task_sends_any_more_is_not_left_to_send(sent: SentList, rows: AirflowRows, client: Client) -> None:
    frozen_list(sent, rows)
    rows.task("winter_sale", RUN, "send", operator="SendCallListOperator", state="skipped")
    for page in ("lists", f"lists/winter_sale/{RUN}/send/-1"):
        told = words(client("vera").get(page).text)
        assert "12 not sent" in told
        assert "left to send" not in told


@needs_record
def test_where_no_list_was_made_the_reason_stands_at_what_was_to_send_it(rows: AirflowRows, client: Client) -> None:
    reason = {"reason": "Failed: Nobody can be called: there are 3 rows"}
    rows.task("sale", RUN, "read", operator="PrepareCallsOperator", state="failed", xcoms={"report": reason})
    rows.task("sale", RUN, "call", operator="SendCallListOperator", state="upstream_failed")
    for page in ("lists", f"lists/sale/{RUN}", f"lists/sale/{RUN}/call/-1", f"lists/sale/{RUN}/read/-1"):
        text = client("uma").get(page).text
        told = words(text)
        assert "read: Failed: Nobody can be called: there are 3 rows" in told, page
        assert "No list was made" in told
        assert "known yet" not in told
        assert re.findall(r'class="state">([^<]*)', text) == ["failed"], "one list, and what became of it"
    assert "There is no list to download" in told
    assert ".csv" not in text
    assert "No list was made." in words(client("uma").get(f"lists/sale/{RUN}/call/-1/folder").text)


def test_shards_of_one_list_are_one_list_summed(sent: SentList, rows: AirflowRows, client: Client) -> None:
    from aimylogic_provider.operators import SendCallListOperator
    from tests.call_list.test_shards import Sharded

    sent.sync.add([*(phone(number) for number in range(40)), phone(3), ""])
    sharded = Sharded(sent.sync, shards=4)
    rows.task("winter_sale", RUN, "prepare", operator="PrepareCallListOperator", returned=sharded.call_list)
    for shard in range(3):
        sharded.sending[shard].run_id = RUN
        report = sharded.send(shard)
        entry = sharded.sending[shard].entry if sharded.sending[shard].has_store else None
        rows.task(
            "winter_sale",
            RUN,
            "send",
            map_index=shard,
            operator=SendCallListOperator.__name__,
            returned=report,
            entry=entry,
        )
    rows.task("winter_sale", RUN, "send", map_index=3, operator="SendCallListOperator", state="queued")
    text = client("vera").get(f"lists/winter_sale/{RUN}").text
    told = words(text)
    assert text.count("<tr>") == 2, "a head, and one list"
    assert "5 tasks" in told
    assert "42 rows" in told
    created = sum(len(sharded.phones(shard)) for shard in range(3))
    assert f"{created} created" in told
    assert f"{40 - created} left to send" in told
    assert "3 success" in told
    assert "1 queued" in told


@needs_record
def test_a_list_that_is_being_sent_is_followed_and_one_that_is_over_is_not(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(30))
    sent.sync.attempt()
    entry = sent.sync.entry
    entry["progress"] |= {"created": 12, "left": 18, "numbers_per_second": 1234.5}
    sent.tell(None, state="running", entry=entry)
    browser = client("vera")
    told = browser.get(f"{sent.address}/state", headers=FRAGMENT).text
    assert "data-live" in told
    assert "12 created" in words(told)
    assert "18 left to send" in words(told)
    assert "1,234 numbers a second" in words(told)
    assert sent.task_instance is not None
    sent.rows.set_state(sent.task_instance, "success")
    assert "data-live" not in browser.get(f"{sent.address}/state", headers=FRAGMENT).text


def test_the_folder_tells_batches_reasons_countries_and_masked_rows(sent: SentList, client: Client) -> None:
    sent.sync.add([*(phone(number) for number in range(25)), "8 912 345", "", "79123456789012345"])
    sent.sync.emulator.settings(bad_numbers=[phone(5)])
    sent.send(key_columns=["phone"])
    text = client("vera").get(f"{sent.address}/folder", headers=FRAGMENT).text
    told = words(text)
    assert "3 of 3 batches" in told
    assert "25 of 25 calls are done, 24 of them created: 3 of 3 batches, by addPhones" in told
    assert "Refused by the server" in told
    assert "phone.bad.format (the server doesn't take the phone for a number of its country: correct it)" in told
    assert "RU" in told
    assert "phones masked" in told
    assert "data-live" not in text
    digits = re.sub(r"\D", "", told)
    assert "9123456789" not in digits, "a phone as a key, and in a reason, is masked"


def test_a_tab_of_airflows_may_name_the_index_literally(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1)])
    sent.send()
    for index in ("-1", "{MAP_INDEX}", "%7BMAP_INDEX%7D"):
        assert client("vera").get(f"lists/winter_sale/{RUN}/sync/{index}").status_code == 200, index
    for index in ("x", "1e3", "99999999999999999999", "٣"):
        assert client("vera").get(f"lists/winter_sale/{RUN}/sync/{index}").status_code == 404, index


def test_scripts_in_ids_reasons_and_keys_are_text(sent: SentList, rows: AirflowRows, client: Client) -> None:
    evil = "<script>alert(1)</script>"
    sent.sync.execute("insert into customer values (1, 'bad <img src=x onerror=alert(1)>', '<b>x</b>')")
    sent.sync.add([phone(1)])
    sent.send(key_columns=["name"])
    rows.task(evil, evil, evil, returned={"call_list": evil, "rows": 1, "created": 0, "doubles": 0, "rejected": 1,
                                          "refused": 0, "unknown": 0})  # fmt: skip
    browser = client("vera")
    for address in ("lists", f"{sent.address}/folder", sent.address, f"lists?dag={evil}"):
        text = browser.get(address).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<b>x</b>" not in text
    assert "&lt;script&gt;" in browser.get("lists").text


ODD: dict[str, Any] = {
    "a text": "hello", "a number": 7, "a list": [1, {"a": None}], "nothing": None, "texts for counts": {
        "rows": "many", "created": -1, "doubles": [], "rejected": {}, "refused": None, "unknown": 0, "call_list": 5},
    "negative counts": {"rows": -5, "created": -1, "doubles": 0, "rejected": 0, "refused": 0, "unknown": 0},
    "huge": {"rows": 10**30, "created": 0, "doubles": 0, "rejected": 0, "refused": 0, "unknown": 0},
    "no pointer": {"sha256": 7, "path": []},
    "deep": json.loads("[" * 200 + "]" * 200),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_xcom_that_is_no_report_is_no_reason_to_fail(odd: Any, rows: AirflowRows, client: Client) -> None:
    if DATABASE == "mariadb" and odd is ODD["deep"]:
        pytest.skip("MariaDB keeps no JSON so deep")
    rows.task("winter_sale", RUN, "sync", returned=odd)
    browser = client("uma")
    for address in ("lists", f"lists/winter_sale/{RUN}", f"lists/winter_sale/{RUN}/sync/-1"):
        assert browser.get(address).status_code == 200
    for part in ("state", "folder", "reached", "cancel"):
        assert browser.get(f"lists/winter_sale/{RUN}/sync/-1/{part}").status_code == 200, part
    assert browser.get(f"lists/winter_sale/{RUN}/sync/-1/results.csv").status_code == 404


@needs_record
@pytest.mark.parametrize(
    "entry",
    [
        "no JSON at all", "[]", "7", {"format": "call list 9", "call_list": {"path": "/x"}}, {"format": "call list 1"},
        {"format": "call list 1", "call_list": {"path": "/etc", "sha256": "x"}, "progress": {"created": "x"}},
        {"format": "call list 1", "call_list": "x", "campaigns": 7, "progress": []},
    ],
    ids=lambda one: str(one)[:40],
)  # fmt: skip
def test_an_entry_that_is_another_ones_is_told_and_no_reason_to_fail(
    entry: Any, rows: AirflowRows, client: Client
) -> None:
    rows.task("winter_sale", RUN, "sync", entry=entry)
    browser = client("uma")
    for part in ("", "/state", "/folder", "/reached", "/cancel"):
        assert browser.get(f"lists/winter_sale/{RUN}/sync/-1{part}").status_code == 200, part
    if isinstance(entry, dict) and "9" in entry["format"]:
        assert "another version of the provider wrote it" in browser.get("lists").text


@needs_record
@pytest.mark.parametrize(
    "path",
    ["file:///etc", "file:///etc/passwd", "/etc", "http://127.0.0.1:1/winter_sale/sync/r/{id}", "{other}", "{escape}",
     "zip://winter_sale/sync/r/{id}::file:///x.zip"],
)  # fmt: skip
def test_no_folder_is_read_but_a_list_of_that_very_dag(
    path: str, sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write a task's state must not have the API server read what they like, or another DAG's list."""
    from aimylogic_provider.call_list.store.objects import Folder

    sent.sync.task.dag_id = "another_dag"
    sent.sync.add([phone(1), ""])
    report = sent.sync.attempt()
    pointer = sent.sync.entry["call_list"]
    id = pointer["path"].rpartition("/")[2]
    there = pointer["path"].replace("file://", "")
    path = {"{other}": pointer["path"], "{escape}": f"file:///winter_sale/sync/r/../../..{there}"}.get(path, path)
    entry = sent.sync.entry | {"call_list": pointer | {"path": path.replace("{id}", id)}}
    sent.rows.task("winter_sale", RUN, "sync", entry=entry)
    sent.rows.task("winter_sale", "other", "sync", returned=report)
    read: list[str] = []
    monkeypatch.setattr(Folder, "read", lambda self, name: read.append(f"{self.address}/{name}") or b"")
    browser = client("uma")
    for run in (RUN, "other"):
        told = words(browser.get(f"lists/winter_sale/{run}/sync/-1/folder").text)
        assert "names no list that DAG winter_sale froze" in told
        assert browser.get(f"lists/winter_sale/{run}/sync/-1/results.csv").status_code == 404
    assert read == []


@needs_record
def test_a_list_that_was_replaced_is_not_shown(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1)])
    sent.send()
    file = sent.folder / "list.json"
    file.write_text(file.read_text().replace('"method"', ' "method"'))
    assert "is not what was frozen" in words(client("vera").get(f"{sent.address}/folder").text)


def test_a_half_written_list_tells_what_is_missing(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1), ""])
    sent.send()
    next(sent.folder.glob("rejected/*")).unlink()
    told = words(client("uma").get(f"{sent.address}/folder").text)
    assert "the call list has no rejected/00001.jsonl" in told
    assert "What is above stands in Airflow's database" in told
    assert client("uma").get(f"{sent.address}/rejected.csv").status_code == 404


def test_storage_out_of_reach_leaves_what_the_database_knows(sent: SentList, client: Client) -> None:
    sent.sync.add([phone(1), ""])
    sent.send()
    sent.folder.rename(sent.folder.with_name("elsewhere"))
    assert "1 created" in words(client("vera").get(sent.address).text)
    assert "The API server can't read the list's folder" in words(client("vera").get(f"{sent.address}/folder").text)


@needs_record
@pytest.mark.parametrize(
    ("scheme", "told"),
    [("s3", "the API server has no library for s3://, where the list lies (Install s3fs to access S3)"),
     ("generic", "can't be reached (TypeError)"), ("webdav", "can't be reached")],
)  # fmt: skip
def test_a_store_that_the_api_server_has_no_library_for_is_told(
    scheme: str, told: str, sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    sent.sync.add([phone(1), ""])
    sent.sync.attempt()
    pointer = sent.sync.entry["call_list"]
    path = f"{scheme}://lists/winter_sale/sync/r/{pointer['path'].rpartition('/')[2]}"
    entry = sent.sync.entry | {"call_list": pointer | {"path": path}}
    fields = {"aimylogic_conn_id": "aimylogic_default"}
    sent.rows.task("winter_sale", RUN, "sync", entry=entry, rendered=fields)
    shown = words(client("vera").get(f"{sent.address}/folder").text)
    assert told in shown
    assert "What is above stands in Airflow's database" in shown
    file = client("uma").get(f"{sent.address}/results.csv")
    assert (file.status_code, told in words(file.text)) == (404, True)
    assert told in words(client("uma").get(f"{sent.address}/cancel").text)


def test_a_hanging_store_is_told_in_time(sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from aimylogic_provider.pages.call_lists import routes

    sent.sync.add([phone(1)])
    sent.send()
    monkeypatch.setattr(routes, "_SECONDS", 0.05)
    monkeypatch.setattr(routes, "summary_of", lambda place: time.sleep(0.5))
    assert "The storage of the list is slow" in client("vera").get(f"{sent.address}/folder").text


@needs_record
def test_a_deleted_list_shows_its_counts_and_why(sent: SentList, client: Client) -> None:
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.stored_list import CallList

    sent.sync.add([*(phone(number) for number in range(12)), ""])
    sent.send()
    CallList.open(Pointer.of(sent.sync.entry["call_list"])).delete("as everybody was ill", "Anna")
    told = words(client("uma").get(f"{sent.address}/folder").text)
    assert "The list was deleted, as everybody was ill" in told
    assert "Anna said no to it" in told
    assert "13 rows, 12 created" in told
    gone = client("uma").get(f"{sent.address}/results.csv")
    assert gone.status_code == 410
    assert "was deleted, but for its counts" in gone.text


def test_who_was_reached_is_told_by_the_results_table(sent: SentList, client: Client) -> None:
    import sqlite3
    from contextlib import closing

    sent.sync.arguments |= {"results_table": "calls", "results_conn_id": "warehouse"}
    sent.sync.add(phone(number) for number in range(12))
    sent.send()
    with closing(sqlite3.connect(sent.sync.database)) as database, database:
        for status, many, seconds in (("longCallWithResult", 5, 60), ("noAnswer", 4, 0)):
            database.execute(
                "update calls set job_status = ?, attempts = 2, call_seconds = ?, finished_at = '2026-01-01 10:00:00' "
                "where row_number in (select row_number from calls where finished_at is null limit ?)",
                (status, seconds, many),
            )
    told = words(client("vera").get(f"{sent.address}/reached").text)
    for figure in ("Reached 5", "Over 9", "Not over yet 3", "Attempts 18", "Talk time 5 min 0 s", "4 noAnswer"):
        assert figure in told, (figure, told)


def test_where_nobody_was_called_no_campaign_is_asked_who_was_reached(sent: SentList, client: Client) -> None:
    sent.tell(
        {"rows": 1, "created": 0, "doubles": 0, "rejected": 1, "refused": 0, "unknown": 0}, entry={"format": "none"}
    )
    told = client("vera").get(f"{sent.address}/reached").text
    assert "No call of it is known to be created" in told
    assert sent.sync.emulator.count() == 0


def test_without_a_results_table_the_campaign_tells_who_was_reached(sent: SentList, client: Client) -> None:
    emulator = sent.sync.emulator
    sent.sync.add(phone(number) for number in range(450))
    sent.send()
    emulator.advance(hours=30)
    reached = Counter(str(job.status) for job in emulator.jobs())
    told = words(client("vera").get(f"{sent.address}/reached").text)
    talks = sum(count for status, count in reached.items() if talked(status))
    for figure in (
        f"Reached {talks} ",
        "Over 450",
        "Not over yet 0",
        *(f"{count} {end}" for end, count in reached.items()),
    ):
        assert figure in told, (figure, told)
    assert "As the campaign's report tells" in told
    asked = emulator.count("callJob/getReport")
    client("vera").get(f"{sent.address}/reached")
    assert emulator.count("callJob/getReport") == asked, "one reading is for all who look within a minute"


def test_jobs_that_the_report_does_not_show_are_told_as_that(sent: SentList, client: Client) -> None:
    sent.sync.add(phone(number) for number in range(30))
    sent.send()
    sent.sync.emulator.settings(report_lag=600)
    told = words(client("vera").get(f"{sent.address}/reached").text)
    assert "Not shown by the report 30" in told
    assert "within the last 10 minutes" in told


def test_of_another_campaign_nobody_is_asked(sent: SentList, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent.sync.add([phone(1)])
    sent.send()
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sent.sync.emulator, OTHER_TOKEN))
    assert "its host or token was changed" in unescape(client("vera").get(f"{sent.address}/reached").text)


def test_what_a_failed_task_told_counts(rows: AirflowRows, client: Client) -> None:
    counts = {"rows": 10, "created": 6, "doubles": 0, "rejected": 1, "refused": 0, "unknown": 3}
    rows.task("winter_sale", RUN, "sync", state="failed", xcoms={"report": counts})
    told = words(client("vera").get("lists").text)
    assert "6 created" in told
    assert "3 unknown" in told


def test_why_a_task_failed_stands_above_all(rows: AirflowRows, client: Client) -> None:
    told = {"ended": "failed", "kind": "CallListError", "reason": "<b>The server refused all.</b>", "rejected": 4}
    rows.task("winter_sale", RUN, "sync", state="failed", xcoms={"report": told})
    text = client("vera").get(f"lists/winter_sale/{RUN}/sync/-1").text
    assert "sync: &lt;b&gt;The server refused all.&lt;/b&gt;" in text


@needs_record
def test_a_list_that_is_noted_in_a_file_alone_is_found(sent: SentList, client: Client) -> None:
    """As before Airflow 3.3, while it is sent: the database tells nothing of it yet."""
    sent.sync.add(phone(number) for number in range(12))
    sent.sync.attempt()
    (sent.folder.parent / "entry.json").write_text(json.dumps({"written_at": 1, "entry": sent.sync.entry}))
    sent.tell(None, state="running", entry={"format": "none"})
    text = client("vera").get(f"{sent.address}/folder", headers=FRAGMENT).text
    assert "2 of 2 batches" in words(text)
    assert "data-live" in text


def test_a_phone_in_a_reason_that_somebody_else_wrote_is_masked(rows: AirflowRows, client: Client) -> None:
    rows.task("sale", "one", "sync", state="failed", xcoms={"report": {"reason": "no 79123456789 there"}})
    shown = client("vera").get("lists/sale/one/sync/-1").text
    assert "79123456789" not in shown
    assert "no 7912***6789 there" in shown
