"""A second, plain telling of the server, to compare the emulator with: the contract and the choices that README and
settings name. It shares no code with the server and knows nothing of HTTP, of connections or of how jobs are rung.

:meth:`Reference.exchange` takes a request and says what must be answered (:class:`Right`) and which fault struck; it
changes what the server must remember from then on if, and only if, the request took effect. Ids are not foretold: a job
gets its id when the server shows it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

DAY = 86400.0
KEY = "Idempotence-Key"
ADDS = ("addPhone", "test/addPhone", "addPhones")
CONTROL = {"pause": "paused", "resume": "inProgress", "stop": "finished"}
COMMITTING = (*ADDS, "callJob/cancel", *(f"control/{what}" for what in CONTROL))
NO_CAMPAIGN = 0


@dataclass(frozen=True, eq=False)
class Between:
    """A moment within a range of Unix seconds; equal to whichever milliseconds are in it, and to the same range."""

    low: float
    high: float

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Between):
            return (self.low, self.high) == (other.low, other.high)
        return isinstance(other, int) and round(self.low * 1000) <= other <= round(self.high * 1000)

    def __hash__(self) -> int:
        return hash((self.low, self.high))

    def __int__(self) -> int:
        return round(self.low * 1000)


@dataclass(frozen=True)
class Asked:
    """A request.

    :param key: the header's idempotence key
    :param fields: of addPhone, in the query, or in the body as a form
    """

    endpoint: str
    campaign: int = 1
    method: str = "POST"
    key: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    form: bool = False
    body: Any = None

    def keyed(self) -> str | None:
        """The idempotence key: a GET may also bear it in its query."""
        return self.key or (dict(self.fields).get(KEY) if self.method == "GET" else None)

    def phones(self, *, with_body: bool) -> Iterable[str]:
        """The phones that it names."""
        if self.endpoint in ("addPhone", "test/addPhone"):
            return [] if self.form and not with_body else [plain(dict(self.fields)["phone"])]
        if not with_body or self.body is None:
            return []
        named = [item["phone"] for item in self.body] if self.endpoint == "addPhones" else self.body.get("phones", [])
        return [plain(phone) for phone in named]


@dataclass
class Rule:
    """A fault that was ordered."""

    phase: str
    action: str
    order: Mapping[str, Any]
    seen: int = 0
    hits: int = 0
    chance: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        self.chance.seed(self.order.get("seed", 0))

    def strikes(self, asked: Asked) -> bool:
        """Whether it strikes a request, in its phase; counts it."""
        one, phones = self.order, asked.phones(with_body=self.phase != "before_read")
        times = one.get("times", None if "every" in one or "probability" in one else 1)
        given = {"path": asked.endpoint, "method": asked.method, "key": asked.keyed()}
        if any(name in one and one[name] != value for name, value in given.items()):
            return False
        if ("phone" in one and plain(one["phone"]) not in phones) or (times is not None and self.hits >= times):
            return False
        self.seen += 1
        struck = (
            ("nth" not in one or self.seen == one["nth"])
            and ("every" not in one or self.seen % one["every"] == 0)
            and ("probability" not in one or self.chance.random() < one["probability"])
        )
        self.hits += struck
        return struck


@dataclass(eq=False)
class Job:
    """A call job. Nobody is ever rung here, so it is open until it is cancelled."""

    campaign: int
    phone: str
    payload: dict[str, Any]
    zone: str | None
    key: str | None
    test: bool
    created: float
    finished: float | None = None
    ending: str = "cancelledByUser"
    id: str = ""


@dataclass
class Right:
    """What must be answered.

    :param body: asked once the new jobs have their ids; of an error all but its ``message``
    """

    status: int
    body: Callable[[], Any]
    text: bool = False
    empty: bool = False


class RefusedError(Exception):
    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(body)
        self.right = Right(status, lambda: body)


@dataclass
class Reference:
    now: float
    facts: dict[int, dict[str, Any]]
    lag: float = 0.0
    newest_first: bool = True
    status: dict[int, str] = field(default_factory=lambda: {1: "inProgress", 2: "inProgress"})
    stopped: dict[int, Between] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[Job] = field(default_factory=list)
    keys: dict[tuple[int, str, str], tuple[float, list[Job]]] = field(default_factory=dict)
    keyless: dict[tuple[int, str, str], float] = field(default_factory=dict)
    rule: Rule | None = None
    told: Counter[str] = field(default_factory=Counter)

    def exchange(self, asked: Asked) -> tuple[Right | None, Rule | None]:
        """What must be answered, had no fault come between (None if the request took no effect); and which fault did.

        A fault before the commit comes instead of it, but for a delay. After the commit it strikes only what was not
        refused, and within a body only where there is one.
        """
        rule, phase = self.rule, self.rule and self.rule.phase
        early = phase in ("before_read", "before_commit") or (
            phase == "committed_late" and asked.endpoint in COMMITTING
        )
        struck = bool(rule and early and rule.strikes(asked))
        if rule and struck and phase != "committed_late" and rule.action != "delay":
            return None, rule
        right = self.answer(asked)
        needs_body = rule and (phase == "in_body" or rule.action in ("drip", "truncated"))
        if rule and right.status < 400 and not (needs_body and right.empty) and phase in ("after_commit", "in_body"):
            struck = rule.strikes(asked)
        return right, rule if struck else None

    def answer(self, asked: Asked) -> Right:
        """Take a request, and say what it must be answered."""
        try:
            if asked.campaign == NO_CAMPAIGN:
                raise RefusedError(404, type="invalid.token")
            what = re.sub(
                r"\W", "_", asked.endpoint.partition("/")[0] if "control" in asked.endpoint else asked.endpoint
            )
            right: Right = getattr(self, f"_{what}")(asked)
        except RefusedError as refused:
            self.told[f"answered {refused.right.body().get('type', 'control error')}"] += 1
            return refused.right
        return right

    def first_use(self, asked: Asked) -> float | None:
        """When the key of a request, or its number without one, was first used."""
        if key := asked.keyed():
            use = self.keys.get((asked.campaign, asked.endpoint, key))
            return use and use[0]
        return self.keyless.get(self._identity(asked)) if asked.endpoint == "addPhone" else None

    def adopt(self, was: float, moment: float) -> None:
        """Correct the time of the last exchange, where the clock ran and only the server knew it."""
        for job in self.jobs:
            job.created = moment if job.created == was else job.created
            job.finished = moment if job.finished == was else job.finished
        self.keys = {key: (moment if at == was else at, jobs) for key, (at, jobs) in self.keys.items()}
        self.keyless = {key: moment if at == was else at for key, at in self.keyless.items()}

    def doubt(self, was: float, low: float, high: float) -> None:
        """Have a stop of the last exchange be at any moment of a range, where the clock ran and no job tells which."""
        at = Between(was, was)
        self.stopped = {one: Between(low, high) if stop == at else stop for one, stop in self.stopped.items()}

    # Adding

    def _addPhone(self, asked: Asked) -> Right:
        def add() -> list[Job]:
            new = [self._job(asked, _item(asked))]
            if not asked.keyed():
                first = self.keyless.get(self._identity(asked))
                if first is not None and self.now - first < DAY:
                    raise RefusedError(
                        400, type="phone.duplicated", phone=new[0].phone, phonesDuplicates=[new[0].phone]
                    )
                self.told["without a key: " + ("the first" if first is None else "again after a day")] += 1
                self.keyless[self._identity(asked)] = self.now
            return new

        (job,) = self._once(asked, asked.keyed(), add)
        return Right(200, lambda: job.id)

    def _test_addPhone(self, asked: Asked) -> Right:
        (job,) = self._once(asked, None, lambda: [self._job(asked, _item(asked))])
        return Right(200, lambda: job.id)

    def _addPhones(self, asked: Asked) -> Right:
        def add() -> list[Job]:
            if not asked.body:
                raise RefusedError(400, type="emulator.bad.request")
            new = [self._job(asked, item) for item in asked.body]
            phones = [job.phone for job in new]
            if twice := [phone for place, phone in enumerate(phones) if phone in phones[:place]]:
                named = list(dict.fromkeys(twice))
                raise RefusedError(400, type="phone.duplicated", phone=named[0], phonesDuplicates=named)
            return new

        jobs = self._once(asked, asked.key, add)
        return Right(200, lambda: [job.id for job in jobs])

    def _once(self, asked: Asked, key: str | None, act: Callable[[], list[Job]]) -> list[Job]:
        """A stopped campaign takes no numbers, known key or not. A key lives for a day from its first use."""
        if asked.endpoint in ADDS and self.status[asked.campaign] == "finished":
            raise RefusedError(400, type="invalid.call.task.state", state="FINISHED")
        use = (asked.campaign, asked.endpoint, key or "")
        if key and use in self.keys:
            first, jobs = self.keys[use]
            if self.now - first < DAY:
                self.told["with a key: its repeat"] += 1
                return jobs
            self.told["with a key: again after a day"] += 1
        done = act()
        if asked.endpoint in ADDS:
            self.jobs += done
        if key:
            self.told["with a key"] += 1
            self.keys[use] = (self.now, done)
        return done

    def _job(self, asked: Asked, item: Mapping[str, Any]) -> Job:
        phone, zone = item["phone"], item.get("gmtZone")
        if not re.fullmatch("7912[0-9]{7}", plain(phone)):
            raise RefusedError(400, type="phone.bad.format", phone=phone)
        if zone == "nowhere":
            raise RefusedError(400, type="phone.gmtZone.bad.format", phone=phone, gmtZone=zone)
        payload, test = item.get("payload") or {}, asked.endpoint == "test/addPhone"
        return Job(asked.campaign, plain(phone), payload, zone, asked.keyed(), test, self.now)

    def _identity(self, asked: Asked) -> tuple[int, str, str]:
        item = _item(asked)
        return asked.campaign, plain(item["phone"]), str(sorted(item["payload"].items()))

    # Cancelling and control

    def _callJob_cancel(self, asked: Asked) -> Right:
        def cancel() -> list[Job]:
            chosen = [job for job in self._find(asked) if job not in self.cancelled]
            for job in chosen:
                job.finished = self.now
            self.cancelled += chosen
            return chosen

        jobs = self._once(asked, asked.key, cancel)
        return Right(200, lambda: [job.id for job in jobs])

    def _control(self, asked: Asked) -> Right:
        def control() -> list[Job]:
            what, status = asked.endpoint.partition("/")[2], self.status[asked.campaign]
            if status not in {"pause": ["inProgress"], "resume": ["paused"], "stop": ["inProgress", "paused"]}[what]:
                raise RefusedError(400, args={"status": status})
            self.status[asked.campaign] = CONTROL[what]
            if what == "stop":
                self.stopped[asked.campaign] = Between(self.now, self.now)
                self.undone(asked.campaign)
            return []

        self._once(asked, asked.key, control)
        return Right(200, lambda: "", text=True, empty=True)

    def undone(self, campaign: int) -> None:
        """End the jobs of a campaign that was stopped."""
        left = [job for job in self.jobs if job.campaign == campaign and job not in self.cancelled]
        for job in left:
            job.finished, job.ending = self.now, "notDone"
        self.cancelled += left

    # Reports

    def _find(self, asked: Asked) -> list[Job]:
        known = [job for job in self.jobs if job.campaign == asked.campaign and job.created <= self.now - self.lag]
        found = set()
        for phone in asked.body.get("phones", []):
            jobs = {job for job in known if job.phone == plain(phone)}
            if not jobs:
                raise RefusedError(400, type="phone.not.found")
            found |= jobs
        for one in asked.body.get("ids", []):
            jobs = {job for job in known if job.id == one}
            if not jobs:
                raise RefusedError(400, type="id.not.found")
            found |= jobs
        return sorted((job for job in known if job in found), key=lambda job: job.created)

    def _callJob_getReport(self, asked: Asked) -> Right:
        rows = [self._row(job) for job in self._find(asked)]
        return Right(200, lambda: rows)

    def _callAttempt_getReport(self, asked: Asked) -> Right:
        self._find(asked)
        return Right(200, list)

    def _callAttempt_getReportByDate(self, asked: Asked) -> Right:
        return self._page(asked, [])

    def _callJob_getReportByDate(self, asked: Asked) -> Right:
        """By the time of creation; by that of the end if the filter names it."""
        span, shown = asked.body.get("filter", {}), self.now - self.lag
        by_end = "finishedAtFrom" in span or "finishedAtTo" in span
        jobs = [
            job
            for job in (self.cancelled if by_end else self.jobs)
            if _within(span, "createdAt", job.created) and job.created <= shown
            if not by_end or (_within(span, "finishedAt", job.finished) and job.finished <= self.now)
        ]
        return self._page(asked, sorted(jobs, key=lambda job: job.finished if by_end else job.created))

    def _callJob_getUnfinished(self, asked: Asked) -> Right:
        shown = self.now - self.lag
        return self._page(asked, [job for job in self.jobs if self.ended(job) is None and job.created <= shown])

    def _page(self, asked: Asked, jobs: list[Job]) -> Right:
        """A page of jobs, oldest first."""
        at_the_top = asked.endpoint == "callJob/getUnfinished"
        page = {"page": 0, "pageSize": 20, **(asked.body if at_the_top else asked.body.get("pagination", {}))}
        if page["page"] not in range(200) or page["pageSize"] not in range(1, 201):
            raise RefusedError(400, type="emulator.bad.request")
        chosen = [job for job in jobs if job.campaign == asked.campaign]
        start = page["page"] * page["pageSize"]
        rows = [
            self._row(job) for job in (chosen[::-1] if self.newest_first else chosen)[start : start + page["pageSize"]]
        ]
        self.told[f"a page {'behind the first' if page['page'] else 'in front'}, {'full' if rows else 'empty'}"] += 1
        return Right(200, lambda: {"items": rows, "pagination": page})

    def _row(self, job: Job) -> dict[str, Any]:
        ended = self.ended(job)
        return {
            "callJobId": job.id,
            "phone": job.phone,
            "createdAt": round(job.created * 1000),
            "finishedAt": None if ended is None else round(ended * 1000),
            "jobStatus": "planned" if ended is None else job.ending,
            "attemptsCount": 0,
            "callDuration": 0,
            "redialNumber": None,
            "tagName": None,
            "tagPayload": None,
            "reportData": None,
        }

    def ended(self, job: Job) -> float | None:
        """When a job ended, as it is told: a clock that was set back has not come there yet."""
        return job.finished if job.finished is not None and job.finished <= self.now else None

    def _status(self, asked: Asked) -> Right:
        status = self.status[asked.campaign]
        return Right(200, lambda: status, text=True)

    def _campaign(self, asked: Asked) -> Right:
        mine = [job for job in self.jobs if job.campaign == asked.campaign]
        told = self.facts[asked.campaign]
        counts = {"totalNumbers": len(mine), "processedNumbers": sum(self.ended(job) is not None for job in mine)}
        stopped = self.stopped.get(asked.campaign)
        now = {"status": self.status[asked.campaign], "shortReport": {**told["shortReport"], **counts}}
        now["endTime"] = stopped
        return Right(200, lambda: {**told, **now})


def plain(phone: str) -> str:
    """A number's digits; what is no number, as it is."""
    return re.sub(r"[ +()-]", "", phone)


def _item(asked: Asked) -> dict[str, Any]:
    """What addPhone bears: every parameter but phone and zone is payload, and the key of a GET is none of them."""
    payload = dict(asked.fields)
    if asked.method == "GET":
        payload.pop(KEY, None)
    phone, zone = payload.pop("phone"), payload.pop("gmtZone", None)
    return {"phone": phone, "gmtZone": zone, "payload": payload}


def _within(span: Mapping[str, int], name: str, moment: float) -> bool:
    return span.get(f"{name}From", 0) <= moment * 1000 <= span.get(f"{name}To", float("inf"))
