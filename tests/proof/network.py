"""The Calls API behind a simulated network: the emulator's own handlers, with time, faults and losses around them.

It stands where the sockets of the shipped transports would. Whatever the network loses, the server's own memory (the
oracle) tells what it did, and this module remembers for whom: each job bears the call that it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from aimylogic_provider.calls_api.http_messages import NoResponse, NoResponseKind, Request, Response
from aimylogic_provider.emulator.http.api_request import ApiRequest, locate
from aimylogic_provider.emulator.http.calls_routes import CallsApi
from aimylogic_provider.emulator.http.exchange import Target
from aimylogic_provider.emulator.world.calls_to_add import WantedCall
from aimylogic_provider.emulator.world.campaigns import ServedCampaigns
from aimylogic_provider.emulator.world.faults import POSSIBLE, FaultAction, Phase
from aimylogic_provider.emulator.world.jobs import ServedJob
from aimylogic_provider.emulator.world.refusal import Refusal
from aimylogic_provider.emulator.world.settings import Chosen, Settings
from tests.proof.simulation import Simulation, Worker, running_worker

if TYPE_CHECKING:
    from tests.proof.promise import Promise

__all__ = ["ADDS", "FAULTS", "IN_PART", "POISONS", "STATUSES", "NetworkFault", "Person", "Poison", "Sent", "Server"]

ADDS = ("addPhone", "test/addPhone", "addPhones")
FAULTS = tuple(
    (phase, action) for phase in Phase for action in FaultAction
    if action in POSSIBLE[phase] and action not in (FaultAction.DRIP, FaultAction.WRONG_CONTENT_TYPE)
    and phase is not Phase.IN_PART
)  # fmt: skip
"""Of any request."""
IN_PART = tuple(
    (Phase.IN_PART, action)
    for action in (FaultAction.RESET, FaultAction.DELAY, FaultAction.STATUS, FaultAction.GARBAGE, FaultAction.HTML)
)
"""Of lists besides: some of their numbers are added. (A single number is added then.)"""
T = TypeVar("T")
STATUSES = (408, 425, 429, 500, 502, 503, 504, 401, 403)
_LEAVES_WITHIN = 20.0
Person = tuple[str, str]
"""A phone and a payload (JSON)."""


@dataclass(frozen=True, slots=True)
class NetworkFault:
    """A fault of one request of a try.

    :param nth: which request to the endpoint, counted from 1 in each try; 0 for all of them
    :param adds: whether it strikes requests that may create a job, or else those that only ask
    :param late: seconds between the request and its taking effect, of ``committed_late``; at most its timeout
    """

    nth: int
    adds: bool
    phase: Phase
    action: FaultAction
    status: int = 503
    late: float = 1.0


@dataclass(slots=True)
class Sent:
    """A request that may create jobs, as it left."""

    at: float
    worker: Worker
    key: str | None
    people: tuple[Person, ...]
    campaign: str
    took_effect: bool = False
    definite: bool = False
    """Whether its sender got the server's own answer."""
    closed: bool = False
    """Whether it was found out later that nothing came of it."""
    unheard: bool = False
    """Whether the server answered with what says nothing: an error, whatever it did, or fewer ids than numbers."""
    in_part: float | None = None
    """If it takes effect in part: the chance by which it is drawn in which."""


POISONS = ("refused", "500 before", "500 after", "500 in part", "all refused")
"""What the server answers to whatever holds a poisoned number: a 400 of a type that no source names; or a 500, before
it adds anything, after it has added all, or when it has added those that stand before that number. Or it answers each
number with that 400, as a campaign does whose minutes have run out, until all faults end."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A number that the server answers badly each time.

    :param how: one of :data:`POISONS`
    """

    phone: str
    how: str

    def strikes(self, sent: Sent) -> bool:
        """Whether a request is answered badly."""
        return self.how == "all refused" or self.phone in (phone for phone, _ in sent.people)


