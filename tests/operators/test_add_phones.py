"""Calls that a task is given, through failures, retries and clears: each is made once, and none that is given later."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import DAG, task
from airflow.sdk.definitions._internal.templater import NativeEnvironment, SandboxedEnvironment
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.operators import AddPhonesOperator
from tests.call_list.sync import CrashError, Sync, phone
from tests.call_list.test_sync import KILLED_ONCE_FROZEN, crash_once
from tests.conftest import TaskInstance, needs_record
from tests.operators.looped import Loop

PHONES = [phone(number) for number in range(25)]
OTHERS = [phone(number) for number in range(100, 125)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])
HOURS = pytest.mark.parametrize("hours", [0, 25])


class Given(Sync):
    """One task instance that is given calls."""

    calls: Any = ()

    def operator(self, **arguments: Any) -> AddPhonesOperator:
        told = {"calls": self.calls, "call_list_path": str(self.lists), **self.arguments, **arguments}
        return AddPhonesOperator(task_id="sync", **told)

    def by_xcom(self, value: Any, **arguments: Any) -> dict[str, Any]:
        """The next try, which is given what another task returned."""
        operator = self.operator(calls="{{ what }}", **arguments)
        operator.calls = value
        self.task.current_try += 1
        report: dict[str, Any] = operator.execute(self.task.context())
        return report

    def stored(self) -> list[dict[str, Any]]:
        """The calls of the list, as they are sent."""
        return [json.loads(line)["call"] for file in self.files("batches/*") for line in file.read_text().splitlines()]


@pytest.fixture
def given(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> Given:
    given = Given(tmp_path, emulator, monkeypatch, batch_size=10)
    given.calls = [called(one) for one in PHONES]
    return given


def called(whom: str, name: str = "Alex", **more: Any) -> dict[str, Any]:
    return {"phone": whom, "payload": {"name": name}, **more}


# What is called


@METHODS
def test_each_call_is_made_once_and_the_report_sums(given: Given, method: str) -> None:
    given.calls += [called("nonsense"), called(PHONES[3]), None, called(PHONES[4], "Maria"), PHONES[5]]
    report = given.attempt(method=method)
    assert {name: count for name, count in report.items() if isinstance(count, int) and count} == {
        "rows": 30, "created": 25, "doubles": 1, "rejected": 2, "capped": 2,
    }  # fmt: skip
    given.assert_once(PHONES)
    assert {job.payload["name"] for job in given.emulator.jobs()} == {"Alex"}


def test_each_call_has_a_policy_of_its_own_and_else_that_of_all(given: Given) -> None:
    finish = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    given.calls = [
        called(PHONES[0], policy={"priority": 1, "finish": finish}, gmt_zone="+03:00"),
        called(PHONES[1], policy={"max_attempts": 5, "finish": (finish + timedelta(hours=1)).isoformat()}),
        PHONES[2],
    ]
    assert given.attempt(policy={"max_attempts": 3})["created"] == 3
    first, second, third = given.stored()
    assert first == {
        "phone": PHONES[0], "payload": {"name": "Alex"}, "gmtZone": "+03:00", "maxAttempts": 3, "dialerPriority": 1,
        "finishDateTime": finish.isoformat(),
    }  # fmt: skip
    assert (second["maxAttempts"], third) == (5, {"phone": PHONES[2], "maxAttempts": 3})
    assert {job.phone: job.gmt_zone for job in given.emulator.jobs()}[PHONES[0]] == "+03:00"


def test_one_person_twice_is_one_call_unless_told_otherwise(given: Given) -> None:
    given.calls = [called(PHONES[0]), called(PHONES[0]), called(PHONES[0], "Maria")]
    assert given.attempt(max_calls_per_phone=2)["created"] == 2
    given.assert_once([PHONES[0]] * 2)
    assert len(given.files("batches/*")) == 2, "a batch bears no phone twice"


def test_what_is_misspelt_is_rejected_by_its_key_and_all_others_are_called(given: Given) -> None:
    given.calls = [
        *(called(one, key=f"customer {number}") for number, one in enumerate(PHONES)),
        {"phone": OTHERS[0], "payloads": {"name": "Alex"}, "key": "customer 99"},
    ]
    report = given.attempt()
    assert (report["created"], report["rejected"]) == (25, 1)
    told = Path(report["rejected_rows"].removeprefix("file://")).read_text(encoding="utf-8-sig").splitlines()
    assert told[0] == "row,key,reason"
    assert told[1].startswith("26,customer 99,")
    assert "the call has an unknown name 'payloads': there are phone, payload, gmt_zone, policy, key" in told[1]
    assert OTHERS[0] not in "".join(told)
    given.assert_once(PHONES)
    (line, *_) = given.files("batches/*")[0].read_text().splitlines()
    assert json.loads(line)["keys"] == {"key": "customer 0"}
    assert "key" not in json.loads(line)["call"]


def test_if_nobody_can_be_called_the_task_fails_and_corrected_calls_are_frozen_anew(given: Given) -> None:
    given.calls = [{"phone": one, "payloads": {}} for one in PHONES]
    with pytest.raises(
        AirflowFailException,
        match=r"there are 25 rows, and every one is rejected.*Correct the calls and clear the task that makes them",
    ) as told:
        given.attempt()
    assert "25 × the call has an unknown name" in str(told.value)
    assert "Correct the calls and clear the task that makes them" in str(told.value)
    assert "query" not in str(told.value)
    assert given.sends() == 0
    given.task.clear()
    given.calls = PHONES
    assert given.attempt()["created"] == 25


@pytest.mark.parametrize("arguments", [{"on_rejected": "fail"}, {"max_rejected": 0}, {"max_rejected": 0.01}])
def test_more_rejected_calls_than_allowed_send_nothing(given: Given, arguments: dict[str, Any]) -> None:
    given.calls += ["nonsense"]
    with pytest.raises(AirflowFailException, match=r"1 of 26 rows can't be called.* clear the task that makes them"):
        given.attempt(**arguments)
    assert given.sends() == 0


def test_an_empty_list_is_green_and_says_so(given: Given, capsys: pytest.CaptureFixture[str]) -> None:
    for calls in ([], (), "[]"):
        given.task = TaskInstance(task_id="sync", run_id=f"run {calls!r}")
        assert given.attempt(calls=calls)["rows"] == 0
        assert "calls is an empty list: there is nobody to call." in capsys.readouterr().out
    assert given.sends() == 0


@pytest.mark.parametrize("missing", [None, "", "None"])
def test_nothing_where_a_list_should_be_is_an_error(given: Given, missing: Any) -> None:
    with pytest.raises(AirflowFailException, match="calls is missing: whatever was to give them gave nothing"):
        given.by_xcom(missing)
    assert given.sends() == 0


@pytest.mark.parametrize("calls", [{"phone": PHONES[0]}, PHONES[0], {PHONES[0]}, iter(PHONES), 7, None, ""])
def test_what_is_no_list_is_refused_by_the_dag_and_by_the_task(given: Given, calls: Any) -> None:
    with pytest.raises(ValueError, match="calls is"):
        given.operator(calls=calls)
    with pytest.raises(AirflowFailException, match="Rejected before any request: calls is") as told:
        given.by_xcom(calls)
    assert PHONES[0] not in str(told.value)
    with DAG("dag", schedule=None):
        AddPhonesOperator.partial(task_id="mapped").expand(calls=[PHONES])
    assert given.sends() == 0


class ReadOneByOne(Sequence[Any]):
    """As Airflow brings what a mapped task returned."""

    def __init__(self, values: list[Any]) -> None:
        self.values, self.reads = values, 0

    def __getitem__(self, index: Any) -> Any:
        self.reads += 1
        return self.values[index]

    def __len__(self) -> int:
        return len(self.values)


def test_what_a_mapped_task_returned_is_a_list_and_read_once(given: Given) -> None:
    calls = ReadOneByOne([called(one) for one in PHONES])
    assert given.by_xcom(calls)["created"] == 25
    assert calls.reads <= 26


@pytest.mark.parametrize(
    "page",
    [
        OTHERS,
        json.dumps(OTHERS),
        {"items": OTHERS, "next": None},
        {"phone": OTHERS},
        {"data": {"people": [called(one) for one in OTHERS]}},
        dict.fromkeys(OTHERS, "Alex"),
        {"7": called(OTHERS[7]), "8": called(OTHERS[8])},
    ],
    ids=["list", "text", "page", "phones", "deep", "by phone", "by key"],
)
def test_a_page_in_the_place_of_a_call_stops_all_for_its_people_would_be_missed(given: Given, page: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"call 2 is of type .*, and nobody is called: give") as error:
        given.attempt(calls=[PHONES[0], page])
    assert not [one for one in OTHERS if one in str(error.value)]
    assert given.sends() == 0


@pytest.mark.parametrize("text", [json.dumps([called(one) for one in PHONES]), str([called(one) for one in PHONES])])
def test_a_list_may_be_written_as_text(given: Given, text: str) -> None:
    assert given.attempt(calls=text)["created"] == 25
    given.assert_once(PHONES)


def test_add_phone_takes_no_policy_and_no_nested_payload(given: Given) -> None:
    with pytest.raises(ValueError, match="policy and call_before need method='addPhones'"):
        given.operator(method="addPhone", policy={"priority": 1})
    with pytest.raises(AirflowFailException, match="the policy of a call needs method='addPhones'"):
        given.attempt(method="addPhone", calls=[called(PHONES[0], policy={"priority": 1})])
    given.calls.append({"phone": OTHERS[0], "payload": {"items": [1]}})
    report = given.attempt(method="addPhone")
    assert (report["created"], report["rejected"]) == (25, 1)


def test_what_comes_too_late_is_not_sent(given: Given) -> None:
    given.emulator.freeze()
    now = given.emulator.now()
    late, soon = now - timedelta(hours=1), now + timedelta(hours=5)
    given.calls = [
        called(PHONES[0], policy={"finish": late}), called(PHONES[1], policy={"finish": soon.isoformat()}), PHONES[2],
    ]  # fmt: skip
    report = given.attempt()
    assert (report["created"], report["rejected"]) == (2, 1)
    given.assert_once(PHONES[1:3])


def test_call_before_is_the_finish_of_all(given: Given) -> None:
    soon = given.emulator.now() + timedelta(hours=5)
    with pytest.raises(AirflowFailException, match="call_before is the policy's finish: give one of the two"):
        given.attempt(call_before=soon, calls=[called(PHONES[0], policy={"finish": soon})])
    with pytest.raises(AirflowFailException, match=r"finish .* has passed"):
        given.attempt(call_before=soon - timedelta(hours=6))
    assert given.sends() == 0
    assert given.attempt(call_before=soon)["created"] == 25
    assert {one["finishDateTime"] for one in given.stored()} == {soon.astimezone(UTC).isoformat()}


def test_a_dry_run_calls_nobody_and_is_no_promise(given: Given) -> None:
    given.task.current_try += 1
    report = given.operator(dry_run=True).execute(given.task.context())
    assert (report["rows"], report["calls"], report["dry_run"]) == (25, 25, True)
    assert given.sends() == 0
    given.calls = OTHERS
    assert given.attempt()["created"] == 25
    given.assert_once(OTHERS)


def test_twenty_thousand_calls_take_seconds(given: Given) -> None:
    calls = [
        called(phone(number), f"Name {number}", key=number, policy={"priority": number % 5 + 1, "allowed_days": "mon"})
        for number in range(20_000)
    ]
    begun = time.process_time()
    report = given.attempt(calls=calls, batch_size=1000)
    assert time.process_time() - begun < 60, "a hundred thousand must not take minutes"
    assert report["created"] == 20_000


# The promise


@METHODS
@HOURS
def test_a_lost_answer_is_settled_by_a_retry_whatever_that_is_given(given: Given, method: str, hours: int) -> None:
    given.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException, match=r"broke off|not answer"):
        given.attempt(method=method)
    given.emulator.advance(hours=hours)
    if not given.task.has_store and hours:
        return
    assert given.attempt(method=method, calls=OTHERS)["created"] == 25
    given.assert_once(PHONES)


@METHODS
@pytest.mark.parametrize("later", [None, [], OTHERS, {"phone": OTHERS[0]}])
def test_a_retry_goes_on_with_what_the_first_try_froze(
    given: Given, method: str, later: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    given.emulator.fault("before_commit", "status", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        given.attempt(method=method)
    assert given.by_xcom(later, method=method)["created"] == 25
    given.assert_once(PHONES)
    out = capsys.readouterr().out
    assert "Going on with the frozen call list" in out
    assert "whatever calls is by now is not read." in out
    assert "warehouse" not in out


@needs_record
@METHODS
@HOURS
@KILLED_ONCE_FROZEN
def test_killed_anywhere_a_retry_goes_on_with_the_list(
    given: Given, monkeypatch: pytest.MonkeyPatch, method: str, hours: int, owner: Any, name: str, when: Any,
    after: bool,
) -> None:  # fmt: skip
    crash_once(monkeypatch, owner, name, when, after=after)
    with pytest.raises(CrashError):
        given.attempt(method=method)
    given.emulator.advance(hours=hours)
    assert given.attempt(method=method, calls=OTHERS)["created"] == 25
    given.assert_once(PHONES)


@needs_record
def test_killed_before_the_list_is_frozen_a_retry_freezes_what_it_is_given(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_once(monkeypatch, Folder, "write", lambda folder, name, content: name == "list.json", after=True)
    with pytest.raises(CrashError):
        given.attempt()
    assert given.attempt(calls=OTHERS)["created"] == 25
    given.assert_once(OTHERS)


@METHODS
@pytest.mark.parametrize("discards", [False, True], ids=["kept", "discarded"])
def test_a_clear_calls_nobody_again_whatever_it_is_given(given: Given, method: str, discards: bool) -> None:
    first = given.attempt(method=method)
    before = given.sends()
    given.task.clear(discards=discards)
    given.emulator.advance(hours=25)
    assert given.attempt(method=method, calls=OTHERS)["call_list"] == first["call_list"]
    assert given.sends() == before
    given.assert_once(PHONES)


@needs_record
def test_a_list_that_is_gone_stops_the_task_and_speaks_of_no_warehouse(given: Given) -> None:
    given.emulator.fault("before_commit", "status", path="addPhones", times=None)
    with pytest.raises(AirflowException):
        given.attempt()
    shutil.rmtree(given.lists)
    with pytest.raises(AirflowFailException, match="Nothing is sent, and no other list is frozen") as told:
        given.attempt()
    assert "warehouse" not in str(told.value)


def test_if_the_server_refuses_all_the_task_fails_and_says_how_to_call_them(given: Given) -> None:
    given.emulator.settings(bad_numbers=PHONES)
    with pytest.raises(AirflowFailException, match=r"Nobody is called: .* a new DAG run that has them among its rows"):
        given.attempt()


def test_another_list_in_the_same_try_is_told(given: Given) -> None:
    """As two operators in one function of a ``@task`` are."""
    given.task.current_try += 1
    context = given.task.context()
    assert given.operator().execute(context)["created"] == 25
    with pytest.raises(
        AirflowFailException, match="to call other people, by other rows, another list or another connection"
    ):
        given.operator(calls=OTHERS).execute(context)
    given.assert_once(PHONES)


def test_two_tasks_of_a_dag_have_a_list_each(given: Given) -> None:
    assert given.attempt()["created"] == 25
    given.task = TaskInstance(task_id="another", run=given.task.run)
    assert given.attempt(calls=[*OTHERS, called(PHONES[0], "Maria")])["created"] == 26
    given.assert_once([*PHONES, *OTHERS, PHONES[0]])


class Mapped:
    """Two map indexes."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.run = TaskInstance().run
        self.tasks = [TaskInstance(task_id="sync", map_index=index, run=self.run) for index in range(2)]

    def attempt(self, index: int, calls: Any) -> dict[str, Any]:
        self.given.task = self.tasks[index]
        return self.given.attempt(calls=calls)

    def clear(self) -> None:
        self.run.clear_number += 1
        self.given.emulator.advance(hours=25)


