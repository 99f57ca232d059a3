"""A function that is asked for calls: once, whatever becomes of the tries; and what it may give, and what not."""

from __future__ import annotations

import gc
import json
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import DAG, task, task_group
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields

from aimylogic_provider.airflow_task.airflow_imports import DownstreamTasksSkipped
from aimylogic_provider.airflow_task.mapped_templates import arguments_of_all
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.decorators import aimylogic_calls
from aimylogic_provider.emulator import Emulator
from aimylogic_provider.retries import AimylogicRetryPolicy
from aimylogic_provider.retries.retry_policy import AIRFLOW_HAS_POLICIES, DEFAULT_RETRY_POLICY
from tests.call_list.sync import CrashError, Sync, phone
from tests.call_list.test_sync import KILLED_ONCE_FROZEN, crash_once
from tests.conftest import TaskInstance, needs_record
from tests.operators.test_add_phones import ReadOneByOne

PHONES = [phone(number) for number in range(25)]
OTHERS = [phone(number) for number in range(100, 125)]
METHODS = pytest.mark.parametrize("method", ["addPhones", "addPhone"])


def called(whom: object, name: str = "Alex", **more: Any) -> dict[str, Any]:
    return {"phone": whom, "payload": {"name": name}, **more}


class Asked(Sync):
    """One task instance of a function that yields calls, and how often it was asked for them."""

    times = 0
    people: Any = PHONES

    def remind(self) -> Any:
        def remind() -> Iterator[Any]:
            self.times += 1
            for one in self.people:
                yield called(one)

        return remind

    def operator(self, function: Any = None, *args: Any, told: Any = None, **arguments: Any) -> Any:
        """As a DAG makes it: the function, decorated and called."""
        decorated = aimylogic_calls(
            task_id="sync", call_list_path=str(self.lists), **{**self.arguments, **arguments}
        )(function or self.remind())  # fmt: skip
        return decorated(*args, **(told or {})).operator

    def gives(self, returned: Any, **arguments: Any) -> dict[str, Any]:
        """The next try, of a function that returns this."""
        return self.attempt(function=lambda: returned, **arguments)


@pytest.fixture
def asked(
    tmp_path: Path, emulator: Emulator, connections: None, no_pauses: None, monkeypatch: pytest.MonkeyPatch
) -> Asked:
    return Asked(tmp_path, emulator, monkeypatch, batch_size=10)


# Asked once


@METHODS
def test_what_it_yields_is_called_once_and_the_report_sums(asked: Asked, method: str) -> None:
    asked.people = [*PHONES, "nonsense", PHONES[3]]
    report = asked.attempt(method=method)
    assert (report["rows"], report["created"], report["doubles"], report["rejected"]) == (27, 25, 1, 1)
    asked.assert_once(PHONES)
    assert asked.times == 1


@pytest.mark.parametrize(("method", "hours"), [("addPhones", 0), ("addPhone", 25)])
def test_a_lost_answer_is_settled_and_the_function_is_not_asked_again(
    asked: Asked, method: str, hours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.emulator.fault("after_commit", "reset", path=method, phone=PHONES[12], times=3)
    with pytest.raises(AirflowException, match=r"broke off|not answer"):
        asked.attempt(method=method)
    asked.emulator.advance(hours=hours)
    if not asked.task.has_store and hours:
        return
    asked.people = OTHERS
    assert asked.attempt(method=method)["created"] == 25
    asked.assert_once(PHONES)
    assert asked.times == 1
    assert "the function is not asked again." in capsys.readouterr().out


@needs_record
@KILLED_ONCE_FROZEN
def test_killed_once_its_list_is_frozen_a_retry_does_not_ask_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Any, after: bool
) -> None:
    crash_once(monkeypatch, owner, name, when, after=after)
    with pytest.raises(CrashError):
        asked.attempt()
    asked.people = OTHERS
    assert asked.attempt()["created"] == 25
    asked.assert_once(PHONES)
    assert asked.times == 1


