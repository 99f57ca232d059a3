"""Time zones: every form of the contract, and no other."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimylogic_provider.calls_api.calls.gmt_zone import FORMS, canonical_gmt_zone
from aimylogic_provider.calls_api.errors import RejectedError


@pytest.mark.parametrize("prefix", ["", "UTC", "GMT", "UT"])
@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Z", "Z"),
        ("+3", "+03:00"),
        ("+03", "+03:00"),
        ("+03:30", "+03:30"),
        ("-03:30", "-03:30"),
        ("+0330", "+03:30"),
        ("-0330", "-03:30"),
        ("+03:30:15", "+03:30:15"),
        ("-033015", "-03:30:15"),
        ("+18:00", "+18:00"),
        ("-18:00", "-18:00"),
        ("+00:00", "Z"),
        ("-00:00", "Z"),
    ],
)
def test_forms_of_the_contract(prefix: str, written: str, canonical: str) -> None:
    assert canonical_gmt_zone(prefix + written) == canonical


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Asia/Kolkata", "UTC", "GMT", "America/Argentina/Buenos_Aires"])
def test_iana_ids(zone: str) -> None:
    assert canonical_gmt_zone(f" {zone} ") == zone


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("-5", "-05:00"),
        ("-05", "-05:00"),
        ("UTC-5", "-05:00"),
        ("GMT-5", "-05:00"),
        ("+5:30", "+05:30"),
        ("-3:30", "-03:30"),
        ("+5:30:15", "+05:30:15"),
        ("utc+3", "+03:00"),
        ("UTC +3", "+03:00"),
        ("Utc + 03:00", "+03:00"),
        ("UTC\u221205:00", "-05:00"),
        ("\u22125", "-05:00"),
        ("\uff0b03:30", "+03:30"),
        ("\u200e+03:00", "+03:00"),
        ("'+5", "+05:00"),
        ("'-05:00", "-05:00"),
        ("+\u06f0\u06f3:\u06f3\u06f0", "+03:30"),
        ("z", "Z"),
        ("utc", "Z"),
        ("UT", "Z"),
        ("europe/moscow", "Europe/Moscow"),
        ("EUROPE/MOSCOW", "Europe/Moscow"),
        ("America/New York", "America/New_York"),
        ("Etc/GMT+5", "Etc/GMT+5"),  # five hours west, as IANA has it
        (timedelta(hours=5, minutes=30), "+05:30"),
        (timedelta(hours=-5), "-05:00"),
        (timedelta(0), "Z"),
        (ZoneInfo("Europe/Moscow"), "Europe/Moscow"),
        (timezone(timedelta(hours=3)), "+03:00"),
        (UTC, "UTC"),
    ],
)
def test_what_has_one_meaning_is_taken_in_a_form_of_the_contract(written: object, canonical: str) -> None:
    assert canonical_gmt_zone(written) == canonical


@pytest.mark.parametrize(
    ("written", "candidates"),
    [
        ("MSK", ["Europe/Moscow"]),
        ("IST", ["Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"]),
        ("ist", ["Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"]),
        ("CST", ["America/Chicago", "Asia/Shanghai"]),
        ("BST", ["Europe/London"]),
        ("Moscow", ["Europe/Moscow"]),
        ("New York", ["America/New_York"]),
        ("Europe/Moskow", ["Europe/Moscow"]),
        ("Europe\\Moscow", ["Europe/Moscow"]),
    ],
)
def test_what_has_several_meanings_is_refused_with_those(written: str, candidates: list[str]) -> None:
    with pytest.raises(RejectedError) as error:
        canonical_gmt_zone(written)
    assert all(one in str(error.value) for one in candidates)


@pytest.mark.parametrize("nothing", [None, "", "  ", float("nan"), Decimal("sNaN"), "'", "\u200b"])
def test_left_out(nothing: object) -> None:
    assert canonical_gmt_zone(nothing) is None


@pytest.mark.parametrize(
    "written",
    [
        "3", "03:00", "3:30", "+003", "+03:3", "+03:60", "+033", "+19:00", "-18:01", "+18:00:01", "+03:30:60", "+5.5",
        "+5.30", "--5", "+-5", "UTC5", "Europe/Nowhere", "../etc/passwd", "Factory", "localtime", "MSK", "IST",
        "+03:30Z", "MSK+2", "Moscow", "(UTC+03:00) Moscow", "Russian Standard Time",
    ],
)  # fmt: skip
def test_other_forms_are_refused_with_those_allowed(written: str) -> None:
    with pytest.raises(RejectedError) as error:
        canonical_gmt_zone(written)
    assert FORMS in str(error.value)


@pytest.mark.parametrize("value", [3, 3.0, True, ["+03:00"]])
def test_values_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(RejectedError, match="give text"):
        canonical_gmt_zone(value)


@given(st.one_of(st.text(max_size=20), st.text("UTCGMZ+-:0123456789", max_size=12)))
def test_the_canonical_form_is_stable(text: str) -> None:
    try:
        zone = canonical_gmt_zone(text)
    except RejectedError:
        return
    assert canonical_gmt_zone(zone) == zone