def test_mapped_over_lists_in_the_same_order_it_goes_on(given: Given) -> None:
    mapped = Mapped(given)
    for _ in range(2):
        assert [mapped.attempt(index, calls)["created"] for index, calls in enumerate((PHONES, OTHERS))] == [25, 25]
        mapped.clear()
    given.assert_once([*PHONES, *OTHERS])


def test_mapped_over_lists_that_turned_it_sends_nothing(given: Given) -> None:
    mapped = Mapped(given)
    mapped.attempt(0, PHONES)
    mapped.clear()
    with pytest.raises(AirflowFailException, match="from other rows, or by other connections, than it is given now"):
        mapped.attempt(0, OTHERS)
    with pytest.raises(AirflowFailException, match=r"began to send the same people.*\(sort it\)"):
        mapped.attempt(1, PHONES)
    given.assert_once(PHONES)


def test_a_mapped_retry_goes_on_though_its_calls_tell_the_time(given: Given) -> None:
    mapped = Mapped(given)
    given.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        mapped.attempt(0, given.calls)
    assert mapped.attempt(0, [called(one, "Maria") for one in PHONES])["created"] == 25
    assert {job.payload["name"] for job in given.emulator.jobs()} == {"Alex"}


@needs_record
def test_each_iteration_of_a_loop_has_a_list_of_its_own(given: Given) -> None:
    loop = Loop(task_id="body.sync")
    for index, calls in enumerate((PHONES, OTHERS)):
        given.task = loop.task(index)
        assert given.attempt(calls=calls)["created"] == 25
    loop.clear_gate(0, reset_dag_run=False)
    given.task = loop.task(1)
    assert given.attempt(calls=PHONES)["created"] == 25
    given.assert_once([*PHONES, *OTHERS])


