"""Rows as calls: the quick way gives the very same call as the careful one, and what can't be called is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Interface
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimylogic_provider.call_list.freeze.rows import Columns, RowReader
from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call, ListedCall
from aimylogic_provider.calls_api.calls.policy import CallPolicy
from aimylogic_provider.calls_api.endpoints import add_phone
from aimylogic_provider.calls_api.errors import RejectedError

PHONE = "+79123456789"
DIGITS = "79123456789"
FIRST, LAST = datetime(2030, 1, 1, 9, tzinfo=UTC), datetime(2030, 2, 1, 18, tzinfo=UTC)


def reader(*names: str, **columns: Any) -> RowReader:
    return RowReader(Columns(phone="phone", **columns), names or ("phone", "x"))


def item(made: RowReader, *row: object) -> dict[str, Any]:
    """The call that a row is, as the server would read it."""
    phone, call = made.read(row)
    content: dict[str, Any] = json.loads(call)
    assert content["phone"] == phone
    return content


def outcome(make: Callable[[], object]) -> tuple[str, str]:
    """What came of it, exactly: ``repr`` tells 1 from 1.0 and True, 0.0 from -0.0, and shows the names' order."""
    try:
        return "call", repr(make())
    except RejectedError as error:
        return "rejected", str(error)


def sent(values: Mapping[str, object]) -> dict[str, object]:
    """Values of a row as a user would write them in a payload: NULLs left out, UUIDs as text."""
    return {
        name: str(value) if isinstance(value, UUID) else value for name, value in values.items() if value is not None
    }


def as_listed(phone: object, values: Mapping[str, object], region: str | None = None) -> dict[str, object]:
    return ListedCall.of(phone, sent(values), phone_region=region).as_item()


def single(call: Call) -> tuple[object, ...]:
    """All of a call: its ``repr`` tells neither phone nor payload."""
    return call.phone, call.payload, call.gmt_zone


def as_single(made: RowReader, *row: object) -> Call:
    content = item(made, *row)
    return Call(content["phone"], tuple(content["payload"].items()), content.get("gmtZone"))


TEXT = (
    st.text(max_size=20)
    | st.text("eaq\u0301\u0308\u0323\u1100\u1161\u0915\u093c\u212b\ufb01\U0001f600", max_size=8)
    | st.sampled_from(["é", "e\u0301", "\u212b", "\u0344", "a\u0323\u0307", "a\u0307\u0323", '"\\\n\t\x00\u2028', ""])
)
SURROGATES = st.text(st.characters(codec=None), max_size=5) | st.sampled_from(["\ud800", "a\udfff", "\ud83d\ude00"])
NUMBERS = (
    st.integers()
    | st.integers(-(2**200), 2**200)
    | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**100])
    | st.floats()
    | st.integers(-(2**60), 2**60).map(float)
    | st.sampled_from([0.0, -0.0, 2.0**53, 2.0**53 - 1, -(2.0**53), 1e16, 1e22, 1e300, 5e-324])
    | st.decimals()
    | st.sampled_from([Decimal("1.50"), Decimal("1E+3"), Decimal("-0"), Decimal("NaN"), Decimal("sNaN")])
)
PLAIN = TEXT | NUMBERS | st.booleans() | st.none() | st.uuids()
DATES = (
    st.dates()
    | st.times()
    | st.timedeltas()
    | st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=3, minutes=30))]))
)
NESTED = st.lists(TEXT | NUMBERS | st.none(), max_size=3) | st.dictionaries(TEXT, TEXT | NUMBERS, max_size=3)
VALUES = PLAIN | DATES | SURROGATES | st.binary(max_size=5) | NESTED
NAMES = st.sampled_from(["b", "a", "Z", "имя", "e\u0301", "a b", '"', "\U0001f600"])


@settings(max_examples=500)
@given(VALUES)
@example("\ud800")
@example(2**64)
@example([2**64, "e\u0301"])
@example(b"bytes")
@example(float("nan"))
def test_a_value_of_a_listed_call_is_as_if_made_carefully(value: object) -> None:
    assert outcome(lambda: item(reader(), PHONE, value)) == outcome(lambda: as_listed(PHONE, {"x": value}))


