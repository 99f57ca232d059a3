"""The rules that are in force, in order: of those that match a request in a phase, the first one strikes.

What a rule may say stands in ``faults``, what it does to an exchange in ``http.fault_effects``.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Protocol

from aimylogic_provider.emulator.world.faults import Fault, Phase

__all__ = ["Faults", "RequestFacts"]


class RequestFacts(Protocol):
    """What is known of a request, to match rules with. Phone and key are asked only if a rule wants to know them."""

    @property
    def name(self) -> str:
        """The endpoint's name."""

    @property
    def method(self) -> str:
        """The request's method."""

    def key(self) -> str | None:
        """Its idempotence key."""

    def phones(self) -> Iterable[str]:
        """The phones (canonical) that it bears."""


class Faults:
    """The rules, in order; of those that match in a phase, the first one strikes.

    :param ids: the last number that a rule has had, so that none ever has another's
    """

    def __init__(self, ids: int = 0) -> None:
        self.rules: list[Fault] = []
        self.ids = ids
        self._chances: dict[int, Random] = {}

    def add(self, rule: Fault) -> Fault:
        """Add a rule behind the others.

        :raises FaultError: if it can't be
        """
        settled = rule.settled(self.ids + 1)
        self.ids += 1
        self.rules.append(settled)
        return settled

    def clear(self) -> None:
        """Drop all rules."""
        self.rules.clear()
        self._chances.clear()

    def restore(self, rules: Iterable[Fault]) -> None:
        """Take saved rules in; those that go by chance go on where they were."""
        self.rules = list(rules)
        self.ids = max([self.ids, *(rule.id for rule in self.rules)])
        for rule in self.rules:
            if rule.probability is not None:
                for _ in range(rule.seen):
                    self._random_of(rule).random()

    def select(self, phases: tuple[Phase, ...], request: RequestFacts, *, has_body: bool = True) -> Fault | None:
        """Return the rule that strikes, and count it. Every rule that matches sees the request, struck or not.

        :param has_body: whether there is a body in which something could strike
        """
        selected = None
        for rule in self.rules:
            if rule.phase in phases and (has_body or not rule.needs_body()) and self._matches(rule, request):
                rule.seen += 1
                if (
                    self._is_due(rule)
                    and selected is None
                    and (not isinstance(rule.times, int) or rule.hits < rule.times)
                ):
                    selected = rule
        if selected is not None:
            selected.hits += 1
        return selected

    def _matches(self, rule: Fault, request: RequestFacts) -> bool:
        return (
            (not rule.path or rule.path == request.name)
            and (not rule.method or rule.method == request.method)
            and (not rule.key or rule.key == request.key())
            and (not rule.phone or rule.phone in request.phones())
        )

    def _is_due(self, rule: Fault) -> bool:
        """Whether it would strike the request that it has just seen."""
        if rule.nth is not None:
            return rule.seen == rule.nth
        if rule.every is not None:
            return rule.seen % rule.every == 0
        return rule.probability is None or self._random_of(rule).random() < rule.probability

    def _random_of(self, rule: Fault) -> Random:
        if rule.id not in self._chances:
            self._chances[rule.id] = Random(rule.seed)  # noqa: S311 - drawn, not secret
        return self._chances[rule.id]
