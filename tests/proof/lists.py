"""Schedules of syncs: a warehouse's rows frozen as a call list and sent, by one task or in shards."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from tests.proof.airflow_seam import DagRun, Plan, TaskInstance, Try
from tests.proof.promise import REPORT_LAG, Call, Violation
from tests.proof.simulation import DAY, HOUR, MINUTE
from tests.proof.world import BAD, Tasks, World, phone

__all__ = ["ListTasks"]

_ENDS = {
    "UnknownCallsError": "parked",
    "NobodyReachedError": "not reached",
    "HeldElsewhereError": "held elsewhere",
    "CreatedElsewhereError": "elsewhere",
    "NobodyToCallError": "nobody",
    "RejectedError": "late",
}
"""What a task says that fails for good, by the error beneath."""
_UNFROZEN = ("late", "nobody", "held elsewhere")
"""After which there is no list."""

_TURNS, _ALONE, _ASKS = 3, 12, 20
"""Turns in which a list's batches are sent, at most; numbers that may be sent alone; questions for a row and a try."""
_SILENT = {"addPhones": 9, "addPhone": 35}
"""Requests until it is known that nothing is answered, at most."""
_SHARDS = 2
_COMMON = {"call_list_path": "/lists", "report_lag": REPORT_LAG, "concurrency": 2}
_WAITS = {"wait_for_completion": True, "deferrable": False, "poll_interval": 600.0}


