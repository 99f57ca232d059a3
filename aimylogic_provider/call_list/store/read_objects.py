"""Reading a list's folder: whatever is wrong there is a CallListError that names the file.

What a file means is told by whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.call_list.store.objects import Folder

__all__ = ["decoded", "decoded_as", "names_of", "read_from", "unreadable"]

T = TypeVar("T")


def read_from(folder: Folder, name: str, *, listed: bool = False) -> bytes:
    """Return a file of a list.

    :param listed: whether it was there just before, of a list that others may delete
    :raises CallListError: if there is none, or it can't be reached
    """
    try:
        return folder.read(name)
    except FileNotFoundError:
        if listed:
            raise CallListError(
                f"{folder.address}/{name} was deleted while it was read: the next try looks again", retryable=True
            ) from None
        raise CallListError(
            f"the call list has no {name} in {folder.address}: it was deleted, or lies on another worker's disk. "
            "Nothing is sent, and no other list is frozen, for the rows may have changed. Put the folder "
            "back, or have call_list_path name a place that all workers share (s3://…, gs://…, a shared disk); or, if "
            "you know that nobody of this one was called, start a new DAG run. With a results_table, have this list "
            "hold nobody before that, unless the log says that it doesn't: in aimylogic_lists of its database "
            f"set state to 'given up' where call_list is '{folder.address.rpartition('/')[2]}', and delete the list's "
            "pending rows from the results table"
        ) from None
    except (OSError, ValueError) as error:  # an address that no store has
        raise _unreachable(folder, error) from None


def decoded(folder: Folder, name: str, decode: Callable[[bytes], T], *, listed: bool = False) -> T:
    """Return what a file of a list says.

    :param decode: raises ValueError for what it can't read
    :param listed: as of :func:`read_from`
    :raises CallListError: if there is none, or it can't be reached or read
    """
    return decoded_as(folder, name, read_from(folder, name, listed=listed), decode)


def decoded_as(folder: Folder, name: str, content: bytes, decode: Callable[[bytes], T]) -> T:
    """As :func:`decoded`, of a file that was read."""
    try:
        return decode(content)
    except (ValueError, RecursionError) as error:
        raise unreadable(folder, name, str(error)) from None


def unreadable(folder: Folder, name: str, why: str) -> CallListError:
    """The error for a file that does not say what it should."""
    return CallListError(
        f"{folder.address}/{name} can't be read ({why}): it was changed or damaged, and nothing is sent by it. Put the "
        "file back as it was written, and clear the task"
    )


def names_of(folder: Folder) -> list[str]:
    """Return the names of a list's files.

    :raises CallListError: if they can't be listed
    """
    try:
        return folder.names()
    except (OSError, ValueError) as error:  # an address that no store has
        raise _unreachable(folder, error) from None


def _unreachable(folder: Folder, error: Exception) -> CallListError:
    return CallListError(
        f"the call list in {folder.address} can't be reached ({type(error).__name__}: {error}): nothing is sent. Mend "
        "the store or its connection; the next try goes on with this very list",
        retryable=isinstance(error, OSError),
    )