@settings(max_examples=500)
@given(VALUES)
@example("\ud800")
@example(2**64)
@example([1])
@example(True)
@example(float("inf"))
def test_a_value_of_a_single_call_is_as_if_made_carefully(value: object) -> None:
    made = reader(method="addPhone")
    careful = outcome(lambda: single(Call.of(PHONE, sent({"x": value}))))
    assert outcome(lambda: single(as_single(made, PHONE, value))) == careful


@settings(max_examples=250)
@given(st.dictionaries(NAMES, VALUES, max_size=6))
@example({"b": "\ud800", "a": 2**64})
@example({"b": "x\0y"})
@example({"b": r"\u0000"})
@example({"a": None, "b": None})
def test_many_values_are_as_if_made_carefully(values: dict[str, object]) -> None:
    """Of several bad values, which one is told of may differ."""
    row = (PHONE, *values.values())
    by_list, by_number = reader("phone", *values), reader("phone", *values, method="addPhone")
    for made, careful in (
        (outcome(lambda: item(by_list, *row)), outcome(lambda: as_listed(PHONE, values))),
        (outcome(lambda: single(as_single(by_number, *row))), outcome(lambda: single(Call.of(PHONE, sent(values))))),
    ):
        assert made == careful or (made[0] == careful[0] == "rejected")


WRITTEN = st.sampled_from(
    [PHONE, DIGITS, "+7 (912) 345-67-89", "8 (912) 345-67-89", "89123456789", "9123456789",
     "\uff0b\uff17 912 345 67 89", "+12015550123", "+390236618300", "4930123456", "+7912345678901", "12", "", "-",
     "secret"]
)  # fmt: skip
PHONES = (
    WRITTEN
    | st.text("+0123456789 ()-", max_size=16)
    | st.builds("{}{:09}".format, st.sampled_from(["+79", "79", "89", "+49", "1"]), st.integers(0, 10**9 - 1))
    | st.integers(0, 10**15)
    | st.sampled_from([79123456789, 79123456789.0, True, None, b"79123456789", "\ud800"])
    | TEXT
)


@settings(max_examples=400)
@given(PHONES, st.sampled_from([None, "RU", "de"]))
@example("89123456789", "RU")
@example("79123456789", None)
def test_a_phone_is_read_as_if_made_carefully(phone: object, region: str | None) -> None:
    values = {"x": "a"}
    made = outcome(lambda: item(reader(phone_region=region), phone, "a"))
    assert made == outcome(lambda: as_listed(phone, values, region))
    by_number = reader(phone_region=region, method="addPhone")
    careful = outcome(lambda: single(Call.of(phone, values, phone_region=region)))
    assert outcome(lambda: single(as_single(by_number, phone, "a"))) == careful


def test_digits_without_a_plus_are_national_ones_where_a_region_says_so() -> None:
    """49 30 is Berlin with its country code, and a national number of Brazil's area 49."""
    assert item(reader(), "4930123456", None)["phone"] == "4930123456"
    with pytest.raises(RejectedError, match="ambiguous in region BR"):
        reader(phone_region="BR").read(("4930123456", None))


ZONES = st.sampled_from(
    ["Z", "+3", "+03:30", "UTC+0330", "-00:00", " Europe/Moscow ", "+19:00", "Mars", "", None, 3, ["+3"], "\ud800"]
)


@settings(max_examples=300)
@given(ZONES | st.text("+-:0123456789UTCGMZ", max_size=9), st.sampled_from(["addPhones", "addPhone"]))
def test_a_time_zone_is_as_if_made_carefully(zone: object, method: str) -> None:
    made = reader(gmt_zone="x", method=method)
    expected = outcome(lambda: ListedCall.of(PHONE, None, zone).as_item().get("gmtZone"))
    for _ in range(2):  # the second one is remembered
        assert outcome(lambda: item(made, PHONE, zone).get("gmtZone")) == expected


