"""Who was called when, for whatever list and DAG; and claiming calls of persons, so that no cap is ever exceeded.

A batch's claims are made in one transaction, right before it is sent. The first thing that it does is to count a use of
the key: so of all who claim in a database only one does at a time, whatever kind of database it is; and what it reads
then, nobody adds to. A claim is one of a list's rows: to claim it again
makes no second one, but has it count from then on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aimylogic_provider.call_list.persons.person_key import PersonKey
from aimylogic_provider.call_list.persons.person_rows import called_calls, claimed_rows, insert_calls
from aimylogic_provider.call_list.store.caps import Cap
from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.tables.claim_tables import claim_tables, create
from aimylogic_provider.call_list.tables.person_tables import person_tables
from aimylogic_provider.call_list.tables.row_claims import some
from aimylogic_provider.sql_database.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["PersonCalls", "Wanted"]

_LIMITS = 1000
"""Phones that are looked up at once."""


class Wanted(NamedTuple):
    """A call that is to be made.

    :param row: its number in the list
    :param phone: digits with country code
    :param keyless: whether its key columns say nothing, or there are none
    """

    row: int
    phone: str
    keyless: bool = False


class _Claim(NamedTuple):
    at: datetime
    call_list: str
    row: int


class PersonCalls:
    """The tables, open.

    :param engine: of the results table's database
    :param results_table: its name, after its schema and a dot where it has one
    :param keys: by which persons may be known, the one that is preferred first; that of the tables is used
    :param caps: all of which hold
    :param call_list: the list that claims, or is being frozen; empty for none
    :param claims: whether calls are to be claimed, so that the tables are made if there are none
    :raises CallListError: if none of the keys is that of the tables, or the database fails
    """

    def __init__(
        self,
        engine: Engine,
        results_table: str,
        keys: Sequence[PersonKey],
        caps: Sequence[Cap],
        call_list: str,
        *,
        claims: bool,
    ) -> None:
        schema = results_table.rpartition(".")[0]
        self._engine = engine
        self._keys, self._calls = person_tables(schema)
        self._lists, _ = claim_tables(schema)
        self._call_list = call_list
        self._caps = tuple(caps)
        self._caps_of_keyed = tuple(cap for cap in caps if not cap.keyless)
        spans = [cap.seconds for cap in caps if cap.seconds is not None]
        self._longest = timedelta(seconds=max(spans)) if len(spans) == len(caps) else None
        self._turn = threading.Lock()  # of this process's threads, which would only be in each other's way
        self._transactions = Transactions(engine, self._failed)
        if claims:
            self._transactions.repeat("made or read", lambda: create(engine, self._keys, self._calls))
        self._is_there = claims or self._transactions.repeat("read", self._found)
        self._key = self._known_key(keys, claims=claims)
        self._former = self._given_up_before() if self._is_there else frozenset()
        self._whose: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @property
    def is_there(self) -> bool:
        """Whether anybody ever claimed a call there, so that a look can tell something."""
        return self._is_there

    def claim(self, wanted: Sequence[Wanted]) -> dict[int, str]:
        """Claim those calls that no cap forbids, in one transaction; return why the others may not be made, by row.

        :raises CallListError: if the database fails, or its key was changed; another try can help
        """
        call_list = self._call_list
        told = [(one, self._key.person(one.phone)) for one in wanted]

        def act(connection: Connection) -> dict[int, str]:
            used = self._keys.c.number == 1, self._keys.c.fingerprint == self._key.fingerprint
            counted = connection.execute(self._keys.update().where(*used).values(uses=self._keys.c.uses + 1))
            if not counted.rowcount:
                raise CallListError(
                    f"{self._keys.fullname} was deleted or changed while calls were claimed: the next try goes on",
                    retryable=True,
                )
            now = datetime.now(UTC)
            own = claimed_rows(connection, self._calls, call_list, [one.row for one in wanted])
            known = self._claims_of(connection, [person for _, person in told], now)
            barred: dict[int, tuple[Cap, list[_Claim]]] = {}
            new: list[tuple[int, str]] = []
            again: list[int] = []
            for one, person in told:
                claims = known[person]
                if one.row in own:
                    # Made anew, for the call is made now: others may have called meanwhile, if it is an old one.
                    of_others = [claim for claim in claims if (claim.call_list, claim.row) != (call_list, one.row)]
                    if (why := _forbidden(self._caps_for(one), of_others, now)) is not None:
                        barred[one.row] = why
                    else:
                        again.append(one.row)
                        claims[:] = [*of_others, _Claim(now, call_list, one.row)]
                elif claims and (former := self._former_of(claims)) is not None:
                    self._take_over(connection, former, call_list, one.row)
                    claims[claims.index(former)] = former._replace(call_list=call_list, row=one.row)
                elif (why := _forbidden(self._caps_for(one), claims, now)) is not None:
                    barred[one.row] = why
                else:
                    new.append((one.row, person))
                    claims.append(_Claim(now, call_list, one.row))
            insert_calls(connection, self._calls, call_list, new, now)
            self._claim_again(connection, again, now)
            return {row: self._reason(connection, *why) for row, why in barred.items()}

        with self._turn:
            return self._transactions.act("written", act)

    def let_go(self, rows: Sequence[int]) -> None:
        """Some rows of the list were settled without a job: they count as nobody's call.

        :raises CallListError: if the database fails; another try can help
        """
        calls = self._calls.c

        def act(connection: Connection) -> None:
            for few in some(rows):
                connection.execute(
                    self._calls.delete().where(calls.call_list == self._call_list, calls.row_number.in_(few))
                )  # fmt: skip

        with self._turn:
            self._transactions.act("written", act)

    def look(self, wanted: Iterable[Wanted]) -> Iterator[str]:
        """Look which calls a cap forbids as of now, and claim nothing: why not, for each of them; empty if none does.

        :raises CallListError: if the database fails; another try can help
        """
        if not self._is_there:
            for _ in wanted:
                yield ""
            return
        for few in some(wanted, _LIMITS):
            yield from self._transactions.act("read", partial(self._looked, wanted=few))

    # Beneath

    def _looked(self, connection: Connection, wanted: Sequence[Wanted]) -> list[str]:
        now = datetime.now(UTC)
        persons = [self._key.person(one.phone) if self._caps_for(one) else "" for one in wanted]
        known = self._claims_of(connection, filter(None, persons), now)
        told = []
        for one, person in zip(wanted, persons, strict=True):
            others = [claim for claim in known[person] if claim.call_list not in self._former]
            why = _forbidden(self._caps_for(one), others, now)
            told.append("" if why is None else self._reason(connection, *why))
        return told

    def _claims_of(
        self, connection: Connection, persons: Iterable[str], now: datetime
    ) -> defaultdict[str, list[_Claim]]:
        """What matters of the calls of some persons: those within the longest time."""
        since = None if self._longest is None else now - self._longest
        found: defaultdict[str, list[_Claim]] = defaultdict(list)
        for row in called_calls(connection, self._calls, {*persons}, since):
            at = row.claimed_at if row.claimed_at.tzinfo is not None else row.claimed_at.replace(tzinfo=UTC)
            found[row.person].append(_Claim(at, row.call_list, row.row_number))
        return found

    def _caps_for(self, one: Wanted) -> Sequence[Cap]:
        return self._caps if one.keyless else self._caps_of_keyed

    def _former_of(self, claims: Sequence[_Claim]) -> _Claim | None:
        return next((claim for claim in claims if claim.call_list in self._former), None) if self._former else None

    def _take_over(self, connection: Connection, former: _Claim, call_list: str, row: int) -> None:
        """A call of an earlier list of this very task, which was lost as it was being sent, is this list's now."""
        calls = self._calls.c
        which = calls.call_list == former.call_list, calls.row_number == former.row
        connection.execute(self._calls.update().where(*which).values(call_list=call_list, row_number=row))

    def _claim_again(self, connection: Connection, rows: Sequence[int], now: datetime) -> None:
        """Calls that the list has claimed before are made now. No clock that is behind makes a claim older."""
        calls = self._calls.c
        for few in some(rows):
            older = calls.call_list == self._call_list, calls.row_number.in_(few), calls.claimed_at < now
            connection.execute(self._calls.update().where(*older).values(claimed_at=now))

    def _reason(self, connection: Connection, cap: Cap, claims: list[_Claim]) -> str:
        last = max(claims)
        if last.call_list not in self._whose:
            lists = self._lists.c
            told = connection.execute(self._lists.select().where(lists.call_list == last.call_list)).one_or_none()
            by = f"call list {last.call_list}" if told is None else f"DAG {told.dag_id}, run {told.run_id}"
            self._whose[last.call_list] = by
        times = "called" if len(claims) == 1 else f"called {len(claims):,} times, last"
        return f"{times} on {last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {self._whose[last.call_list]}: {cap.words}"

    def _known_key(self, keys: Sequence[PersonKey], *, claims: bool) -> PersonKey:
        """The key of the tables; theirs becomes the first, if they have none and calls are claimed."""
        known = {key.fingerprint: key for key in keys}

        def act(connection: Connection) -> str | None:
            asked = self._keys.select().with_only_columns(self._keys.c.fingerprint).where(self._keys.c.number == 1)
            if (stored := connection.execute(asked).scalar()) is None and claims:
                connection.execute(self._keys.insert().values(
                    number=1, fingerprint=keys[0].fingerprint, made_at=datetime.now(UTC), uses=0
                ))  # fmt: skip
                return keys[0].fingerprint  # of two who do so at once one fails, and asks again
            return None if stored is None else str(stored)

        stored = self._transactions.act("written" if claims else "read", act) if self._is_there else None
        if stored is None:
            return keys[0]
        if stored not in known:
            raise UnknownKeyError(
                f"{self._calls.fullname} knows persons by a key with the fingerprint {stored}, and the keys that are "
                f"here have {', '.join(known)}: it can't be told who was called before, so nothing is sent. Was "
                "Airflow's fernet_key rotated, or person_secret changed in the connection's extra? Put the former one "
                "back: as person_secret in the extra of the Aimylogic connection, or behind the new one in fernet_key, "
                f"as in 'new,old'. Or, if it is lost, drop {self._calls.fullname} and {self._keys.fullname}, which "
                "forgets all who were called: then the caps begin anew"
            )
        return known[stored]

    def _given_up_before(self) -> frozenset[str]:
        """The lists of this very task instance that were given up; they have claims only if they were lost."""
        import sqlalchemy as sa

        this, other = self._lists.alias("this"), self._lists.alias("other")
        of_instance = ("dag_id", "task_id", "run_id", "map_index", "iteration")
        asked = (
            sa.select(other.c.call_list)
            .join_from(this, other, sa.and_(*(this.c[name] == other.c[name] for name in of_instance)))
            .where(this.c.call_list == self._call_list, other.c.state == "given up")
        )
        return self._transactions.act("read", lambda connection: frozenset(connection.execute(asked).scalars()))

    def _found(self) -> bool:
        import sqlalchemy as sa

        return all(sa.inspect(self._engine).has_table(one.name, one.schema) for one in (self._keys, self._calls))

    def _failed(self, what: str, kind: str) -> CallListError:
        return CallListError(
            f"{self._calls.fullname}, by which nobody is called more often than may be, can't be {what} ({kind}): "
            "nothing more is sent, and the next try goes on",
            retryable=True,
        )


class UnknownKeyError(CallListError):
    """Persons are known there by a key that isn't here."""


def _forbidden(caps: Iterable[Cap], claims: Sequence[_Claim], now: datetime) -> tuple[Cap, list[_Claim]] | None:
    """The first cap that forbids another call, and the calls that count for it."""
    if not claims:
        return None
    for cap in caps:
        since = None if cap.seconds is None else now - timedelta(seconds=cap.seconds)
        counted = [claim for claim in claims if since is None or claim.at > since]
        if len(counted) >= cap.calls:
            return cap, counted
    return None
