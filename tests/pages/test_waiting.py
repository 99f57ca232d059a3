"""The page *Waiting for a person*: what it shows to whom, and what an answer to many questions would do."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest

from aimylogic_provider.airflow_task.shown.answer_labels import go_ahead_options, list_options, withdrawal_options
from tests.conftest import HAS_RECORD
from tests.pages.conftest import Client
from tests.pages.waiting_rows import Rows, call_options, subject


@pytest.fixture
def rows(session: Any) -> Rows:
    return Rows(session)


def text(html: str) -> str:
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def shown(client: Client, rows: Rows, name: str = "uma", **wanted: Any) -> str:
    rows.session.commit()
    answer = client(name).get("waiting", params=wanted)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def chosen(html: str) -> list[dict[str, str]]:
    """The questions of a page, as its boxes bear them."""
    return [{"id": id, "mark": mark} for id, mark in re.findall(r'data-id="([^"]+)" data-mark="([^"]+)"', html)]


def plan(client: Client, name: str = "uma", **wanted: Any) -> dict[str, Any]:
    answer = client(name).post("waiting/plan", json=wanted)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def twenty(rows: Rows) -> None:
    """Eight parked calls with one job that could be theirs, seven with none, five with several."""
    for index in range(20):
        jobs = ["5665"] * (index < 8) + ["1", "2", "3"] * (index >= 15)
        rows.call(*(f"{job}{index}" for job in jobs), phone=f"7912***{index:04}", map_index=index)


MARIA = subject("7495***0000", map_index=0, rendered_map_index="Maria", conn_id="spring_sale")


def test_nothing_waits(client: Client, rows: Rows) -> None:
    assert "Nothing waits for a person." in text(shown(client, rows))


def test_parked_calls_are_told_apart(client: Client, rows: Rows) -> None:
    twenty(rows)
    rows.call(
        dag_id="spring",
        map_index=0,
        task_id="ring",
        line=MARIA,
    )
    html = shown(client, rows)
    told = text(html)
    assert "21 wait: 21 parked calls." in told
    assert "Parked calls of sale : 20" in told
    assert "exactly one job that could be it for 8, none for 7, several for 5" in told
    assert "Parked calls of spring : 1" in told
    for index in range(20):
        assert f"Was the call to 7912***{index:04} added?" in told
        assert f" #{index} " in told
    assert re.search(r"spring_sale</td>", html)
    assert told.count("winter_sale") == 21, "each row, and the filter"
    assert "3f2a" not in told, "a reference is for machines"


def test_all_kinds_stand_under_their_names_with_airflows_own_labels(client: Client, rows: Rows) -> None:
    rows.ask("What is to become of 13 calls of the list? (winter) [1]", list_options(13, 12), task_id="send")
    rows.ask("Make 297 calls? [2]", ["Approve", "Reject"], task_id="approve", operator="ApproveCallListOperator")
    rows.ask("Send 297 calls? [3]", go_ahead_options(297), task_id="send_2")
    rows.ask("Withdraw 4 of 5 open calls? (winter)", withdrawal_options(4), task_id="withdraw")
    rows.ask("Shall we?", ["Yes", "No"], task_id="theirs", operator="HITLOperator")
    html = shown(client, rows)
    told = text(html)
    assert "4 wait: 1 parked list, 1 list to approve, 1 brake or first calls, 1 withdrawal." in told
    assert "Shall we?" not in told, "another provider's"
    (id,) = re.findall(r'data-question="/aimylogic/(waiting/question/[^"]+)"><summary>What', html)
    assert re.findall(r'data-option="([^"]+)"', client("uma").get(id).text) == [
        "Send the 12 without a job",
        "Leave all 13",
    ]


@pytest.mark.parametrize("state", ["running", "success", "failed", "up_for_retry", "removed"])
def test_what_no_answer_would_wake_does_not_wait(client: Client, rows: Rows, state: str) -> None:
    rows.call(state=state)
    assert "Nothing waits" in text(shown(client, rows))


def test_what_is_answered_does_not_wait(client: Client, rows: Rows) -> None:
    rows.answered(rows.call())
    assert "Nothing waits" in text(shown(client, rows))


def test_a_deleted_dags_question_is_not_shown(client: Client, rows: Rows) -> None:
    from airflow.models.dag import DagModel

    rows.call()
    rows.session.execute(DagModel.__table__.delete())
    assert "Nothing waits" in text(shown(client, rows))


def test_a_filter_leaves_what_is_wanted(client: Client, rows: Rows) -> None:
    twenty(rows)
    rows.call(
        dag_id="spring",
        line=MARIA,
        map_index=0,
    )
    for wanted, left in (
        ({"dag": "spring"}, 1),
        ({"campaign": "winter_sale"}, 20),
        ({"text": "maria"}, 1),
        ({"text": "7912***0003"}, 1),
        ({"kind": "list"}, 0),
        ({"dag": "no such"}, 0),
    ):
        told = text(shown(client, rows, **wanted))
        assert (f"{left} wait" in told) if left else ("None of the 21 that wait" in told), wanted
    assert "7912***0003" in text(client("uma").get("waiting/questions", params={"text": "7912***0003"}).text)


def test_a_phone_that_somebody_put_into_a_label_is_masked_and_not_found_by_its_digits(
    client: Client, rows: Rows
) -> None:
    phone = "79123456789"
    rows.call(line=f"Was {phone} added? (a, winter) [1]", rendered_map_index=f"key {phone}", map_index=0, body=phone)
    html = shown(client, rows, "ada")
    assert phone not in html
    assert "7912***6789" in html
    assert "None of the 1" in text(shown(client, rows, "ada", text="3456"))
    (id,) = re.findall(r'data-question="/aimylogic/([^"]+)"', html)
    assert phone not in client("vera").get(id).text
    assert phone in client("ada").get(id).text, "as jobs' ids are, to whoever may see them"


EVIL = "<script>alert(1)</script>"


def test_script_in_whatever_a_question_bears_is_text(client: Client, rows: Rows) -> None:
    body = f"{EVIL} <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](//evil.example/y) **bold**"
    rows.ask(
        f'{EVIL}"? ({EVIL}, {EVIL}) [{EVIL}]', call_options("1"), body=body, dag_id="dag.ö-1", run_id="r+:~.1",
        task_id="группа.task", map_index=0, rendered_map_index=EVIL,
    )  # fmt: skip
    html = shown(client, rows)
    (id,) = re.findall(r'data-question="/aimylogic/([^"]+)"', html)
    opened = client("uma").get(id).text
    for page in (html, opened):
        assert EVIL not in page
        assert "&lt;script&gt;" in page
        assert not re.search(r"<[^>]*(onerror|javascript:|evil\.example)", page)
    assert "<strong>bold</strong>" in opened
    assert "/dags/dag.%C3%B6-1/runs/r%2B%3A~.1/" in html
    (answer,) = plan(client, way="adopt", chosen=chosen(html))["answers"]
    task = "%D0%B3%D1%80%D1%83%D0%BF%D0%BF%D0%B0.task"
    assert answer["path"].startswith("/api/v2/dags/dag.%C3%B6-1/dagRuns/r%2B%3A~.1/")
    assert answer["path"].endswith(f"/taskInstances/{task}/0/hitlDetails")


def test_three_ways_with_numbers(client: Client, rows: Rows) -> None:
    twenty(rows)
    boxes = chosen(shown(client, rows))
    adopt, send, leave = (plan(client, way=way, chosen=boxes) for way in ("adopt", "send", "leave"))
    assert adopt["title"] == "Adopt 8 that have exactly one job?"
    assert adopt["text"].endswith("12 others stay as they are.")
    assert {(one["content"]["chosen_options"][0], one["job"]) for one in adopt["answers"]} == {
        (f"Adopt job 5665{index}", f"5665{index}") for index in range(8)
    }
    assert {one["content"]["params_input"]["call_job_id"] for one in adopt["answers"]} == {
        f"5665{index}" for index in range(8)
    }
    assert send["title"] == "Send the 7 without a job?"
    assert "is called twice" in send["text"]
    assert {one["path"].split("/")[-2] for one in send["answers"]} == {str(index) for index in range(8, 15)}
    assert {one["option"] for one in send["answers"]} == {"Send again"}
    assert leave["title"] == "Leave all 20?"
    assert len(leave["answers"]) == 20


def test_all_of_a_group_are_those_that_wait_when_the_button_is_pressed(client: Client, rows: Rows) -> None:
    twenty(rows)
    rows.call(dag_id="spring")
    gone = rows.call(map_index=20)
    group = {"kind": "call", "dag": "sale", "text": ""}
    rows.answered(gone)
    assert plan(client, way="leave", all_of=group)["title"] == "Leave all 20?"
    assert plan(client, way="leave", all_of={**group, "text": "7912***0003"})["title"] == "Leave it?"


def test_lists_are_answered_with_the_sum_of_their_numbers(client: Client, rows: Rows) -> None:
    for index, number in enumerate((1_200, 34)):
        rows.ask(f"What is to become? [{index}]", list_options(9_000, number), task_id="send", map_index=index)
    boxes = chosen(shown(client, rows))
    told = plan(client, way="send", chosen=boxes)
    assert told["title"] == "Send the 1,234 without a job, of 2 lists?"
    assert [one["option"] for one in told["answers"]] == ["Send the 1,200 without a job", "Send the 34 without a job"]
    assert plan(client, way="leave", chosen=boxes)["title"] == "Leave 2 lists?"
    assert plan(client, way="adopt", chosen=boxes)["answers"] == []


def test_a_question_that_changed_meanwhile_is_not_answered(client: Client, rows: Rows) -> None:
    from airflow.models.hitl import HITLDetail

    rows.call("1")
    boxes = chosen(shown(client, rows))
    assert len(plan(client, way="adopt", chosen=boxes)["answers"]) == 1
    rows.session.execute(HITLDetail.__table__.update().values(subject=subject("7912***6789", reference="other")))
    rows.session.commit()
    told = plan(client, way="adopt", chosen=boxes)
    assert (told["answers"], told["gone"]) == ([], 1)
    assert told["text"].startswith("This question waits no longer as the page shows it, or is not yours to answer")


def test_a_question_that_somebody_else_answered_is_left_out(client: Client, rows: Rows) -> None:
    twenty(rows)
    last = rows.call("7", map_index=20)
    boxes = chosen(shown(client, rows))
    rows.answered(last)
    told = plan(client, way="adopt", chosen=boxes)
    assert (len(told["answers"]), told["gone"]) == (8, 1)
    assert told["text"].endswith("1 of those chosen waits no longer, or is not yours to answer.")


def test_a_question_that_is_named_twice_counts_once(client: Client, rows: Rows) -> None:
    rows.call("7")
    rows.call("8", task_id="another")
    one, other = chosen(shown(client, rows))
    told = plan(client, way="leave", chosen=[one, other, one])
    assert (told["title"], len(told["answers"]), told["gone"]) == ("Leave all 2?", 2, 0)
    told = plan(client, chosen=[{**one, "option": "Send again"}, {**one, "option": "Leave it"}])
    assert [answer["option"] for answer in told["answers"]] == ["Leave it"]
    assert told["title"] == "Leave it?"


def test_times_in_a_question_are_written_for_the_readers_zone(client: Client, rows: Rows) -> None:
    body = "**Answer before 2026-12-02 15:21 UTC**: <b>late</b> at 2026-12-02 25 UTC"
    id = rows.ask("Make 2 calls? (winter) [1]", ["Approve", "Reject"], operator="ApproveCallListOperator", body=body)
    rows.session.commit()
    html = client("uma").get(f"waiting/question/{id}").text
    assert '<time datetime="2026-12-02T15:21Z">2026-12-02 15:21 UTC</time>' in html
    assert html.count("<time") == 1, "what is no time is left alone"
    assert "&lt;b&gt;late" in html


def test_an_approval_names_its_campaign(client: Client, rows: Rows) -> None:
    rows.ask("Make 2 calls? (winter) [1]", ["Approve", "Reject"], operator="ApproveCallListOperator")
    assert re.search(r'data-label="Campaign">winter</td>', shown(client, rows))


def test_one_that_began_to_wait_this_very_moment_is_not_answered_yet(client: Client, session: Any) -> None:
    rows = Rows(session, age=timedelta(0))
    rows.call("1")
    (box,) = chosen(shown(client, rows))
    for wanted in ({"way": "adopt", "chosen": [box]}, {"chosen": [{**box, "option": "Leave it"}]}):
        told = plan(client, **wanted)
        assert told["answers"] == []
        assert "in a few seconds" in told["text"]


@pytest.mark.parametrize(
    ("option", "job", "given"),
    [
        ("Adopt job 11", "", {"chosen_options": ["Adopt job 11"], "params_input": {"call_job_id": "11"}}),
        ("Adopt job 11", "99", {"chosen_options": ["Adopt job 11"], "params_input": {"call_job_id": "11"}}),
        ("Adopt the job", " 99 ", {"chosen_options": ["Adopt the job"], "params_input": {"call_job_id": "99"}}),
        ("Send again", "99", {"chosen_options": ["Send again"], "params_input": {}}),
        ("Leave it", "", {"chosen_options": ["Leave it"], "params_input": {}}),
        ("Adopt the job", "", "in digits"),
        ("Adopt the job", "1 or 2", "in digits"),
        ("Adopt job 13", "", "isn't offered"),
        ("", "", "isn't offered"),
    ],
)
def test_one_answer_to_one_question(client: Client, rows: Rows, option: str, job: str, given: Any) -> None:
    rows.call("11", "12")
    (box,) = chosen(shown(client, rows))
    told = plan(client, chosen=[{**box, "option": option, "job": job}])
    if isinstance(given, str):
        assert told["answers"] == []
        assert given in told["text"]
    else:
        assert [one["content"] for one in told["answers"]] == [given]
        assert told["yes"] == option


@pytest.mark.parametrize(
    ("option", "does"), [("Approve", "added to the campaign"), ("Reject", "Nobody of the list is called")]
)
def test_what_an_approvals_answer_does_is_told_before_it_is_given(
    client: Client, rows: Rows, option: str, does: str
) -> None:
    rows.ask("Make 297 calls? [2]", ["Approve", "Reject"], task_id="approve", operator="ApproveCallListOperator")
    (id,) = re.findall(r'waiting/question/([^"]+)"', shown(client, rows))
    (mark,) = re.findall(r'data-mark="([^"]+)"', client("uma").get(f"waiting/question/{id}").text)
    told = plan(client, chosen=[{"id": id, "mark": mark, "option": option}])
    assert told["text"].startswith("Make 297 calls? ")
    assert does in told["text"]
    assert [one["content"]["chosen_options"] for one in told["answers"]] == [[option]]


def test_a_viewer_sees_and_has_no_button(client: Client, rows: Rows) -> None:
    twenty(rows)
    html = shown(client, rows, "vera")
    assert "Was the call to 7912***0003 added?" in html
    assert "You may not answer these" in html
    assert "data-way" not in html
    assert chosen(html) == []
    boxes = chosen(shown(client, rows, "uma"))
    assert plan(client, "vera", way="leave", chosen=boxes)["answers"] == []
    (id, *_) = re.findall(r'data-question="/aimylogic/([^"]+)"', html)
    assert "data-option" not in client("vera").get(id).text


def test_a_plan_is_made_for_a_page_of_that_person_alone(client: Client, rows: Rows) -> None:
    rows.call("1")
    assert client("uma", page=False).post("waiting/plan", json={"way": "leave"}).status_code == 403
    assert client().post("waiting/plan", json={"way": "leave"}).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [{"way": "guess"}, {"chosen": "all"}, {"chosen": [{"id": "x" * 1000, "mark": ""}]}, {"all_of": {"page": -1}}, []],
)
def test_nonsense_is_refused(client: Client, wanted: Any) -> None:
    assert client("uma").post("waiting/plan", json=wanted).status_code == 422


def test_nothing_chosen_plans_nothing(client: Client, rows: Rows) -> None:
    rows.call("1")
    rows.session.commit()
    assert plan(client)["answers"] == []
    assert plan(client, chosen=[{"id": "no such", "mark": "x", "option": "Leave it"}])["answers"] == []


def test_a_question_that_waits_no_longer_says_so(client: Client) -> None:
    answer = client("uma").get("waiting/question/no-such", headers={"X-Aimylogic-Fragment": "1"})
    assert answer.status_code == 404
    assert "waits no longer" in answer.json()["detail"]


def test_the_tab_tells_how_many_wait(client: Client, rows: Rows) -> None:
    twenty(rows)
    html = shown(client, rows)
    assert 'data-count="/aimylogic/waiting/count"' in html
    assert client("uma").get("waiting/count").json() == {"count": 20}


SEND = {"at": 1.0, "until": 2.0, "clock": "server", "detail": "", "key_lost": False, "clear_number": 0}


def call_entry(outcome: str, *, job: Any = None, ruling: Any = None) -> dict[str, Any]:
    record = {"masked_phone": "7912***6789", "job": job, "ruling": ruling, "sends": [{**SEND, "outcome": outcome}]}
    return {"format": 1, "records": {"a": record}}


@pytest.mark.skipif(not HAS_RECORD, reason="needs Airflow's task state store")
def test_failed_tasks_that_are_parked_without_a_question_are_told(client: Client, rows: Rows) -> None:
    rows.noted(call_entry("unanswered"), task_id="parked")
    rows.noted(call_entry("noted"), task_id="died", map_index=3)
    rows.noted(call_entry("refused"), task_id="refused")
    rows.noted(call_entry("unanswered", job={"id": "1"}), task_id="found")
    rows.noted(call_entry("unanswered", ruling={"choice": "leave"}), task_id="left")
    rows.noted({"format": "call list 1", "open": {"b1": {"sends": [[1, 2, "server", "x"]]}, "b2": {}}}, task_id="send")
    rows.noted({"format": "call list 1", "open": {"b2": {"progress": "x"}}}, task_id="half_done")
    rows.noted([EVIL], task_id="nonsense")
    rows.session.commit()
    html = client("uma").get("waiting/unasked").text
    told = text(html)
    assert set(re.findall(r"sale · (\w+)", told)) == {"parked", "died", "send"}
    assert "1 request to add 7912***6789 went unanswered" in told
    assert "Requests for 1 batch went unanswered" in told
    assert "/tasks/died/mapped/3" in html


@pytest.mark.skipif(not HAS_RECORD, reason="needs Airflow's task state store")
def test_of_more_failed_tasks_than_are_looked_at_it_says_so(client: Client, rows: Rows) -> None:
    for index in range(202):
        rows.noted(call_entry("refused"), map_index=index)
    rows.session.commit()
    assert "(200 were looked at, the newest)" in text(client("uma").get("waiting/unasked").text)


@pytest.mark.skipif(HAS_RECORD, reason="of an Airflow that keeps nothing")
def test_an_airflow_that_keeps_nothing_says_so(client: Client) -> None:
    assert "came with 3.3" in client("uma").get("waiting/unasked").text


def test_a_thousand_questions_are_shown_at_once(client: Client, rows: Rows) -> None:
    for index in range(1_000):
        rows.call("1", map_index=index, dag_id=f"dag_{index % 3}", run_id="r")
    shown(client, rows)
    from airflow.settings import engine
    from sqlalchemy import event

    asked: list[str] = []
    count = lambda *arguments: asked.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", count)
    browser = client("uma")
    start = time.process_time()
    answer = browser.get("waiting", params={"page": 7})
    took = time.process_time() - start
    event.remove(engine, "before_cursor_execute", count)
    assert "Page 7 of 20" in text(answer.text)
    assert len([one for one in asked if one.lstrip().upper().startswith("SELECT")]) <= 8, asked
    assert took < 0.3, f"{took:.3f} s"


def test_a_job_that_two_calls_name_is_adopted_by_neither_at_once(client: Client, rows: Rows) -> None:
    for index, job in enumerate(("55", "55", "66")):
        rows.call(job, map_index=index)
    html = shown(client, rows)
    wanted = plan(client, way="adopt", chosen=chosen(html))
    assert [one["job"] for one in wanted["answers"]] == ["66"]
    assert wanted["title"].startswith("Adopt 1 that has exactly one job")
    assert "2 of those name jobs that another question names, too" in wanted["text"]
    (first, *_) = chosen(html)
    assert not plan(client, way="adopt", chosen=[first])["answers"], "though the other one isn't chosen"
    by_hand = plan(client, chosen=[{**first, "option": "Adopt job 55"}])
    assert [one["job"] for one in by_hand["answers"]] == ["55"], "whoever has read both"
