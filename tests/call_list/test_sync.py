"""A sync through failures and retries, against a real emulator: each number is called once, and none is missed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from aimylogic_provider.call_list.send import batch_under_way
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.calls_api.transports.aiohttp_transport import AiohttpTransport
from aimylogic_provider.idempotence import keys
from tests.call_list.sync import CrashError, Sync, phone
from tests.conftest import OTHER_TOKEN, ReplacedError, StateStore, connection_json, needs_record

PHONES = [phone(number) for number in range(25)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


@METHODS
def test_each_row_is_called_once_and_the_report_sums(sync: Sync, method: str) -> None:
    sync.add(PHONES)
    sync.add(["nonsense", PHONES[3], "", PHONES[3]])
    report = sync.attempt(method=method)
    assert {name: report[name] for name in ("rows", "created", "doubles", "rejected", "refused", "unknown")} == {
        "rows": 29, "created": 25, "doubles": 2, "rejected": 2, "refused": 0, "unknown": 0,
    }  # fmt: skip
    sync.assert_once(PHONES)
    rejected = [json.loads(line) for line in sync.files("rejected/*")[0].read_text().splitlines()]
    assert [(line["row"], line["keys"]) for line in rejected] == [(26, {"id": 26}), (28, {"id": 28})]
    assert "holds characters" in rejected[0]["reason"]
    assert "is empty" in rejected[1]["reason"]
    doubles = [json.loads(line) for line in sync.files("doubles/*")[0].read_text().splitlines()]
    assert doubles == [{"row": 27, "keys": {"id": 27}, "double_of": 4}, {"row": 29, "keys": {"id": 29}, "double_of": 4}]
    assert {job.payload["name"] for job in sync.emulator.jobs()} == {"Alex"}


@METHODS
def test_the_same_phone_with_another_payload_is_a_call_of_its_own_in_a_batch_of_its_own(
    sync: Sync, method: str
) -> None:
    sync.add(PHONES[:3])
    sync.add([PHONES[0], PHONES[2]], name="Boris")
    sync.add([PHONES[0]], name="Clara")
    assert sync.attempt(method=method, max_calls_per_phone=None)["created"] == 6
    sync.assert_once([*PHONES[:3], PHONES[0], PHONES[2], PHONES[0]])
    contents = [path.read_text() for path in sync.files("batches/*")]
    assert all(content.count(PHONES[0]) <= 1 for content in contents)
    assert sync.emulator.rings(PHONES[0], {"name": "Clara"}) == 1


@METHODS
@pytest.mark.parametrize("hours", [0, 25])
def test_a_lost_answer_is_found_by_the_retry(sync: Sync, method: str, hours: int) -> None:
    sync.add(PHONES)
    lost = sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException, match=r"broke off|not answer"):
        sync.attempt(method=method)
    assert lost.hits == 3
    sync.emulator.advance(hours=hours)
    assert sync.attempt(method=method)["created"] == 25
    sync.assert_once(PHONES)


def test_a_lost_answer_is_repeated_within_the_try(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=2)
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


@METHODS
def test_a_task_that_is_being_ended_sends_nothing_more(
    sync: Sync, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)
    operator = sync.operator(method=method, concurrency=1)
    sync.task.current_try += 1
    send = AiohttpTransport.send

    async def ended_meanwhile(transport: AiohttpTransport, request: Any, url: str) -> Any:
        answer = await send(transport, request, url)
        operator.on_kill()
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(AiohttpTransport, "send", ended_meanwhile)
        with pytest.raises(AirflowException, match="the task is being ended"):
            operator.execute(sync.task.context())
    assert sync.sends() == 1
    assert sync.attempt(method=method)["created"] == 25
    sync.assert_once(PHONES)


@METHODS
def test_a_finished_list_is_not_sent_again_when_cleared(sync: Sync, method: str) -> None:
    sync.add(PHONES)
    first = sync.attempt(method=method)
    before = sync.sends()
    sync.task.clear()
    sync.emulator.advance(hours=25)
    again = sync.attempt(method=method)
    assert sync.sends() == before
    assert {name: again[name] for name in ("rows", "created", "call_list")} == {
        name: first[name] for name in ("rows", "created", "call_list")
    }


@METHODS
def test_the_frozen_list_alone_is_called_whatever_becomes_of_the_rows(sync: Sync, method: str) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    sync.execute("delete from customer where id <= 5")
    sync.execute(f"update customer set phone = '{phone(900)}', name = 'Zoe' where id = 20")
    sync.add([phone(901)])
    assert sync.attempt(method=method)["rows"] == 25
    sync.assert_once(PHONES)


# A retry after 25 hours, for each state of a batch


def crash_once(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Callable[..., bool], *, after: bool
) -> None:
    """Have a method raise, the first time that its arguments are such."""
    original = getattr(owner, name)
    crashed: list[bool] = []

    def crashing(*arguments: Any, **more: Any) -> Any:
        hit = not crashed and when(*arguments)
        if hit and not after:
            crashed.append(True)
            raise CrashError
        result = original(*arguments, **more)
        if hit:
            crashed.append(True)
            raise CrashError
        return result

    monkeypatch.setattr(owner, name, crashing)


def first_note(store: StateStore, key: str, value: Any) -> bool:
    return bool(value["open"])


def done(folder: Folder, name: str, content: bytes) -> bool:
    return name.startswith("done/")


KILLED_ONCE_FROZEN = pytest.mark.parametrize(
    ("owner", "name", "when", "after"),
    [
        (StateStore, "set", lambda store, key, value: bool(value["call_list"]), True),
        (StateStore, "set", first_note, False),
        (StateStore, "set", first_note, True),
        (Folder, "write", done, False),
        (Folder, "write", done, True),
    ],
    ids=["frozen", "begun", "noted", "sent and lost", "done"],
)
"""Once its list is frozen: where a task's first try dies."""


