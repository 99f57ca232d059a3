"""What AddPhone's tasks send, for other tasks to know of: ``<call_list_path>/%calls/<campaign>/<day>/<phone>.….json``.

A task's own record can't be read by others. So a copy of it lies where whoever looks at a phone's jobs finds it by
listing: each try writes an object of its own for each phone, before its send is noted. It may tell of a send that was
refused its note, and never left. Campaign and phone are digests. No DAG has a folder of that name: of a DAG's id a
``%`` is written as ``%25``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import reduce

import msgspec

from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.idempotence.keys import digest
from aimylogic_provider.idempotence.record.record_copies import both
from aimylogic_provider.idempotence.record.record_json import RecordError, record_to_json
from aimylogic_provider.idempotence.record.records import Entry, Record

__all__ = ["CALLS", "CallTraces", "calls_to", "whose"]

CALLS = "%calls"
"""The folder of all of them, beside those of DAGs."""
_KEPT = timedelta(days=90)
_NAME = re.compile(
    r"(?P<phone>[0-9a-f]{32})\.(?P<whose>[0-9a-f]{24})\.(?P<instance>[0-9a-f]{24})\.(?P<number>[0-9]+)\.json"
)


def whose(dag_id: str, run_id: str, task_id: str) -> str:
    """Return what tells tasks of DAG runs apart: map indexes of one may mean the same call."""
    return digest("whose", dag_id, run_id, task_id).hex()[:24]


class CallTraces:
    """Where one try of AddPhone leaves what it knows.

    :param base: ``call_list_path``
    :param dag_id: and ``run_id``, ``task_id``, ``instance``: of the task instance; the last one tells map indexes and
        iterations apart
    :param wall: tells the worker's time, in Unix seconds
    """

    def __init__(
        self, base: str, *, dag_id: str, run_id: str, task_id: str, instance: str, try_number: int,
        wall: Callable[[], float],
    ) -> None:  # fmt: skip
        self._calls = Folder(base) / CALLS
        instance = digest("instance", dag_id, run_id, task_id, instance).hex()[:24]
        self._end = f"{whose(dag_id, run_id, task_id)}.{instance}.{try_number}.json"
        self._wall = wall
        self._written: dict[str, Record] = {}
        self._cleaned = False

    def write(self, entry: Entry) -> None:
        """Write what is known of each phone.

        :raises OSError: if the folder can't be reached
        """
        for name, record in entry.records.items():
            if (record.sends or record.job) and self._written.get(name) != record:
                self._write(record)
                self._written[name] = record

    def _write(self, record: Record) -> None:
        of_campaign = self._calls / record.parameters.campaign
        today = _day(self._wall())
        if not self._cleaned:
            _delete_old(of_campaign, today)
            self._cleaned = True
        # Two calls of one try to one phone: the second one stands beside the first.
        same_phone = [one for one in self._written.values() if one.phone == record.phone and one.key != record.key]
        content = json.dumps([record_to_json(one) for one in (*same_phone, record)])
        (of_campaign / today).write(f"{record.phone}.{self._end}", content.encode())


def calls_to(base: Folder, campaign: str, phone: str, *, since: float | None, but: str) -> Iterator[Record]:
    """Read what tasks know of their calls to a phone: what jobs they own, or could own.

    :param base: ``call_list_path``
    :param campaign: its digest
    :param phone: its digest
    :param since: Unix seconds; what was written before that, by a day or more, is left out; None for nothing
    :param but: whose own calls are left out, as :func:`whose` has it
    :raises OSError: if the folder can't be reached
    :raises RecordError: if one can't be read
    """
    of_campaign = base / CALLS / campaign
    first = "" if since is None else _day(since - 86400.0)
    # By instance and key, for its tries and days tell of one call.
    found: dict[tuple[str, str], list[tuple[str, int, Record]]] = {}
    for day in of_campaign.folders():
        if day < first:
            continue
        of_day = of_campaign / day
        for name in of_day.names():
            if (match := _NAME.fullmatch(name)) and match["phone"] == phone and match["whose"] != but:
                for record in _read(of_day, name):
                    known = found.setdefault((match["instance"], record.key), [])
                    known.append((day, int(match["number"]), record))
    for versions in found.values():
        yield reduce(both, (record for _, _, record in sorted(versions, key=lambda version: version[:2])))


def _read(folder: Folder, name: str) -> list[Record]:
    try:
        return msgspec.convert(json.loads(folder.read(name)), list[Record])
    except FileNotFoundError:
        return []  # deleted since, for its age
    except ValueError as error:
        raise RecordError(f"{folder.address}/{name} can't be read: {error}") from None


def _delete_old(of_campaign: Folder, today: str) -> None:
    """Delete what is kept for long enough, unless that was done today."""
    oldest = _day(datetime.strptime(today, "%Y%m%d").replace(tzinfo=UTC).timestamp() - _KEPT.total_seconds())
    days = of_campaign.folders()
    for day in days if today not in days else ():
        if day < oldest:
            (of_campaign / day).delete_whole()


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d")
