"""Bugs to be planted in the shipped code: each says what it breaks, and is one text put in another's place.

They are what somebody could write, or leave out, without a unit test of theirs failing at once. Those of the fences and
the clocks show only where time, failure and a second try come together, which is what the simulation is for.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.proof.schedules import OF_CALLS, OF_LISTS, Kind
from tests.proof.swarm import Level

__all__ = ["PLANTED", "Planted"]

_BY_LIST: tuple[Kind, ...] = ("by list", "shards", "list changing")
_BY_NUMBER: tuple[Kind, ...] = ("by number", "list changing", "list emptied")
_WITH_FINISH: tuple[Kind, ...] = ("by list", "shards", "list emptied")


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted bug.

    :param name: what it is called in the table
    :param plants: what it does, in one sentence
    :param file: beneath ``aimylogic_provider``; or a folder, in one of whose files it stands
    :param old: what stands there, exactly once
    :param new: what is put in its place
    :param kinds: of the schedules by which it is looked for, in turn
    :param level: how much of the shipped code those drive
    :param tests: by which it is looked for instead, where the schedules don't reach: their ids beneath ``tests``
    """

    name: str
    plants: str
    file: str
    old: str
    new: str
    kinds: tuple[Kind, ...]
    level: Level
    tests: tuple[str, ...] = ()


def _of_calls(name: str, plants: str, file: str, old: str, new: str, *kinds: Kind) -> Planted:
    """One that shows beneath operators and HTTP."""
    return Planted(name, plants, file, old, new, kinds or OF_CALLS, "beneath")


def _of_operators(name: str, plants: str, file: str, old: str, new: str, *kinds: Kind) -> Planted:
    """One that shows where operators are driven whole."""
    return Planted(name, plants, file, old, new, kinds or OF_LISTS, "operators")


_DECISION = "idempotence/decision.py"
_LIMITS = "idempotence/time_limits.py"
_TRY = "idempotence/attempt.py"
_KEPT = "idempotence/record/entry_store.py"
_KEYS = "idempotence/keys.py"
_ANSWERS = "calls_api/response_meaning.py"
_LIST_DECISION = "call_list/send/decision.py"
_BY_LIST_FILE = "call_list/send/by_endpoint/by_add_phones.py"
_BY_NUMBER_FILE = "call_list/send/by_endpoint/by_add_phone.py"
_ENTRY = "call_list/store/sync_entry.py"
_WORK = "call_list/send/batch_under_way.py"