def park_one_of_half_a_batch(sync: Sync) -> None:
    """Of ten numbers six went unanswered, four of which have jobs, and one of those another system's, too."""
    from aimylogic_provider.hooks import AimylogicHook

    sync.add(PHONES[:10])
    for one in PHONES[:4]:
        sync.emulator.fault("after_commit", "reset", path="addPhone", phone=one, times=3)
    for one in PHONES[4:6]:
        sync.emulator.fault("before_commit", "reset", path="addPhone", phone=one, times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method="addPhone")
    AimylogicHook().add_phone(PHONES[0], {"other": "system"})
    sync.emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match="Of 1 calls it can't be known"):
        sync.attempt(method="addPhone")


@needs_record
@METHODS
@pytest.mark.parametrize("hours", [0, 25])
@pytest.mark.parametrize(
    ("state", "owner", "name", "when", "after"),
    [
        ("untouched", StateStore, "set", first_note, False),
        ("noted, and not sent", StateStore, "set", first_note, True),
        ("sent, and its answer not kept", Folder, "write", done, False),
        ("done", Folder, "write", done, True),
    ],
    ids=["untouched", "noted", "sent and lost", "done"],
)
def test_killed_in_each_state_of_a_batch(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str, hours: int, state: str, owner: Any, name: str, when: Any,
    after: bool,
) -> None:  # fmt: skip
    sync.add(PHONES)
    crash_once(monkeypatch, owner, name, when, after=after)
    with pytest.raises(CrashError):
        sync.attempt(method=method)
    sync.emulator.advance(hours=hours)
    assert sync.attempt(method=method)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
def test_a_batch_that_was_added_in_part_is_settled_number_by_number(sync: Sync) -> None:
    """After anything but a 400 it may have been: a phone without a job proves nothing for its neighbours."""
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "reset", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1)
    from aimylogic_provider.hooks import AimylogicHook

    for one in (*PHONES[10:14], PHONES[13]):  # as the server did, or somebody else, in the very minutes of our request
        AimylogicHook().add_phone(one, {"time": str(sync.sends())})
    sync.emulator.advance(hours=25)
    with pytest.raises(AirflowFailException, match="Of 1 calls it can't be known") as told:
        sync.attempt(concurrency=1)
    (unknown,) = [json.loads(line) for line in sync.files("unknown/*")[0].read_text().splitlines()]
    assert (unknown["row"], len(unknown["jobs"])) == (14, 2)
    assert unknown["phone"] == f"{PHONES[13][:4]}***{PHONES[13][-4:]}"
    assert str(sync.files("unknown/*")[0]) in str(told.value)
    assert "shows jobs for 1 of them" in str(told.value)
    assert "set on_unknown='ask' and clear the task" in str(told.value)
    # The others were sent, and once.
    sync.assert_once([*PHONES, PHONES[13]])
    before = sync.sends()
    sync.task.clear()
    with pytest.raises(AirflowFailException, match="Of 1 calls"):
        sync.attempt()
    assert sync.sends() == before


