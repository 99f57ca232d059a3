"""One exchange as values: where a request goes, decoded, and what is answered. No sockets, and no endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import msgspec

from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.refusal import Refusal, bad_request

__all__ = ["HttpAnswer", "Target", "decoded", "error_answer", "fields_of", "json_answer"]


_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_FIELDS = 1000


@dataclass(slots=True)
class HttpAnswer:
    """What is answered.

    :param jobs: the call jobs that the request created or found, for the journal
    :param reason: why it was refused, for the journal
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    jobs: Sequence[ServedJob] = ()
    reason: str = ""


def json_answer(content: object, status: int = 200, jobs: Sequence[ServedJob] = (), reason: str = "") -> HttpAnswer:
    """Answer with JSON."""
    return HttpAnswer(status, msgspec.json.encode(content), jobs=jobs, reason=reason)


def error_answer(refusal: Refusal) -> HttpAnswer:
    """Answer with an error."""
    return json_answer(refusal.body, refusal.status, reason=str(refusal.body.get("type") or refusal.body.get("error")))


@dataclass(frozen=True, slots=True)
class Target:
    """A request's target, decoded.

    :param path: percent-encoding and all, for a slash within a part is no separator
    :param query: not yet decoded
    """

    path: str
    query: str

    @classmethod
    def of(cls, raw: str) -> Target:
        """Split the target of a request line."""
        if raw[:1] != "/" and "://" in raw:  # the absolute form, which a server must understand too
            raw = "/" + raw.partition("://")[2].partition("/")[2]
        path, _, query = raw.partition("#")[0].partition("?")
        return cls(path, query)


def decoded(text: str) -> str:
    """Decode a part of the path.

    :raises Refusal: if it is not percent-encoded UTF-8, or holds a null
    """
    if "%" not in text:
        plain = text
    elif _BAD_ESCAPE.search(text):
        raise bad_request("the address holds a % that begins no percent-encoded character: write %25")
    else:
        try:
            plain = unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise bad_request("the address holds percent-encoded characters that are not UTF-8") from None
    if "\0" in plain:
        raise bad_request("the address holds a null character")
    return plain


def fields_of(*texts: str) -> dict[str, str]:
    """Decode a query, and a form body where there is one.

    :raises Refusal: if it is not percent-encoded UTF-8, holds a null, or names one field twice
    """
    fields: dict[str, str] = {}
    for text in texts:
        if not text:
            continue
        if _BAD_ESCAPE.search(text):
            raise bad_request("the parameters hold a % that begins no percent-encoded character: write %25")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
        except UnicodeDecodeError:
            raise bad_request("the parameters hold percent-encoded characters that are not UTF-8") from None
        except ValueError:
            raise bad_request(f"there are over {_MAX_FIELDS} parameters") from None
        for name, value in pairs:
            if "\0" in value or "\0" in name:
                raise bad_request("the parameters hold a null character")
            if name in fields:
                raise bad_request("the parameters name one field twice")
            fields[name] = value
    try:
        "".join(fields.values()).encode()
        "".join(fields).encode()
    except UnicodeEncodeError:  # raw bytes in the request line, which no client should send
        raise bad_request("the parameters hold characters that are not UTF-8") from None
    return fields