# Columns


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"phone": "mobile"},
            "phone_column 'mobile': the query has no such column; its columns are 'phone', 'id', 'name'",
        ),
        ({"phone": "phone", "gmt_zone": "zone"}, "gmt_zone_column 'zone': the query has no such column"),
        ({"phone": "phone", "keys": ("id", "uid")}, "key_columns 'uid': the query has no such column"),
        ({"phone": "phone", "payload": ("names",)}, "payload_columns 'names': the query has no such column"),
        ({"phone": "phone", "policy": {"priority": "p"}}, r"policy_columns\['priority'\] 'p': the query has no such"),
    ],
)
def test_a_column_that_is_missing_is_told_before_any_row(columns: dict[str, Any], told: str) -> None:
    with pytest.raises(RejectedError, match=told):
        RowReader(Columns(**columns), ["phone", "id", "name"])


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["phone", "phone"], {}),
        (["PHONE", "Phone"], {}),  # either could be meant
        (["phone", "id", "id"], {"keys": ("id",)}),
        (["phone", "name", "name"], {}),  # all further ones are the payload
    ],
)
def test_a_column_that_the_query_has_twice_is_told(names: list[str], columns: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="has it more than once: name each column apart, with AS"):
        reader(*names, **columns)


def test_columns_may_be_named_in_other_capitals() -> None:
    made = RowReader(Columns(phone="phone", keys=("Id",), payload=("Name",)), ["PHONE", "ID", "NAME"])
    row = (PHONE, 7, "Alex")
    assert item(made, *row) == {"phone": DIGITS, "payload": {"Name": "Alex"}}
    assert json.loads(made.keys(row)) == {"Id": 7}


def test_a_column_with_these_very_capitals_comes_first() -> None:
    made = reader("Phone", "phone", payload=())
    assert item(made, "+79000000000", PHONE) == {"phone": DIGITS}


def test_the_payload_is_all_columns_that_are_nothing_else() -> None:
    made = reader("id", "phone", "zone", "name", "urgency", "city", keys=("id",), gmt_zone="zone",
                  policy={"priority": "urgency"})  # fmt: skip
    assert item(made, 1, PHONE, "+3", "Alex", 2, "Oslo") == {
        "phone": DIGITS, "payload": {"city": "Oslo", "name": "Alex"}, "gmtZone": "+03:00", "dialerPriority": 2,
    }  # fmt: skip


def test_the_payload_may_be_chosen_and_empty_and_repeat_what_is_something_else() -> None:
    assert item(reader("phone", "a", "b", payload=("b",)), PHONE, 1, 2) == {"phone": DIGITS, "payload": {"b": 2}}
    assert item(reader("phone", "a", "b", payload=()), PHONE, 1, 2) == {"phone": DIGITS}
    made = reader("phone", "id", keys=("id",), payload=("id", "phone"))
    assert item(made, PHONE, 1) == {"phone": DIGITS, "payload": {"id": 1, "phone": PHONE}}


def test_a_column_that_no_payload_of_addphone_can_bear_is_told() -> None:
    with pytest.raises(RejectedError, match="payload has the name 'gmtZone', which addPhone reads itself"):
        reader("phone", "gmtZone", method="addPhone")
    assert item(reader("phone", "gmtZone"), PHONE, "a")["payload"] == {"gmtZone": "a"}


def test_a_column_without_a_name_is_told() -> None:
    with pytest.raises(RejectedError, match="names are text that is not empty"):
        reader("phone", "")


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_nulls_are_left_out(method: str) -> None:
    made = reader("phone", "a", "b", "zone", gmt_zone="zone", method=method)
    assert item(made, PHONE, None, "", None) == {"phone": DIGITS, "payload": {"b": ""}}


def test_a_listed_call_of_nulls_alone_has_no_payload() -> None:
    made = reader("phone", "a", "zone", "p", gmt_zone="zone", policy={"priority": "p"})
    assert item(made, PHONE, None, None, None) == {"phone": DIGITS}


def test_a_phone_that_is_null_is_rejected() -> None:
    with pytest.raises(RejectedError, match="phone is None"):
        reader().read((None, "a"))


def test_a_region_is_checked_before_any_row() -> None:
    with pytest.raises(RejectedError, match="two-letter code, as in 'RU'"):
        reader(phone_region="Russia")