@needs_record
def test_half_of_an_old_batch_by_numbers_is_settled_number_by_number(sync: Sync) -> None:
    """In addPhone mode the numbers without a job are sent, those with one adopted, and doubtful ones parked."""
    park_one_of_half_a_batch(sync)
    sync.assert_once([PHONES[0], *PHONES[:10]])


@needs_record
@METHODS
def test_a_report_that_lags_is_waited_for(sync: Sync, method: str) -> None:
    """The key is old, but the report shows by now what came of it."""
    sync.add(PHONES[:10])
    sync.emulator.settings(report_lag=300)
    sync.emulator.fault("after_commit", "reset", path=method, times=None)
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=24, minutes=5)
    assert sync.attempt(method=method)["created"] == 10
    sync.assert_once(PHONES[:10])


@needs_record
@METHODS
def test_refused_once_then_lost(sync: Sync, method: str) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "status", path=method, times=None, status=400,
                        body={"type": "invalid.call.task.state", "state": "FINISHED", "message": ""})  # fmt: skip
    with pytest.raises(AirflowFailException, match="campaign is stopped"):
        sync.attempt(method=method)
    sync.emulator.clear_faults()
    sync.emulator.fault("after_commit", "reset", path=method, times=None)
    sync.task.clear()
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    sync.emulator.clear_faults()
    sync.emulator.advance(hours=25)
    assert sync.attempt(method=method)["created"] == 10
    sync.assert_once(PHONES[:10])


# What the server refuses


def test_thirty_numbers_that_the_server_refuses_cost_a_request_each_and_one_more(make_sync: Any) -> None:
    sync = make_sync()
    phones = [phone(number) for number in range(300)]
    bad = phones[::10]
    sync.add(phones)
    sync.emulator.settings(bad_numbers=bad)
    report = sync.attempt()
    assert (report["created"], report["refused"]) == (270, 30)
    assert sync.sends() == 31
    sync.assert_once([one for one in phones if one not in bad])
    outcomes = [json.loads(line) for line in sync.files("done/*")[0].read_text().splitlines()]
    assert [line["row"] for line in outcomes if line["outcome"] == "refused"] == list(range(1, 301, 10))
    assert {line.get("reason") for line in outcomes} == {None, "phone.bad.format"}


@pytest.mark.long
def test_max_rejected_stops_it_early_with_the_reasons(make_sync: Any) -> None:
    sync = make_sync()
    phones = [phone(number) for number in range(300)]
    sync.add(phones)
    sync.emulator.settings(bad_numbers=phones[::10])
    with pytest.raises(AirflowFailException, match="11 rows are rejected or refused, more than the 10") as told:
        sync.attempt(max_rejected=10)
    assert sync.sends() == 11
    assert sync.calls_by_phone() == {}
    assert "phone.bad.format" in str(told.value)
    assert f"{phones[0][:4]}***{phones[0][-4:]}" in str(told.value)
    # A person allows more: the very list is gone on with.
    sync.task.clear()
    assert sync.attempt(max_rejected=0.2)["created"] == 270
    assert sync.sends() == 31


