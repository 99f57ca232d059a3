"""The client of the emulator's own paths: clock, settings, faults, oracle, journal, snapshots.

A method for each; how they are called over HTTP stands in ``admin_caller``, what they give in ``http.admin_types``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Unpack

from msgspec import UNSET, UnsetType

from aimylogic_provider.calls_api.endpoint_table import ENDPOINTS
from aimylogic_provider.emulator import DEFAULT_TOKEN
from aimylogic_provider.emulator.admin_caller import AdminCaller, EmulatorError
from aimylogic_provider.emulator.http.admin_types import CampaignView, JobView, Requests, Rings
from aimylogic_provider.emulator.private_file import write_private
from aimylogic_provider.emulator.world.campaign import CampaignStatus
from aimylogic_provider.emulator.world.clock import ClockReading
from aimylogic_provider.emulator.world.faults import Fault
from aimylogic_provider.emulator.world.journal import EXTERNAL_CHECK, JournalLine
from aimylogic_provider.emulator.world.settings import Chosen, Settings

__all__ = ["EmulatorClient", "OrderedFault"]

PhaseName = Literal["before_read", "before_commit", "after_commit", "in_body", "in_part", "committed_late"]
ActionName = Literal[
    "reset", "close", "delay", "drip", "status", "garbage", "truncated", "html", "redirect", "wrong_content_type",
    "no_date",
]  # fmt: skip


class OrderedFault:
    """A fault that was ordered, and how often it struck."""

    def __init__(self, client: EmulatorClient, rule: Fault) -> None:
        self._client = client
        self.rule = rule

    @property
    def hits(self) -> int:
        """How many requests it has struck.

        :raises EmulatorError: if its rule was dropped
        """
        for rule in self._client.faults():
            if rule.id == self.rule.id:
                return rule.hits
        raise EmulatorError(f"rule {self.rule.id} was dropped")

    def __repr__(self) -> str:
        rule = next((rule for rule in self._client.faults() if rule.id == self.rule.id), self.rule)
        where = rule.path or "every endpoint"
        return f"<fault {rule.action} {rule.phase} at {where}: {rule.seen} requests matched, {rule.hits} struck>"


class EmulatorClient(AdminCaller):
    """Tells a running emulator what to do, and asks it what it knows.

    :param url: scheme, host and port
    :param token: the token of its first campaign, for :meth:`connection`, if it was started with another than the
        vendor's example
    """

    def __init__(self, url: str, token: str = DEFAULT_TOKEN) -> None:
        super().__init__(url)
        self.token = token

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def connection(self, token: str | None = None, **extra: object) -> str:
        """Return an Airflow connection to a campaign, as JSON for ``AIRFLOW_CONN_…``.

        :param token: the campaign's; the first one's if left out
        :param extra: the connection's extra
        """
        host, _, port = self.url.rpartition(":")
        return json.dumps(
            {
                "conn_type": "aimylogic",
                "host": host,
                "port": int(port),
                "password": token or self.token,
                "extra": extra,
            }
        )

    # The clock

    def now(self) -> datetime:
        """Return the emulator's time, in UTC."""
        return datetime.fromtimestamp(self._ask("GET", "/clock", ClockReading).now, UTC)

    def advance(self, *, days: float = 0.0, hours: float = 0.0, minutes: float = 0.0, seconds: float = 0.0) -> None:
        """Move the clock; backwards if negative."""
        self._move(advance=days * 86400 + hours * 3600 + minutes * 60 + seconds)

    def set_time(self, moment: datetime) -> None:
        """Set the clock; it runs on from there.

        :param moment: with a time zone
        :raises EmulatorError: if it has none
        """
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise EmulatorError(f"{moment!r} isn't a datetime with a time zone: give one, as in datetime.now(UTC)")
        self._move(now=moment.timestamp())

    def skew(self, seconds: float) -> None:
        """Set the clock so far ahead of real time; behind it if negative."""
        self._move(skew=seconds)

    def freeze(self) -> None:
        """Let the clock stand still."""
        self._move(rate=0.0)

    def run(self, rate: float = 1.0) -> None:
        """Let the clock run: 1 is real time."""
        self._move(rate=rate)

    # How the server behaves

    def settings(self, **changes: Unpack[Chosen]) -> Settings:
        """Change settings, if any are named, and return all.

        :param changes: see :class:`~aimylogic_provider.emulator.world.settings.Settings`
        :raises EmulatorError: if one can't be so, saying why; then none is changed
        """
        return self._ask("PATCH" if changes else "GET", "/settings", Settings, changes or None)

    def campaigns(self) -> list[CampaignView]:
        """Return all campaigns."""
        return self._ask("GET", "/campaigns", list[CampaignView])

    def campaign(
        self,
        number: int = 1,
        *,
        name: str | None = None,
        status: CampaignStatus | None = None,
        lines: int | None = None,
        token: str | None = None,
    ) -> CampaignView:
        """Change a campaign, if any change is named, and return it.

        :param number: 1 and up, in the order of the tokens
        :param lines: simultaneous calls at most; 0 to ring nobody from now on
        :param token: made anew, so that the old one names no campaign any more
        :raises EmulatorError: if there is no such campaign, or it can't be so
        """
        changes = {"name": name, "status": status, "lines": lines, "token": token}
        chosen = {field: value for field, value in changes.items() if value is not None}
        return self._ask("PATCH", f"/campaigns/{number}", CampaignView, chosen)

    def live_through(self, *, jobs: int = 2000, hours: float = 24, campaign: int = 1, seed: int = 0) -> CampaignView:
        """Have a campaign without call jobs live through the last hours, so that there is something to look at.

        Numbers that are kept for fiction are added by day, in lists, and rung by the campaign's own rules.

        :param jobs: how many
        :param campaign: its number, 1 and up
        :param seed: what is drawn from: the same one at the same time gives the same past
        :raises EmulatorError: if the campaign has jobs already, or isn't running
        """
        wanted = {"jobs": jobs, "hours": hours, "seed": seed}
        return self._ask("POST", f"/campaigns/{campaign}/lived-day", CampaignView, wanted)

    # Faults

    def fault(
        self,
        phase: PhaseName,
        action: ActionName,
        *,
        path: str = "",
        method: str = "",
        phone: str = "",
        key: str = "",
        nth: int | None = None,
        every: int | None = None,
        probability: float | None = None,
        seed: int = 0,
        times: int | UnsetType | None = UNSET,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        seconds: float | None = None,
        commit_after: float | None = None,
        places: Sequence[int] = (),
    ) -> OrderedFault:
        """Order a fault, behind the others.

        :param phase: when it strikes
        :param action: what it does
        :param path: the endpoint's name, which is the path behind the token, as in ``addPhone`` or
            ``callJob/getReport``; empty for every one
        :param method: the request's method; empty for every method
        :param phone: a number with country code that the request bears; empty for every one
        :param key: the idempotence key that it bears; empty for every one
        :param nth: only the n-th of the requests that match, counted from 1
        :param every: every n-th of them
        :param probability: so many of them, drawn by *seed*
        :param times: how many requests it strikes, None for all; 1 if left out, but all with *every* or *probability*
        :param status: of ``status`` (503), ``garbage`` and ``html`` (200), ``redirect`` (302)
        :param headers: of an answer that it gives itself, as in ``Retry-After``
        :param body: JSON body of ``status``
        :param seconds: real seconds: how long ``delay`` and ``drip`` take, and how long the others wait first
        :param commit_after: real seconds from a fault of phase ``committed_late`` to the request's taking effect
        :param places: which numbers a fault of phase ``in_part`` adds, by their place in the list, from 1 (the first)
        :raises EmulatorError: if it could never strike, saying why
        """
        rule: dict[str, object] = {
            "path": path, "method": method, "phone": phone, "key": key, "nth": nth, "every": every,
            "probability": probability, "seed": seed, "status": status, "headers": dict(headers or {}), "body": body,
            "seconds": seconds, "commit_after": commit_after, "places": list(places),
        }  # fmt: skip
        if times is not UNSET:
            rule["times"] = times
        return OrderedFault(self, self._ask("POST", "/faults", Fault, {"phase": phase, "action": action, **rule}))

    def faults(self) -> list[Fault]:
        """Return the rules with their hits."""
        return self._ask("GET", "/faults", list[Fault])

    def clear_faults(self) -> None:
        """Drop all rules."""
        self._ask("DELETE", "/faults", Any)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait, in real time, until no fault holds a request back any more, and no external check is being asked.

        :raises EmulatorError: if one still does, or is
        """
        until = time.monotonic() + seconds
        while self._ask("GET", "/requests?last=0", Requests).pending:
            if time.monotonic() > until:
                raise EmulatorError(
                    f"after {seconds:g} seconds a fault still holds a request back, or an external check is still asked"
                )
            time.sleep(0.01)

    # Oracle and journal

    def rings(self, phone: str, payload: Mapping[str, object] | None = None, *, campaign: int | None = None) -> int:
        """Return how many jobs have rung, or may yet ring, a person.

        :param phone: with country code
        :param payload: count only jobs with just this payload
        :param campaign: count only this campaign's
        :raises EmulatorError: if *phone* isn't a number with a country code, so that nobody can be rung by it
        """
        wanted = {
            "phone": phone,
            "payload": None if payload is None else json.dumps(payload),
            "campaign": campaign,
        }
        return self._ask("GET", "/rings", Rings, query=wanted).jobs

    def jobs(self, phone: str | None = None, *, campaign: int | None = None) -> list[JobView]:
        """Return the call jobs, oldest first; 100,000 at most."""
        wanted = {"phone": phone, "campaign": campaign, "size": 100_000}
        return self._ask("GET", "/jobs", list[JobView], query=wanted)

    def requests(self) -> list[JournalLine]:
        """Return the journal, oldest first."""
        return self._ask("GET", "/requests", Requests).requests

    def count(self, endpoint: str | None = None) -> int:
        """Return how many requests an endpoint has had, or all of them.

        :param endpoint: its name, as in ``addPhone`` or ``callJob/getReport``; or ``externalCheck`` for how often the
            emulator itself asked an address, which isn't among all
        :raises EmulatorError: if there is no such endpoint
        """
        names = [*(one.name for one in ENDPOINTS), EXTERNAL_CHECK]
        if endpoint is not None and endpoint not in names:
            raise EmulatorError(f"{endpoint!r} isn't an endpoint: use one of {', '.join(names)}")
        counts = self._ask("GET", "/requests?last=0", Requests).counts
        if endpoint is None:
            return sum(counts.values()) - counts.get(EXTERNAL_CHECK, 0)
        return counts.get(endpoint, 0)

    # All of it

    def save(self, path: str | Path) -> None:
        """Write all that the emulator remembers to a file, for its owner alone: it holds tokens and phones."""
        write_private(Path(path), self._send("GET", "/snapshot", None))

    def restore(self, path: str | Path) -> None:
        """Take up what was saved to a file, campaigns and tokens included."""
        self._send("PUT", "/snapshot", Path(path).read_bytes())

    def reset(self) -> None:
        """Forget all: jobs, keys, faults, journal; clock and settings are as they were at the start."""
        self._send("POST", "/reset", None)

    def _move(self, **change: float) -> None:
        self._ask("PATCH", "/clock", ClockReading, change)