def test_keys_are_kept_as_json_whatever_they_are() -> None:
    names = ("phone", "id", "day", "uid", "price", "none", "big")
    made = reader(*names, keys=names[1:])
    row = (PHONE, 7, datetime(2030, 1, 2, 3, 4), UUID(int=5), Decimal("1.50"), None, 2**70)
    assert json.loads(made.keys(row)) == {
        "id": 7, "day": "2030-01-02T03:04:00", "uid": str(UUID(int=5)), "price": "1.50", "none": None, "big": 2**70,
    }  # fmt: skip
    assert reader().keys((PHONE, "a")) == b"{}"


def test_a_key_that_is_no_unicode_changes_no_other() -> None:
    """A NULL beside it was the text None, by which no row is found again."""
    made = reader("phone", "code", "none", "yes", "number", keys=("code", "none", "yes", "number"))
    assert json.loads(made.keys((PHONE, "a\ud800", None, True, 7))) == {
        "code": "a?", "none": None, "yes": True, "number": 7,
    }  # fmt: skip


# Policies


def policy_item(**policy: Any) -> dict[str, object]:
    return {"phone": DIGITS, **CallPolicy.of(**policy).as_item()}


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [
        ("start", "2030-01-01T12:30:00+03:30", FIRST),
        ("start", FIRST, FIRST),
        ("finish", "2030-02-01T18:00:00Z", LAST),
        ("allowed_days", "tue, mon", ["mon", "tue"]),
        ("allowed_days", ["mon", "tue"], ["mon", "tue"]),
        ("allowed_days", "sun", ["sun"]),
        ("allowed_time", '{"default": [["09:00", "18:00"]]}', {"default": [("09:00", "18:00")]}),
        ("allowed_time", {"mon": [(time(9), time(18))]}, {"mon": [("09:00", "18:00")]}),
        ("retry_interval_minutes", "30", 30),
        ("max_attempts", 3, 3),
        ("priority", " 1 ", 1),
    ],
)
def test_a_policy_by_row_is_read_also_from_text(name: str, value: object, same: Any) -> None:
    made = reader(policy={name: "x"})
    for _ in range(2):  # the second one is remembered
        assert item(made, PHONE, value) == policy_item(**{name: same})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("start", "tomorrow", "start 'tomorrow' can't be read: .* moments in ISO 8601 with a zone"),
        ("start", "2030-01-01T09:00:00", "start 2030-01-01T09:00:00 has no time zone"),
        ("finish", datetime(2030, 1, 1), "has no time zone"),
        ("finish", 5, "is of type int"),
        ("allowed_days", "mon;tue", "allowed_days has 'mon;tue', which isn't a weekday"),
        ("allowed_days", "", "allowed_days has '', which isn't a weekday"),
        ("allowed_days", [], "allowed_days is empty"),
        ("allowed_time", "09:00-18:00", "allowed_time '09:00-18:00' can't be read: .* times of the day as JSON"),
        ("allowed_time", "[]", "allowed_time .* is of type list"),
        ("allowed_time", "\ud800", "allowed_time .* can't be read"),
        ("priority", "high", "priority 'high' can't be read: .* numbers as whole ones"),
        ("priority", "1.5", "priority '1.5' can't be read"),
        ("priority", 6, "priority 6 isn't a whole number from 1 to 5"),
        ("priority", True, "priority True isn't a whole number"),
    ],
)
def test_a_policy_by_row_that_can_not_be_read_rejects_the_row(name: str, value: object, told: str) -> None:
    with pytest.raises(RejectedError, match=told):
        reader(policy={name: "x"}).read((PHONE, value))


def test_a_policy_of_all_holds_where_no_column_says_otherwise() -> None:
    made = reader(policy={"priority": "x"}, policy_of_all={"priority": 5, "max_attempts": 3, "finish": LAST})
    assert item(made, PHONE, 1) == policy_item(priority=1, max_attempts=3, finish=LAST)
    assert item(made, PHONE, None) == policy_item(priority=5, max_attempts=3, finish=LAST)