def test_numbers_that_the_server_refuses_one_by_one(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.settings(bad_numbers=PHONES[:3])
    report = sync.attempt(method="addPhone")
    assert (report["created"], report["refused"]) == (22, 3)
    sync.assert_once(PHONES[3:])
    assert sync.sends() == 25


@needs_record
def test_a_refusal_after_a_lost_answer_never_splits_a_batch(sync: Sync) -> None:
    """What was sent may have been taken whole: first the report must show that it was not."""
    sync.add(PHONES[:10])
    sync.emulator.fault("after_commit", "reset", path="addPhones", times=1)
    sync.emulator.fault("before_commit", "status", path="addPhones", nth=2, status=400,
                        body={"type": "phone.bad.format", "phone": PHONES[0], "message": ""})  # fmt: skip
    assert sync.attempt()["created"] == 10  # adopted, by the report
    assert sync.sends() == 2
    sync.assert_once(PHONES[:10])


@needs_record
def test_a_refusal_after_a_send_that_came_to_nothing_waits_until_that_is_proven(sync: Sync) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "reset", path="addPhones", times=1)
    sync.emulator.settings(bad_numbers=[PHONES[0]])
    with pytest.raises(AirflowException, match="1 batches wait for the report"):
        sync.attempt()
    assert sync.sends() == 2
    sync.emulator.advance(minutes=30)
    report = sync.attempt()
    assert (report["created"], report["refused"]) == (9, 1)
    sync.assert_once(PHONES[1:10])


def test_a_request_that_is_too_large_is_halved(sync: Sync) -> None:
    sync.add(PHONES[:10])
    for nth in (1, 2):
        sync.emulator.fault("before_commit", "status", path="addPhones", nth=nth, status=413)
    assert sync.attempt()["created"] == 10
    sync.assert_once(PHONES[:10])
    lines = [line for line in sync.emulator.requests() if line.endpoint == "addPhones"]
    assert len(lines) == 2 + 4  # by tens, by fives, and then by threes, or less
    assert len({line.key for line in lines}) == 6


@needs_record
def test_halves_keep_their_keys_when_the_worker_dies_between_them(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES[:10])
    sync.emulator.fault("before_commit", "status", path="addPhones", nth=1, status=413)
    sync.emulator.fault("after_commit", "reset", path="addPhones", phone=PHONES[7], times=3)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.advance(hours=25)
    assert sync.attempt()["created"] == 10
    sync.assert_once(PHONES[:10])


def test_a_stopped_campaign_fails_at_once_and_a_clear_goes_on(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.campaign(status="finished")
    with pytest.raises(AirflowFailException, match="campaign is stopped"):
        sync.attempt()
    assert sync.calls_by_phone() == {}
    sync.emulator.campaign(status="inProgress")
    sync.task.clear()
    assert sync.attempt()["created"] == 25
    sync.assert_once(PHONES)


# The list is the only truth


@needs_record
def test_a_list_that_is_gone_stops_the_task_and_the_warehouse_is_not_asked_again(sync: Sync) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    before = sync.sends()
    shutil.rmtree(sync.lists)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"(?s)no other list is frozen.*call_list_path"):
            sync.attempt()
    assert sync.sends() == before


@needs_record
@pytest.mark.parametrize("file", ["list.json", "batches/00003.jsonl"])
def test_a_list_that_was_changed_stops_the_task(sync: Sync, file: str) -> None:
    sync.add(PHONES)
    sync.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        sync.attempt()
    sync.emulator.clear_faults()
    path = sync.folder / file
    path.write_text(path.read_text().replace(PHONES[22], PHONES[23]) + " ")
    with pytest.raises(AirflowFailException, match="is not what was frozen"):
        sync.attempt()
    assert PHONES[22] not in sync.calls_by_phone()


