"""Idempotence keys as the emulated server remembers them: the first use of each, and what it was answered.

What a campaign does by them stands in ``campaign``.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from aimylogic_provider.emulator.world.settings import Settings

__all__ = ["KEY_LIFE", "KeyUse", "Keys"]

KEY_LIFE = 24 * 3600.0
"""Seconds from its first use, after which a key expires; and for which a number without a key has no duplicate."""


class KeyUse(Struct, frozen=True):
    """The first use of a key.

    :param endpoint: keys of one endpoint mean nothing to another
    :param parameters: a digest of what it came with
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
    """The first uses of all keys. What a setting makes of them is decided when one is looked up."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, str], KeyUse | list[KeyUse]] = {}

    def __iter__(self) -> Iterator[KeyUse]:
        for held in self._uses.values():
            yield from (held,) if isinstance(held, KeyUse) else held

    def find_alive(self, settings: Settings, use: KeyUse) -> KeyUse | None:
        """The first use of the key that is used now, if there is one that hasn't expired."""
        held = self._uses.get((use.endpoint, use.key))
        if held is None:
            return None
        for first in (
            (held,) if isinstance(held, KeyUse) else reversed(held)
        ):  # the last noted, if the clock was set back
            if (
                use.first - first.first < KEY_LIFE
                and (settings.keys_shared_by_campaigns or first.campaign == use.campaign)
                and (settings.same_key_other_parameters == "first_job" or first.parameters == use.parameters)
            ):
                return first
        return None

    def note(self, use: KeyUse) -> None:
        """Note the first use of a key. One of the same campaign and parameters had expired, and is forgotten."""
        place = (use.endpoint, use.key)
        held = self._uses.get(place)
        if held is None:
            self._uses[place] = use
            return
        others = (held,) if isinstance(held, KeyUse) else held
        kept = [one for one in others if (one.campaign, one.parameters) != (use.campaign, use.parameters)]
        self._uses[place] = [*kept, use] if kept else use