def test_a_policy_of_all_holds_beside_payload_and_zone() -> None:
    made = reader("phone", "zone", "name", gmt_zone="zone", policy_of_all={"allowed_days": ["mon"], "start": FIRST})
    expected = ListedCall.of(PHONE, {"name": "Alex"}, "+3", CallPolicy.of(allowed_days=["mon"], start=FIRST))
    assert repr(item(made, PHONE, "+3", "Alex")) == repr(expected.as_item())


def test_a_policy_of_all_may_be_text_too_as_a_template_gives_it() -> None:
    made = reader(policy_of_all={"finish": "2030-02-01T18:00:00+00:00", "allowed_days": "mon, tue", "priority": "3"})
    expected = policy_item(finish=LAST, allowed_days=["mon", "tue"], priority=3)
    assert item(made, PHONE, None) == expected


def test_a_policy_of_all_is_checked_before_any_row() -> None:
    with pytest.raises(RejectedError, match="priority 9 isn't a whole number from 1 to 5"):
        reader(policy_of_all={"priority": 9})


def test_policies_are_checked_together() -> None:
    made = reader(policy={"start": "x"}, policy_of_all={"finish": FIRST})
    with pytest.raises(RejectedError, match="is not before finish"):
        made.read((PHONE, LAST))


def test_more_policies_and_zones_than_are_remembered_are_right() -> None:
    made = reader("phone", "start", "zone", policy={"start": "start"}, gmt_zone="zone")
    for minutes in range(10_050):
        start = FIRST + timedelta(minutes=minutes)
        zone = f"+{minutes % 18:02}:{minutes // 18 % 60:02}:{minutes // 1080:02}"
        content = item(made, PHONE, start, zone)
        assert content["startDateTime"] == start.isoformat()
        assert content.get("gmtZone") == ListedCall.of(PHONE, None, zone).gmt_zone


# Too large


@pytest.mark.parametrize("method", ["addPhones", "addPhone"])
def test_a_call_of_exactly_so_many_bytes_passes_and_one_more_does_not(method: str) -> None:
    size = len(reader(method=method).read((PHONE, "é"))[1]) + len("[]")
    assert reader(method=method, max_bytes=size).read((PHONE, "é"))
    with pytest.raises(RejectedError, match=rf"takes {size} bytes, more than max_batch_bytes allows \({size - 1}\)"):
        reader(method=method, max_bytes=size - 1).read((PHONE, "é"))


@pytest.mark.parametrize("letter", ["a", "&", "é", "€", "\U0001f600"])
def test_what_one_call_may_hold_passes_the_clients_limit_of_a_url(letter: str) -> None:
    """No call that is frozen may turn out too long when it is sent; with the longest host and token that are usual."""
    made = reader("phone", "x", "zone", method="addPhone", gmt_zone="zone")
    address = CampaignAddress.of("a" * 60 + ".example.com", "1" * 60 + "." + "f" * 60)
    fits, too_long = 0, 10_000
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        row = (PHONE, letter * middle, "America/Argentina/ComodRivadavia")
        try:
            call = as_single(made, *row)
        except RejectedError as error:
            assert "leave columns out of the payload, or use method='addPhones'" in str(error)
            too_long = middle
        else:
            assert address.url(add_phone(call, idempotence_key="k"))
            fits = middle
    assert fits > 500, "the usual payload fits"


def test_the_length_of_a_url_counts_all_columns_together() -> None:
    names = [f"column_{number}" for number in range(100)]
    with pytest.raises(RejectedError, match="URL would have over"):
        reader("phone", *names, method="addPhone").read((PHONE, *["a" * 100] * 100))
    assert reader("phone", *names).read((PHONE, *["a" * 100] * 100))


def test_a_key_too_long_to_be_written_is_told_and_not_the_end_of_the_query() -> None:
    made = reader("phone", "id", keys=("id",))
    assert json.loads(made.keys((PHONE, 10**5000))) == {"id": "int too long to be written"}
    assert json.loads(made.keys((PHONE, 2**70))) == {"id": 2**70}


