"""A request of the Calls API, read as far as it can be: its endpoint, key, phones and parameters.

Faults match by it, and the routes answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aimylogic_provider.calls_api.endpoint_table import (
    ENDPOINTS,
    KEY_HEADER,
    OLDER_ADD_PHONE,
    BodyKind,
    Commits,
    Endpoint,
    PhonePlace,
)
from aimylogic_provider.calls_api.phones.phone import mask_phone
from aimylogic_provider.emulator.http.exchange import Target, fields_of
from aimylogic_provider.emulator.http.request_bodies import Item, Which, read_body
from aimylogic_provider.emulator.world.journal import UNKNOWN_PATH
from aimylogic_provider.emulator.world.phones import canonical_if_phone
from aimylogic_provider.emulator.world.refusal import Refusal, bad_request

__all__ = ["ApiRequest", "Destination", "locate"]

_FORM = "application/x-www-form-urlencoded"


class Destination(NamedTuple):
    """Where a request goes: the endpoint, None for none, and the token, still percent-encoded."""

    endpoint: Endpoint | None
    token: str


@dataclass(slots=True)
class ApiRequest:
    """A request, read.

    :param header_key: the header ``Idempotence-Key``
    :param content_type: without its parameters, in lower case
    """

    method: str
    destination: Destination
    target: Target
    header_key: str | None
    content_type: str
    body: bytes = b""
    places: frozenset[int] | None = None
    """Of an addPhones, which numbers are added though all were asked for, by their place from 1; None for all."""
    _fields: dict[str, str] | None = None
    _phones: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return UNKNOWN_PATH if self.destination.endpoint is None else self.destination.endpoint.name

    def commits(self) -> bool:
        """Whether it can change something."""
        endpoint = self.destination.endpoint
        return endpoint is not None and endpoint.commits is not Commits.NOTHING

    def bears_calls(self) -> bool:
        """Whether it bears a list of calls."""
        return self.destination.endpoint is not None and self.destination.endpoint.body is BodyKind.CALLS

    def take(self, body: bytes) -> None:
        """Take in the body, in which there may be more parameters than are known without it."""
        self.body, self._fields, self._phones = body, None, None

    def fields(self) -> dict[str, str]:
        """The parameters of the query, and of a form body where there is one.

        :raises Refusal: if they can't be read
        """
        if self._fields is None:
            self._fields = fields_of(self.target.query, self._form())
        return self._fields

    def key(self) -> str | None:
        """The idempotence key: the header's; for GET also the query's."""
        if self.header_key or self.method != "GET":
            return self.header_key or None
        try:
            return self.fields().get(KEY_HEADER) or None
        except Refusal:
            return None

    def phones(self) -> frozenset[str]:
        """The phones (canonical) that it bears, as far as it can be read."""
        if self._phones is None:
            self._phones = frozenset(self._read_phones())
        return self._phones

    def _read_phones(self) -> Iterable[str]:
        try:
            if self.bears_calls():
                return [canonical_if_phone(str(item.phone)) for item in read_body(self.body, list[Item])]
            if self._has_phone_field():
                return [canonical_if_phone(self.fields().get("phone", ""))]
            return [canonical_if_phone(phone) for phone in read_body(self.body, Which).selected[0]] if self.body else ()
        except Refusal:
            return ()

    def masked_phone(self) -> str:
        """The phone of addPhone, as it may be shown."""
        try:
            phone = self.fields().get("phone") if self._has_phone_field() else None
        except Refusal:
            phone = None
        return mask_phone(phone) if phone else ""

    def _has_phone_field(self) -> bool:
        return self.destination.endpoint is not None and self.destination.endpoint.phone is PhonePlace.FIELDS

    def _form(self) -> str:
        if not self.body:
            return ""
        if self.method != "POST" or self.content_type != _FORM:
            raise bad_request(f"there is a body, which is read for POST as {_FORM} alone", 415)
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise bad_request("the body is not UTF-8") from None


_BY_PATH = {
    (prefix, suffix.lstrip("/")): endpoint
    for endpoint in (*ENDPOINTS, OLDER_ADD_PHONE)
    for prefix, _, suffix in [endpoint.path.partition("{token}")]
}
_PREFIXES = tuple({prefix for prefix, _ in _BY_PATH})


def locate(target: Target) -> Destination:
    """Find out where a request goes."""
    for prefix in _PREFIXES:
        if target.path.startswith(prefix):
            token, _, suffix = target.path[len(prefix) :].partition("/")
            endpoint = _BY_PATH.get((prefix, suffix)) if token else None
            if endpoint is not None and not target.path.endswith("/"):
                return Destination(endpoint, token)
    return Destination(None, "")
