"""The call policy that holds where a row says nothing else, of a task's arguments as they were rendered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from aimylogic_provider.airflow_task.template_values import as_value
from aimylogic_provider.call_list.freeze.rows import POLICY_FIELDS
from aimylogic_provider.calls_api.errors import RejectedError
from aimylogic_provider.calls_api.masking import shown

__all__ = ["common_policy"]


def common_policy(given: object, call_before: datetime | str | None, own: Collection[str]) -> dict[str, object]:
    """Return it.

    :param given: the argument ``policy``: a dictionary, or text that is one
    :param own: the parts of a policy that rows give
    :raises RejectedError: if it can't be used
    """
    policy = {} if _is_blank(given) else as_value(given) or {}
    if not isinstance(policy, dict):
        raise RejectedError(
            f"policy {shown(given)} can't be used: give a dictionary, or a template that makes one, of "
            f"{', '.join(POLICY_FIELDS)}"
        )
    policy = {name: value for name, value in policy.items() if not (isinstance(value, str) and _is_blank(value))}
    for name in (*policy, *own):
        if name not in POLICY_FIELDS:
            raise RejectedError(f"{name!r} isn't part of a call policy: use {', '.join(POLICY_FIELDS)}")
    if call_before is not None:
        if "finish" in policy or "finish" in own:
            raise RejectedError("call_before is the policy's finish: give one of the two")
        policy["finish"] = call_before
    return policy


def _is_blank(value: object) -> bool:
    return not value or (isinstance(value, str) and not value.strip())