@needs_record
def test_killed_before_its_list_is_frozen_a_retry_asks_anew_and_nobody_was_called(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_once(monkeypatch, Folder, "write", lambda folder, name, content: name == "list.json", after=True)
    with pytest.raises(CrashError):
        asked.attempt()
    assert asked.sends() == 0
    asked.people = OTHERS
    assert asked.attempt()["created"] == 25
    asked.assert_once(OTHERS)
    assert asked.times == 2


@pytest.mark.parametrize("discards", [False, True], ids=["kept", "discarded"])
def test_a_clear_does_not_ask_again(asked: Asked, discards: bool) -> None:
    first = asked.attempt()
    before = asked.sends()
    asked.task.clear(discards=discards)
    asked.people = OTHERS
    assert asked.attempt()["call_list"] == first["call_list"]
    assert (asked.sends(), asked.times) == (before, 1)


def test_if_it_raises_half_way_nobody_is_called_and_the_next_try_asks_anew(asked: Asked) -> None:
    asked.people = (one if one != PHONES[20] else 1 / 0 for one in PHONES)
    with pytest.raises(ZeroDivisionError):
        asked.attempt()
    assert asked.sends() == 0
    asked.people = PHONES
    assert asked.attempt()["created"] == 25
    asked.assert_once(PHONES)
    assert asked.times == 2


@pytest.mark.parametrize("ending", [AirflowSkipException, AirflowFailException, AirflowException, KeyError])
@pytest.mark.parametrize("at", [0, 12])
def test_what_it_raises_is_what_the_task_raises(asked: Asked, ending: type[Exception], at: int) -> None:
    def half() -> Iterator[Any]:
        yield from PHONES[:at]
        raise ending("said so")

    with pytest.raises(ending, match="said so"):
        asked.attempt(function=half)
    assert asked.sends() == 0


def test_a_skip_that_is_meant_for_the_next_try_stops_no_list_that_was_frozen(asked: Asked) -> None:
    asked.emulator.fault("before_commit", "status", path="addPhones", phone=PHONES[12], times=3)
    with pytest.raises(AirflowException):
        asked.attempt()

    def skips() -> Any:
        raise AirflowSkipException("there is nobody by now")

    assert asked.attempt(function=skips)["created"] == 25


def test_what_it_holds_open_is_closed_whatever_becomes_of_the_list(asked: Asked) -> None:
    closed = []

    def reading(*calls: Any) -> Iterator[Any]:
        try:
            yield from calls
        finally:
            closed.append(len(calls))

    class Evil(dict[str, Any]):
        def get(self, name: str, otherwise: Any = None) -> Any:
            if name == "phone":
                raise CrashError
            return otherwise

    asked.attempt(function=lambda: reading(PHONES[0]))
    for number, (ending, last) in enumerate([(AirflowFailException, [PHONES[1]]), (CrashError, Evil())], 1):
        asked.task = TaskInstance(task_id="another")
        with pytest.raises(ending) as held:
            asked.attempt(function=lambda last=last: reading(PHONES[0], last))
        assert (closed, held.traceback is not None) == ([1] + [2] * number, True)


@METHODS
def test_it_is_not_asked_while_the_server_can_not_be_reached(asked: Asked, method: str) -> None:
    asked.emulator.fault("before_commit", "status", times=None)
    with pytest.raises(AirflowException):
        asked.attempt(method=method)
    assert asked.times == 0


def test_a_dry_run_asks_and_calls_nobody(asked: Asked) -> None:
    asked.task.current_try += 1
    assert asked.operator(dry_run=True).execute(asked.task.context())["calls"] == 25
    assert (asked.sends(), asked.times) == (0, 1)


@pytest.mark.parametrize(
    ("several", "bytes_each"), [(1_000, 20_000), pytest.param(60_000, 1000, marks=pytest.mark.long)]
)
def test_a_generators_calls_are_never_all_in_memory(asked: Asked, several: int, bytes_each: int) -> None:
    def many() -> Iterator[Any]:
        for number in range(several):
            yield called(phone(number), f"{number:>{bytes_each}}")

    gc.collect()
    tracemalloc.start()
    try:
        asked.task.current_try += 1
        report = asked.operator(many, dry_run=True, batch_size=1000).execute(asked.task.context())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(f"{several:,} calls of {bytes_each:,} bytes: a peak of {peak / 2**20:.1f} MiB")
    assert report["calls"] == several
    assert peak < 12 * 2**20, "the calls alone would take 20 MiB, or 60"


# What it may give


class NamedCall(NamedTuple):
    phone: Any
    payload: Any = None


@dataclass
class DataCall:
    phone: Any
    payload: Any = None
    policy: Any = None


GIVEN: list[Any] = [
    PHONES[:2],
    tuple(PHONES[:2]),
    {*PHONES[:2]},
    iter(PHONES[:2]),
    {one: called(one) for one in PHONES[:2]}.values(),
    [int(PHONES[0]), Decimal(PHONES[1])],
    [NamedCall(PHONES[0], {"name": "Alex"}), DataCall(PHONES[1], {"name": "Alex"})],
    (called(one) for one in PHONES[:2]),
    [called(PHONES[0], policy={"priority": 1}, gmt_zone="+03:00", key=7), {"phone": PHONES[1]}],
]


@pytest.mark.parametrize("given", GIVEN, ids=lambda given: type(given).__name__)
def test_calls_may_be_given_in_whatever_can_be_read_one_by_one(asked: Asked, given: Any) -> None:
    assert asked.gives(given)["created"] == 2
    asked.assert_once(PHONES[:2])


def test_rows_of_a_database_that_know_their_names_are_calls(asked: Asked) -> None:
    import sqlalchemy as sa

    asked.add(PHONES)
    engine = sa.create_engine(f"sqlite:///{asked.database}")

    def rows() -> Iterator[Any]:
        with engine.connect() as connection:
            yield from connection.execute(sa.text("select phone, id as key from customer"))

    assert asked.attempt(function=rows)["created"] == 25
    asked.assert_once(PHONES)
    engine.dispose()


def test_each_call_has_a_policy_of_its_own_and_else_that_of_all(asked: Asked) -> None:
    report = asked.gives([called(PHONES[0], policy={"priority": 1}), PHONES[1]], policy={"max_attempts": 3})
    lines = [json.loads(line)["call"] for file in asked.files("batches/*") for line in file.read_text().splitlines()]
    assert [(one.get("dialerPriority"), one["maxAttempts"]) for one in lines] == [(1, 3), (None, 3)]
    assert list_of(report)["policy_by_row"] is True
    asked.task = TaskInstance(task_id="another")
    assert list_of(asked.gives(PHONES[2:4], policy={"max_attempts": 3}))["policy_by_row"] is False


def list_of(report: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(report["call_list"].removeprefix("file://"), "list.json").read_text())
    return content


@pytest.mark.parametrize("given", [[], (), iter(()), {}.values()])
def test_nobody_is_an_empty_list_and_green(asked: Asked, given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked.gives(given)["rows"] == 0
    assert "The function gave no calls: there is nobody to call." in capsys.readouterr().out


async def awaited() -> Any:
    return PHONES


async def one_after_the_other() -> AsyncIterator[str]:
    yield PHONES[0]


class Frame:
    """As a data frame is: whoever iterates over it gets the names of its columns."""

    columns = ("phone",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def to_dict(self, orient: str) -> Any:
        return [called(PHONES[0])]


class Model:
    """As pydantic has it."""

    phone = PHONES[0]

    def model_dump(self) -> Any:
        return called(self.phone)

    def __iter__(self) -> Iterator[Any]:
        return iter([("phone", self.phone)])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda: None, "returned None, and nobody is called: was `return` or `yield` forgotten"),
        (lambda: called(PHONES[0]), "of type dict, and nobody is called: return a list, even of one"),
        (lambda: PHONES[0], "of type str, and nobody is called: return a list, even of one"),
        (lambda: json.dumps(PHONES), "of type str"),
        (lambda: PHONES[0].encode(), "of type bytes"),
        (lambda: int(PHONES[0]), "of type int"),
        (lambda: range(79120000000, 79120000009), "of type range"),
        (lambda: NamedCall(PHONES[0]), "of type NamedCall, and nobody is called: return a list, even of one"),
        (lambda: DataCall(PHONES[0]), "of type DataCall"),
        (Frame, r"of type Frame.*as by .to_dict\('records'\)"),
        (awaited, "of type coroutine, and nobody is called: give a function without `async`"),
        (one_after_the_other, "of type async_generator, and nobody is called: give a function without `async`"),
    ],
)
def test_what_holds_no_calls_fails_and_says_what_to_return(asked: Asked, given: Callable[[], Any], told: str) -> None:
    with pytest.raises(AirflowFailException, match=f"(?s)Rejected before any request: .*{told}") as error:
        asked.attempt(function=lambda: given())
    assert PHONES[0] not in str(error.value)
    assert asked.sends() == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda: PHONES[3:5], "list, and nobody is called: give its calls one by one, as by `yield from`"),
        (lambda: iter(PHONES[3:5]), "iterator, and nobody is called: give its calls one by one"),
        (lambda: (one for one in PHONES), "generator, and nobody is called: give its calls one by one"),
        (lambda: (PHONES[3], {}), r"tuple, and nobody is called: give a dictionary, as in {'phone'"),
        (Model, r"Model, and nobody is called: give a dictionary, as by call.model_dump\(\)"),
        (awaited, "coroutine, and nobody is called: give a function without `async`"),
        (
            object,
            "object, and nobody is called: give a dictionary of phone, payload, gmt_zone, policy, key, or a phone",
        ),
    ],
)
def test_a_page_in_the_place_of_a_call_stops_all_for_its_people_would_be_missed(
    asked: Asked, given: Callable[[], Any], told: str
) -> None:
    with pytest.raises(AirflowFailException, match=f"call 3 that .* gives is of type (list_)?{told}") as error:
        asked.attempt(function=lambda: iter([*PHONES[:2], given()]))
    assert PHONES[3] not in str(error.value)
    assert asked.sends() == 0


