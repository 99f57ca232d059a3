"""Whether a column of consent says that a person agreed: evidence does; what is empty, or a no, doesn't."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aimylogic_provider.calls_api.calls.consent import NoConsentError, has_consent


@pytest.mark.parametrize(
    "value",
    [
        None, False, 0, 0.0, Decimal(0), float("nan"), Decimal("NaN"), "", "  ", "\u00a0", "false", "False", "F", "no",
        "N", "off", "0", "0.0", "00", "нет", "Нет.", "ложь", "none", "NULL", "n/a", "NaT", "-", "—", "?", "'0'", b"",
        b"\0", b"0", b"no", [], {}, timedelta(0), "0000-00-00",
        "0000-00-00 00:00:00", "Нет!", "{NULL}", "[null]", [None], ["", "no"], (0,),
    ],
)  # fmt: skip
def test_no_consent(value: object) -> None:
    assert not has_consent(value)


@pytest.mark.parametrize(
    "value",
    [
        True, 1, 1.0, Decimal("0.5"), "yes", "да", "t", "y", "on", "1", "2024-05-12", "№ 17/2", "договор 12", b"\1",
        b"1", date(2024, 5, 12), datetime(2024, 5, 12, tzinfo=UTC), ["signed"], [None, "signed"], "nope.pdf",
        "0000-00-01", "(17)", "0017",
    ],
)  # fmt: skip
def test_evidence(value: object) -> None:
    assert has_consent(value)


def test_what_is_told_of_a_row_without() -> None:
    assert str(NoConsentError("agreed", None)).startswith("no consent: 'agreed' is empty")
    assert str(NoConsentError("agreed", "no")).startswith("no consent: 'agreed' says no")