def test_a_policy_may_be_written_in_a_drivers_own_kind_of_text() -> None:
    class Text(str):
        __slots__ = ()

    made = reader("phone", "hours", policy={"allowed_time": "hours"})
    plain = '{"default": [["09:00", "18:00"]]}'
    assert item(made, PHONE, Text(plain)) == item(made, PHONE, plain)
    with pytest.raises(RejectedError, match="allowed_time 'x' can't be read"):
        made.read((PHONE, Text("x")))


@pytest.mark.parametrize(
    ("names", "asked", "hint"),
    [
        (("\ufeffphone", "x"), {}, "'.ufeffphone' has a byte order mark in its name"),
        (("phone ", "x"), {}, "'phone ' has blanks"),
        ((" Phone", "x"), {}, "' Phone' has blanks"),
        (("phone\u200b", "x"), {}, "has blanks, or what can't be seen"),
        (("phone", "client id"), {"keys": ("clientid",)}, "'client id' has blanks"),
        (("phone", "x"), {"keys": ("id",)}, "its columns are 'phone', 'x'$"),
        (("phone", "a, b"), {"gmt_zone": "zone"}, "its columns are 'phone', 'a, b'$"),
        (("phone", "gmtZone"), {"method": "addPhone"}, "say gmt_zone_column='gmtZone'"),
    ],
)
def test_a_column_that_is_missing_is_told_with_what_may_be_meant(
    names: tuple[str, ...], asked: dict[str, Any], hint: str
) -> None:
    with pytest.raises(RejectedError, match=hint):
        reader(*names, **asked)


@pytest.mark.parametrize("method", ["addPhone", "addPhones"])
@pytest.mark.parametrize(
    ("value", "single", "listed"),
    [
        (1500.0, "1500", 1500),
        (-0.0, "0", 0),
        (1500.5, "1500.5", 1500.5),
        (2.0**60, "1.152921504606847e+18", 2.0**60),
        (Decimal("1500.00"), "1500.00", "1500.00"),
        (UUID(int=7), str(UUID(int=7)), str(UUID(int=7))),
        (IPv4Address("10.0.0.1"), "10.0.0.1", "10.0.0.1"),
        (IPv6Interface("fe80::1/64"), "fe80::1/64", "fe80::1/64"),
        (True, "true", True),
    ],
)  # fmt: skip
def test_both_methods_send_a_value_in_one_way(method: str, value: object, single: str, listed: object) -> None:
    made = reader(method=method)
    content = item(made, PHONE, value)["payload"]["x"]
    assert (content, type(content)) == ((single, str) if method == "addPhone" else (listed, type(listed)))
    if method == "addPhone":
        assert dict(Call.of(PHONE, {"x": value}).payload) == {"x": single}
    else:
        assert ListedCall.of(PHONE, {"x": value}).as_item()["payload"] == {"x": listed}


def test_an_address_to_ask_and_a_laws_hours_may_come_by_row() -> None:
    columns = {"external_check_url": "ask", "external_check_max_retries": "times", "allowed_time": "hours"}
    made = reader("phone", "ask", "times", "hours", policy=columns)
    content = item(made, PHONE, "HTTPS://Example.com/one?token=7", Decimal("2.00"), "US TCPA")
    assert content["externalCheck"] == {
        "externalCheckUrl": "https://example.com/one?token=7",
        "externalCheckMaxRetries": 2,
    }
    assert content["allowedTime"]["sun"] == [{"localTimeFrom": "08:00", "localTimeTo": "21:00"}]
    assert "externalCheck" not in item(made, PHONE, None, None, None)
    with pytest.raises(RejectedError, match="external_check_url isn't an address"):
        made.read((PHONE, "", None, None))
    with pytest.raises(RejectedError, match="external_check_max_retries has no external_check_url beside it"):
        made.read((PHONE, None, 1, None))


def test_what_is_the_address_of_all_is_that_of_rows_which_name_none() -> None:
    made = reader(
        "phone", "times", policy={"external_check_max_retries": "times"},
        policy_of_all={"external_check_url": "https://example.com/"},
    )  # fmt: skip
    assert item(made, PHONE, 3)["externalCheck"] == {
        "externalCheckUrl": "https://example.com/", "externalCheckMaxRetries": 3,
    }  # fmt: skip