class PageOfApi(NamedTuple):
    items: Any
    next: Any = None


@dataclass
class DataPage:
    items: Any


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({"items": OTHERS, "next": None}, "of type dict, with a list under 'items', and nobody is called: give its"),
        (PageOfApi(OTHERS), "of type PageOfApi, with a list under 'items', and nobody is called: give its calls"),
        (DataPage(tuple(OTHERS)), "of type DataPage, with a tuple under 'items', and nobody is called"),
        ({"phone": OTHERS}, "of type dict, with a list as its phone, and nobody is called: give a call for each phone"),
        (DataCall({*OTHERS}), "of type DataCall, with a set as its phone"),
        ({"phone": PHONES[1], "data": {"more": (one for one in OTHERS)}}, "with a dict under 'data'"),
        ({"phone": json.dumps(OTHERS)}, "with a str as its phone, and nobody is called"),
        (json.dumps(OTHERS), "of type str, and nobody is called: give its calls one by one"),
        (dict.fromkeys(OTHERS, "Alex"), "of type dict, of several, and nobody is called: give its calls one by one"),
        ({"7": called(OTHERS[7]), "8": called(OTHERS[8])}, "of type dict, of several, and nobody is called"),
    ],
)
def test_a_page_that_has_names_stops_all_too(asked: Asked, page: Any, told: str) -> None:
    with pytest.raises(AirflowFailException, match=f"call 2 that .*{told}") as error:
        asked.gives([PHONES[0], page])
    assert not [one for one in OTHERS if one in str(error.value)]
    assert asked.sends() == 0