@needs_record
def test_a_freeze_that_died_is_begun_afresh(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    sync.add(PHONES)
    crash_once(monkeypatch, Folder, "write", lambda folder, name, content: name == "list.json", after=True)
    with pytest.raises(CrashError):
        sync.attempt()
    sync.add([phone(800)])
    assert sync.attempt()["rows"] == 26
    assert len(list(sync.lists.glob("*/*/*/*/list.json"))) == 1, "what was never the list is cleared away"
    sync.assert_once([*PHONES, phone(800)])


@needs_record
def test_a_try_that_was_replaced_while_freezing_does_not_make_its_list_the_list(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.add(PHONES)

    def replaced(folder: Folder, name: str, content: bytes) -> bool:
        if name == "list.json":
            sync.task.current_try += 1  # Airflow begins another try
        return False

    crash_once(monkeypatch, Folder, "write", replaced, after=False)
    with pytest.raises(ReplacedError):
        sync.attempt()
    assert sync.sends() == 0


@needs_record
@METHODS
def test_a_try_that_was_replaced_sends_nothing_more(sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    sync.add(PHONES)
    replaced: list[int] = []

    def replace(folder: Folder, name: str, content: bytes) -> bool:
        if name.startswith("done/") and not replaced:
            replaced.append(sync.sends())
            sync.task.current_try += 1
        return False

    crash_once(monkeypatch, Folder, "write", replace, after=False)
    with pytest.raises(ReplacedError):
        sync.attempt(concurrency=1, method=method)
    assert sync.sends() <= replaced[0] + 10  # by addPhone, a second batch was noted by then
    assert sync.attempt(method=method)["created"] == 25
    sync.assert_once(PHONES)


@needs_record
@METHODS
@pytest.mark.parametrize("hours", [0, 25])
def test_a_state_that_was_wiped_goes_on_with_the_list_that_was_begun(sync: Sync, method: str, hours: int) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method, concurrency=1)
    sync.task.rows.clear()
    sync.execute("delete from customer")
    sync.emulator.advance(hours=hours)
    if not hours:
        assert sync.attempt(method=method)["created"] == 25
        sync.assert_once(PHONES)
        return
    # When its requests left isn't known: the report may show others' jobs, and none of them is taken for ours.
    with pytest.raises(AirflowException, match="1 batches wait for the report"):
        sync.attempt(method=method)
    sync.emulator.advance(minutes=30)
    with pytest.raises(AirflowFailException, match=r"Of (10|1) calls it can't be known"):
        sync.attempt(method=method)
    sync.assert_once(PHONES)


@METHODS
def test_an_upgrade_between_two_tries_changes_no_key(sync: Sync, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        sync.attempt(method=method)
    for module in (keys, batch_under_way):
        monkeypatch.setattr(module, "KEY_SCHEME", "2", raising=False)
    assert sync.attempt(method=method)["created"] == 25
    sync.assert_once(PHONES)


def test_another_campaign_gets_what_was_not_sent_and_never_what_was(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sync.task.has_store:
        pytest.skip("needs the record")
    sync.add(PHONES)
    sync.emulator.fault("after_commit", "status", path="addPhones", phone=PHONES[12], times=1, status=503,
                        headers={"Retry-After": "60"})  # fmt: skip
    with pytest.raises(AirflowException):
        sync.attempt(concurrency=1)
    monkeypatch.setenv("AIRFLOW_CONN_AIMYLOGIC_DEFAULT", connection_json(sync.emulator, OTHER_TOKEN))
    with pytest.raises(AirflowFailException, match=r"Of 10 calls it can't be known.*host or token changed"):
        sync.attempt(concurrency=1)
    unknown = [json.loads(line) for line in sync.files("unknown/*")[0].read_text().splitlines()]
    assert {line["jobs"] for line in unknown} == {None}, "the report could not be asked"
    sync.assert_once(PHONES)
    campaigns = {job.phone: job.campaign for job in sync.emulator.jobs()}
    assert {campaigns[one] for one in PHONES[:20]} == {1}
    assert {campaigns[one] for one in PHONES[20:]} == {2}


@pytest.mark.parametrize("policy", [{"max_attempts": 3}, '{"max_attempts": 3}', "{'max_attempts': 3}"])
def test_a_policy_may_be_the_text_that_a_template_made(sync: Sync, policy: object) -> None:
    sync.add([phone(1)])
    assert sync.attempt(policy=policy)["created"] == 1
    (batch,) = sync.files("batches/*")
    assert '"maxAttempts":3' in batch.read_text()


@pytest.mark.parametrize("policy", ["three", "[1]", "3", ["max_attempts"]])
def test_a_policy_that_is_none_is_told_before_any_row_is_read(sync: Sync, policy: object) -> None:
    with pytest.raises(
        AirflowFailException, match="can't be used: give a dictionary, or a template that makes one, of"
    ):
        sync.attempt(policy=policy, sql="select * from nowhere")