@dataclass
class Server:
    """The campaigns, and all that was sent to them.

    :param tokens: one for each campaign
    :param dated: whether answers bear ``Date``
    :param keeps_key: whether the header with the key arrives; a proxy may strip it
    :param keeps_timeout: whether a request takes effect within its timeout or not at all: beyond the bounds it doesn't
    :param date_ahead: seconds by which ``Date`` is ahead of the clock of keys and ``createdAt``: beyond the bounds
    """

    simulation: Simulation
    tokens: tuple[str, ...]
    report_lag: float = 0.0
    dated: bool = True
    keeps_key: bool = True
    keeps_timeout: bool = True
    date_ahead: float = 0.0
    more: Chosen = field(default_factory=Chosen)
    """Further settings."""
    dials: bool = False
    """Whether anybody is called. What comes after the adding is of interest only where it is waited for."""
    promise: Promise | None = None
    poison: Poison | None = None
    made_for: dict[str, Sent | None] = field(default_factory=dict)
    """Of each job's id, the request that created it; None for another system's."""

    def __post_init__(self) -> None:
        settings = Settings(report_lag=self.report_lag, bad_numbers=("7912999*",), **self.more)
        names = {token: f"Campaign {number}" for number, token in enumerate(self.tokens)}
        self.campaigns = ServedCampaigns(names, settings, self.simulation.now)
        for campaign in self.campaigns:
            campaign.dialler.change(self.simulation.now, dials=self.dials)
        self._api = CallsApi(lambda: self.campaigns)
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        self.tokens_now = list(self.tokens)

    def rotate(self, number: int) -> None:
        """A campaign's token is made anew: the old one is none any more."""
        token = f"{len(self._numbers)}.{self.tokens[number]}.anew"
        self._numbers[token] = number
        self.tokens_now[number] = token
        self.campaigns.rename(self._campaign(number), token)

    # What the shipped transports would do by sockets.

    def exchange(self, request: Request[Any], url: str, timeout: float) -> Generator[float, None, Response]:
        """Send a request: yields the seconds that pass, returns the answer.

        :raises NoResponse: if none comes
        """
        asked, key = self._asked(request, url)

        def changed(fault: NetworkFault, answer: Response | None) -> Response:
            match fault.action:
                case FaultAction.STATUS:
                    return self._response(fault.status, b"", {"retry-after": "5"} if fault.status == 429 else {})
                case FaultAction.REDIRECT:
                    return self._response(302, b"", {"location": "https://elsewhere.example/"})
                case FaultAction.HTML:
                    return self._response(200, b"<html><body>Sign in</body></html>")
                case FaultAction.GARBAGE:
                    return self._response(200, b"\xff\x00{")
            assert answer is not None, "its server answered"
            if fault.action is FaultAction.TRUNCATED:
                return self._response(answer.status, answer.body[: len(answer.body) // 2])
            return Response(answer.status, {}, answer.body)

        sent = None
        if asked.name in ADDS:
            sent = Sent(0.0, running_worker(), key, people_of(asked), self._first_token(asked))
        return self.through(
            asked.name,
            sent,
            lambda sent: self._take_effect(asked, sent),
            changed,
            timeout,
        )

    def through(
        self,
        name: str,
        sent: Sent | None,
        take_effect: Callable[[Sent | None], T],
        changed: Callable[[NetworkFault, T | None], T],
        timeout: float,
    ) -> Generator[float, None, T]:
        """Send something through the network and its faults: yields the seconds that pass, returns the answer.

        :param sent: what is sent, if it may create jobs
        :param take_effect: what the server does
        :param changed: what the client gets instead of the server's answer, if that was given
        :raises NoResponse: if nothing comes
        """
        simulation, worker = self.simulation, running_worker()
        adds = sent is not None
        kind = "add" if adds else "ask"
        began = simulation.now
        worker.point(f"before the {kind}")
        if simulation.now > began + _LEAVES_WITHIN:
            raise NoResponse(NoResponseKind.TIMEOUT, "simulated")  # as the transports do: what is late doesn't leave
        fault = worker.about.fault_of(adds)
        phase = None if fault is None else fault.phase
        if fault is not None:
            simulation.count(f"{kind} {fault.phase} {fault.action}")
        if sent is not None:
            if phase is Phase.IN_PART:
                sent.in_part = worker.rng.random()
            self._leaves(sent, name)
        there = worker.rng.choice((0.01, 0.01, 0.1, 1.0))
        arrives = simulation.now + there
        if fault is not None and phase is Phase.COMMITTED_LATE:
            arrives = simulation.now + max(fault.late, there)
            if self.keeps_timeout:
                arrives = min(arrives, began + timeout)
        answers: list[T] = []
        if phase not in (Phase.BEFORE_READ, Phase.BEFORE_COMMIT):
            # It arrives, whether or not its sender still lives.
            simulation.at(arrives, lambda: answers.append(take_effect(sent)))
        worker.point(f"in mid-{kind}")
        if fault is None:
            yield arrives - simulation.now + there + 0.001
            answer = answers[0]
        else:
            if phase is not Phase.COMMITTED_LATE:
                yield max(0.0, arrives - simulation.now) + 0.01
            if fault.action is FaultAction.DELAY:
                yield began + timeout - simulation.now
                raise NoResponse(NoResponseKind.TIMEOUT, "simulated")
            if fault.action in (FaultAction.RESET, FaultAction.CLOSE):
                raise NoResponse(NoResponseKind.RESET, "simulated")
            answer = changed(fault, answers[0] if answers else None)
        worker.point(f"after the {kind}")
        if simulation.now > began + timeout:
            raise NoResponse(NoResponseKind.TIMEOUT, "simulated")
        worker.about.told_time |= self.dated and fault is None
        if fault is None or fault.action is FaultAction.NO_DATE:
            self._answered(name, sent, arrives, worker)
        return answer

    def _answered(self, name: str, sent: Sent | None, at: float, worker: Worker) -> None:
        """The server's own answer came through."""
        if sent is not None and sent.unheard:
            return
        if sent is not None:
            worker.about.heard = sent.definite = True
            if self.promise is not None:
                self.promise.answered(sent)
        elif name not in ("status", "campaign"):
            worker.about.reported_at = at

    def _first_token(self, asked: ApiRequest) -> str:
        """What the campaign is known by here."""
        return self.tokens[self._numbers[asked.destination.token]]

    def _asked(self, request: Request[Any], url: str) -> tuple[ApiRequest, str | None]:
        """The request as it arrives, and its key, which may not."""
        parts = urlsplit(url)
        target = Target(parts.path, parts.query)
        headers = {name.lower(): value for name, value in request.all_headers.items()}
        key = headers.get("idempotence-key")
        arriving = key if self.keeps_key else None
        asked = ApiRequest(request.method, locate(target), target, arriving, headers.get("content-type", ""))
        asked.take(request.body or b"")
        return asked, key

    def _leaves(self, sent: Sent, name: str) -> None:
        sent.at = self.simulation.now
        self.simulation.note(sent.worker.name, "sends", name, sent.key, len(sent.people))
        if self.promise is not None:
            self.promise.sends(sent)

    def _take_effect(self, asked: ApiRequest, sent: Sent | None) -> Response:
        if sent is not None and self.poison is not None and self.poison.strikes(sent):
            return self._poisoned(asked, sent, self.poison.how, self.poison.phone)
        before = len(self.campaigns.all_jobs())
        if sent is not None and sent.in_part is not None and asked.name == "addPhones":
            asked.places = _some_places(len(sent.people), Random(sent.in_part))
        answer = self._api.answer(asked, self.simulation.now)
        self._note_jobs(before, sent)
        if sent is not None and answer.status == 200:
            sent.took_effect = True
            # A key stands for what was added, so that a repeat may be answered for less than it asks for.
            sent.unheard = asked.name == "addPhones" and len(msgspec.json.decode(answer.body)) < len(sent.people)
        return self._response(answer.status, answer.body)

    def _poisoned(self, asked: ApiRequest, sent: Sent, how: str, phone: str) -> Response:
        """A request that holds a poisoned number takes effect, or not."""
        self.simulation.count(f"poison {how}")
        if "refused" in how:
            sent.unheard = asked.name == "addPhone"  # of a list alone it says that nothing was added
            return self._response(400, b'{"type": "number.not.liked", "message": ""}')
        sent.unheard = True
        part = asked
        if how == "500 in part" and asked.name == "addPhones":
            place = [one for one, _ in sent.people].index(phone)
            part = replace(asked)
            part.take(msgspec.json.encode(msgspec.json.decode(asked.body)[:place]))
        if how == "500 after" or (part is not asked and len(part.body) > len(b"[]")):
            before = len(self.campaigns.all_jobs())
            sent.took_effect |= self._api.answer(part, self.simulation.now).status == 200
            self._note_jobs(before, sent)
        return self._response(500, b"")

    def _note_jobs(self, before: int, sent: Sent | None) -> None:
        for job in self.campaigns.all_jobs()[before:]:
            self.made_for[job.id] = None if job.redial else sent  # the script's own are nobody's
            self.simulation.note("job", job.id, job.phone)

    # The same beneath URLs and bodies.

    def add_phone(self, sent: Sent, zone: str | None, *, test_call: bool) -> str:
        """Add one number.

        :returns: the job's id
        :raises Refusal: if the server refuses
        """
        before = len(self.campaigns.all_jobs())
        campaign = self.campaigns.of(sent.campaign)
        ((phone, payload),) = sent.people
        add = campaign.add_test_phone if test_call else campaign.add_phone
        job = add(self.simulation.now, WantedCall(phone, payload, zone), sent.key if self.keeps_key else None)
        self._note_jobs(before, sent)
        sent.took_effect = True
        return job.id

    def jobs_of(self, token: str, phone: str) -> list[ServedJob]:
        """The jobs of a phone that the report shows."""
        shown = self.simulation.now - self.report_lag
        return [job for job in self.campaigns.of(token).of_phone(phone) if job.created <= shown]

    @property
    def date(self) -> float | None:
        """What ``Date`` tells."""
        return float(int(self.simulation.now + self.date_ahead)) if self.dated else None

    def _response(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
        date = {} if self.date is None else {"date": formatdate(self.date, usegmt=True)}
        return Response(status, {**date, **(headers or {})}, body)

    # What people and other systems do.

    def set_status(self, number: int, status: Any) -> None:
        self._campaign(number).status = status

    def status(self, number: int) -> str:
        return self._campaign(number).status

    def add_by_others(self, number: int, phone: str, key: str | None) -> None:
        """Another system adds the same person."""
        before = len(self.campaigns.all_jobs())
        try:
            self._campaign(number).add_phone(self.simulation.now, WantedCall(phone, None, None), key)
        except Refusal:
            return  # without a key it may be a duplicate
        self._note_jobs(before, None)

    def _campaign(self, number: int) -> Any:
        return list(self.campaigns)[number]

    def jobs(self) -> Iterable[Any]:
        return self.campaigns.all_jobs()


def _some_places(numbers: int, chance: Random) -> frozenset[int]:
    """Places in a list, from 1, of those that are added: the first ones, or any; not all, unless it is one."""
    most = max(1, numbers - 1)
    if chance.random() < 0.5:
        return frozenset(range(1, 1 + chance.randint(1, most)))
    return frozenset(chance.sample(range(1, numbers + 1), chance.randint(1, most)))


def people_of(asked: ApiRequest) -> tuple[Person, ...]:
    """Whom a request is to add, each with the payload."""
    if asked.name == "addPhones":
        items = msgspec.json.decode(asked.body)
        return tuple((item["phone"], _json(item.get("payload") or {})) for item in items)
    fields = dict(parse_qsl(asked.target.query, keep_blank_values=True))
    fields.pop("gmtZone", None)
    return ((fields.pop("phone"), _json(fields)),)


def _json(payload: dict[str, Any]) -> str:
    return msgspec.json.encode(payload, order="sorted").decode()