@pytest.mark.parametrize("wrong", [{"phones": PHONES[1], "name": "Alex"}, {"phone": PHONES[1], "payloads": {"n": 1}}])
def test_a_misspelt_name_is_of_one_call_alone(asked: Asked, wrong: Any) -> None:
    report = asked.gives([PHONES[0], wrong])
    assert (report["created"], report["rejected"]) == (1, 1)


def test_rows_of_sqlite_say_how_to_name_them(asked: Asked) -> None:
    asked.add(PHONES)

    def rows() -> Iterator[Any]:
        with closing(sqlite3.connect(asked.database)) as database:
            database.row_factory = sqlite3.Row
            yield from database.execute("select phone from customer")

    with pytest.raises(AirflowFailException, match=r"of type Row, .* as by dict\(row\)"):
        asked.attempt(function=rows)


def test_what_a_generator_returns_besides_would_be_lost_and_so_stops_all(asked: Asked) -> None:
    def either(test: bool = True) -> Any:
        if test:
            return PHONES
        yield from OTHERS

    with pytest.raises(AirflowFailException, match="yields, and returned something of type list besides"):
        asked.attempt(function=either)
    assert asked.sends() == 0


def test_calls_that_are_wrong_are_set_aside_by_their_number(asked: Asked) -> None:
    report = asked.gives([PHONES[0], None, called(""), {"phones": PHONES[1], "key": 9}, True])
    assert (report["created"], report["rejected"]) == (1, 4)
    told = Path(report["rejected_rows"].removeprefix("file://")).read_text(encoding="utf-8-sig").splitlines()
    assert told[0] == "row,key,reason"
    assert told[3].startswith("4,9,")
    asked.assert_once(PHONES[:1])


def test_if_none_can_be_called_the_task_fails_and_asks_anew_once_it_is_cleared(asked: Asked) -> None:
    asked.people = ["nonsense"]
    with pytest.raises(
        AirflowFailException, match=r"Correct what the function gives.*the function is called anew then"
    ):
        asked.attempt()
    asked.task.clear()
    asked.people = PHONES
    assert asked.attempt()["created"] == 25


def test_a_finish_of_ones_own_leaves_no_room_for_call_before(asked: Asked) -> None:
    soon = asked.emulator.now().replace(year=2090)
    own = [PHONES[0], called(PHONES[1], policy={"finish": soon})]
    with pytest.raises(AirflowFailException, match="call 2 has a finish, and call_before is the finish of all"):
        asked.gives(own, call_before=soon)
    assert asked.sends() == 0
    assert asked.gives(own, policy={"finish": soon})["created"] == 2


def test_add_phone_has_no_policies(asked: Asked) -> None:
    with pytest.raises(AirflowFailException, match=r"call 1 has a policy: .* needs method='addPhones'"):
        asked.gives([called(PHONES[0], policy={"priority": 1})], method="addPhone")


