"""How often a person is called, as tasks have it: the arguments, the look at freeze, and the claim before a send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aimylogic_provider.call_list_task.prepare_base import PrepareBase
from aimylogic_provider.call_list_task.rules.cap_arguments import check_caps, check_only_new, check_shared_only_new

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
    from aimylogic_provider.call_list.persons.caps_in_force import PersonClaiming
    from aimylogic_provider.call_list.persons.person_calls import PersonCalls
    from aimylogic_provider.call_list.store.caps import Cap
    from aimylogic_provider.call_list.store.manifest import Manifest
    from aimylogic_provider.idempotence.ports import Log

__all__ = ["CapsPersons", "opened_calls", "person_claiming"]

_DAY = 24 * 3600.0


class CapsPersons(PrepareBase):
    """What freezes lists, and heeds how often their people were called."""

    def __init__(
        self,
        *,
        max_calls_per_person: Mapping[str, int] | Sequence[Mapping[str, int]] | None = None,
        only_new: bool | timedelta = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_caps(max_calls_per_person)
        check_only_new(only_new)
        for name, given in (("max_calls_per_person", max_calls_per_person is not None), ("only_new", only_new)):
            if given and self.results_table is None:
                raise ValueError(
                    f"{name} needs results_table: who was called is told there, and beside it, for all DAGs that share "
                    "its database's schema. Give one, as in results_table='aimylogic_calls'"
                )
        self.max_calls_per_person = max_calls_per_person
        self.only_new = only_new

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """As any operator's; a wrong ``only_new`` is told while the DAG is parsed, as of a task that isn't mapped."""
        check_shared_only_new(kwargs)
        partial: OperatorPartial = super().partial(**kwargs)
        return partial

    def _telling_keys(self) -> list[str]:
        """The key columns that tell who a row is: a consent that was renewed makes nobody new."""
        return [name for name in self._key_names() if name != self._consent_kept()]

    def _caps(self) -> tuple[Cap, ...]:
        """What holds until a list is sent: what its keys tell is settled as it is frozen."""
        from aimylogic_provider.call_list.store.caps import Cap

        caps = [
            Cap(calls, days * _DAY, "max_calls_per_person") for calls, days in check_caps(self.max_calls_per_person)
        ]
        if self.only_new:
            caps.append(Cap(1, self._only_new_seconds(), "only_new", keyless=bool(self._telling_keys())))
        return tuple(caps)

    def _only_new_seconds(self) -> float | None:
        return self.only_new.total_seconds() if isinstance(self.only_new, timedelta) else None

    def _rules_told(self) -> dict[str, Any]:
        return {**super()._rules_told(), "caps": self._caps()}

    def _freeze_rules(self, stack: ExitStack) -> list[FreezeRule | PhoneRule]:
        from aimylogic_provider.call_list.persons.called_keys import CalledKeys
        from aimylogic_provider.call_list.persons.caps_in_force import CappedPeople
        from aimylogic_provider.call_list.store.caps import Cap
        from aimylogic_provider.call_list_task.databases import engine_of

        rules = super()._freeze_rules(stack)
        if not (caps := self._caps()) or self.results_table is None:
            return rules
        table, conn_id, names = self.results_table, self._results_conn_id(), self._telling_keys()
        if self.only_new and names:
            cap = Cap(1, self._only_new_seconds(), "only_new")
            called = CalledKeys(engine_of("results_conn_id", conn_id), table, names, cap)
            rules.append(stack.enter_context(closing(called)))
        rules.append(
            CappedPeople(
                partial(self._looked_at, stack, caps, table, conn_id),
                keyed=not all(cap.keyless for cap in caps),
            )
        )
        return rules

    def _looked_at(self, stack: ExitStack, caps: Sequence[Cap], table: str, conn_id: str) -> PersonCalls | None:
        """The persons' calls, to be looked at; None if only what sends can know them."""
        from aimylogic_provider.call_list.persons.person_calls import UnknownKeyError

        of_campaign = getattr(self, "aimylogic_conn_id", None)
        try:
            calls = opened_calls(of_campaign, caps, self._begun_list, table, conn_id, claims=False)
        except UnknownKeyError as error:
            if of_campaign is not None:
                raise
            self.log.warning(
                "Who was called as often as may be can't be seen yet, for the key may stand in the campaign's "
                "connection, which this task doesn't know: whoever sends the list sees it. (%s)", error,
            )  # fmt: skip
            return None
        return stack.enter_context(closing(calls))


def person_claiming(
    manifest: Manifest, caps: Sequence[Cap], aimylogic_conn_id: str, results_table: str, conn_id: str, log: Log
) -> closing[PersonClaiming]:
    """What claims the persons' calls of a list, as a context manager.

    :param caps: all of which hold
    :param conn_id: of the results table's database
    :raises CallListError: if their tables can't be used; nothing was sent then
    """
    from aimylogic_provider.call_list.persons.caps_in_force import PersonClaiming

    opening = partial(opened_calls, aimylogic_conn_id, caps, manifest.id, results_table, conn_id, claims=True)
    keyed = not all(cap.keyless for cap in caps)
    claiming = PersonClaiming(opening, keyed=keyed, consent=manifest.consent, log=log)
    if keyed:
        claiming.opened()
    return closing(claiming)


def opened_calls(
    aimylogic_conn_id: str | None, caps: Sequence[Cap], call_list: str, table: str, conn_id: str, *, claims: bool
) -> PersonCalls:
    """The persons' calls, open; to be closed.

    :param aimylogic_conn_id: in whose extra the key may stand; None for none
    :param call_list: as of :class:`.PersonCalls`
    :param conn_id: of the results table's database
    :raises CallListError: if they can't be used
    """
    from aimylogic_provider.call_list.persons.person_calls import PersonCalls
    from aimylogic_provider.call_list_task.databases import engine_of
    from aimylogic_provider.call_list_task.rules.person_keys import person_keys

    keys = person_keys(aimylogic_conn_id)
    return PersonCalls(engine_of("results_conn_id", conn_id), table, keys, caps, call_list, claims=claims)