_TABLES = (
    _of_calls(
        "second record not read",
        "A clear that discards the task's state leaves nothing to go by, though a second record is kept.",
        _KEPT,
        "        if content is None and second is not None:\n",
        "        if False:\n",
        "discarded",
    ),
    _of_calls(
        "second record of answers alone",
        "A send is noted in the state store, and in the second record only once it is answered.",
        _KEPT,
        "        if self._second is not None:\n            self._second.write(entry)\n        self._store",
        "        self._store",
        "discarded",
    ),
    _of_calls(
        "one copy for all tries",
        "All tries write the second record's one row: a try that was replaced overwrites its successor's.",
        "idempotence/record/second_record.py",
        'return f"copy-{self._instance}-{try_number}"',
        'return f"copy-{self._instance}-1"',
        "discarded",
    ),
    _of_calls(
        "a deleted run's record is this one's",
        "What stands in the second record of a run that was deleted counts for the one that has its id now.",
        "idempotence/record/record_copies.py",
        "        return CopyOrigin.OTHER if empty and not _made_anew(copy, now) else CopyOrigin.UNCLEAR\n",
        "        return CopyOrigin.OURS\n",
        "discarded",
    ),
    _of_calls(
        "a deleted run's record is kept",
        "What is known to be a deleted run's stays in the second record, and after a clear is taken for this one's.",
        "idempotence/record/second_record.py",
        "            if origin(copy.mark, self._mark) is CopyOrigin.OTHER:\n",
        "            if False:\n",
        "discarded",
    ),
    _of_calls(
        "start of a queued run",
        "A run counts as young by its start, which whoever sets it to queued has be anew.",
        "idempotence/record/record_copies.py",
        "return self.start if self.first and self.clear_number == 0 else self.earliest",
        "return self.start if self.clear_number == 0 else self.earliest",
        "no store",
    ),
    _of_calls(
        "copies of a queued run",
        "A run that was never counted as cleared is taken to have begun but once: its own copies are another run's.",
        "idempotence/record/record_copies.py",
        "    if now.clear_number == 0 and not now.cleared:\n",
        "    if now.clear_number == 0:\n",
        "discarded",
    ),
    _of_operators(
        "list of a queued run",
        "What was kept before a run's start is taken for another run's, though it was set to queued since.",
        "idempotence/record/record_copies.py",
        "return self.start if self.remembers and not self.cleared else self.began",
        "return self.start",
        "list no store",
    ),
    _of_operators(
        "second record by connection",
        "The second record lies in the asset of the connection's campaign: with another connection it is another one.",
        "call_task/call_of_task.py",
        "second=second_record(context, ",
        "second=second_record({**context, 'asset_state_store': type('Of', (), {'__getitem__': lambda _, asset: "
        "context['asset_state_store'][type('Asset', (), {'name': task.aimylogic_conn_id})]})()}, ",
        "discarded",
    ),
    _of_calls(
        "cleared and young",
        "A young run that was cleared is sent by its key, without a record and without a look at the report.",
        _DECISION,
        "    if not known.unseen and _run_young(known, time):",
        "    if _run_young(known, time):",
        "discarded alone",
    ),
    _of_calls(
        "cleared, and the lag ignored",
        "After a clear that discards the task's state a report that shows nothing is believed at once.",
        _DECISION,
        " and _protected(known) and not known.unseen) or",
        " and _protected(known)) or",
        "discarded alone",
    ),
    _of_calls(
        "key window of 25 hours",
        "A key is taken to live an hour longer than the server keeps it.",
        _LIMITS,
        "KEY_WINDOW = 24 * 3600.0",
        "KEY_WINDOW = 25 * 3600.0",
    ),
    _of_calls(
        "negative slack",
        "The margin is added to each limit instead of being taken off.",
        _LIMITS,
        "SLACK = 60.0\n",
        "SLACK = -300.0\n",
    ),
    _of_calls(
        "report lag ignored",
        "A report is believed at once, though a new job shows in it only after the lag.",
        _DECISION,
        "return shown_at(max(ends), known.limits, _margin(known))",
        "return max(ends) + _margin(known)",
    ),
    _of_calls(
        "old key repeated",
        "An unanswered send is repeated however old its key is, and no report is asked.",
        _DECISION,
        "    if _young(known, record, time) and time.clock is ClockSource.SERVER:",
        "    if time.clock is ClockSource.SERVER:",
    ),
    _of_calls(
        "age of the last send",
        "A key's age is counted from its last send, not from its first.",
        _DECISION,
        "time.latest - min(send.at for send in record.unanswered)",
        "time.latest - max(send.at for send in record.unanswered)",
    ),
    _of_calls(
        "refusal believed while sends are open",
        "A refusal counts as the outcome though an earlier send of the key is unanswered.",
        _DECISION,
        "    if not record.unanswered and (own or (known.first and record.sure)):",
        "    if own or (known.first and record.sure):",
    ),
    _of_calls(
        "unanswered, and another campaign",
        "A call whose send is unanswered is added to another campaign when the connection changes.",
        _DECISION,
        "        return Park(Row.UNANSWERED_ELSEWHERE)",
        "        pass",
        "changing",
    ),
    _of_calls(
        "run's age forgotten",
        "Without a record a key's age is counted from this try, not from the run's beginning.",
        _DECISION,
        "time.latest - entry.server_time + entry.run_age + AIRFLOW_SLACK)",
        "time.latest - entry.server_time + AIRFLOW_SLACK)",
        "emptied",
        "no store",
        "mapped",
    ),
    _of_calls(
        "lost record taken for none",
        "An entry that was begun without certainty is taken for a first try's.",
        _DECISION,
        "    if known.entry.sure and (not known.mapped or known.parameters.test_call):",
        "    if not known.mapped or known.parameters.test_call:",
        "emptied",
        "no store",
    ),
    _of_calls(
        "first in a mapped list",
        "In a mapped task the first try of an index is taken for surely the person's first.",
        _DECISION,
        "    if known.entry.sure and (not known.mapped or known.parameters.test_call):",
        "    if known.entry.sure:",
        "mapped",
    ),
    _of_calls(
        "lost key trusted",
        "The server is relied on to heed a key that it never saw.",
        _DECISION,
        "not (record.key_lost or (",
        "not ((",
        "key lost",
    ),
    _of_calls(
        "guard band of nothing",
        "Times told by the worker's clock are relied on like the server's.",
        _LIMITS,
        "GUARD_BAND = 3600.0",
        "GUARD_BAND = 0.0",
        "no date",
    ),
    _of_calls(
        "others' jobs adopted",
        "Any job of the phone is adopted, whenever it was created.",
        _DECISION,
        "if job.created is None or _within(known, job.created, record.unanswered)",
        "if job",
    ),
    _of_calls(
        "owned job adopted",
        "A job that another record of the task has is adopted once more.",
        _DECISION,
        "return [job for job in report.jobs if job.id not in owned]",
        "return list(report.jobs)",
        "changing",
    ),
    _of_calls(
        "claimed job adopted",
        "A job that another record's unanswered send may have made is adopted.",
        _DECISION,
        " and job.created is not None and not _claimed(known, job.created):",
        " and job.created is not None:",
        "changing",
    ),
    _of_operators(
        "list: old key repeated",
        "A batch's unanswered request is repeated however old its key is.",
        _LIST_DECISION,
        "    return heeded and ends_in_window(age, known.limits, _margin(known))",
        "    return heeded",
    ),
    _of_operators(
        "list: refusal believed while sends are open",
        "A batch's refusal counts as the outcome before the report can show what earlier requests made.",
        _LIST_DECISION,
        "return Decision(UnitAction.REFUSE, settled=True) if proven else Decision(UnitAction.WAIT, shown)",
        "return Decision(UnitAction.REFUSE, settled=True)",
    ),
    _of_operators(
        "list: report lag ignored",
        "Of a batch the report is believed at once, though new jobs show in it only after the lag.",
        _LIST_DECISION,
        "    return shown_at(until, known.limits, _margin(known))",
        "    return until + _margin(known)",
    ),
    _of_operators(
        "list: unanswered, and another campaign",
        "A batch whose request is unanswered is sent to another campaign when the connection changes.",
        _LIST_DECISION,
        "    if any(send.campaign != known.campaign for send in known.sends):",
        "    if False:",
        "list changing",
    ),
)

_WRITES = (
    _of_calls(
        "sent, then noted",
        "A send leaves before the record tells of it.",
        _TRY,
        "        self.call.save(record)\n        if decided",
        "        if decided",
    ),
    _of_calls(
        "answer never noted",
        "The job that the server created is returned, and not written down.",
        _TRY,
        '        self.call.save_answer(record.answered(SendOutcome.CREATED, "", job=answer.value))\n',
        "",
    ),
    _of_calls(
        "unanswered send taken back",
        "After an error the note of the send is withdrawn, as if it had not left.",
        _TRY,
        "            self.call.save_answer(\n"
        "                record.answered(SendOutcome.UNANSWERED, str(error), key_lost=error.type == "
        '"phone.duplicated")\n'
        "            )\n",
        "            self.call.save_answer(record.withdrawn())\n",
    ),
    _of_operators(
        "batch: earlier sends dropped",
        "When a batch is sent again its earlier unanswered requests are forgotten.",
        _BY_LIST_FILE,
        "if settled and await self._nothing_came_of_it():",
        "if await self._nothing_came_of_it():",
        *_BY_LIST,
    ),
    _of_operators(
        "numbers: open sends dropped",
        "A round of numbers is taken for answered though some of its requests were not.",
        _BY_NUMBER_FILE,
        "        if not unanswered:\n",
        "        if True:\n",
        *_BY_NUMBER,
    ),
    _of_operators(
        "batch: done before answered",
        "A batch is written as done as soon as some of its calls are settled.",
        "call_list",
        "        if under_way.unsettled:\n",
        "        if not under_way.outcomes:\n",
    ),
)