def test_what_comes_too_late_is_not_sent(asked: Asked) -> None:
    late = asked.emulator.now().replace(year=2000)
    assert asked.gives([called(PHONES[0], policy={"finish": late}), PHONES[1]])["rejected"] == 1
    asked.assert_once(PHONES[1:2])
    asked.task = TaskInstance(task_id="another")
    with pytest.raises(AirflowFailException, match=r"finish .* has passed"):
        asked.gives([PHONES[2]], call_before=late)


@pytest.mark.parametrize("function", [awaited, one_after_the_other])
@pytest.mark.parametrize("decorator", [aimylogic_calls, aimylogic_calls(retries=3), task.aimylogic_calls])
def test_an_async_function_is_refused_where_it_stands(function: Any, decorator: Any) -> None:
    with pytest.raises(ValueError, match=rf"{function.__name__} is async.*asyncio.run\(…\)"):
        decorator(function)


# As a task of Airflow


def gives_phones() -> list[str]:
    return PHONES


def test_it_is_handed_context_and_arguments(asked: Asked) -> None:
    seen: list[Any] = []

    def remind(city: str, *, ti: Any, run_id: str, people: Any = (), **context: Any) -> Any:  # fmt: skip
        seen.extend((city, ti.task_id, run_id, context["dag_run"] is asked.task.run))
        return people

    asked.task.current_try += 1
    with DAG("winter_sale", schedule=None):
        operator = asked.operator(remind, "{{ run_id }}", told={"people": PHONES})
    context = asked.task.context()
    operator.render_template_fields(context)
    assert operator.execute(context)["created"] == 25
    assert seen == [asked.task.run_id, "sync", asked.task.run_id, True]


def test_arguments_of_other_tasks_make_them_upstream_and_what_it_returns_is_one(asked: Asked) -> None:
    with DAG("dag", schedule=None) as dag:

        @task
        def people() -> list[str]:
            return PHONES

        @task.aimylogic_calls(retries=3)
        def remind(whom: Any, more: Any = None) -> Any:
            return whom

        @task
        def tell(report: Any) -> None: ...

        tell(remind(people()))
        remind.override(task_id="another", aimylogic_conn_id="aimylogic_other")(PHONES, more=people())
        remind(PHONES)
    assert dag.get_task("remind").upstream_task_ids == {"people"}
    assert dag.get_task("remind").downstream_task_ids == {"tell"}
    another: Any = dag.get_task("another")
    assert (another.upstream_task_ids, another.aimylogic_conn_id, another.retries) == (
        {"people__1"}, "aimylogic_other", 3,
    )  # fmt: skip
    assert dag.get_task("remind__1").operator_name == "@task.aimylogic_calls"


def test_what_a_mapped_task_returned_is_handed_over_unread(asked: Asked) -> None:
    people = ReadOneByOne(PHONES)
    asked.task.current_try += 1
    operator = asked.operator(lambda whom: (whom[number] for number in range(3)), people)
    assert operator.execute(asked.task.context())["created"] == 3
    assert people.reads == 3


def test_default_args_of_the_dag_reach_it_and_what_is_given_wins() -> None:
    with DAG("dag", schedule=None, default_args={"aimylogic_conn_id": "winter", "on_unknown": "ask", "retries": 5}):
        bare: Any = aimylogic_calls(gives_phones)().operator
        told: Any = aimylogic_calls(on_unknown="fail", task_id="told")(gives_phones)().operator
    assert (bare.aimylogic_conn_id, bare.on_unknown, bare.retries) == ("winter", "ask", 5)
    assert (told.aimylogic_conn_id, told.on_unknown) == ("winter", "fail")


def test_what_it_does_not_take_is_told_where_it_stands() -> None:
    for arguments in ({"cals": []}, {"results_table": "x"}, {"retrys": 3}, {"show_return_value_in_logs": False}):
        with pytest.raises(TypeError, match=f"aimylogic_calls has no argument '{next(iter(arguments))}'"):
            aimylogic_calls(**arguments)
    with pytest.raises(TypeError, match="the function returns them, or yields them"):
        aimylogic_calls(calls=[])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="'winter' is none: give arguments by name"):
        aimylogic_calls("winter")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="on_unknown 'never' can't be used"):
        aimylogic_calls(on_unknown="never")(gives_phones)()  # type: ignore[call-overload]


def test_multiple_outputs_are_of_the_report_and_no_annotation_asks_for_them() -> None:
    def remind() -> dict[str, Any]:
        return {}

    assert aimylogic_calls(remind)().operator.multiple_outputs is False  # type: ignore[type-var]
    assert aimylogic_calls(multiple_outputs=True)(gives_phones)().operator.multiple_outputs is True


