"""Which call list the result of a task tells of, for tasks that follow it: a pointer, or a report with an address."""

from __future__ import annotations

from collections.abc import Mapping

from aimylogic_provider.call_list.runs.lists_in_folder import pointer_to
from aimylogic_provider.call_list.store.list_reader import jobs_forgotten
from aimylogic_provider.call_list.store.manifest import CallListError, Pointer
from aimylogic_provider.call_list.store.objects import Folder
from aimylogic_provider.call_list.store.read_objects import names_of
from aimylogic_provider.calls_api.masking import shown

__all__ = ["list_id_of", "pointer_of"]


def list_id_of(told: object) -> str:
    """The id of the call list that a task's result tells of. Nothing is read: the list may have been deleted.

    :param told: as of :func:`pointer_of`
    :raises CallListError: if it tells of none
    """
    if isinstance(told, Mapping) and "sha256" in told:
        return Pointer.of(dict(told)).list_id
    return _address(told).rstrip("/").rpartition("/")[2]


def pointer_of(told: object) -> Pointer:
    """The call list that a task's result tells of.

    :param told: what ``PrepareCallListOperator`` or ``ApproveCallListOperator`` returned; or the report of
        ``SqlToAimylogicOperator``, ``SendCallListOperator`` or ``SumReportsOperator``, whose ``call_list`` is the
        list's address; or that address
    :raises CallListError: if it tells of none, or of one that was deleted or can't be read
    """
    if isinstance(told, Mapping) and "sha256" in told:
        return Pointer.of(dict(told))
    address = _address(told)
    folder = Folder(address)
    try:
        return pointer_to(folder)
    except CallListError:
        if "deleted.json" in names_of(folder):
            raise jobs_forgotten(address) from None
        raise


def _address(told: object) -> str:
    """The address of a list, by what a task returned."""
    address = told.get("call_list") if isinstance(told, Mapping) else told
    if not isinstance(address, str) or not address.strip() or "\0" in address:
        raise CallListError(
            f"call_list {shown(told)[:200]} tells of no call list: give what PrepareCallListOperator returned, or the "
            "report of SqlToAimylogicOperator or SendCallListOperator, by its .output"
        )
    return address
