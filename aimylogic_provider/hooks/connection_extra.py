"""The extra of an Airflow connection of type ``aimylogic``: what it may hold, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aimylogic_provider.calls_api.errors import ConnectionRejectedError

if TYPE_CHECKING:
    from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings

__all__ = ["EXTRAS", "ConnectionExtra"]

EXTRAS = frozenset({"connect_timeout", "read_timeout", "verify", "proxies", "allow_plain_http", "person_secret"})
_LEAST_SECRET = 16


@dataclass(frozen=True, slots=True)
class ConnectionExtra:
    """The settings that a connection's extra holds. Make it with :meth:`of`.

    :param conn_id: the connection, for errors
    :param values: those that are set
    """

    conn_id: str
    values: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, conn_id: str, extra: object) -> ConnectionExtra:
        """Take a connection's extra.

        :raises ConnectionRejectedError: if it isn't an object
        """
        if not isinstance(extra, dict):
            raise ConnectionRejectedError(
                f"the extra of connection {conn_id!r} isn't a JSON object: give one, or leave it empty"
            )
        # The form saves fields that nobody touched as null, and empty ones as empty text.
        return cls(conn_id, {name: value for name, value in extra.items() if value not in (None, "")})

    @property
    def unknown(self) -> list[str]:
        """The names that mean nothing here."""
        return sorted(map(str, self.values.keys() - EXTRAS))

    def unknown_in_words(self) -> str:
        """Those names, each with the nearest that means something."""
        from difflib import get_close_matches

        told = []
        for name in self.unknown:
            (*near,) = get_close_matches(
                name.lower().replace("-", "_").replace(" ", "_"), sorted(EXTRAS), n=1, cutoff=0.75
            )
            told.append(f"{name} (did you mean {near[0]}?)" if near else name)
        return ", ".join(told)

    def transport_settings(self) -> TransportSettings:
        """Return how to send.

        :raises ConnectionRejectedError: for a setting that can't be used, saying what to give
        """
        from aimylogic_provider.calls_api.transports.requests_transport import TransportSettings

        default = TransportSettings()
        return TransportSettings(
            connect_timeout=self._seconds("connect_timeout", default.connect_timeout),
            read_timeout=self._seconds("read_timeout", default.read_timeout),
            verify=self._verify(),
            proxies=self._proxies(),
        )

    def flag(self, name: str, default: bool) -> bool:
        """Return a setting that is true or false.

        :raises ConnectionRejectedError: if it is neither
        """
        value = self.values.get(name, default)
        match value:
            case bool():
                return value
            case str() if value.lower() in ("true", "false"):
                return value.lower() == "true"
        raise self._wrong(name, value, "true or false")

    def person_secret(self) -> str | None:
        """Return the secret by which persons are known without their phones; None if there is none.

        :raises ConnectionRejectedError: if it can't be used; it isn't shown
        """
        value = self.values.get("person_secret")
        if value is None or (isinstance(value, str) and len(value.strip()) >= _LEAST_SECRET):
            return None if value is None else str(value).strip()
        raise self._wrong("person_secret", value, f"text of {_LEAST_SECRET} characters or more, which nobody can guess")

    def _seconds(self, name: str, default: float) -> float:
        value = self.values.get(name, default)
        try:
            seconds = float(value)
        except (TypeError, ValueError, OverflowError):
            seconds = 0.0
        if isinstance(value, bool) or not 0 < seconds <= 600:
            raise self._wrong(name, value, "seconds, more than 0 and at most 600")
        return seconds

    def _verify(self) -> bool | str:
        value = self.values.get("verify", True)
        if isinstance(value, str) and value.lower() not in ("true", "false"):
            return value
        return self.flag("verify", True)

    def _proxies(self) -> dict[str, str]:
        value = self.values.get("proxies", {})
        if isinstance(value, dict) and all(isinstance(url, str) for url in value.values()):
            return value
        raise self._wrong("proxies", value, "an object of proxy URL by scheme")

    def _wrong(self, name: str, value: object, rule: str) -> ConnectionRejectedError:
        from aimylogic_provider.calls_api.phones.phone import shown

        told = "" if name in ("proxies", "person_secret") else f" {shown(value)}"
        return ConnectionRejectedError(
            f"{name}{told} in the extra of connection {self.conn_id!r} can't be used: give {rule}"
        )
