"""Forms of numbers that were given up, and are still written: what such a number is written as today.

Where libphonenumber brings a form to today's by itself, it isn't here. Which digits are added or left out is for people
to look up, not for us to guess.
"""

from __future__ import annotations

import re

__all__ = ["OLD_FORMS", "today"]

OLD_FORMS = {
    "52": (r"(?:1|01|044|045)[2-9][0-9]{9}", "Behind +52 come ten digits, without a 1, 01, 044 or 045 before them"),
    "54": (r"90?[0-9]{2,4}15[0-9]{6,8}", "Behind +54 9 come the area code and the number alone, without a 15 between"),
    "55": (r"[1-9][1-9][689][0-9]{7}", "Mobile numbers got a 9 behind the area code"),
    "84": (
        r"(?:12[0-9]|16[2-9]|18[68]|199)[0-9]{7}",
        "Mobile numbers lost a digit in 2018, as in 120, which became 70",
    ),
    "225": (r"[0-9]{8}", "Numbers got two digits before them in 2021, as in 07"),
    "229": (r"[0-9]{8}", "Numbers got 01 before them in 2024"),
}
"""By country code: a pattern of what comes behind it, and what is said of it."""


def today(digits: str) -> str | None:
    """What is to be said of digits with a country code, if they are in a form of former days; else None."""
    for code, (pattern, words) in OLD_FORMS.items():
        if digits.startswith(code) and re.fullmatch(pattern, digits[len(code) :]):
            return words
    return None