class Mapped:
    """The instances of a mapped task, made as a worker makes them."""

    def __init__(self, asked: Asked, function: Any, returned: list[Any], *, by_kwargs: bool) -> None:
        self.asked, self.returned = asked, returned
        self.run = SimpleNamespace(**vars(TaskInstance().run), conf={})
        with DAG("winter_sale", schedule=None) as self.dag:

            @task
            def others() -> Any:
                return returned

            decorated: Any = aimylogic_calls(task_id="sync", call_list_path=str(asked.lists))(function)
            partial = decorated.partial(name="{{ run_id }}")
            over = partial.expand_kwargs(others()) if by_kwargs else partial.expand(whom=others())
        self.mapped: Any = over.operator
        self.tasks = [TaskInstance(task_id="sync", map_index=index, run=self.run) for index in range(len(returned))]

    def attempt(self, index: int) -> dict[str, Any]:
        self.tasks[index].current_try += 1
        context: Any = self.tasks[index].context()
        ti = SimpleNamespace(**{**vars(context["ti"]), "xcom_pull": lambda *_, **__: self.returned})
        context |= {"ti": ti, "task_instance": ti, "dag": self.dag, "dag_run": self.run}
        self.mapped.render_template_fields(context)
        report: dict[str, Any] = context["task"].execute(context)
        return report


@pytest.mark.parametrize("by_kwargs", [False, True])
def test_mapped_each_instance_has_a_list_and_what_another_task_returned_is_no_template(
    asked: Asked, by_kwargs: bool
) -> None:
    seen = []

    def remind(whom: Any, name: str) -> Any:
        seen.append((whom["told"], name))
        return [{"phone": one, "payload": {"told": whom["told"]}} for one in whom["phones"]]

    whom: list[Any] = [{"phones": people, "told": "{{ 1 / 0 }}"} for people in (PHONES, OTHERS)]
    mapped = Mapped(asked, remind, [{"whom": one} for one in whom] if by_kwargs else whom, by_kwargs=by_kwargs)
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    assert seen == [("{{ 1 / 0 }}", asked.task.run_id)] * 2
    asked.assert_once([*PHONES, *OTHERS])
    mapped.run.clear_number += 1
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    assert len(seen) == 2


def test_mapped_over_what_turned_it_sends_nothing(asked: Asked) -> None:
    mapped = Mapped(asked, lambda whom, name: whom, [PHONES, OTHERS], by_kwargs=False)
    mapped.attempt(0)
    mapped.run.clear_number += 1
    mapped.returned = [OTHERS, PHONES]
    with pytest.raises(AirflowFailException, match="from other rows, or by other connections, than it is given now"):
        mapped.attempt(0)
    with pytest.raises(AirflowFailException, match=r"began to send the same people.*\(sort it\)"):
        mapped.attempt(1)
    asked.assert_once(PHONES)


class City:
    def __init__(self, phones: Any) -> None:
        self.phones = phones


class SlottedCity:
    __slots__ = ("phones",)

    def __init__(self, phones: Any) -> None:
        self.phones = phones


def an_array(phones: list[str]) -> Any:
    """Whose text leaves its middle out."""
    np = pytest.importorskip("numpy")

    return np.array([0] * 1500 + [int(one) for one in phones] + [0] * 1500)


def a_frame(phones: list[str]) -> Any:
    pd = pytest.importorskip("pandas")

    return pd.DataFrame({"phone": [""] * 500 + phones + [""] * 500})


def phones_of(whom: Any, name: Any) -> list[str]:
    while isinstance(whom, (City, SlottedCity, DataPage)):
        whom = whom.items if isinstance(whom, DataPage) else whom.phones
    return [str(one) for one in (whom["phone"] if hasattr(whom, "columns") else whom) if one]


@pytest.mark.parametrize("make", [City, SlottedCity, DataPage, lambda phones: City(City(phones)), an_array, a_frame])
def test_mapped_over_what_looks_alike_each_index_has_its_people(asked: Asked, make: Any) -> None:
    mapped = Mapped(asked, phones_of, [make(PHONES), make(OTHERS)], by_kwargs=False)
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    mapped.run.clear_number += 1
    mapped.returned = [make(PHONES), make(OTHERS)]  # made anew, as in another process
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    mapped.run.clear_number += 1
    mapped.returned = [make(OTHERS), make(PHONES)]
    with pytest.raises(AirflowFailException, match="from other rows, or by other connections, than it is given now"):
        mapped.attempt(0)
    asked.assert_once([*PHONES, *OTHERS])