_OF_KEYS = (
    _of_calls(
        "key without the run",
        "Two runs of a DAG have the same key for a person.",
        _KEYS,
        "            self.run_id,\n",
        "",
        "stable",
    ),
    _of_calls(
        "key without the phone",
        "Two people of a task have the same key.",
        _KEYS,
        "            self.call.phone,\n",
        "",
        "changing",
        "mapped",
    ),
    _of_calls(
        "key without the campaign",
        "Two campaigns have the same key for a person.",
        _KEYS,
        "            self.campaign,\n",
        "",
        "changing",
    ),
    _of_calls(
        "fresh key each time",
        "Each try makes a key of its own where it finds no record.",
        _KEYS,
        "        return as_uuid(digest(*fields))\n",
        "        import random\n\n        return as_uuid(random.randbytes(16))\n",
        "emptied",
        "no store",
        "mapped",
    ),
    _of_calls(
        "recorded key not used",
        "A repeat has the key that the recipe gives now, and not the one that was recorded.",
        _TRY,
        "                self.intent.call, idempotence_key=record.key,",
        "                self.intent.call, idempotence_key=self.intent.key,",
        "changing",
    ),
    _of_operators(
        "key with the try's number",
        "Each try has another key where it finds no record.",
        "call_task/call_of_task.py",
        "        run_id=ti.run_id,\n",
        '        run_id=f"{ti.run_id} {ti.try_number}",\n',
        "emptied",
        "no store",
    ),
    _of_operators(
        "key with the map index",
        "A person whose place in a mapped list changed has another key.",
        "call_task/call_of_task.py",
        "        run_id=ti.run_id,\n",
        '        run_id=f"{ti.run_id} {ti.map_index}",\n',
        "mapped",
    ),
    _of_operators(
        "list: key without the batch's name",
        "The first calls of each batch have the same key.",
        _WORK,
        "self.campaign, self.batch.name)",
        "self.campaign)",
    ),
    _of_operators(
        "list: key without the places",
        "All calls of a batch have the same key, and so have its parts.",
        _WORK,
        '",".join(map(str, places))',
        '""',
    ),
    _of_operators(
        "list: key without the list",
        "The lists of all runs have the same keys.",
        _WORK,
        "str(FORMAT), self.list_id, ",
        "str(FORMAT), ",
    ),
    _of_operators(
        "list: fresh key each time",
        "Each request of a batch has a key of its own.",
        _WORK,
        '        return as_uuid(digest_after(self._key_begun, ",".join(map(str, places)), *again))\n',
        "        import random\n\n        return as_uuid(random.randbytes(16))\n",
    ),
)

_OF_ANSWERS = (
    _of_operators(
        "503 taken for refused",
        "A 503 counts as a refusal, though the request may have got through.",
        _ANSWERS,
        'Known.UNANSWERED, True, "the server, or something before it, failed"',
        'Known.REFUSED, False, "the server, or something before it, failed"',
        *OF_CALLS,
        *OF_LISTS,
    ),
    _of_operators(
        "garbage taken for refused",
        "A 200 that can't be read counts as a refusal.",
        _ANSWERS,
        'Known.UNANSWERED, True, "the body is not',
        'Known.REFUSED, False, "the body is not',
        *OF_CALLS,
        *OF_LISTS,
    ),
    _of_operators(
        "duplicate taken for refused",
        "The word that the phone is a duplicate counts as a refusal though a key was sent, and so got lost.",
        _ANSWERS,
        "            if keyed and error.name in endpoint.never_with_key:",
        "            if False:",
        "key lost",
    ),
    _of_operators(
        "timeout taken for never sent",
        "A request that got no answer counts as one that never took effect.",
        _ANSWERS,
        "        known=Known.UNANSWERED,\n        retryable=advice is None,",
        "        known=Known.REFUSED,\n        retryable=advice is None,",
        *OF_CALLS,
        *OF_LISTS,
    ),
    _of_operators(
        "403 taken for refused",
        "A 403 of something on the way counts as a refusal.",
        _ANSWERS,
        '                Known.UNANSWERED,\n                False,\n                "access was denied',
        '                Known.REFUSED,\n                False,\n                "access was denied',
        *OF_CALLS,
        *OF_LISTS,
    ),
    _of_operators(
        "client repeats by itself",
        "A request of a single call that got no answer is sent once more by the client.",
        "calls_api/client.py",
        "            response = self._transport.send(request, url)\n",
        "            try:\n                response = self._transport.send(request, url)\n"
        "            except NoResponse:\n                response = self._transport.send(request, url)\n",
        *OF_CALLS,
    ),
    _of_operators(
        "list: client repeats by itself",
        "A request of a list that got no answer is sent once more by the client.",
        "calls_api/client.py",
        "            response = await self._transport.send(request, url)\n",
        "            try:\n                response = await self._transport.send(request, url)\n"
        "            except NoResponse:\n                response = await self._transport.send(request, url)\n",
    ),
)

_OF_BATCHES = (
    _of_operators(
        "batch split while unanswered",
        "A batch whose request went unanswered is halved, so that its calls get other keys.",
        _BY_LIST_FILE,
        "        evidence.sends_left -= 1\n",
        "        evidence.sends_left -= 1\n        self._under_way.state = self._under_way.state.halved()\n",
        *_BY_LIST,
    ),
    _of_operators(
        "batch: wrong ids",
        "The jobs of a batch's answer are assigned in another order.",
        _BY_LIST_FILE,
        "zip(part, answer.value, strict=True)",
        "zip(part, answer.value[::-1], strict=True)",
        *_BY_LIST,
    ),
    _of_operators(
        "batch: owned jobs not skipped",
        "Jobs of other batches that hold the same phones are adopted once more.",
        "call_list",
        "[row for row in rows if row.job.id not in others]",
        "list(rows)",
    ),
    _of_operators(
        "another list's jobs adopted",
        "Jobs that another sync owns on record, or could own, are taken for this one's.",
        "call_list/send/server_time_and_report.py",
        "self._others_jobs.owned(rows, phones)",
        "self._others_jobs.owned([], phones)",
        "two lists",
    ),
    _of_operators(
        "another list's unanswered sends forgotten",
        "A job is taken for this list's though another sync has an unanswered send of the same minutes, too.",
        "call_list/report/jobs_of_other_tasks.py",
        "            if len(outcomes) == batch.calls:\n                continue\n",
        "            if True:\n                continue\n",
        "two lists",
    ),
    _of_operators(
        "a new token taken for another campaign",
        "What was sent before a campaign's token was made anew is parked, though the new one's report could tell.",
        "call_list/report/campaign_ids.py",
        "    first = next(known for known, one in entry.campaigns if one == ids[now])\n",
        "    first = now\n",
        *_BY_LIST,
    ),
    _of_operators(
        "another campaign's calls told as this one's",
        "A list that was sent whole is told as sent by a try whose campaign has none of its calls.",
        "call_list/send/sending.py",
        "settled=not self.progress.left)",
        "settled=False)",
        "list changing",
    ),
    _of_operators(
        "a retry with another query stops",
        "A retry whose query holds the time of day refuses to go on with its list.",
        "call_list_task/sync_entry_stores.py",
        "entry.tried is not None and entry.tried[0] == this_try(context) and not resumed:",
        "entry.tried is not None and not resumed:",
        "by list",
        "by number",
    ),
    _of_operators(
        "second list frozen",
        "A task whose entry was lost doesn't find the list that it began, and freezes another one.",
        "call_list/runs/lists_of_run.py",
        "    found = [one for one in begun if one.claim_of(task.words) is not None]\n",
        "    found: list[Any] = []\n",
        "list emptied",
    ),
    _of_operators(
        "lost entry taken for none",
        "A batch of a list whose entry was lost is sent as if it surely had not been.",
        "call_list",
        "            if entry.before is not None:\n",
        "            if False:\n",
        "list emptied",
    ),
)

