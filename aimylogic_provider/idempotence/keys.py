"""Identity: the idempotence key of a call, and the digests by which records are compared.

All are SHA-256 over length-prefixed fields, so that no two lists of fields give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aimylogic_provider.calls_api.address import CampaignAddress
from aimylogic_provider.calls_api.calls.call import Call

if TYPE_CHECKING:
    from _hashlib import HASH

__all__ = [
    "KEY_SCHEME",
    "Intent",
    "Notice",
    "Parameters",
    "as_uuid",
    "begun_digest",
    "campaign_digest",
    "digest",
    "digest_after",
    "phone_digest",
    "renewed_key",
]

KEY_SCHEME = "1"
"""The version of a call's recipe. A record keeps the key that it was made with, so a change here spares calls begun.

A call list keeps none of its keys: they go by its format instead.
"""


def digest(*fields: str) -> bytes:
    """Return the SHA-256 of *fields*, each with its length in bytes before it."""
    return begun_digest(*fields).digest()


def begun_digest(*fields: str) -> HASH:
    """Return the SHA-256 of what many lists of fields begin with, for :func:`digest_after`."""
    state = hashlib.sha256()
    for field in fields:
        encoded = field.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "big") + encoded)
    return state


def digest_after(begun: HASH, *fields: str) -> bytes:
    """Return the SHA-256 of the fields of *begun* and of *fields*: the same as of all of them at once."""
    state = begun.copy()
    for field in fields:
        encoded = field.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "big") + encoded)
    return state.digest()


def _short(*fields: str) -> str:
    return digest(*fields).hex()[:32]


def as_uuid(content: bytes) -> str:
    """Return the first 16 bytes as a UUID of version 8, which is for such uses."""
    number = bytearray(content[:16])
    number[6] = number[6] & 0x0F | 0x80
    number[8] = number[8] & 0x3F | 0x80
    text = number.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def renewed_key(key: str, asked: float) -> str:
    """Return the key that follows *key* when a person who was asked at that moment says to send again.

    Without a record the same question may be answered twice: then both answers have one key.
    """
    return as_uuid(digest("renewed", key, repr(asked)))


def campaign_digest(address: CampaignAddress) -> str:
    """Return what tells campaigns apart without telling the token."""
    return _short("campaign", address.base_url, address.token)


def phone_digest(phone: str) -> str:
    """Return what tells phones apart in records, without telling them."""
    return _short("phone", phone)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Digests of what may not change once a job exists: campaign, test flag, payload and zone."""

    campaign: str
    test_call: bool
    payload: str
    gmt_zone: str


@dataclass(frozen=True)
class Intent:
    """One intended call of one task in one DAG run: what its key is made of.

    :param call_again: changing it is the one deliberate way to have the same run call the same person again
    :param mapped: whether the task is mapped over a list, where payload and zone are part of the identity
    :param iteration: which one of its loop's the task is in, from 0; None outside of a loop. The same person in two
        iterations is two intended calls
    """

    dag_id: str
    run_id: str
    task_id: str
    campaign: str
    call: Call
    test_call: bool = False
    call_again: str = ""
    mapped: bool = False
    iteration: int | None = None

    @cached_property
    def key(self) -> str:
        """The idempotence key, as a UUID. Holds no try number, no map index and no region's id, on purpose."""
        fields = (
            # Outside of loops, as before there were any.
            *((KEY_SCHEME,) if self.iteration is None else (f"{KEY_SCHEME}, in a loop", str(self.iteration))),
            self.dag_id,
            self.run_id,
            self.task_id,
            self.call_again,
            self.campaign,
            "test" if self.test_call else "real",
            self.call.phone,
            self.call.gmt_zone or "",
            *(text for pair in self.call.payload for text in pair),
        )
        return as_uuid(digest(*fields))

    @cached_property
    def parameters(self) -> Parameters:
        """The digests that a record keeps of this call."""
        return Parameters(
            campaign=self.campaign,
            test_call=self.test_call,
            payload=_short("payload", *(text for pair in self.call.payload for text in pair)),
            gmt_zone=_short("gmt_zone", self.call.gmt_zone or ""),
        )

    @cached_property
    def person(self) -> str:
        """A digest of the person who is to be called, and how often on purpose."""
        return _short("person", self.call.phone, self.call_again)

    @cached_property
    def phone_digest(self) -> str:
        """A digest of the phone alone: records that bear the same may own the same job."""
        return phone_digest(self.call.phone)

    @property
    def reference(self) -> str:
        """What tells calls of one task apart in a question to a person, without telling the phone."""
        return _short("reference", self.campaign, "test" if self.test_call else "real", self.record_name)[:8]

    @cached_property
    def record_name(self) -> str:
        """The name of this call's record within its task's entry."""
        if not self.mapped:
            return self.person
        return _short("mapped", self.person, self.parameters.payload, self.parameters.gmt_zone)


@dataclass(frozen=True, slots=True)
class Notice:
    """One intended call that tells a person what happened to a DAG run: what its key is made of.

    No record is kept of it: whoever tells the same thing anew, wherever that is, makes the same key.

    :param about: what happened, and to what, in fields that are the same however often it is told
    :param phone: digits with country code
    """

    dag_id: str
    run_id: str
    about: tuple[str, ...]
    campaign: str
    phone: str = dataclasses.field(repr=False)
    test_call: bool = False

    @property
    def key(self) -> str:
        """The idempotence key, as a UUID. Holds no payload, on purpose: no person is rung twice over other words."""
        test = "test" if self.test_call else "real"
        return as_uuid(digest("notice, 1", self.dag_id, self.run_id, self.campaign, test, self.phone, *self.about))
