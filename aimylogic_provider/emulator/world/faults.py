"""A fault to order: what a rule matches, when it strikes, what it does, how often; and what no rule may say.

Which of the rules strikes a request stands in ``fault_list``, what it does to an exchange in ``http.fault_effects``: to
add a phase or an action, begin here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS, BodyKind, Commits, PhonePlace, ResultKind
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.emulator.world.phones import server_phone

__all__ = ["POSSIBLE", "Fault", "FaultAction", "FaultError", "Phase"]


class FaultError(ValueError):
    """A rule that can't be, or could never strike: says why."""


class Phase(StrEnum):
    """When a fault strikes."""

    BEFORE_READ = "before_read"
    """The request's head has come; its body has not been read."""
    BEFORE_COMMIT = "before_commit"
    """The request was read, and nothing was changed."""
    AFTER_COMMIT = "after_commit"
    """The request took effect (it was not refused), and nothing of its answer has been sent."""
    IN_BODY = "in_body"
    """It took effect, and its answer has been sent to the middle of the body."""
    IN_PART = "in_part"
    """Of an addPhones some numbers were added, and nothing of its answer has been sent."""
    COMMITTED_LATE = "committed_late"
    """The fault comes first, and the request takes effect afterwards: after the client gave up."""


class FaultAction(StrEnum):
    """What a fault does."""

    RESET = "reset"
    """Break the connection off."""
    CLOSE = "close"
    """Close the connection."""
    DELAY = "delay"
    """Go on, only later."""
    DRIP = "drip"
    """Send the body byte by byte."""
    STATUS = "status"
    """Answer with a status, with headers and a body if wanted."""
    GARBAGE = "garbage"
    """Answer with bytes that mean nothing."""
    TRUNCATED = "truncated"
    """Answer with the first half of the body, as if it were all."""
    HTML = "html"
    """Answer with a page of HTML, as a proxy or a login page does."""
    REDIRECT = "redirect"
    """Answer with a redirect."""
    WRONG_CONTENT_TYPE = "wrong_content_type"
    """Answer rightly, but call it something else."""
    NO_DATE = "no_date"
    """Answer rightly, but without the header ``Date``."""


_BREAKS = {FaultAction.RESET, FaultAction.CLOSE, FaultAction.DELAY}
_INSTEAD = {FaultAction.STATUS, FaultAction.GARBAGE, FaultAction.HTML, FaultAction.REDIRECT}
_CHANGES = {FaultAction.DRIP, FaultAction.TRUNCATED, FaultAction.WRONG_CONTENT_TYPE, FaultAction.NO_DATE}
POSSIBLE = {
    Phase.BEFORE_READ: _BREAKS | _INSTEAD,
    Phase.BEFORE_COMMIT: _BREAKS | _INSTEAD,
    Phase.AFTER_COMMIT: _BREAKS | _INSTEAD | _CHANGES,
    Phase.IN_BODY: _BREAKS | {FaultAction.DRIP, FaultAction.GARBAGE},
    Phase.IN_PART: _BREAKS | _INSTEAD,
    Phase.COMMITTED_LATE: _BREAKS | _INSTEAD,
}
_STATUS = {FaultAction.STATUS: 503, FaultAction.GARBAGE: 200, FaultAction.HTML: 200, FaultAction.REDIRECT: 302}
_BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_DEEPEST = 100

Positive = Annotated[int, Meta(ge=1, le=2**31)]
RealSeconds = Annotated[float, Meta(ge=0, le=86400)]