_OF_PARTS = (
    _of_operators(
        "a claim taken for a send",
        "A shard whose first try died just after its claim is doubted as if it had been sent.",
        "call_list/send/shard.py",
        "        elif begun_now and not self._surely_unsent():\n",
        "        elif begun_now:\n",
        "shards",
    ),
    _of_operators(
        "part: unanswered ends the try",
        "A batch that is never answered ends the try, and is never cut smaller, so that its others wait for ever.",
        _BY_LIST_FILE,
        "        if evidence.sends_left <= 0 or not error.retryable:\n",
        "        if not error.retryable:\n",
        *_BY_LIST,
    ),
    _of_operators(
        "part: cut before the report can tell",
        "What is never answered is sent in smaller parts at once, while its request may yet take effect.",
        _LIST_DECISION,
        "        if known.asked >= anew:\n",
        "        if known.silent or known.asked >= anew:\n",
        *_BY_LIST,
    ),
    _of_operators(
        "part: one without a job proves all",
        "A batch of which the report lacks one phone is taken for one that was not added.",
        _BY_LIST_FILE,
        "of_each = {place: _found(under_way.phone(place), jobs) for place in part}",
        "of_each = {\n            place: Found.NONE if any(under_way.phone(at) not in jobs for at in part) "
        "else Found.ALL\n            for place in part\n        }",
        *_BY_LIST,
    ),
    _of_operators(
        "part: its key taken for the whole's",
        "What is left of a batch, when some of it was found, is sent with another key as if that were the first one.",
        _BY_LIST_FILE,
        "under_way.state, evidence.refusal = under_way.state.added_in_part(), None",
        "evidence.refusal = None",
        *_BY_LIST,
    ),
    _of_operators(
        "a 400 of an unknown type says nothing",
        "A batch that is refused for a number by a type that no source names counts as unanswered, neighbours and all.",
        _ANSWERS,
        "    of_any_type = response.status in endpoint.typed_refusals and isinstance(message, str)\n",
        "    of_any_type = False\n",
        *_BY_LIST,
    ),
    _of_operators(
        "a campaign's refusal looked for in its numbers",
        "A list that the campaign refuses whole is cut down to single numbers, each of which is set aside as refused.",
        "call_list/send/by_endpoint/refused_parts.py",
        "        if not self._cause.is_of_numbers(refusal):\n",
        "        if False:\n",
        *_BY_LIST,
    ),
    _of_operators(
        "nothing is answered, and all is sent",
        "A server that answers nothing is sent each number of the list in turn.",
        _BY_NUMBER_FILE,
        "        if self._rounds_unanswered >= ROUNDS:\n",
        "        if False:\n",
        "by number",
    ),
    _of_operators(
        "parked, and held up for another",
        "A call that a person must decide holds up the person's other one for as long as a third is never answered.",
        "call_list/send/sending.py",
        "for place in {*under_way.unsettled} - {*parked.places})",
        "for place in {*under_way.unsettled})",
        "list emptied",
    ),
    _of_operators(
        "part: sends forgotten",
        "A part that is set apart loses what was sent of it.",
        "call_list/store/open_batch.py",
        "_spans_of(places), self.sends, self.silent",
        "_spans_of(places), (), self.silent",
        *_BY_LIST,
    ),
    _of_operators(
        "never answered, and never looked for",
        "What is answered with an error each time is repeated for a day, though the report shows its job.",
        _LIST_DECISION,
        "shows = known.silent and",
        "shows = False and",
    ),
)

_FENCES = (
    _of_calls(
        "store's errors caught",
        "A try goes on when the store refuses its write.",
        _KEPT,
        "        self._store.write(entry_to_json(entry))\n",
        "        try:\n            self._store.write(entry_to_json(entry))\n"
        "        except Exception:\n            pass\n",
    ),
    _of_calls(
        "stale decision acted on",
        "A send that was decided on and noted leaves however long the worker stood still meanwhile.",
        _TRY,
        "        if decided.elapsed(self._clock)[1] > FRESH:",
        "        if False:",
    ),
    _of_calls(
        "unfenced try's hour dropped",
        "Without a store a try that stood still for a day goes on as if it were the only one.",
        _TRY,
        "        if not self._kept.remembers and stood_still > _UNFENCED:\n",
        "        if False:\n",
        "no store",
    ),
    _of_operators(
        "list: store's errors caught",
        "A sync goes on when the store refuses its write.",
        _ENTRY,
        "            await asyncio.to_thread(self._store.write, self._content())\n",
        "            try:\n                await asyncio.to_thread(self._store.write, self._content())\n"
        "            except Exception:\n                pass\n",
    ),
    _of_operators(
        "list: another's write taken for its own",
        "A note that was made while a write was under way counts as written by it.",
        _ENTRY,
        "            self._saved = changes\n",
        "            self._saved = self._changes\n",
    ),
    _of_operators(
        "list: stale decision acted on",
        "A batch leaves however long the worker stood still after it was noted.",
        "call_list",
        "        if not self.is_fresh(reading):\n",
        "        if False:\n",
        *_BY_LIST,
    ),
    _of_operators(
        "list: stale time decided by",
        "How long ago the server's time was told, by which it was decided, isn't looked at.",
        "call_list/send/send_notes.py",
        "        self._check_stopped()\n        await self._shard.keep(under_way)\n",
        "        reading = Reading.of(self._clock)\n        await self._shard.keep(under_way)\n",
        *_BY_LIST,
    ),
    _of_operators(
        "file's check dropped",
        "Without a store a sync writes its entry over what another try has written.",
        "call_list_task/sync_entry_stores.py",
        "        if self._stored() != self._seen:",
        "        if False:",
        "list no store",
    ),
    _of_calls(
        "four sends a try",
        "A try repeats what isn't answered once more than is allowed.",
        "idempotence/retry.py",
        "SENDS_PER_TRY = 3",
        "SENDS_PER_TRY = 4",
    ),
)