class ListTasks(Tasks):
    """A run of a sync. Among its rows are a number twice, one that can't be read, and one that the server refuses."""

    by_payload = True

    def __init__(self, world: World, run: DagRun) -> None:
        super().__init__(world, run)
        schedule = world.schedule
        self.rows = [(number, phone(number), "Alex") for number in range(schedule.people)]
        if schedule.seed % 3 == 0:
            self.rows += [(90, phone(0), "Boris"), (91, phone(0), "Alex"), (92, "no number", "Alex")]
        self.most = schedule.seed // 6 % 3 or None if schedule.seed % 3 == 0 else None
        """How many calls a number may have, at most; None for any."""
        if self.most is not None:
            self.rows += [(94, phone(1), "Boris"), (95, phone(0), "Clara"), (96, phone(1), "Clara")]
        self._frozen_times = 0
        self._made_at = world.simulation.now
        if schedule.seed % 5 == 0:
            self.rows.insert(2, (93, BAD, "Alex"))
        by_number = schedule.kind == "by number" or (schedule.kind not in ("by list", "shards") and schedule.seed % 2)
        self.method = "addPhone" if by_number else "addPhones"
        if schedule.seed % 40 == 10 and schedule.kind not in ("shards", "list cleared"):  # nobody who could be called
            self.rows = [(0, BAD, "Alex")] if schedule.seed % 80 == 10 else [(0, "no number", "Alex")]
        self.finish: float | None = None
        """Until when people are dialled: all of them, or every second one."""
        if schedule.until is not None and not by_number:
            self.finish = float(int(world.simulation.now)) + schedule.until
        self.finish_by_row = schedule.seed % 3 == 1
        plain = schedule.kind in ("by list", "by number") and schedule.until is None and schedule.seed % 40 != 10
        self.first = 1 + schedule.seed % 4 if world.waits and plain and schedule.seed % 2 else None
        """How many calls are sent before all others, and waited for; None for none."""
        self.sharded = schedule.kind in ("shards", "list cleared")
        self.size = 2 + schedule.seed % 3
        if schedule.people > 10 and schedule.seed % 4:
            self.size = schedule.people
        self.prepared: dict[str, Any] | None = None
        self.campaign = 0
        self.moved = False
        """Whether it was ever sent to another campaign."""
        if self.sharded:
            self.prepare = TaskInstance(run, "prepare")
            for index in range(_SHARDS):
                self.instance("send", index)
        else:
            # A list in three is the only one of a mapped task.
            mapped = schedule.kind in ("by list", "by number") and schedule.seed % 3 == 2
            self.instance("sync", 0 if mapped else -1)
            self.instances[-1].watch = self.sends
            # After a clear a mapped task calls nobody by another query: that could be of another index.
            self.clearable = not (mapped and self._asks_otherwise)

    def execute(self, one_try: Try) -> Callable[[], Any]:
        return self._send(one_try) if self.sharded else self._sync(one_try)

    @property
    def _asks_otherwise(self) -> bool:
        """Whether each try has another query, as of a template with the time of day."""
        return self.world.schedule.seed % 4 == 3

    def _frozen_by(self) -> dict[str, Any]:
        until: dict[str, Any] = {}
        if self.finish is not None and self.finish_by_row:
            until = {"policy_columns": {"finish": "deadline"}}
        elif self.finish is not None:
            until = {"call_before": datetime.fromtimestamp(self.finish, UTC)}
        sql = "select id, phone, name from customer"
        if self._asks_otherwise:
            sql += f" where asked_at < {self.world.simulation.now}"
        return {
            "sql": sql, "sql_conn_id": "warehouse", "key_columns": ["id"],
            "batch_size": self.size, "method": self.method, "call_list_path": "/lists",
            "max_calls_per_phone": self.most, **until, **self._excludes(),
        }  # fmt: skip

    def _excludes(self) -> dict[str, Any]:
        if not self.world.schedule.excludes:
            return {}
        return {"exclude_sql": "select phone from stop", "exclude_conn_id": "stop"}

    def _sends(self, one_try: Try) -> dict[str, Any]:
        """How a try that begins now sends."""
        one_try.campaign = self.world.server.tokens[self.campaign]
        waits: dict[str, Any] = _WAITS if self.world.waits else {}
        if self.first is not None:  # whatever became of them, the rest follows: but not before that is known
            waits = {**waits, "first": self.first, "min_reached": None, "max_refused": None}
        return {**_COMMON, **waits, "aimylogic_conn_id": f"aimylogic_{self.campaign}"}

    def _waiting(self, operator: type[Any], one_try: Try) -> type[Any]:
        """The same operator, telling when it begins to wait."""
        tasks = self

        class Waiting(operator):  # type: ignore[misc]
            def _wait_for(self, jobs: Any, **more: Any) -> Any:
                if "report" not in more["kwargs"]:
                    return tasks.waits_for_first(one_try, lambda: super(Waiting, self)._wait_for(jobs, **more))
                tasks.begins_to_wait(one_try, more["kwargs"]["report"])
                return super()._wait_for(jobs, **more)

            def _go_ahead(
                self, context: Any, keeper: Any, stage: str, subject: str, body: str, otherwise: str = "", **told: Any
            ) -> Any:
                return tasks.says_go_on(one_try)

        return Waiting if self.world.waits else operator

    def waits_for_first(self, one_try: Try, wait: Callable[[], Any]) -> Any:
        """A try has sent the first calls, and sends nothing until they are over."""
        self.world.simulation.count("wait for first calls")
        one_try.waits, asked = "the first calls", dict(one_try.asked)
        try:
            end = wait()
        finally:
            one_try.waits = ""
            one_try.asked = asked  # what a wait asks is no part of sending
        if end.outcome == "over":
            self.world.simulation.count("first calls over")
            one_try.instance.first_over = True
        return end

    def says_go_on(self, one_try: Try) -> Any:
        """A person is asked about first calls that weren't over in time, and has the rest sent."""
        from aimylogic_provider.call_list.store.sync_entry import StageAnswer

        self.world.simulation.count("asked about first calls")
        one_try.instance.first_over = True
        return StageAnswer(True, "Maria", self.world.simulation.now)

    def sends(self, one_try: Try, people: Collection[tuple[str, str]]) -> None:
        """A request leaves that may create jobs: of the first calls, as long as it isn't known that those are over."""
        if self.first is None or one_try.instance.first_over:
            return
        frozen = [call for call, _ in self._frozen(one_try.instance)]
        first = {call[1:] for call in frozen[: self.first]}
        if not {*people} <= first:
            self.world.promise.violated("first", f"{one_try.name} sends {people}, and {first} are not known to be over")

    def begins_to_wait(self, one_try: Try, report: dict[str, Any]) -> None:
        """A try has sent its list, and sends nothing from now on."""
        self.world.simulation.count("wait for a list")
        self._check_requests(one_try)
        one_try.waits, one_try.sent = report["call_list"], report
        if one_try.replaced_at is None:
            self._check_counts(one_try, report)
            self.world.promise.said(one_try.instance)

    def _rows(self) -> None:
        beneath, columns, rows = self.world.beneath, ("id", "phone", "name"), tuple(self.rows)
        if self.finish is not None and self.finish_by_row:
            until = datetime.fromtimestamp(self.finish, UTC)
            columns = (*columns, "deadline")  # type: ignore[assignment]
            rows = tuple((*row, until if row[0] % 2 else None) for row in rows)  # type: ignore[misc]
        if self.most is not None:  # a query without an order: each time another row of a number is its first
            rows = rows[:: -1 if self._frozen_times % 2 else 1]
            self._frozen_times += 1
        beneath.columns, beneath.rows = columns, rows

    def _sync(self, one_try: Try) -> Callable[[], Any]:
        from aimylogic_provider.transfers import SqlToAimylogicOperator

        sends = self._sends(one_try)

        def run() -> Any:
            self._rows()
            operator = self._waiting(SqlToAimylogicOperator, one_try)(task_id="sync", **{**sends, **self._frozen_by()})
            context = one_try.context()
            return operator.execute(context)

        return run

    def _send(self, one_try: Try) -> Callable[[], Any]:
        from aimylogic_provider.operators import SendCallListOperator

        if self.prepared is None:
            self._prepare(one_try.plan)
        sends = self._sends(one_try)

        def run() -> Any:
            operator = self._waiting(SendCallListOperator, one_try)(
                task_id="send", call_list=self.prepared, shard=one_try.instance.map_index, **sends, **self._excludes()
            )
            return operator.execute(one_try.context())

        return run

    def _prepare(self, plan: Plan) -> None:
        """Freeze the list, by as many tries as it takes."""
        from aimylogic_provider.operators import PrepareCallListOperator
        from tests.proof.simulation import Worker

        for _ in range(5):
            one_try = self.prepare.next_try(plan)
            worker = Worker(
                self.world.simulation, one_try.name, about=one_try, rng=self.world.simulation.rng(one_try.name)
            )

            def run(one_try: Try = one_try) -> Any:
                self._rows()
                operator = PrepareCallListOperator(task_id="prepare", shards=_SHARDS, **self._frozen_by())
                return operator.execute(one_try.context())

            self.world.simulation.start(worker, run)
            self.world.simulation.finish(worker)
            if isinstance(worker.result, dict):
                self.prepared = worker.result
                return
            plan = Plan()
        raise AssertionError(f"never prepared: {worker.result}")

    def learn(self, one_try: Try, result: Any) -> None:
        if not one_try.waits:
            self._check_requests(one_try)
        elif one_try.replaced_at is None:
            result = self._waited(one_try, result)
        one_try.result = result
        promise = self.world.promise
        if one_try.replaced_at is not None:
            return  # nobody listens to it
        if isinstance(result, dict):
            outcome = "done"
            self._check_counts(one_try, result)
            self._check_campaign(one_try)
            promise.said(one_try.instance)
        else:
            outcome = _ENDS.get(type(result.__context__).__name__, type(result).__name__)
            if outcome == "late" and not self._may_be_late():
                promise.violated("dialled", f"{one_try.name}: {result}")
        if outcome == "elsewhere" and not self.moved and self.world.server.tokens_now == list(self.world.server.tokens):
            promise.violated("ends", f"{one_try.name}: {result}, and there was no other campaign")
        one_try.outcome = outcome
        self.world.outcomes[outcome] += 1
        self._check_neighbours(one_try)
        if self._expired() and not self._may_be_late():
            promise.violated(
                "dialled", f"{one_try.name}: expired are {self._expired()}, at {self.world.simulation.now}"
            )

    def _waited(self, one_try: Try, result: Any) -> dict[str, Any]:
        """What a try that waited said of its list: all was sent, whatever became of the wait."""
        if isinstance(result, BaseException):
            self.world.simulation.count("wait for a list failed")
            return one_try.sent
        if {**one_try.sent, "jobs": result["jobs"]} != result or sum(result["jobs"].values()) != result["created"]:
            self.world.promise.violated("counts", f"{one_try.name} had sent {one_try.sent}, and tells {result}")
        self.world.simulation.count("wait for a list over")
        return one_try.sent

    def _check_counts(self, one_try: Try, report: dict[str, Any]) -> None:
        """What is told of a list sums to its rows, and somebody was reached."""
        counted = ("created", "doubles", "rejected", "refused", "unknown", "expired", "claimed", "capped",
                   "excluded", "held_out")  # fmt: skip
        if report["excluded"]:
            self.world.simulation.count("rows excluded")
        if report["capped"]:
            self.world.simulation.count("rows capped")
        if sum(report[name] for name in counted) != report["rows"] or report["unknown"]:
            self.world.promise.violated("counts", f"{one_try.name}: {report}")
        spared = report["claimed"] + report["excluded"] + report["capped"] + report["held_out"]
        # Rows that are rejected beside others that are spared are no more than they were on any other day.
        missed = report["refused"] or report["rejected"] > spared
        nobody = not self.sharded and missed and not report["created"]
        if nobody or report["expired"]:
            self.world.promise.violated("reached", f"{one_try.name} ends well: {report}")

    def _check_campaign(self, one_try: Try) -> None:
        """What was sent whole by an earlier try isn't told as sent by one that is to send to another campaign."""
        if all(one.outcome != "done" for one in one_try.instance.tries):
            return
        jobs, made_for = self.world.promise.jobs(), self.world.server.made_for
        sent = [made_for[job] for call, _ in self._frozen(one_try.instance) for job in jobs.get(call, ())]
        campaigns = {one.campaign for one in sent if one is not None}
        if campaigns and one_try.campaign not in campaigns:
            self.world.promise.violated("reached", f"{one_try.name} ends well, and its calls are in {campaigns} alone")

    def _check_requests(self, one_try: Try) -> None:
        """A try makes no more requests than it takes.

        By addPhone a number is sent three times. By addPhones a request is sent three times, and one bad number is
        found in few cuts: by halves, or tenths if it is not answered, and seven numbers alone tell it from a bad
        campaign; the server names the other one that is bad. If nothing at all is answered, that is known after three
        rounds of each of the two batches that begin at once, and one of each that follows: a round is one request, or
        five numbers. Questions are of the time once a minute, and of the report by the times of each send, in pages.
        """
        rows, adds, asks = len(self.rows), one_try.asked.get("add", 0), one_try.asked.get("ask", 0)
        batches = rows // self.size + _TURNS
        most = 3 * rows if self.method == "addPhone" else 3 * batches + 4 * self.size.bit_length() + _ALONE
        if not one_try.heard and not self.world.schedule.excludes:  # who said no since waits, and counts for nothing
            most = min(most, _SILENT[self.method])
        if adds > most:
            self.world.promise.violated("requests", f"{one_try.name} sends {adds} requests for {rows} rows, not {most}")
        if asks > (most := _ASKS * (rows + one_try.number)):
            self.world.promise.violated("requests", f"{one_try.name} asks {asks} times for {rows} rows, not {most}")

    def _may_be_late(self) -> bool:
        """Whether the finish has passed, or is so near that a request could come after it."""
        near = 4 * MINUTE if self.world.schedule.tells_time else 2.5 * HOUR
        return self.finish is not None and self.world.simulation.now + near >= self.finish

    def _expired(self) -> set[int]:
        """The rows of which a list of this run tells that they expired."""
        return set() if self.finish is None else self._told_as("expired")

    def _excluded(self) -> set[int]:
        """The rows of which a list of this run tells that they were excluded right before they were to be sent."""
        return self._told_as("excluded") if self.world.schedule.excludes else set()

    def _spared(self) -> set[int]:
        """The rows of which a list of this run tells that they were capped right before a request."""
        return set()

    def _told_as(self, outcome: str) -> set[int]:
        return {
            line["row"]
            for instance in self.instances
            for name in self._objects(f"file:///lists/winter_sale/{'prepare' if self.sharded else instance.task_id}/")
            if f"/{self.run.name}/" in name
            and ("/done/" in name or ("/progress/" in name and (outcome != "capped" or self._counts(name))))
            for line in self._lines(name)
            if line["outcome"] == outcome
        }

    def _counts(self, name: str) -> bool:
        """Whether a file is progress that an entry names: a try may have failed between its writing and that note."""
        file = name.rpartition("/")[2]
        return any(
            not instance.has_store or any(file in row for row in instance.rows.values()) for instance in self.instances
        )

    def change(self, which: int) -> None:
        """The source changes: a row more, another name, or a row less; or the connection names another campaign."""
        match which % 4:
            case 0:
                self.rows.append((200 + len(self.rows), phone(20 + len(self.rows)), "Alex"))
            case 1:
                self.rows = [(number, one, "Carla") for number, one, _ in self.rows]
            case 2:
                del self.rows[-1]
            case _:
                self.campaign, self.moved = 1 - self.campaign, True

    def conclude(self) -> None:
        promise = self.world.promise
        jobs = promise.jobs()
        for instance in self.instances:
            last = instance.tries[-1]
            if last.outcome in _UNFROZEN:
                if any(call[0] == self.run.name for call in jobs):
                    promise.violated("nobody missed", f"{last.name} ended with {last.result}, and has jobs")
                continue
            if last.outcome not in ("done", "parked", "not reached", "elsewhere") and not self._held_up(last):
                promise.violated("ends", f"{last.name}: {last.result}")
                continue
            frozen = dict(self._frozen(instance))
            refused = dict(self._refused(frozen))
            unknown = Counter(self._unknown()) if last.outcome not in ("done", "elsewhere") else Counter()
            made = [call for call in frozen if jobs.get(call)]
            expired, excluded, spared = self._expired(), self._excluded(), self._spared()
            self._check_excluded(instance)
            if last.outcome == "done" and len(made) != last.result["created"]:
                promise.violated("counts", f"{last.name} tells {last.result}, and the server holds {len(made)} of its")
            for call, row in frozen.items():
                if call in refused:
                    promise.not_created(call, "refused")
                elif row in expired:
                    promise.not_created(call, "expired")
                elif row in excluded and not (jobs.get(call) and self._changed_his_mind(call)):
                    promise.not_created(call, "excluded")
                    if promise.stop_list is None or call[1] not in promise.stop_list.ever:
                        promise.violated("not excluded", f"{call}, row {row}, is excluded, and never said no")
                elif row in spared:
                    promise.not_created(call, "capped")
                elif (
                    self._is_poisoned(call) or self._waits_for_first(instance, call) or self._waits_beside_poison(call)
                ):
                    continue
                elif not jobs.get(call) and row not in unknown:
                    promise.violated("nobody missed", f"{call}, row {row}, has no job: {last.outcome} {last.result}")
            self._check_told(frozen, jobs)
            if last.outcome == "parked" and self._certain(instance):
                promise.violated("nobody missed", f"{last.name} is parked: {last.result}")
        self._check_capped(jobs)
        promise.check()
        self._check_no_other(jobs)

    def _waits_beside_poison(self, call: Call) -> bool:
        """Whether he said no, and the report can't settle his send while his batch is noted anew for a bad number."""
        stop_list, poison = self.world.promise.stop_list, self.world.server.poison
        by_number = self.method == "addPhone" and poison is not None
        return by_number and stop_list is not None and call[1] in stop_list.since

    def _changed_his_mind(self, call: Call) -> bool:
        stop_list = self.world.promise.stop_list
        return stop_list is not None and call[1] in stop_list.changed

    def _check_excluded(self, instance: TaskInstance) -> None:
        """Of the rows that a list left out from the first, each is of somebody who said no."""
        stop_list = self.world.promise.stop_list
        for name in self._objects(f"{self._path(instance)}/excluded/"):
            for line in self._lines(name):
                left_out = line["keys"]["id"]
                if left_out < 90 and (stop_list is None or phone(left_out) not in stop_list.ever):
                    self.world.promise.violated("not excluded", f"{name} tells {line}, who never said no")

    def _waits_for_first(self, instance: TaskInstance, call: Call) -> bool:
        """Whether a call waits, for good, for first ones of which it can't be known what became of them."""
        if self.first is None or instance.first_over or instance.tries[-1].outcome == "done":
            return False
        self.world.simulation.count("wait for first calls for good")
        return call not in [one for one, _ in self._frozen(instance)][: self.first]

    def _is_poisoned(self, call: Call) -> bool:
        poison = self.world.server.poison
        return poison is not None and poison.phone == call[1]

    def _held_up(self, last: Try) -> bool:
        """Whether a task may go on failing, for the server never says that it has added a number, and hasn't.

        If it has, the report tells: unless another task could own that job as well, or the number is sent by itself,
        for as long as the key lives, by which each try repeats it then.
        """
        poison = self.world.server.poison
        repeats = self.method == "addPhone" and self.world.simulation.now - self._made_at < DAY
        told = poison is not None and poison.how == "500 after" and not self.world.with_others and not repeats
        return poison is not None and not told and last.outcome in ("AirflowException", "RetryLaterError")

    def _check_neighbours(self, one_try: Try) -> None:
        """A list that was definitely refused for one number holds up nobody else, in a try that no fault befalls."""
        world, poison = self.world, self.world.server.poison
        refused = poison is not None and poison.how == "refused" and self.method == "addPhones"
        told = re.match(r"[0-9]+ calls could not be added", str(one_try.result))  # and nothing else ended the try
        if not refused or told is None or one_try.plan.network or self.moved:
            return
        assert poison is not None
        jobs, expired = world.promise.jobs(), self._expired() | self._spared()
        frozen = dict(self._frozen(one_try.instance))
        is_open = {call[1] for call in frozen if world.promise.is_open(call)}
        if self.world.promise.stop_list is not None:
            is_open |= self.world.promise.stop_list.ever
        for call, row in frozen.items():
            if call[1] not in {poison.phone, BAD, *is_open} and row not in expired and not jobs.get(call):
                world.promise.violated("nobody missed", f"{call} waits, though nothing of it is open: {one_try.result}")

    def _certain(self, instance: TaskInstance) -> bool:
        """Whether all is on record, and nobody else adds: then everything can be known."""
        world = self.world
        stable = world.schedule.kind in ("by list", "by number", "shards", "list changing")
        alone = world.schedule.tells_time and world.schedule.tells_phones and not world.with_others and not self.moved
        if not (stable and alone):
            return False
        entry = json.loads(instance.rows["aimylogic"])
        # A token that was made anew is known to be of the same campaign only if the former one's id could be asked.
        same = world.server.tokens_now == list(world.server.tokens) or len(entry.get("campaigns", ())) > 1
        return same and bool(entry["sure"])

    def _check_told(self, frozen: dict[Call, int], jobs: dict[Call, list[str]]) -> None:
        """What the list's files tell of a call is so: a created one has this job, a refused one has none."""
        of_row = {row: call for call, row in frozen.items()}
        told = [f"{self._path(instance)}/{kind}/" for instance in self.instances for kind in ("done", "progress")]
        for name in (name for start in told for name in self._objects(start)):
            for line in self._lines(name):
                call = of_row.get(line["row"])
                if call is None:
                    continue  # of another shard
                if line["outcome"] in ("refused", "expired", "excluded", "capped"):
                    if line["outcome"] == "excluded" and self._changed_his_mind(call):
                        continue
                    if line["outcome"] == "capped" and "/progress/" in name and not self._counts(name):
                        self.world.simulation.count("capped by what no entry names")
                        continue
                    if jobs.get(call):
                        self.world.promise.violated("refused", f"{call} has jobs {jobs[call]}: {name} tells {line}")
                elif line["job"] not in jobs.get(call, ()):
                    self.world.promise.violated("created", f"{call} has jobs {jobs.get(call)}: {name} tells {line}")

    def _check_no_other(self, jobs: dict[Call, list[str]]) -> None:
        """Nobody is called who is not on the list."""
        having = [one for one in self.instances if one.tries[-1].outcome not in _UNFROZEN]
        frozen = {call for instance in having for call in self._frozen(instance, all_shards=True)}
        for call in jobs:
            if call[0] == self.run.name and call not in frozen:
                self.world.promise.violated("created", f"{call} has a job, and is not on the list")

    def _check_capped(self, jobs: dict[Call, list[str]]) -> None:
        """No number has more calls than it may, by whatever tries, shards and lists; and none has fewer."""
        if self.most is None:
            return
        called: Counter[str] = Counter()
        for call, ids in jobs.items():
            if call[0] == self.run.name:
                called[call[1]] += len(ids)
        for one, calls in called.items():
            if calls > self.most:
                self.world.promise.violated("capped", f"{one} has {calls} jobs of {self.run.name}, not {self.most}")
        for instance in self.instances:
            if instance.tries[-1].outcome not in _UNFROZEN:
                self._check_set_aside(f"{self._path(instance)}", self.most)

    def _check_set_aside(self, path: str, most: int) -> None:
        """All rows of a list are told of; what is set aside repeats a call, or has a number that is called enough."""
        objects = self.world.beneath.storage.objects
        if f"{path}/list.json" not in objects:
            return
        manifest = json.loads(objects[f"{path}/list.json"])
        names = [f"{path}/batches/{batch['name']}.jsonl" for batch in manifest["batches"]]
        of_row = {line["row"]: line["call"]["phone"] for name in names for line in self._lines(name)}
        calls = Counter(of_row.values())
        capped = [line["row"] for name in self._objects(f"{path}/capped/") for line in self._lines(name)]
        told = sum(
            manifest.get(name, 0)
            for name in ("calls", "doubles", "rejected", "claimed", "capped", "excluded", "held_out")
        )
        if told != manifest["rows"] or len(capped) != manifest.get("capped", 0):
            self.world.promise.violated("counts", f"{path} tells {manifest}, and capped are {capped}")
        full = [calls[phone(number)] for number in (0, 1)]
        if any(count > most for count in calls.values()) or (capped and most not in full):
            self.world.promise.violated("capped", f"{path} has {calls}, and sets {capped} aside, with {most} a number")
        for name in self._objects(f"{path}/doubles/"):
            for line in self._lines(name):
                if line["double_of"] not in of_row:
                    self.world.promise.violated("capped", f"{path}: {line} repeats a row that isn't called")

    def _path(self, instance: TaskInstance) -> str:
        """The address of the list that was sent."""
        if self.prepared is not None:
            return str(self.prepared["path"])
        told = {one.result["call_list"] for one in instance.tries if isinstance(one.result, dict)}
        begun = {name.partition("/claimed/")[0] for name in self._objects(f"file:///lists/winter_sale/sync/{self.run.name}/")
                 if "/claimed/" in name}  # fmt: skip
        # A task that had nobody but those whom another list holds lets go of its own, and a clear freezes another one.
        # One that was replaced, and its store emptied, may still lay claim to its own list, and sends nothing of it.
        known = told or begun
        standing = {path for path in known if self._objects(f"{path}/list.json")}
        first, *others = sorted(standing or known)
        if others:
            raise Violation("one list", f"{instance.name} sends {first} and {', '.join(others)}")
        return first

    def _objects(self, start: str) -> list[str]:
        return [name for name in self.world.beneath.storage.objects if name.startswith(start)]

    def _lines(self, name: str) -> Iterator[Any]:
        for line in self.world.beneath.storage.objects[name].splitlines():
            yield json.loads(line)

    def _frozen(self, instance: TaskInstance, *, all_shards: bool = False) -> Iterator[Any]:
        """The calls of a list, or of a shard of it, and their rows."""
        path = self._path(instance)
        if not self._objects(f"{path}/list.json"):
            raise Violation("nobody missed", f"{path} is gone: {instance.tries[-1].result}")
        manifest = json.loads(self.world.beneath.storage.objects[f"{path}/list.json"])
        for batch in manifest["batches"]:
            if all_shards or not self.sharded or batch["shard"] == instance.map_index:
                for line in self._lines(f"{path}/batches/{batch['name']}.jsonl"):
                    payload = json.dumps(line["call"].get("payload", {}), separators=(",", ":"))
                    call = (self.run.name, line["call"]["phone"], payload)
                    if all_shards:
                        yield call
                    else:
                        yield call, line["row"]

    def _refused(self, frozen: dict[Call, int]) -> Iterator[tuple[Call, int]]:
        for call, row in frozen.items():
            if call[1] == BAD:
                yield call, row

    def _unknown(self) -> Iterator[int]:
        for instance in self.instances:
            for name in self._objects(f"{self._path(instance)}/unknown/"):
                for line in self._lines(name):
                    yield line["row"]
