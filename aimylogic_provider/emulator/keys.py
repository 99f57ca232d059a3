"""Idempotence keys as the emulated server remembers them: the first use of each, and what it was answered."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from aimylogic_provider.emulator.settings import Settings

__all__ = ["KEY_LIFE", "Keys", "Use"]

KEY_LIFE = 24 * 3600.0
"""Seconds from its first use, after which a key expires; and for which a number without a key has no duplicate."""


class Use(Struct, frozen=True):
    """The first use of a key.

    :param endpoint: keys of one endpoint mean nothing to another
    :param parameters: what it came with, where a key with other parameters is another key
    :param first: when, in Unix seconds
    :param jobs: the numbers of the jobs that were created, or cancelled
    :param refused: status and body of the error that it was answered with, where errors use keys up
    """

    campaign: int
    endpoint: str
    key: str
    parameters: str
    first: float
    jobs: tuple[int, ...] = ()
    refused: tuple[int, dict[str, object]] | None = None


class Keys:
    """The first uses of all keys."""

    def __init__(self) -> None:
        self._uses: dict[tuple[int, str, str, str], Use] = {}

    def __iter__(self) -> Iterator[Use]:
        return iter(self._uses.values())

    def alive(self, settings: Settings, use: Use) -> Use | None:
        """The first use of the key that is used now, if the key hasn't expired."""
        first = self._uses.get(_identity(settings, use))
        return first if first is not None and use.first - first.first < KEY_LIFE else None

    def note(self, settings: Settings, use: Use) -> None:
        """Note the first use of a key."""
        self._uses[_identity(settings, use)] = use


def _identity(settings: Settings, use: Use) -> tuple[int, str, str, str]:
    return (
        0 if settings.keys_shared_by_campaigns else use.campaign,
        use.endpoint,
        use.key,
        use.parameters if settings.same_key_other_parameters == "new_job" else "",
    )