@pytest.mark.parametrize(
    "odd", [object, lambda: lambda: 1, lambda: City(object()), lambda: Unprintable(), lambda: iter("")]
)
def test_mapped_over_what_can_not_be_told_calls_nobody_and_says_so(asked: Asked, odd: Any) -> None:
    mapped = Mapped(asked, lambda whom, name: PHONES, [odd()], by_kwargs=False)
    with pytest.raises(
        AirflowFailException, match=r"argument 'whom' of .* is, or holds, something of type .*, of which"
    ):
        mapped.attempt(0)
    assert asked.sends() == 0


def test_a_function_of_a_module_is_told_by_its_name(asked: Asked) -> None:
    mapped = Mapped(asked, lambda whom, name: whom(), [gives_phones], by_kwargs=False)
    assert mapped.attempt(0)["created"] == 25
    mapped.run.clear_number += 1
    assert mapped.attempt(0)["created"] == 25


class Unprintable:
    __slots__ = ()

    def __repr__(self) -> str:
        raise RuntimeError("detached")


def test_an_argument_that_has_no_text_fails_no_try(asked: Asked) -> None:
    asked.task.current_try += 1
    operator = asked.operator(lambda whom: PHONES, Unprintable())
    assert operator.execute(asked.task.context())["created"] == 25


@pytest.mark.parametrize("told", [{"whom": iter(PHONES)}, {"whom": {"all": [map(str, PHONES)]}}])
def test_an_argument_that_can_be_read_only_once_is_refused_where_it_stands(asked: Asked, told: Any) -> None:
    with pytest.raises(ValueError, match=r"argument 'whom' of .* it can be read only once, .* give list\(…\)"):
        asked.operator(lambda whom: whom, told=told)
    with pytest.raises(ValueError, match=r"argument 1 of .* it can be read only once"):
        asked.operator(lambda whom: whom, *told.values())


def test_nor_may_a_template_make_one(asked: Asked) -> None:
    asked.task.current_try += 1
    operator = asked.operator(lambda whom: whom, "{{ whom }}")
    operator.op_args = (iter(PHONES),)  # as a native template does
    with pytest.raises(AirflowFailException, match="it can be read only once"):
        operator.execute(asked.task.context())
    assert asked.sends() == 0


def test_what_all_indexes_are_given_alike_may_differ_after_a_clear(asked: Asked) -> None:
    mapped = Mapped(asked, lambda whom, name: whom, [PHONES, OTHERS], by_kwargs=False)
    mapped.mapped.partial_kwargs["op_kwargs"] = {"name": {"seconds": 0.1}}
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    mapped.run.clear_number += 1
    mapped.mapped.partial_kwargs["op_kwargs"] = {"name": {"seconds": 0.2}}
    assert [mapped.attempt(index)["created"] for index in (0, 1)] == [25, 25]
    asked.assert_once([*PHONES, *OTHERS])


def test_in_a_loop_what_all_indexes_are_given_alike_tells_the_iterations_apart(asked: Asked) -> None:
    mapped = Mapped(asked, phones_of, [PHONES], by_kwargs=False).mapped
    instance = mapped.unmap({"op_kwargs": {"whom": PHONES}})
    assert arguments_of_all(instance) == {"name"}
    mapped.task_group = SimpleNamespace(gate_task_id="gate", parent_group=None)
    assert arguments_of_all(instance) == set()


def test_in_a_mapped_group_arguments_must_tell_who_is_called() -> None:
    with DAG("dag", schedule=None) as dag:

        @task_group
        def of_city(city: Any) -> None:
            aimylogic_calls(task_id="remind")(phones_of)(city, name=object())

        of_city.expand(city=[1, 2])
    operator: Any = dag.get_task("of_city.remind")
    with pytest.raises(RejectedError, match="argument 'name' of phones_of is, or holds, something of type object"):
        operator._told()


def test_override_knows_the_names_too_however_often() -> None:
    decorated: Any = aimylogic_calls(task_id="remind")(lambda whom=1: PHONES)
    for arguments in ({"retrys": 3}, {"calls": []}, {"results_table": "x"}):
        for made in (decorated, decorated.override(retries=3), decorated.partial(whom=1)):
            with pytest.raises(TypeError, match=f"aimylogic_calls .* argument '{next(iter(arguments))}'"):
                made.override(**arguments)


