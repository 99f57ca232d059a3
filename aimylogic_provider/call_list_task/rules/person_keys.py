"""The keys by which persons are known without their phones, from the connection's extra, or Airflow's fernet key.

They are read in the worker, when a task runs. In Airflow 3.1 its configuration is there as the scheduler has it; from
3.2 on a task's process reads it by the task SDK, from the same environment and file. That one gives, where no fernet
key is set, the name of a placeholder, the same in all installations: so only what is a key counts.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimylogic_provider.call_list.persons.person_key import PersonKey

__all__ = ["person_keys"]


def person_keys(aimylogic_conn_id: str | None) -> list[PersonKey]:
    """Return the keys that are here, the one that is preferred first.

    :param aimylogic_conn_id: in whose extra there may be one; None for none
    :raises UnknownKeyError: if there is none, with the ways out
    :raises ConnectionRejectedError: if the connection can't be used
    """
    from aimylogic_provider.call_list.persons.person_calls import UnknownKeyError
    from aimylogic_provider.call_list.persons.person_key import PersonKey

    secrets = [*_of_connection(aimylogic_conn_id), *_of_airflow()]
    if not secrets:
        raise UnknownKeyError(
            "there is no key by which persons are known without their phones, so it can't be kept who was called how "
            "often: nothing is sent. Set Airflow's fernet_key (AIRFLOW__CORE__FERNET_KEY, the same for all workers), "
            "or person_secret, of 16 characters or more, in the extra of the Aimylogic connection"
        )
    return [PersonKey(secret) for secret in dict.fromkeys(secrets)]


def _of_connection(conn_id: str | None) -> list[str]:
    from aimylogic_provider.hooks.campaign_of_connection import person_secret_of

    secret = None if conn_id is None else person_secret_of(conn_id)
    return [] if secret is None else [secret]


def _of_airflow() -> list[str]:
    """Airflow's fernet keys: one, or, while it is rotated, the new one and the old ones."""
    from aimylogic_provider.airflow_task.airflow_imports import conf

    told = conf.get("core", "fernet_key", fallback="") or ""
    return [one for one in map(str.strip, told.split(",")) if _is_fernet_key(one)]


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode())) == 32
    except (ValueError, binascii.Error):
        return False
