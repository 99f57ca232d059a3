"""What an answer means, on two axes never mixed: what is known of the request, and whether another try can help.

One table for all endpoints (:func:`interpret`), and one for the ways of not answering (:func:`no_response_error`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aimylogic_provider.calls_api.endpoint_table import ADD_PHONES, Endpoint
from aimylogic_provider.calls_api.errors import ApiError, Known, UnreadableError
from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.calls_api.json_values import read_json

__all__ = ["interpret", "no_response_error", "refusal_in_words"]

T = TypeVar("T")
# A long run of digits could be a phone, and parts that begin with digits a token: neither is a name.
_ERROR_TYPE = re.compile(r"(?=.{1,80}$)(?!.*[0-9]{6})[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_SHOWN_WORDS = re.compile(r"[A-Za-z_. \-]{1,80}")


@dataclass(frozen=True, slots=True)
class _Named:
    """The error that a body names.

    :param name: its ``type``; where the endpoint's errors are worded, its ``error``; empty if it is no word at all
    :param definite: whether the contract has it for this endpoint: a refusal
    :param phone: the phone that it names, if it does
    """

    name: str
    definite: bool
    phone: str | None = None

    @property
    def shown(self) -> str:
        """The name as a message may bear it: the server's own words could hold anything, a phone too."""
        return self.name if _ERROR_TYPE.fullmatch(self.name) or _SHOWN_WORDS.fullmatch(self.name) else ""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an answer without a result means.

    :param known: what is known of the request
    :param retryable: whether another try can help by itself
    :param advice: what happened and what to do, as the end of a sentence
    """

    known: Known
    retryable: bool
    advice: str


_PERMANENT = {
    NoResponseKind.CERTIFICATE: (
        "check the host, or give the authority's certificates as 'verify' in the connection's extra"
    ),
}
"""The kinds against which another try can't help, and what does."""

_REFUSALS = {
    "invalid.token": "no campaign has this token there: check the host, and copy the token again from Aimylogic "
    "(Integration → Get token)",
    "invalid.call.task.state": "the campaign is stopped and takes no numbers: start it in Aimylogic",
    "phone.bad.format": "the server doesn't take the phone for a number of its country: correct it",
    "phone.gmtZone.bad.format": "the server doesn't take the time zone: correct gmt_zone",
    "phone.duplicated": "the same phone with the same payload was added within the last 24 hours",
    "phone.not.found": "the campaign knows no such phone",
    "id.not.found": "the campaign knows no such id",
    "invalid.call.allowed.time": "the server doesn't take a policy's allowed time: correct allowed_time",
    "invalid.dialer_priority": "the server doesn't take a policy's priority: correct priority",
}
_REFUSALS_OF = {
    (ADD_PHONES.name, "phone.duplicated"): "the list bears a phone twice, so that none of it was added",
}


def refusal_in_words(named: str) -> str:
    """Return what a refusal is called, and in brackets what it means and what to do, if that is known.

    :param named: its type, as outcomes and results tables keep it
    """
    return f"{named} ({advice})" if (advice := _REFUSALS.get(named)) else named


def _judge_status(endpoint: Endpoint, status: int, error: _Named | None, *, keyed: bool) -> _Verdict:
    """Judge a status other than a readable 200.

    :param error: what the body names, if it names an error
    :param keyed: whether the request bore an idempotence key
    """
    match status:
        case 400 | 404 if error is not None and error.definite:
            if keyed and error.name in endpoint.never_with_key:
                return _Verdict(
                    Known.UNANSWERED,
                    True,
                    "the server called it a duplicate, which it never does when it sees an idempotence key: "
                    "something on the way removes the header Idempotence-Key (a proxy?)",
                )
            advice = _REFUSALS_OF.get((endpoint.name, error.name)) or _REFUSALS.get(error.name, "the server refused it")
            return _Verdict(Known.REFUSED, False, advice)
        case 413:
            return _Verdict(
                Known.REFUSED,
                False,
                "the request is too large for the server: shorten the payload, or send fewer numbers at once",
            )
        case 401 | 403:
            return _Verdict(
                Known.UNANSWERED,
                False,
                "access was denied, though the token in the URL is all that the API asks for: check the host, and "
                "what stands between (a proxy, a firewall)",
            )
        case _ if 300 <= status <= 399:
            return _Verdict(
                Known.UNANSWERED,
                False,
                "the server sent a redirect, which is not followed, for the token would go elsewhere: set the "
                "connection's host to the final address",
            )
        case 408 | 425 | 429:
            return _Verdict(Known.UNANSWERED, True, "the server asks for patience")
        case _ if status >= 500:
            return _Verdict(Known.UNANSWERED, True, "the server, or something before it, failed")
        case 200:
            return _Verdict(Known.UNANSWERED, True, "the body is not what the Calls API answers")
        case _:
            return _Verdict(Known.UNANSWERED, True, "the Calls API has no such answer (is the host right?)")


def _nothing(text: str) -> bool:
    return False


def interpret(request: Request[T], response: Response, is_secret: Callable[[str], bool] = _nothing) -> T:
    """Return the result that *response* bears.

    :param is_secret: whether a text of the server's must not be told, as one that throws the URL back
    :raises ApiError: with what is known, if it bears none
    """
    endpoint = request.endpoint
    reason = ""
    if response.status == 200:
        try:
            return request.read(response.body)
        except UnreadableError as unreadable:
            reason = f" ({unreadable})"
    error = _error(endpoint, response)
    verdict = _judge_status(endpoint, response.status, error, keyed=request.key is not None)
    name = None if error is None or is_secret(error.name) else error.name
    named = f" {error.shown}" if error and name and error.shown else ""
    raise ApiError(
        f"{endpoint.name} was answered with {response.status}{named}{reason}: {verdict.advice}",
        known=verdict.known,
        retryable=verdict.retryable,
        status=response.status,
        type=name,
        phone=error.phone if error else None,
        retry_after=response.retry_after,
        date=response.date,
    )


def no_response_error(request: Request[T], no_response: NoResponse, where: str) -> ApiError:
    """Return the error for a request to the host *where* that got no answer: it may or may not have taken effect."""
    advice = _PERMANENT.get(no_response.kind)
    return ApiError(
        f"{request.endpoint.name} at {where}: {no_response}" + (f": {advice}" if advice else ""),
        known=Known.UNANSWERED,
        retryable=advice is None,
        is_too_large=no_response.kind is NoResponseKind.TOO_LARGE,
    )


def _error(endpoint: Endpoint, response: Response) -> _Named | None:
    """The error that a body names: by its ``type``, a short dotted word; where the endpoint has such, in any words."""
    if response.status < 400:
        return None
    try:
        content = read_json(response.body)
    except UnreadableError:
        return None
    if not isinstance(content, dict):
        return None
    error, message = content.get("error"), content.get("message")
    if response.status in endpoint.worded_refusals and isinstance(error, str) and (error or isinstance(message, str)):
        return _Named(error, definite=True)
    name, phone = content.get("type"), content.get("phone")
    if not isinstance(name, str):
        return None
    of_any_type = response.status in endpoint.typed_refusals and isinstance(message, str)
    if not _ERROR_TYPE.fullmatch(name):
        if not of_any_type:
            return None
        name = ""
    definite = of_any_type or (response.status, name) in endpoint.refusals
    return _Named(name, definite, phone if isinstance(phone, str) else None)
