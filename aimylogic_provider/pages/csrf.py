"""What a page bears and its requests bring back, so that no other site can make them on a user's behalf."""

from __future__ import annotations

from airflow.configuration import conf
from itsdangerous import BadSignature, URLSafeTimedSerializer

__all__ = ["HEADER", "is_of", "token_for"]

HEADER = "X-Aimylogic-CSRF"
_HOURS = 12
"""How long a page may stand open before it has to be loaded again to change anything."""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(conf.get("api", "secret_key")), salt="aimylogic pages")


def token_for(user_id: str) -> str:
    """Return what a page of a user bears. It is no credential: without the user's session it opens nothing."""
    return str(_serializer().dumps(user_id))


def is_of(token: str, user_id: str) -> bool:
    """Whether a page of this user bore it, not too long ago."""
    try:
        return bool(_serializer().loads(token, max_age=_HOURS * 3600) == user_id)
    except BadSignature:
        return False
