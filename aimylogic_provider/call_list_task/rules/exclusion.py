"""The arguments by which a query excludes people, when freezing and before each send; and those of a holdout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from aimylogic_provider.airflow_task.argument_checks import check_choice
from aimylogic_provider.call_list_task.call_list_base import CallListBase

if TYPE_CHECKING:
    from aimylogic_provider.call_list.exclusion.excluded_phones import ExclusionQuery
    from aimylogic_provider.call_list.exclusion.excluded_rule import ExcludedRule
    from aimylogic_provider.call_list.freeze.rules import PhoneRule
    from aimylogic_provider.call_list.send.last_look import LastLook
    from aimylogic_provider.call_list.store.manifest import Manifest
    from aimylogic_provider.call_list.store.stored_list import CallList

__all__ = ["ExclusionBase", "HoldoutBase"]


class ExclusionBase(CallListBase):
    """What both halves of a sync have that a query excludes people from."""

    _frozen_by: ExcludedRule | None = None
    """The rule by which this try froze the list that it sends, if it did: it knows the list's phones."""

    def __init__(
        self,
        *,
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        exclude_unreadable: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("exclude_unreadable", exclude_unreadable, "fail", "skip")
        if exclude_sql is None and exclude_conn_id is not None:
            raise ValueError("exclude_conn_id is the connection for exclude_sql: give both, or neither")
        self.exclude_sql = exclude_sql
        self.exclude_conn_id = exclude_conn_id
        self.exclude_unreadable = exclude_unreadable
        self._excludes = exclude_sql is not None

    def _exclude_conn_id(self) -> str:
        """The connection of the database that tells who is excluded."""
        return self.exclude_conn_id or str(getattr(self, "sql_conn_id", ""))

    def _excluded_by(self) -> str:
        """A digest of what tells who is excluded; empty if nothing does."""
        from aimylogic_provider.call_list.store.manifest import sha256

        if not self._excludes:
            return ""
        return sha256(json.dumps([f"{self.exclude_sql}".strip(), self._exclude_conn_id()]).encode())

    def _exclusion_query(self, column: str, region: str | None) -> ExclusionQuery | None:
        """What tells who is excluded; None if nothing is to.

        :param column: of the phones, if the query gives several
        :param region: the country of national numbers, beside those that the list calls
        :raises RejectedError: if there is no query, or no such connection
        """
        from functools import partial

        from aimylogic_provider.call_list.exclusion.excluded_phones import ExclusionQuery
        from aimylogic_provider.call_list.freeze.warehouse import is_nothing
        from aimylogic_provider.call_list_task.databases import database_hook
        from aimylogic_provider.calls_api.errors import RejectedError
        from aimylogic_provider.lineage.hook_lineage import tell_query

        if not self._excludes:
            return None
        sql = self.exclude_sql
        if not isinstance(sql, str) or is_nothing(sql) or sql.strip() == "None":  # as a template of nothing gives it
            raise RejectedError(
                "exclude_sql is empty, or no text, though it is given: nobody would be excluded. Give one SELECT that "
                "gives the phones of those who mustn't be called; or leave it out, if nobody is to be excluded"
            )
        hook = database_hook("exclude_conn_id", self._exclude_conn_id())
        return ExclusionQuery(
            hook=hook,
            sql=sql,
            column=column,
            region=region,
            unreadable=self.exclude_unreadable,
            log=self.log,
            ran=partial(tell_query, hook),
        )

    def _exclusion_look(self, call_list: CallList, shard: int, *, same_task: bool) -> LastLook | None:
        """What looks before each send of a shard whom the query excludes by then; None if nothing is to.

        :param same_task: whether this task froze the list itself, so that another query than then is its author's will
        :raises CallListError: if the list was frozen with an exclusion list, and this task is given none, or another
        :raises RejectedError: if the query can't be used
        """
        from aimylogic_provider.call_list.exclusion.exclusion_look import ExclusionLook
        from aimylogic_provider.call_list.exclusion.phone_set import PhoneSet
        from aimylogic_provider.idempotence.server_time import SystemClock

        told = call_list.manifest
        self._check_exclusion(told, same_task=same_task)
        column, region = told.exclude_reads
        query = self._exclusion_query(column, region or None)
        if query is None:
            return None

        rule = self._frozen_by

        def phones() -> PhoneSet:
            if rule is not None and rule.phones is not None:
                return rule.phones
            lines = (line for batch in call_list.batches(shard) for line in call_list.lines(batch))
            return PhoneSet((int(line.phone) for line in lines), told.exclude_starts)

        return ExclusionLook(query, phones, SystemClock())

    def _check_exclusion(self, told: Manifest, *, same_task: bool) -> None:
        from aimylogic_provider.call_list.store.manifest import CallListError

        own = self._excluded_by()
        if told.exclude and not own:
            raise CallListError(
                "exclude_sql is missing: the list was frozen with one, and whoever said no since would be called. This "
                "try sent nothing. Give this task the same exclude_sql and exclude_conn_id, and clear it"
            )
        if told.exclude and own != told.exclude and not same_task:
            raise CallListError(
                "exclude_sql or exclude_conn_id is another one than that with which the list was frozen, so that "
                "others might be called than are meant to. This try sent nothing. Give both tasks the same text (also "
                "what a template makes of it) and the same connection, which the first one takes from "
                "sql_conn_id if it is given none; and clear this task"
            )
        if own and own != told.exclude:
            self.log.warning(
                "The list was frozen with %s. Before each send that of now is looked at.",
                "another exclude_sql, or exclude_conn_id" if told.exclude else "no exclude_sql",
            )


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