class Fault(Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule.

    What it matches; all that is given must hold:

    :param path: the endpoint's name, which is the path behind the token, as in ``addPhone`` or ``callJob/getReport``;
        ``campaign`` for the campaign itself; empty for every one
    :param method: the request's method; empty for every method
    :param phone: a number that the request bears; empty for every one
    :param key: the idempotence key that it bears; empty for every one
    :param nth: only the n-th of the requests that match, counted from 1
    :param every: every n-th of them
    :param probability: so many of them, drawn by *seed*

    What it does:

    :param status: of ``status`` (503), ``garbage`` and ``html`` (200), ``redirect`` (302)
    :param headers: of an answer that it gives itself, as in ``Retry-After`` and ``Location``
    :param body: JSON body of ``status``
    :param seconds: real seconds: how long ``delay`` and ``drip`` take, and how long the others wait before they strike
    :param commit_after: real seconds between a fault of phase ``committed_late`` and its request's taking effect
    :param places: which numbers are added by a fault of phase ``in_part``, by their place in the list, from 1 (the
        first one)
    :param times: how many requests it strikes, null for all; 1 if left out, but null with *every* or *probability*

    What the server tells of it:

    :param id: the rule's number
    :param seen: how many requests matched, struck or not
    :param hits: how many it struck
    """

    phase: Phase
    action: FaultAction
    path: str = ""
    method: str = ""
    phone: str = ""
    key: str = ""
    nth: Positive | None = None
    every: Positive | None = None
    probability: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: int = 0
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[str, str] = {}
    body: Any = None
    seconds: RealSeconds | None = None
    commit_after: RealSeconds | None = None
    places: list[Positive] = []
    times: Positive | UnsetType | None = UNSET
    id: int = 0
    seen: int = 0
    hits: int = 0

    def settled(self, number: int) -> Fault:
        """Return the rule as it will be followed: numbered, and with its defaults.

        :raises FaultError: if it could never strike, or says what its action has no use for
        """
        if self.seen or self.hits or self.id:
            raise FaultError("id, seen and hits are the server's to say: leave them out")
        self.path = self.path.lstrip("/")
        self.method = self.method.upper()
        self.phone = _phone(self.phone)
        for reason in (*self._never_strikes(), *self._useless()):
            raise FaultError(reason)
        self.id = number
        if self.times is UNSET:
            self.times = None if self.every or self.probability else 1
        self.status = self.status or _STATUS.get(self.action)
        self.seconds = self.seconds or 0.0
        if self.phase is Phase.COMMITTED_LATE and self.commit_after is None:
            self.commit_after = 0.1
        if self.phase is Phase.IN_PART:
            self.places = sorted({*self.places}) or [1]
        return self

    def needs_body(self) -> bool:
        """Whether it strikes only answers that have a body."""
        return self.phase is Phase.IN_BODY or self.action in (FaultAction.TRUNCATED, FaultAction.DRIP)

    def _never_strikes(self) -> Iterable[str]:
        endpoint = _BY_NAME.get(self.path)
        if self.path and endpoint is None:
            named = f"path {self.path!r}" if len(self.path) < 40 and "campaign/" not in self.path else "path"
            yield f"{named} matches no endpoint: use one of {', '.join(_BY_NAME)}"
        methods = endpoint.methods if endpoint else {method for one in ENDPOINTS for method in one.methods}
        if self.method and self.method not in methods:
            named = f"method {self.method!r}" if self.method.isalpha() else "method"
            yield f"{named} never comes to {self.path or 'any endpoint'}: use {' or '.join(methods)}"
        if self.action not in POSSIBLE[self.phase]:
            able = ", ".join(sorted(POSSIBLE[self.phase]))
            yield f"action {self.action.value!r} has no meaning in phase {self.phase.value!r}: use one of {able}"
        if endpoint and self.phase is Phase.COMMITTED_LATE and endpoint.commits is Commits.NOTHING:
            yield f"path {self.path!r} changes nothing, so nothing can be committed late"
        if endpoint and self.phase is Phase.IN_PART and endpoint.body is not BodyKind.CALLS:
            yield f"path {self.path!r} adds no list, so it can't be added in part"
        if endpoint and self.needs_body() and endpoint.result is ResultKind.NOTHING:
            yield f"path {self.path!r} is answered without a body, so nothing can strike it"
        if endpoint and self.phone and endpoint.phone is PhonePlace.NOWHERE:
            yield f"path {self.path!r} bears no phone: leave phone out"
        if endpoint and self.phone and self.phase is Phase.BEFORE_READ and endpoint.phone is not PhonePlace.FIELDS:
            yield "the phone stands in the body, which is not read in phase 'before_read'"
        if endpoint and self.key and not endpoint.takes_key:
            yield f"path {self.path!r} takes no idempotence key: leave key out"

    def _useless(self) -> Iterable[str]:
        if sum(chosen is not None for chosen in (self.nth, self.every, self.probability)) > 1:
            yield "nth, every and probability exclude each other: give one"
        if self.nth and self.times not in (UNSET, 1):
            yield "the n-th request comes once: leave times out, or use every"
        action = f"action {self.action.value!r}"
        if self.action not in _STATUS and (self.status is not None or self.headers):
            yield f"{action} gives no answer of its own: leave status and headers out"
        if self.body is not None and self.action is not FaultAction.STATUS:
            yield f"{action} has no use for body"
        if _is_deep(self.body):
            yield f"body nests more than {_DEEPEST} deep"
        if self.action is FaultAction.REDIRECT and self.status is not None and not 300 <= self.status <= 399:
            yield f"status {self.status} isn't a redirect: use 300 to 399"
        if not all(_is_header(name, value) for name, value in self.headers.items()):
            yield "headers are tokens and printable ASCII text, and the connection's own are not for rules to set"
        if self.action in (FaultAction.DELAY, FaultAction.DRIP) and not self.seconds:
            yield f"{action} needs seconds, more than 0"
        if self.commit_after is not None and self.phase is not Phase.COMMITTED_LATE:
            yield "commit_after is for phase 'committed_late' alone"
        if self.places and self.phase is not Phase.IN_PART:
            yield "places are for phase 'in_part' alone"


def _is_deep(content: object) -> bool:
    level = [content]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _phone(text: str) -> str:
    if not text:
        return ""
    try:
        return server_phone(text)
    except RejectedError:
        raise FaultError("phone isn't a number with a country code, so no request that is served bears it") from None


def _is_header(name: str, value: str) -> bool:
    reserved = name.lower() in ("content-length", "transfer-encoding", "connection", "date")
    token = bool(name) and name.isascii() and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name)
    return token and not reserved and value.isascii() and value.isprintable()
