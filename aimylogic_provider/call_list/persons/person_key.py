"""The keyed hash that stands for a person: it can't be undone, nor be guessed by going through all phones.

It is an HMAC-SHA256 of the phone's digits. Its key is derived from a secret of the installation's, which is used for
nothing else in this form. Where the secret comes from is for others to say.
"""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["PersonKey"]

_SCHEME = b"airflow-provider-aimylogic, persons, 1"


class PersonKey:
    """Makes hashes of phones.

    :param secret: of which the key is derived; never shown
    """

    __slots__ = ("_key", "fingerprint")

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode("utf-8", "surrogatepass"), _SCHEME, hashlib.sha256)
        self.fingerprint: str = self._hash(b"fingerprint:")[:16]
        """What tells this key from others, and nothing of it."""

    def person(self, phone: str) -> str:
        """The hash that stands for a phone, of 32 hexadecimal digits.

        :param phone: digits with country code
        """
        return self._hash(b"phone:" + phone.encode())[:32]

    def _hash(self, what: bytes) -> str:
        return hmac.digest(self._key, what, "sha256").hex()