@pytest.mark.skipif(not AIRFLOW_HAS_POLICIES, reason="this Airflow has no retry policies")
def test_mapped_it_has_its_retry_policy_unless_the_dag_has_one() -> None:
    own = AimylogicRetryPolicy(max_delay=60)
    decorated: Any = aimylogic_calls(lambda whom, name=1: PHONES)

    def policies(**default_args: Any) -> list[Any]:
        with DAG("dag", schedule=None, default_args=default_args):
            outputs = [decorated.expand(whom=[1]), decorated.partial(name=2).expand_kwargs([{"whom": 1}])]
        return [one.operator.retry_policy for one in outputs]

    assert policies() == [DEFAULT_RETRY_POLICY] * 2
    assert policies(retry_policy=own) == [own] * 2
    assert policies(retry_policy=None) == [None] * 2
    with DAG("dag", schedule=None):
        assert decorated.override(retry_policy=own).expand(whom=[1]).operator.retry_policy == own


@pytest.mark.parametrize("at", [0, 12])
@pytest.mark.parametrize(
    "signal",
    [
        lambda: DownstreamTasksSkipped(tasks=[]),
        lambda: TaskDeferred(trigger=None, method_name="execute"),
    ],
)
def test_what_has_airflow_take_the_task_for_done_is_a_failure(asked: Asked, signal: Any, at: int) -> None:
    def half() -> Iterator[Any]:
        yield from PHONES[:at]
        raise signal()

    with pytest.raises(AirflowFailException, match=r"half raised .* nobody is called: an operator can't be run within"):
        asked.attempt(function=half)
    assert asked.sends() == 0


# What is shown


class Customer:
    def __repr__(self) -> str:
        return f"Customer({PHONES[0]})"


def test_arguments_are_shown_masked_and_the_function_gets_them_whole(asked: Asked) -> None:
    got: list[Any] = []

    def remind(*args: Any, **kwargs: Any) -> Any:
        got.extend((*args, kwargs["phone"]))
        return PHONES

    with DAG("dag", schedule=None):
        operator = asked.operator(
            remind, PHONES, PHONES[1], Customer(), "in Perm", told={"phone": "12345678", "n": 7, "at": None}
        )  # fmt: skip
    asked.task.current_try += 1
    context = asked.task.context()
    operator.render_template_fields(context)
    shown: Any = _serialize_rendered_fields(operator)
    assert not [one for one in (*PHONES, "12345678") if one in str(shown)]
    assert shown["op_args"][0][-1] == "… and 15 more"
    assert shown["op_args"][1:] == [f"{PHONES[1][:4]}***{PHONES[1][-4:]}", "of type Customer", "in Perm"]
    assert shown["op_kwargs"] == {"phone": "12***78", "n": 7, "at": None}
    operator.execute(context)
    assert got[:2] == [PHONES, PHONES[1]]
    assert got[-1] == "12345678"


def shown_arguments(asked: Asked, *args: Any) -> Any:
    """What *Rendered Templates* show of a function's arguments, read as a task's process does."""
    with DAG("dag", schedule=None):
        operator = asked.operator(lambda *_: PHONES, *args)
    asked.task.current_try += 1
    operator.render_template_fields(asked.task.context())
    return _serialize_rendered_fields(operator)["op_args"]


class Unreadable(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise RuntimeError("detached")

    __iter__ = __len__ = __getitem__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({("Perm", 1): "x"}, {"('Perm', 1)": "x"}),
        ({frozenset({PHONES[0]}): 1}, {f"frozenset({{'{PHONES[0][:4]}***{PHONES[0][-4:]}'}})": 1}),
        (10**400, None),
        (10**5000, "of type int"),
        (Decimal("sNaN"), "of type Decimal"),
        (int(PHONES[0]), f"{PHONES[0][:4]}***{PHONES[0][-4:]}"),
    ],
    ids=["a tuple", "a set", "a long number", "too long a number", "no number", "a phone"],
)
def test_whatever_an_argument_is_the_page_that_shows_it_fails_no_task(asked: Asked, value: Any, shown: Any) -> None:
    [got] = shown_arguments(asked, value)
    assert PHONES[0] not in str(got)
    assert shown is None or got == shown


def test_what_can_not_be_read_is_shown_by_its_type(asked: Asked) -> None:
    assert shown_arguments(asked, Unreadable()) == "of type tuple"


@pytest.mark.parametrize("before", range(19))
@pytest.mark.parametrize("one", ["8 (912) 345-67-89; ", "+7 912 345 67 89 and "])
def test_no_part_of_a_phone_stays_where_a_long_text_is_cut(asked: Asked, before: int, one: str) -> None:
    [got] = shown_arguments(asked, "x" * before + one * 200)
    assert "345" not in got
    assert 1000 < len(got) <= 2000


def test_no_phone_is_logged(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.gives([*PHONES, {"phone": OTHERS[0], OTHERS[1]: 1}])
    out = capsys.readouterr().out
    assert "for calls." in out
    assert not [one for one in (*PHONES, *OTHERS) if one in out]