def test_without_a_state_store_a_retry_goes_on_with_the_list_too(given: Given) -> None:
    given.task.has_store = False
    given.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        given.attempt()
    assert given.attempt(calls=OTHERS)["created"] == 25
    given.assert_once(PHONES)


# What is shown, and what is a template


def rendered(operator: Any, context: Any) -> Any:
    operator.render_template_fields(context)
    return operator


def test_the_first_calls_are_shown_masked_and_the_task_sees_all(given: Given) -> None:
    calls: Any = [called(one, name=f"or {OTHERS[0]}") for one in PHONES]
    calls[1:4] = [PHONES[1], 12345678, {"phone": "12345678", "policy": {"priority": 1}}]
    with DAG("dag", schedule=None):
        operator = rendered(given.operator(calls=calls), {})
    shown: Any = _serialize_rendered_fields(operator)["calls"]
    assert len(shown) == 11
    assert shown[0] == {"phone": "7912***0000", "payload": {"name": f"or {OTHERS[0][:4]}***{OTHERS[0][-4:]}"}}
    assert shown[1] == f"{PHONES[1][:4]}***{PHONES[1][-4:]}"
    assert shown[2:4] == ["12***78", {"phone": "12***78", "policy": {"priority": 1}}]
    assert shown[-1] == "… and 15 more"
    assert operator.calls == calls


