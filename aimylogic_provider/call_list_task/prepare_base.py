"""The half of a sync that freezes a call list, as what its operators are made of, wherever its rows come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from aimylogic_provider.airflow_task.argument_checks import check_choice, check_whole
from aimylogic_provider.airflow_task.masked_rendering import RendersMasked, ShownMasked
from aimylogic_provider.call_list_task.rules.brakes import HasBrakes
from aimylogic_provider.call_list_task.rules.exclusion import ExclusionBase, HoldoutBase

if TYPE_CHECKING:
    from aimylogic_provider.airflow_task.airflow_imports import Context
    from aimylogic_provider.call_list.freeze.finish_times import Arrival, Finishes
    from aimylogic_provider.call_list.freeze.freeze import ListOrigin
    from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
    from aimylogic_provider.call_list.freeze.rules import FreezeRule, PhoneRule
    from aimylogic_provider.call_list.runs.task_folder import TaskFolder
    from aimylogic_provider.call_list.store.manifest import Pointer
    from aimylogic_provider.call_list.store.objects import Folder
    from aimylogic_provider.call_list.store.sync_entry import Freezing
    from aimylogic_provider.call_list.tables.claims import Claimed, Person
    from aimylogic_provider.call_list_task.freezing.row_source import RowSource

__all__ = ["PrepareBase"]

_BATCH_SIZE = {"addPhones": 1000, "addPhone": 500}  # two of those may be under way
_MOST_CALLS = {"addPhones": 100_000, "addPhone": 1000}
_CAPS = ("max_calls_per_phone", "max_calls_per_person", "only_new")
"""The arguments by which rows are capped."""


class PrepareBase(RendersMasked, ExclusionBase, HoldoutBase, HasBrakes):
    """The half that freezes a call list; asks nothing of Aimylogic."""

    policy = ShownMasked(of_policy=True)
    _nobody: ClassVar[str]
    """What is told if there are no rows."""
    _with_policies: ClassVar[str] = "policy and call_before"
    """The arguments that give calls a policy, in words."""
    _begun_list: str = ""
    """The id of the list that is being frozen."""
    _capped_told: int = 0
    """Of how many capped rows of it the log told already, and by which rule."""

    def __init__(
        self,
        *,
        phone_region: str | None = None,
        phone_reading: Literal["either", "international", "national"] = "either",
        phone_check: Literal["in use", "possible"] = "in use",
        countries: Sequence[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        call_before: datetime | str | None = None,
        method: Literal["addPhones", "addPhone"] = "addPhones",
        batch_size: int | None = None,
        max_batch_bytes: int = 1_000_000,
        max_calls_per_phone: int | None = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("method", method, "addPhones", "addPhone")
        if method == "addPhone" and (policy or call_before is not None):
            raise ValueError(self._no_policies())
        check_whole("batch_size", batch_size, 1, _MOST_CALLS[method])
        check_whole("max_batch_bytes", max_batch_bytes, 1000, 100_000_000, optional=False)
        check_whole("max_calls_per_phone", max_calls_per_phone, 1, 1000)
        self.phone_region = phone_region
        self.phone_reading = phone_reading
        self.phone_check = phone_check
        self.countries = countries
        self.policy = policy
        self.call_before = call_before
        self.method = method
        self.batch_size = batch_size
        self.max_batch_bytes = max_batch_bytes
        self.max_calls_per_phone = max_calls_per_phone

    def _no_policies(self) -> str:
        return f"{self._with_policies} need method='addPhones': addPhone has no call policies"

    def _row_source(self) -> RowSource:
        """Where the rows of a new list come from.

        :raises RejectedError: if an argument can't be used
        """
        raise NotImplementedError

    def _told(self) -> list[object]:
        """What says whom this task is to call: what a mapped task's elements may differ by."""
        raise NotImplementedError

    def _key_names(self) -> Sequence[str]:
        """What is kept beside each call, by name."""
        raise NotImplementedError

    def _policy_of_all(self, own: Collection[str]) -> dict[str, object]:
        """The policy that holds where a row says nothing else.

        :param own: the parts of a policy that rows give
        :raises RejectedError: if it can't be used
        """
        from aimylogic_provider.airflow_task.template_values import check_rendered
        from aimylogic_provider.call_list_task.freezing.common_policy import common_policy

        check_rendered(self._noted)
        return common_policy(self.policy, self.call_before, own)

    def _rules_of_all(self, own: Collection[str]) -> dict[str, Any]:
        """What holds for all calls, as :class:`.CallRules` takes it.

        :param own: as of :meth:`_policy_of_all`
        :raises RejectedError: likewise
        """
        return {
            "policy_of_all": self._policy_of_all(own),
            "phone_region": self.phone_region,
            "phone_reading": self.phone_reading,
            "phone_check": self.phone_check,
            "countries": self.countries,
            "method": self.method,
            "max_bytes": self.max_batch_bytes,
        }

    def _make_results_table(self) -> None:
        """Make the results table before the query, which may ask it whom it leaves out."""
        from aimylogic_provider.call_list_task.results_of_task import opened

        if self.results_table is not None:
            keys, consent = self._key_names(), self._consent_kept()
            with opened(self.results_table, self._results_conn_id(), keys, consent):
                pass

    def _phone_rules_told(self) -> list[object]:
        """How phones are read, where that is chosen: what an earlier version noted stays as it was."""
        rules = (self.phone_reading, self.phone_check, self.countries)
        return [] if rules == ("either", "in use", None) else [*rules]

    def _source(self, task: TaskFolder) -> str:
        """The digest of that; empty if the task isn't mapped, for then its lists are all of one source."""
        from aimylogic_provider.call_list.store.manifest import sha256

        return sha256(json.dumps(self._told(), default=str).encode()) if task.map_index >= 0 else ""

    def _arrival_at_freeze(self) -> Arrival | None:
        """When what is sent now arrives, if the server can be asked; whatever is too late then, is rejected."""
        return None

    def _freeze(
        self,
        context: Context,
        shards: int = 1,
        *,
        noted: Freezing | None = None,
        note: Callable[[Freezing], None] | None = None,
        lost_since: float | None = None,
    ) -> Pointer:
        """Freeze the call list into a fresh folder. It is the list once a pointer to it is kept.

        :param noted: the list that an earlier try noted, and that never became the task's
        :param note: notes durably that a list is begun, or raises if this try was replaced; without it, or without a
            results table, no rows are claimed
        :param lost_since: as of :func:`.claiming`
        """
        from aimylogic_provider.call_list.freeze.batch_cutting import Cut
        from aimylogic_provider.call_list.freeze.finish_times import Finishes
        from aimylogic_provider.call_list.freeze.freeze import freeze
        from aimylogic_provider.call_list.freeze.rejected.rejections import Rejections
        from aimylogic_provider.call_list.freeze.rules import in_order
        from aimylogic_provider.call_list_task.claims_of_task import give_up_noted

        source = self._row_source()
        arrival = self._arrival_at_freeze() if source.has_finish else None
        rejections, finishes = Rejections(self.log), Finishes(arrival)
        task = self._task_folder(context)
        self._begun_list, folder = task.fresh()
        size = self.batch_size or _BATCH_SIZE[self.method]
        with ExitStack() as stack:
            told = stack.enter_context(self._telemetry().freezing())
            claim = None
            if note is not None:
                give_up_noted(task, noted, self.results_table, self._results_conn_id(), self.log)
                claim = self._claim(stack, task, folder, note, lost_since)
            reader, rows = source.opened(stack)
            pointer = freeze(
                rows,
                reader,
                folder,
                cut=Cut(size, self.max_batch_bytes, shards, self.max_calls_per_phone, self.first),
                limit=self._limit(),
                origin=self._origin(task),
                log=self.log,
                rejections=rejections,
                finishes=finishes,
                rules=in_order(self._freeze_rules(stack)),
                claim=claim,
                typed=source.typed,
            )
            told.tell(rows=pointer.rows, calls=pointer.calls, calls__rejected=pointer.rejected)
        self._tell_of_frozen(pointer, rejections, finishes)
        return pointer

    def _claim(
        self,
        stack: ExitStack,
        task: TaskFolder,
        folder: Folder,
        note: Callable[[Freezing], None],
        lost_since: float | None,
    ) -> Callable[[Callable[[], Iterable[Person]]], Claimed] | None:
        """Begin to hold rows for the list that is begun; without a results table no rows are claimed.

        :param folder: of the list
        :param note: and *lost_since*: as of :meth:`_freeze`
        """
        from aimylogic_provider.call_list.store.sync_entry import Freezing
        from aimylogic_provider.call_list_task.claims_of_task import claiming

        if self.results_table is None:
            return None
        begun = Freezing(self._begun_list, folder.address, self.results_table, self._results_conn_id())
        note(begun)
        return stack.enter_context(claiming(task, begun, note, self.log, lost_since))

    def _origin(self, task: TaskFolder) -> ListOrigin:
        """What the list that is begun says of where it comes from."""
        from aimylogic_provider.call_list.freeze.freeze import ListOrigin

        return ListOrigin(
            self._begun_list,
            task.words,
            task.of_task.address,
            self._source(task),
            self.results_table or "",
            **self._rules_told(),
        )

    def _rules_told(self) -> dict[str, Any]:
        """What a list says of the rules that hold for it until it is sent, and of its brakes."""
        reads = (getattr(self, "phone_column", "phone"), self.phone_region or "")
        return {
            "exclude": self._excluded_by(), "exclude_reads": reads, "consent": self._consent_kept(),
            "brakes": self._brakes_told(),
        }  # fmt: skip

    def _consent_kept(self) -> str:
        """The column that is kept as evidence of consent, and doesn't tell who a row is; empty for none."""
        return ""

    def _freeze_rules(self, stack: ExitStack) -> list[FreezeRule | PhoneRule]:
        """The rules by which rows aren't called; they are applied in the order of their kinds.

        :param stack: ends what they opened
        """
        from aimylogic_provider.call_list.exclusion.excluded_rule import ExcludedRule

        rules: list[FreezeRule | PhoneRule] = []
        query = self._exclusion_query(getattr(self, "phone_column", "phone"), self.phone_region)
        if query is not None:
            self._frozen_by = ExcludedRule(query)
            rules.append(self._frozen_by)
        return [*rules, *self._holdout_rules()]

    @contextmanager
    def _counting_rejected(self) -> Iterator[None]:
        """Count the rows of which no list comes, for too many are rejected, or all."""
        from aimylogic_provider.call_list.freeze.rejected.rejected_limit import TooManyRejectedError
        from aimylogic_provider.call_list.freeze.rejected.rejections import NobodyToCallError

        try:
            yield
        except TooManyRejectedError as error:
            self._telemetry().rejected(error.rejected)
            raise
        except NobodyToCallError as nobody:
            self._telemetry().rejected(nobody.pointer.rejected)
            raise

    def _tell_of_frozen(self, pointer: Pointer, rejections: Rejections, finishes: Finishes) -> None:
        """Tell in the log what the list holds, and until when it can be sent.

        :raises NobodyToCallError: if it holds nobody, though there were rows
        """
        from aimylogic_provider.call_list_task.freezing.told_of_frozen import tell_of_frozen

        self._frozen = pointer
        capped_by = [name for name in _CAPS if getattr(self, name, None)]
        tell_of_frozen(pointer, rejections, finishes, capped_by, self._nobody, self.log, self._capped_told)
