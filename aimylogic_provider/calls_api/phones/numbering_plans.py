"""Numbering plans, derived from libphonenumber's own metadata, so that most numbers are read without parsing them.

Many times faster than ``phonenumbers``' parser, and never another answer: whatever could be read in another way, could
bear a prefix, or is unusual in any way, is told as not known here, and is left to that parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.phones.former_numbers import OLD_FORMS
from aimylogic_provider.calls_api.phones.phone_text import CUT_OFF

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata, PhoneNumberDesc

__all__ = ["NationalPlan", "Plan", "in_use", "international", "main_region", "national", "national_plan", "plan_of"]


def international(text: str) -> str | None:
    """Return the canonical form of digits, with or without a plus, if it can be told without parsing; else None.

    Digits without a plus are told if they are in use, and those behind one if they are possible.
    """
    if text.isdigit() and text.isascii():
        plan = _plans[text[:3]]
        return text if plan is not None and plan.in_use(text) else None
    digits = text[1:]
    if text[:1] != "+" or not (digits.isdigit() and digits.isascii()):
        return None
    plan = _plans[digits[:3]]
    if plan is None:
        return None
    # Behind a plus, by the quicker of the two.
    if len(digits) in plan.lengths and not plan.doubtful(digits, plan.code_length):
        return digits
    return digits if plan.in_use(digits) else None


def in_use(digits: str) -> bool:
    """Whether digits with a country code surely are a number in use; if not, it isn't known here."""
    plan = _plans[digits[:3]]
    return plan is not None and plan.in_use(digits) is not None


def main_region(digits: str) -> str | None:
    """The two-letter code of the first of the countries that share the country code of some digits."""
    plan = _plans[digits[:3]]
    return None if plan is None else plan.region


def plan_of(digits: str) -> Plan | None:
    """What is known of the country code that some digits begin with; None if they begin with none."""
    return _plans[digits[:3]]


def national(digits: str, region: str) -> str | None:
    """Return the canonical form of the digits of a national number, if that is their only reading; else None.

    :param region: one that has phone numbers, in capitals
    """
    plan = national_plan(region)
    if plan is None or plan.leads_abroad(digits) or digits.startswith(plan.code):
        return None
    other = _plans[digits[:3]]
    if other is not None and (len(digits) in other.lengths or other.doubtful(digits, other.code_length)):
        return None  # it could be a number with its country code
    if plan.prefix and digits.startswith(plan.prefix):
        number = plan.code + digits[len(plan.prefix) :]
    elif plan.doubtful(digits):
        return None
    else:
        number = plan.code + digits
    return number if plan.in_use(number) and digits not in CUT_OFF else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be known of a country code to read its plain numbers.

    :param region: the first that has it
    :param lengths: of its numbers, the country code included
    :param doubtful: matches in a number, from the country code's end, what may be a national prefix, or an old form
    :param in_use: matches numbers, country code included, that are in use in its main region and bear no such prefix
    :param told_by: how many first digits, at most, tell whether it is doubtful; 0 if they don't
    """

    region: str
    code_length: int
    lengths: frozenset[int]
    doubtful: Callable[[str, int], object]
    in_use: Callable[[str], object]
    told_by: int


@dataclass(frozen=True, slots=True)
class NationalPlan:
    """What must be known of a region to read its national numbers.

    :param prefix: what all its national numbers may begin with, if it is plain digits
    :param doubtful: matches at a number's start what may be any other national prefix
    :param leads_abroad: matches at a number's start what is dialled for another country
    :param in_use: matches numbers in use, country code included
    """

    code: str
    prefix: str
    doubtful: Callable[[str], object]
    leads_abroad: Callable[[str], re.Match[str] | None]
    in_use: Callable[[str], object]


class _Plans(dict[str, Plan | None]):
    """Plans by the first three digits of a number, each looked up once: all at once take a tenth of a second."""

    def __missing__(self, start: str) -> Plan | None:
        plan = self[start] = _plan(start)
        return plan


_plans = _Plans()


def _plan(start: str) -> Plan | None:
    """The plan of the country code that *start* begins with. No code is the beginning of another."""
    import phonenumbers

    for length in range(1, len(start) + 1):
        code = int(start[:length])
        if start[0] != "0" and (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)):
            break
    else:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    possible = {*metadata.general_desc.possible_length} - {*metadata.general_desc.possible_length_local_only}
    prefixes = [*filter(None, (metadata.national_prefix_for_parsing, OLD_FORMS.get(start[:length], ("",))[0]))]
    prefix = "|".join(f"(?:{one})" for one in prefixes)
    return Plan(
        region=regions[0],
        code_length=length,
        lengths=frozenset(length + rest for rest in possible),
        doubtful=re.compile(prefix).match if prefix else _no_match,
        in_use=re.compile(_in_use(start[:length], metadata)).fullmatch,
        told_by=length + max(map(len, prefixes), default=0) if all(map(str.isdigit, prefixes)) else 0,
    )


@cache
def national_plan(region: str) -> NationalPlan | None:
    """What is known of a region.

    :param region: one that has phone numbers, in capitals
    """
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return None
    code = f"{metadata.country_code}"
    prefix = metadata.national_prefix_for_parsing or ""
    plain = prefix.isdigit() and not metadata.national_prefix_transform_rule
    return NationalPlan(
        code=code,
        prefix=prefix if plain else "",
        doubtful=re.compile(prefix).match if prefix and not plain else _no_match,
        leads_abroad=re.compile(metadata.international_prefix).match if metadata.international_prefix else _no_match,
        in_use=re.compile(_in_use(code, metadata)).fullmatch,
    )


def _in_use(code: str, region: PhoneMetadata) -> str:
    """A pattern of the numbers that ``phonenumbers`` calls valid: each is one in general, and of a kind besides.

    Of one region alone, and of those without leading zeros, which are told apart by parsing alone.
    """
    kinds = (
        region.mobile, region.fixed_line, region.toll_free, region.premium_rate, region.shared_cost, region.voip,
        region.personal_number, region.pager, region.uan, region.voicemail,
    )  # fmt: skip
    patterns = [pattern for kind in kinds if kind is not None and (pattern := _of_kind(kind))]
    general = None if region.general_desc is None else _of_kind(region.general_desc)
    if not patterns or general is None:
        return r"(?!)"  # matches nothing
    prefix = f"(?!{region.national_prefix_for_parsing})" if region.national_prefix_for_parsing else ""
    leading = f"(?={region.leading_digits})" if region.leading_digits else ""
    return rf"{code}(?!0){prefix}{leading}(?={general}\Z)(?:{'|'.join(patterns)})"


def _of_kind(kind: PhoneNumberDesc) -> str | None:
    """A pattern of the numbers of a kind, without the country code."""
    if not kind.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length)
    return (f"(?={lengths})" if lengths else "") + f"(?:{kind.national_number_pattern})"


def _no_match(*_: object) -> None:
    return None
