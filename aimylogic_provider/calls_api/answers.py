"""What an answer means, on two axes never mixed: what is known of the request, and whether another try can help.

One table for all endpoints (:func:`interpret`), and one for the ways of not answering (:func:`silent`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from aimylogic_provider.calls_api.errors import ApiError, Known, UnreadableError
from aimylogic_provider.calls_api.values import read_json
from aimylogic_provider.calls_api.wire import Endpoint, NoResponse, Request, Response, Silence

__all__ = ["interpret", "silent"]

T = TypeVar("T")
_ERROR_TYPE = re.compile(r"[A-Za-z0-9_.]{1,80}")


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


_PERMANENT_SILENCE = {
    Silence.CERTIFICATE: "check the host, or give the authority's certificates as 'verify' in the connection's extra"
}

_REFUSALS = {
    "invalid.token": "no campaign has this token there: check the host, and copy the token again from Aimylogic "
    "(Integration → Get token)",
    "invalid.call.task.state": "the campaign is stopped and takes no numbers: start it in Aimylogic",
    "phone.bad.format": "the server doesn't take the phone for a number of its country: correct it",
    "phone.gmtZone.bad.format": "the server doesn't take the time zone: correct gmt_zone",
    "phone.duplicated": "the same phone with the same payload was added within the last 24 hours",
    "phone.not.found": "the campaign knows no such phone",
    "id.not.found": "the campaign knows no such id",
}


def _judge_status(endpoint: Endpoint[T], status: int, error_type: str | None, *, keyed: bool) -> _Verdict:
    """Judge a status other than a readable 200.

    :param error_type: the ``type`` that the body names, if it is an error of the contract
    :param keyed: whether the request bore an idempotence key
    """
    match status:
        case 400 | 404 if error_type is not None and (status, error_type) in endpoint.refusals:
            if error_type == "phone.duplicated" and keyed:
                return _Verdict(
                    Known.UNANSWERED,
                    True,
                    "the server called it a duplicate, which it never does when it sees an idempotence key: "
                    "something on the way removes the header Idempotence-Key (a proxy?)",
                )
            return _Verdict(Known.REFUSED, False, _REFUSALS.get(error_type, f"the server refused it: {error_type}"))
        case 413:
            return _Verdict(Known.REFUSED, False, "the request is too large for the server: shorten the payload")
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


def interpret(request: Request[T], response: Response) -> T:
    """Return the result that *response* bears.

    :raises ApiError: with what is known, if it bears none
    """
    endpoint = request.endpoint
    reason = ""
    if response.status == 200:
        try:
            return endpoint.parse(response.body)
        except UnreadableError as error:
            reason = f" ({error})"
    error_type, phone = _error(response)
    verdict = _judge_status(endpoint, response.status, error_type, keyed=request.key is not None)
    named = f" {error_type}" if error_type else ""
    raise ApiError(
        f"{endpoint.name} was answered with {response.status}{named}{reason}: {verdict.advice}",
        known=verdict.known,
        retryable=verdict.retryable,
        status=response.status,
        type=error_type,
        phone=phone,
        retry_after=response.retry_after,
        date=response.date,
    )


def silent(request: Request[T], no_response: NoResponse, where: str) -> ApiError:
    """Return the error for a request to the host *where* that got no answer: it may or may not have taken effect."""
    advice = _PERMANENT_SILENCE.get(no_response.silence)
    return ApiError(
        f"{request.endpoint.name} at {where}: {no_response}" + (f": {advice}" if advice else ""),
        known=Known.UNANSWERED,
        retryable=advice is None,
    )


def _error(response: Response) -> tuple[str | None, str | None]:
    """The ``type`` of an error body, if it looks like the contract's (a short dotted word), and its ``phone``."""
    if response.status < 400:
        return None, None
    try:
        content = read_json(response.body)
    except UnreadableError:
        return None, None
    if not isinstance(content, dict):
        return None, None
    error_type, phone = content.get("type"), content.get("phone")
    if not isinstance(error_type, str) or not _ERROR_TYPE.fullmatch(error_type):
        return None, None
    return error_type, phone if isinstance(phone, str) else None
