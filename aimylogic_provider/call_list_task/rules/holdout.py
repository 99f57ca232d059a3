"""The arguments by which a share of the people isn't called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.call_list.freeze.rules import PhoneRule

__all__ = ["HoldoutBase"]


class HoldoutBase(CallListBase):
    """What freezes lists without a share of their people."""

    def __init__(self, *, holdout: float | None = None, holdout_salt: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        number = isinstance(holdout, (int, float)) and not isinstance(holdout, bool)
        if holdout is not None and not (number and 0 < holdout < 1):
            raise ValueError(f"holdout {holdout!r} can't be used: give a share above 0 and below 1, as in 0.05")
        if not isinstance(holdout_salt, str):
            raise ValueError(f"holdout_salt {holdout_salt!r} can't be used: give a text")
        if holdout_salt and holdout is None:
            raise ValueError("holdout_salt says who is held out by holdout: give both, or neither")
        self.holdout = holdout
        self.holdout_salt = holdout_salt

    def _holdout_rules(self) -> list[PhoneRule]:
        from aimylogic_provider.call_list.exclusion.holdout import Holdout

        return [] if self.holdout is None else [Holdout(self.holdout, self.holdout_salt)]