_OF_LOOPS = (
    _of_operators(
        "an iteration isn't part of the key",
        "The same person in two iterations of a loop has one key: the second is green with the first one's job.",
        "call_task/call_of_task.py",
        "iteration=iteration(context),",
        "iteration=None and iteration(context),",
        "looped",
    ),
    _of_operators(
        "a region is part of the key",
        "An iteration that a clear of its gate made anew is taken for another call.",
        "call_task/call_of_task.py",
        "iteration=iteration(context),",
        'iteration=1000 * int(context["ti"].region_id) + (iteration(context) or 0),',
        "looped",
    ),
    _of_operators(
        "adopted in a loop",
        "A job of the iteration before, made within the same minute, is taken for that of this one.",
        _DECISION,
        "_margin(known) == SLACK and not known.looped",
        "_margin(known) == SLACK",
        "looped",
    ),
    _of_operators(
        "made anew, and taken for a first try",
        "An iteration that a clear of its gate made anew is taken for one that surely never sent.",
        "airflow_task/run_context.py",
        "    if (is_mapped(context) and was_cleared(context)) or may_replace_another(context):\n",
        "    if is_mapped(context) and was_cleared(context):\n",
        "looped",
    ),
)

_NOBODY_RUNG = (
    _of_operators(
        "list: finish not looked at",
        "A batch is sent though its finish has passed, so that its jobs are dead on arrival.",
        _BY_LIST_FILE,
        "        late = self._context.expired_calls.late(under_way, part, time)\n        decisions",
        "        late: list[int] = []\n        decisions",
        *_WITH_FINISH,
    ),
    _of_operators(
        "list: late batch repeated by its key",
        "A batch whose request is unanswered is repeated by its young key though its finish has passed since.",
        _LIST_DECISION,
        "    repeats = not known.refused and not known.barred and ",
        "    repeats = not known.refused and ",
        *_WITH_FINISH,
    ),
    _of_operators(
        "list: expired while sends are open",
        "A batch that is late by now expires though an earlier request of it went unanswered.",
        _LIST_DECISION,
        "    if not known.sends:\n        unsent",
        "    if known.barred:\n        return Decision(UnitAction.SET_ASIDE)\n    if not known.sends:\n        unsent",
        *_WITH_FINISH,
    ),
    _of_operators(
        "list: green though calls expired",
        "A task ends well of which calls expired, or that reached nobody.",
        "call_list_task/send_base.py",
        "        self._check_reached(report, pointer, whole=whole, why=why)\n",
        "",
        *_WITH_FINISH,
    ),
    _of_operators(
        "list: green though all are refused",
        "The server refuses the calls of a list one and all, and the task ends well.",
        "call_list/send/nobody_reached.py",
        "    if whole and counts.reached_nobody:\n",
        "    if False:\n",
        *_WITH_FINISH,
    ),
)

_OF_TIME_OUTS = (
    _of_calls(
        "timed out, and taken for not sent",
        "A try whose time is over while its request is under way takes the note of that back.",
        _TRY,
        "        except ApiError as error:\n            return self._not_created(record, error)\n",
        "        except ApiError as error:\n            return self._not_created(record, error)\n"
        "        except BaseException:\n            self.call.save(record.withdrawn())\n            raise\n",
    ),
)

_OF_APPROVALS = (
    _of_operators(
        "a no returns nothing",
        "A person's no to one of several lists keeps no place: what follows takes the next list for that one, and is "
        "skipped for it.",
        "airflow_task/downstream_skips.py",
        "                return no\n",
        '                context["ti"].xcom_push(key="skipmixin_key", value={"skipped": ["send"]})\n'
        "                return None\n",
        "approved",
    ),
    _of_operators(
        "a mapped no ends as skipped",
        "A mapped approval ends as skipped, which stops the sending of the lists to which people said yes.",
        "airflow_task/downstream_skips.py",
        "        return any(_shares_index(operator, task) for task in tasks)",
        "        return any(True for task in tasks)",
        "approved",
    ),
)

_OF_REPORTS = (
    _of_operators(
        "phones that can't be read are dropped",
        "A row of the report whose phone can't be read is taken for nobody's.",
        "call_list/report/reconcile.py",
        "                if meant.surely is not None or meant.maybe:\n",
        "                if meant.surely is not None:\n",
    ),
    _of_operators(
        "the national prefix is another number",
        "Phones in reports are read with their country code alone.",
        "calls_api/phones/report_phones.py",
        "        ours = self._all_writings().get(digits)\n",
        "        ours = None\n",
        *OF_LISTS,
        "stable",
    ),
    _of_operators(
        "an empty page is believed",
        "An answer by time is taken as it comes, whatever the server makes of time limits.",
        "call_list/report/report_by_date.py",
        "        if not self._shown:\n            self._have_shown(found.values())\n",
        "",
    ),
    _of_operators(
        "the first page that is not full is the last",
        "A server that serves fewer rows than it was asked for is read to its first page.",
        "call_list/report/report_by_date.py",
        "            if not rows:\n                return jobs\n",
        "            if len(rows) < self._size:\n                return jobs | {job.id: job for job in rows}\n",
    ),
    _of_operators(
        "list: repeats of the script counted",
        "Jobs that the campaign's script made of a call are taken for calls of ours.",
        "call_list/report/reconcile.py",
        "            if job.redial_number is not None:\n",
        "            if False:\n",
        *_BY_LIST,
    ),
    _of_calls(
        "repeats of the script counted",
        "Jobs that the campaign's script made of a call are taken for calls of ours.",
        "idempotence/server_view.py",
        "if job.redial_number is None]",
        "if True]",
        "stable",
    ),
)