def test_of_an_address_that_the_server_is_to_ask_its_host_alone_is_shown(given: Given) -> None:
    address = "https://example.com/ask?token=secret"
    policy: Any = {"external_check_url": address, "max_attempts": 3}
    with DAG("dag", schedule=None):
        operator = rendered(given.operator(calls=[called(PHONES[0], policy=policy)], policy=policy), {})
    shown: Any = _serialize_rendered_fields(operator)
    masked = {"external_check_url": "https://example.com/…", "max_attempts": 3}
    assert (shown["policy"], shown["calls"][0]["policy"]) == (masked, masked)
    assert operator.policy == policy
    for written in (json.dumps(policy), f"{policy} and more"):
        with DAG("dag", schedule=None):
            operator = rendered(given.operator(policy=written, calls=f"no list: {written}"), {})
        assert "secret" not in str(_serialize_rendered_fields(operator))
        assert operator.policy == written


def test_the_list_has_it_in_canonical_form_and_no_message_tells_it(
    given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    given.calls = [
        called(PHONES[0], policy={"external_check_url": "HTTPS://Example.com/ask?token=secret"}),
        called(PHONES[1], policy={"external_check_url": "https://me:secret@example.com/"}),
        called(PHONES[2], policy={"external_check_max_retries": "https://example.com/?token=secret"}),
    ]
    assert given.attempt(policy={"allowed_time": "RU 230-FZ any day"})["rejected"] == 2
    (call,) = given.stored()
    assert call["externalCheck"] == {"externalCheckUrl": "https://example.com/ask?token=secret"}
    assert len(call["allowedTime"]) == 7
    (rejected,) = given.files("rejected.csv")
    assert "bears a user's name or password" in rejected.read_text()
    assert "secret" not in rejected.read_text() + caplog.text


@pytest.mark.parametrize("write", [json.dumps, str, lambda calls: f"{calls}, and so on " * 100])
def test_a_text_is_shown_so_too(given: Given, write: Callable[[Any], str]) -> None:
    with DAG("dag", schedule=None):
        operator = rendered(given.operator(calls=write([called(one) for one in PHONES])), {})
    shown = str(_serialize_rendered_fields(operator)["calls"])
    assert "***" in shown
    assert not any(one in shown for one in PHONES)
    assert len(shown) < 2200


@pytest.mark.parametrize("odd", [{("a", 1): "x"}, {"n": 10**400}, {"n": Decimal("sNaN")}])
def test_whatever_a_payload_holds_the_page_that_shows_it_fails_no_task(given: Given, odd: Any) -> None:
    operator: Any = given.operator(calls=[{"phone": PHONES[0], "payload": odd}, PHONES[1]])
    operator.render_template_fields(given.task.context())
    shown = str(_serialize_rendered_fields(operator))
    assert "phone" in shown
    assert not [one for one in PHONES if one in shown]


def test_a_text_that_says_no_list_is_cut_behind_a_phone(given: Given) -> None:
    operator: Any = given.operator(calls="{{ people }}")
    operator.render_template_fields({**given.task.context(), "people": "x" * 14 + "8 (912) 345-67-89; " * 200})
    assert "345" not in str(_serialize_rendered_fields(operator)["calls"])


def test_no_phone_is_logged(given: Given, capsys: pytest.CaptureFixture[str]) -> None:
    given.emulator.settings(bad_numbers=PHONES[:1])
    given.calls += [{"phone": OTHERS[0], OTHERS[1]: 1}, {"phone": OTHERS[2], "policy": OTHERS[3]}]
    given.emulator.fault("after_commit", "reset", path="addPhones", times=3)
    with suppress(AirflowException):
        given.attempt()
    given.emulator.advance(hours=25)
    with suppress(AirflowException):
        given.attempt()
    out = capsys.readouterr().out
    assert "calls are given" in out
    assert not [one for one in (*PHONES, *OTHERS) if one in out]


CONTEXT: dict[str, Any] = {
    "whom": PHONES[0], "amount": 1500.0, "days": ["mon", "tue"], "none": None, "paid": True,
    "calls": [called(one) for one in PHONES], "evil": "{{ 1 / 0 }}",
}  # fmt: skip


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("calls", ["{{ calls }}", "{{ calls | tojson }}"])
def test_a_template_may_make_the_list(given: Given, native: bool, calls: str) -> None:
    operator = of_templates(given, native, calls=calls)
    given.task.current_try = 1
    assert operator.execute(given.task.context())["created"] == 25
    given.assert_once(PHONES)


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_templates_within_calls_are_written_as_those_of_a_payload(given: Given, native: bool) -> None:
    calls = [{"phone": "{{ whom }}", "payload": {"sum": "{{ amount }}", "paid": "{{ paid }}", "told": "{{ evil }}"}}]
    operator = of_templates(given, native, calls=calls)
    given.task.current_try = 1
    operator.execute(given.task.context())
    (job,) = given.emulator.jobs()
    sent = {"sum": 1500, "paid": True} if native else {"sum": "1500", "paid": "true"}
    assert (job.phone, job.payload) == (PHONES[0], {**sent, "told": "{{ 1 / 0 }}"})


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_none_within_a_call_is_told_and_several_values_where_text_can_not_bear_them(given: Given, native: bool) -> None:
    operator = of_templates(given, native, calls=[called(PHONES[0], "{{ none }}")])
    given.task.current_try = 1
    with pytest.raises(AirflowFailException, match="a template in calls gives None"):
        operator.execute(given.task.context())
    operator = of_templates(given, native, calls=[called(PHONES[0], policy={"allowed_days": "{{ days }}"})])
    given.task.current_try = 2
    if native:
        assert operator.execute(given.task.context())["created"] == 1
    else:
        with pytest.raises(AirflowFailException, match="a template in calls gives a list: make it text"):
            operator.execute(given.task.context())


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("calls", ["{{ none }}", " {{ none or '' }} "])
def test_a_template_that_gives_nothing_is_a_missing_list(given: Given, native: bool, calls: str) -> None:
    operator = of_templates(given, native, calls=calls)
    given.task.current_try = 1
    with pytest.raises(AirflowFailException, match="calls is missing"):
        operator.execute(given.task.context())


def of_templates(given: Given, native: bool, **arguments: Any) -> AddPhonesOperator:
    operator = given.operator(**arguments)
    if native and not hasattr(operator, "_should_render_native"):
        pytest.skip("before that method it is the DAG alone that says whether templates are native")
    kind: Any = NativeEnvironment if native else SandboxedEnvironment
    environment = kind(undefined=jinja2.StrictUndefined, cache_size=0)
    operator.render_template_as_native_obj = native
    operator._do_render_template_fields(operator, operator.template_fields, dict(CONTEXT), environment, set())
    return operator


@pytest.mark.parametrize("by_kwargs", [False, True])
def test_what_another_task_returned_is_no_template(given: Given, by_kwargs: bool) -> None:
    calls = [called(PHONES[0], "{{ 1 / 0 }}")]
    with DAG("dag", schedule=None) as dag:

        @task
        def lists() -> Any:
            return [{"calls": calls}] if by_kwargs else [calls]

        partial = AddPhonesOperator.partial(task_id="sync", call_list_path=str(given.lists))
        mapped: Any = partial.expand_kwargs(lists()) if by_kwargs else partial.expand(calls=lists())
    given.task.map_index, given.task.current_try = 0, 1
    context: Any = given.task.context()
    returned = [{"calls": calls}] if by_kwargs else [calls]
    ti = SimpleNamespace(**{**vars(context["ti"]), "xcom_pull": lambda *_, **__: returned})
    run = SimpleNamespace(**vars(context["dag_run"]), conf={})
    context |= {"ti": ti, "task_instance": ti, "dag": dag, "dag_run": run}
    mapped.render_template_fields(context)
    assert context["task"].execute(context)["created"] == 1
    assert [job.payload for job in given.emulator.jobs()] == [{"name": "{{ 1 / 0 }}"}]


# What it is in a DAG


def test_it_has_no_results_table_and_runs_as_often_as_it_is_told(given: Given) -> None:
    for argument in ("results_table", "results_conn_id", "results_phones", "sql", "key_columns"):
        with pytest.raises(TypeError, match=argument):
            given.operator(**{argument: "x"})
    assert given.operator().max_active_tis_per_dag is None
    assert given.operator(max_active_tis_per_dag=2).max_active_tis_per_dag == 2