_OF_BRAKES = (
    _of_operators(
        "a brake looked at once",
        "Only the try that froze a list looks at its brakes: if that dies, the next one sends it.",
        "call_list_task/sync_base.py",
        "            self._heed_brakes(context, keeper, task, pointer)\n",
        "            if self._asked:\n                self._heed_brakes(context, keeper, task, pointer)\n",
        "braked",
    ),
)

_OF_CLEARED_LISTS = (
    _of_operators(
        "finished batches counted, not named",
        "That a finished batch has lost its file goes unnoticed once there are as many as the entry had counted.",
        "call_list/send/shard.py",
        "        self._check_none_missing(done)\n",
        "        if len(done) < entry.done:\n            raise self._missing('')\n",
        "list cleared",
    ),
    _of_operators(
        "list frozen anew sent too",
        "After a clear of the whole run a task sends the list that it is given, and not the one that it began.",
        "operators/send_call_list.py",
        "                pointer = self._own(known, given)\n",
        "                pointer = given\n",
        "list cleared",
    ),
    _of_operators(
        "lists of another folder forgotten",
        "A task that is new in its run knows nothing of a list that was begun where call_list_path pointed to before.",
        "call_list/runs/lists_of_run.py",
        'dict.fromkeys((given.path.rpartition("/")[0], *given.elsewhere))',
        'dict.fromkeys((given.path.rpartition("/")[0],))',
        "list cleared",
    ),
    _of_operators(
        "half of a cleared run left over",
        "A task that began a list, and is given another one, stops for good, and the rest is called by nobody.",
        "operators/send_call_list.py",
        "if known.sha256 != given.sha256 and not of_one_origin(known, given):",
        "if known.sha256 != given.sha256:",
        "list cleared",
    ),
)

_CAPPED = (
    _of_operators(
        "capped: a call for each row",
        "Rows with one phone are called for one by one if their payloads differ, however many there are.",
        "call_list/freeze/freeze.py",
        "if cut.calls_per_phone is not None and spooled.turn >= cut.calls_per_phone:",
        "if False:",
    ),
    _of_operators(
        "capped: one too many",
        "The calls of a phone are counted from nought.",
        "call_list/freeze/freeze.py",
        "spooled.turn >= cut.calls_per_phone:",
        "spooled.turn > cut.calls_per_phone:",
    ),
    _of_operators(
        "capped: doubles of nobody",
        "A row that repeats one that is set aside for its phone counts as a double, of a call that nobody gets.",
        "call_list/freeze/spool.py",
        "(number, turn, double_of, first))",
        "(number, 0, double_of, first))",
    ),
    _of_operators(
        "capped: told of by no count",
        "Rows that are set aside for their phone stand in no count of the report.",
        "call_list/store/outcomes.py",
        "            capped=pointer.capped,\n",
        "            capped=0,\n",
    ),
)

_CLAIMS = "call_list/tables/claims.py"
_OVERLAPPING = (
    _of_operators(
        "overlapping: nothing claimed",
        "A list claims no rows, so that two runs at once call the same people.",
        "call_list_task/prepare_base.py",
        "        if self.results_table is None:\n            return None\n        begun",
        "        if True:\n            return None\n        begun",
        "overlapping",
    ),
    _of_operators(
        "overlapping: what came to nothing holds on",
        "A list that never becomes its task's holds its people for ever.",
        _CLAIMS,
        '        kept = ("ended", "sending") if',
        '        return\n        kept = ("ended", "sending") if',
        "overlapping",
    ),
    _of_operators(
        "overlapping: a late claim heeded",
        "A list that a later try gave up claims its rows all the same.",
        _CLAIMS,
        '            if self._state(connection, holder.call_list) != "begun":\n',
        "            if False:\n",
        "overlapping",
    ),
    _of_operators(
        "overlapping: a successor's list given up",
        "A try that stood still gives up whatever lists its task has begun, its successor's too.",
        _CLAIMS,
        "            lists.number < number,\n",
        "",
        "overlapping",
    ),
    _of_operators(
        "overlapping: what a query saw taken for proof",
        "A claim that ends is forgotten at once, though another run's query may have been asked before.",
        _CLAIMS,
        "        if not self._least_begun(connection, holder):\n",
        "        if True:\n",
        "overlapping",
    ),
    _of_operators(
        "overlapping: an open request let go",
        "A task that ends for good lets go of people for whom a request went unanswered.",
        "call_list_task/claim_release.py",
        "    return not state.sends and not any(part.sends for part in state.apart)\n",
        "    return True\n",
        "overlapping",
    ),
    _of_operators(
        "overlapping: what was taken sent all the same",
        "A clear goes on with people whom a task let go, though another run's list has taken them.",
        "call_list_task/results_of_task.py",
        "        sending.leave(taken)\n",
        "",
        "overlapping",
    ),
)

_FIRST = "call_list_task/before_the_rest/first_calls.py"
_FIRST_CALLS = (
    _of_operators(
        "first calls: not judged after a kill",
        "A try that finds the first calls sent takes them for over, and sends the rest.",
        _FIRST,
        "        done = call_list.done()\n        if any(",
        "        done = call_list.done()\n"
        "        if all(one.name in done for one in call_list.batches(shard) if one.name not in held):\n"
        '            return FirstVerdict(call_list.manifest.id, "", "")\n'
        "        if any(",
        "by list",
    ),
    _of_operators(
        "first calls: the rest is not held back",
        "The first calls are sent together with all others, and waited for.",
        "call_list/send/shard.py",
        "        aside = self._done.keys() | self.others | self.held_back\n",
        "        aside = self._done.keys() | self.others\n",
        "by list",
        "by number",
    ),
)

_EXCLUDED = (
    _of_operators(
        "excluded: looked at only when freezing",
        "Who says no between the freezing and the send of a list is called.",
        "call_list_task/rules/last_looks.py",
        "        looks = [] if excluding is None else [excluding]\n",
        "        looks = []\n",
        *_BY_LIST,
    ),
    _of_operators(
        "excluded: one look for the whole try",
        "What the first look of a try told is gone by until the try ends.",
        "call_list/exclusion/exclusion_look.py",
        "        return known.began.monotonic >= asked or ",
        "        return known.began.monotonic >= 0 or ",
        *_BY_LIST,
    ),
    _of_operators(
        "excluded: a look's age by one clock",
        "A machine that was suspended takes a look of before for a fresh one.",
        "call_list/exclusion/exclusion_look.py",
        "known.ended.is_within(gone_by, self._clock)",
        "self._clock.monotonic() - known.ended.monotonic <= gone_by",
        *_BY_NUMBER,
    ),
    _of_operators(
        "excluded: looked at before a wait",
        "A worker that stands still between the look and the request sends by what it saw before.",
        "call_list/send/last_look.py",
        "        return min(looked, reading, key=lambda one: one.monotonic)\n",
        "        return reading\n",
        *_BY_LIST,
    ),
    _of_operators(
        "excluded: set aside before others are kept",
        "The entry tells that no send is open before it is kept who was created by those.",
        "call_list/send/last_look.py",
        "        await self._shard.keep(under_way)\n        # The fence",
        "        # The fence",
        *_BY_NUMBER,
    ),
    _of_operators(
        "excluded: nobody if the query fails",
        "A query that fails excludes nobody, and those who said no are called.",
        "call_list/exclusion/excluded_phones.py",
        "        except Exception as error:  # noqa: BLE001 - of any driver; its words may quote a row\n",
        "        except Exception:\n            return found\n        except ZeroDivisionError as error:\n",
        *_BY_LIST,
    ),
    _of_operators(
        "excluded: repeated by its young key",
        "A batch whose request is unanswered is repeated by its key, though somebody of it has said no since.",
        _LIST_DECISION,
        "    repeats = not known.refused and not known.barred and ",
        "    repeats = not known.refused and ",
        "by list",
        "shards",
    ),
    _of_operators(
        "excluded: shortened while a send is open",
        "Who said no is set aside at once, though a request of his batch went unanswered, and the rest is sent.",
        _LIST_DECISION,
        "    if not known.sends:\n        unsent",
        "    if known.barred:\n        return Decision(UnitAction.SET_ASIDE)\n    if not known.sends:\n        unsent",
        "by list",
        "by number",
    ),
    _of_operators(
        "excluded: shortened under the same key",
        "A batch has one key, whoever of it is set aside.",
        _WORK,
        'digest_after(self._key_begun, ",".join(map(str, places)), *again)',
        'digest_after(self._key_begun, "" if places[1:] else str(places), *again)',
        *_BY_LIST,
    ),
)

_OF_CLOCKS = (
    _of_calls(
        "a decision's age by the wall clock",
        "A clock that was set back takes a decision of before for a fresh one.",
        "idempotence/server_time.py",
        "max(0.0, wall, monotonic)",
        "max(0.0, wall)",
    ),
    _of_operators(
        "list: a decision's age by the wall clock",
        "A clock that was set back takes a decision of before for a fresh one.",
        "idempotence/server_time.py",
        "clock.monotonic() - self.monotonic <= seconds and clock",
        "clock",
        "by list",
        "by number",
    ),
    _of_calls(
        "an answer without its time holds back",
        "A call whose key protects it waits for the report, for one answer bore no Date.",
        _TRY,
        "        return told and until is not None and now < until\n",
        "        return False\n",
        "stable",
        "mapped",
    ),
    _of_operators(
        "list: an answer without its time holds back",
        "A batch whose key protects it waits for the report, for one answer bore no Date.",
        "call_list/send/sending.py",
        "            first = now\n",
        "            pass\n",
        "by list",
        "by number",
    ),
)

_PER_PERSON = (
    _of_operators(
        "per person: one more than the cap",
        "A person is called once more than the cap allows.",
        "call_list/persons/person_calls.py",
        "        if len(counted) >= cap.calls:\n",
        "        if len(counted) > cap.calls:\n",
        "overlapping",
    ),
    _of_operators(
        "per person: who has a job is let go of",
        "What a list claimed is let go of with each batch, also where a job came of it.",
        "call_list/persons/caps_in_force.py",
        '        rows = [one.row for one in under_way.outcomes.values() if one.outcome != "created"]\n',
        "        rows = [one.row for one in under_way.outcomes.values()]\n",
        "overlapping",
    ),
    _of_operators(
        "per person: looked at when frozen alone",
        "Nothing is claimed before a request: two lists that were frozen at once call the same person.",
        "call_list_task/rules/last_looks.py",
        '        if by_table := [cap for cap in caps if cap.by == "table"]:\n',
        '        if by_table := [cap for cap in caps if cap.by == "table"][:0]:\n',
        "overlapping",
    ),
)

_TWO_CLICKS = (
    _of_operators(
        "two clicks: looked at when frozen alone",
        "Right before a request nobody asks the lists of other runs: two that were frozen at once call the same.",
        "call_list_task/rules/last_looks.py",
        'for cap in caps if cap.by == "lists"]\n        if by_table',
        'for cap in caps[:0] if cap.by == "lists"]\n        if by_table',
        "clicked twice",
    ),
    _of_operators(
        "two clicks: the box lifts whatever was called",
        "A run that is to call again calls whom another one called after it was triggered, or a moment before.",
        "call_list/store/caps.py",
        "max(since, min(self.triggered, self.triggered + now - here, now) - CALL_AGAIN_AFTER)",
        "max(since, now)",
        "clicked twice",
    ),
    _of_operators(
        "two clicks: with the box looked at when frozen alone",
        "Right before a request a run that is to call again asks no lists: two that were frozen at once call the same.",
        "call_list_task/rules/last_looks.py",
        'for cap in caps if cap.by == "lists"]\n        if by_table',
        'for cap in caps if cap.by == "lists" and cap.triggered is None]\n        if by_table',
        "clicked twice",
    ),
    _of_operators(
        "two clicks: what isn't settled taken for free",
        "Whoever stands in a list that was begun, and isn't known to be called there, is called by the next one.",
        "call_list/runs/called_by_lists.py",
        "                    held.add(phone)\n",
        "                    continue\n",
        "clicked twice",
    ),
    _of_operators(
        "two clicks: done is gone by",
        "Of a list that was begun only what is open counts: whom finished batches called, the next list calls again.",
        "call_list/runs/called_by_lists.py",
        "(is_gone_by or not done[batch.name].created)",
        "(is_gone_by or done[batch.name].created)",
        "clicked twice",
    ),
    _of_operators(
        "two clicks: capped calls hold on",
        "Whom a list left to another one counts as held by it: each leaves them to the other, and nobody calls them.",
        "call_list/runs/called_by_lists.py",
        "                if outcome is None:\n",
        '                if outcome is None or outcome.outcome == "capped":\n',
        "clicked twice",
    ),
    _of_operators(
        "two clicks: left to whoever holds them",
        "A list is made whose people all are held by another one, which isn't over: its task ends well all the same.",
        "call_list_task/rules/only_new_by_lists.py",
        "        if not pointer.calls and getattr",
        "        if pointer.calls and getattr",
        "clicked twice",
    ),
)

_ONE_CALL_TWICE = (
    _of_operators(
        "two clicks, one call: written after the send",
        "Other runs are told of a call once it was sent: whoever comes meanwhile calls, too.",
        _TRY,
        "        if self._latest is not None:\n"
        "            self._latest.take(self._now, self.call.record)\n"
        "        now = self._now()\n"
        "        record = self.call.noted(now, self._limits.send_timeout)\n"
        "        self.call.save(record)\n"
        "        if decided.elapsed(self._clock)[1] > FRESH:\n"
        "            # This process stood still (stopped, suspended, a slow store): the decision is too "
        "old to act on. The\n"
        "            # send did not leave, so its note is taken back; if this try was replaced "
        "meanwhile, that write says so.\n"
        "            self.call.save(record := record.withdrawn())\n"
        "            self._give_back(record)\n"
        "            self._server.forget_time()\n"
        "            raise NotAddedError(\n"
        '                f"More than {FRESH:g} seconds passed between deciding to add {self._phone} and '
        'sending: nothing was "\n'
        '                "sent. The next try decides anew",\n'
        "                retryable=True,\n"
        "                row=action.row,\n"
        "            )\n"
        "        self._log.info(\n"
        '            "Adding %s to the campaign: send %d (%s), idempotence key %s.",\n'
        "            self._phone, len(record.sends), action.row, record.key,\n"
        "        )  # fmt: skip\n"
        "        try:\n"
        "            answer = self._campaign.add_phone(\n"
        "                self.intent.call, idempotence_key=record.key, test_call=self.intent.test_call\n"
        "            )\n",
        "        now = self._now()\n"
        "        record = self.call.noted(now, self._limits.send_timeout)\n"
        "        self.call.save(record)\n"
        "        if decided.elapsed(self._clock)[1] > FRESH:\n"
        "            # This process stood still (stopped, suspended, a slow store): the decision is too "
        "old to act on. The\n"
        "            # send did not leave, so its note is taken back; if this try was replaced "
        "meanwhile, that write says so.\n"
        "            self.call.save(record := record.withdrawn())\n"
        "            self._give_back(record)\n"
        "            self._server.forget_time()\n"
        "            raise NotAddedError(\n"
        '                f"More than {FRESH:g} seconds passed between deciding to add {self._phone} and '
        'sending: nothing was "\n'
        '                "sent. The next try decides anew",\n'
        "                retryable=True,\n"
        "                row=action.row,\n"
        "            )\n"
        "        self._log.info(\n"
        '            "Adding %s to the campaign: send %d (%s), idempotence key %s.",\n'
        "            self._phone, len(record.sends), action.row, record.key,\n"
        "        )  # fmt: skip\n"
        "        try:\n"
        "            answer = self._campaign.add_phone(\n"
        "                self.intent.call, idempotence_key=record.key, test_call=self.intent.test_call\n"
        "            )\n"
        "            if self._latest is not None:\n"
        "                self._latest.take(self._now, None)\n",
        "call clicked twice",
    ),
    _of_operators(
        "two clicks, one call: the second row not looked at",
        "Of two tries that come at the very same moment, both may take themselves for the only one.",
        "idempotence/record/latest_call.py",
        "        if met is not None and not met[1] and self._holds(met[0], time):\n",
        "        if met is None and self._holds(mine, time):\n",
        "call clicked twice",
    ),
    _of_operators(
        "two clicks, one call: own run taken for another's",
        "A try that was killed before it noted a send keeps its own retry from calling: nobody does.",
        "idempotence/record/latest_call.py",
        "        if mark.run == self._run or time.earliest",
        "        if time.earliest",
        "call clicked twice",
    ),
    _of_operators(
        "two clicks, one call: a refusal gives nothing back",
        "Whom the server refused no other run calls, either, once the campaign goes on.",
        _TRY,
        "                self._give_back(record)\n                raise RefusedCallError",
        "                raise RefusedCallError",
        "call clicked twice",
    ),
    _of_operators(
        "two clicks, one call: calling again lifts all",
        "Two clicks with the box for calling again ring twice.",
        "idempotence/record/latest_call.py",
        "        return lifted is None or mark.at",
        "        return lifted is None or 0.0 * mark.at",
        "call clicked twice",
    ),
)

_OF_WAITS = (
    _of_operators(
        "wait: who was not reached is added again",
        "A task that waits for its call adds it once more, where the campaign's script did not get its result.",
        "operators/add_phone.py",
        "        self._check_end(end)\n",
        "        self._check_end(end)\n"
        "        from aimylogic_provider.hooks.aimylogic import AimylogicHook\n\n"
        '        if "longCallWithResult" not in end.ends and self._current is not None:\n'
        "            client = AimylogicHook(self.aimylogic_conn_id).get_conn()\n"
        '            client.add_phone(self._current.intent.call, idempotence_key="again")\n',
        "stable",
    ),
    _of_operators(
        "wait: who did not answer is added again",
        "A task that waits for its list's calls adds one more where nobody answered.",
        "call_list_task/waiting_list.py",
        "        return self._with_jobs(report, end)\n",
        '        if end.ends.get("noAnswer"):\n'
        "            from aimylogic_provider.hooks.aimylogic import AimylogicHook\n\n"
        '            AimylogicHook(self.aimylogic_conn_id).add_phone("79123000000", idempotence_key="again")\n'
        "        return self._with_jobs(report, end)\n",
        "by list",
    ),
)

PLANTED = (
    *_TABLES,
    *_WRITES,
    *_OF_KEYS,
    *_OF_ANSWERS,
    *_OF_BATCHES,
    *_OF_PARTS,
    *_OF_REPORTS,
    *_FENCES,
    *_OF_LOOPS,
    *_OF_BRAKES,
    *_OF_CLEARED_LISTS,
    *_CAPPED,
    *_NOBODY_RUNG,
    *_OF_APPROVALS,
    *_OF_TIME_OUTS,
    *_OVERLAPPING,
    *_FIRST_CALLS,
    *_EXCLUDED,
    *_OF_CLOCKS,
    *_PER_PERSON,
    *_TWO_CLICKS,
    *_ONE_CALL_TWICE,
    *_OF_WAITS,
)
