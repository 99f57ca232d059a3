"""Write-once objects in a folder, on whatever ``ObjectStoragePath`` reaches; on a local disk, for the owner alone.

An object is there whole or not at all. None of a list is ever changed: what state it is in, is which objects exist. The
one object that is written over lies beside the lists: ``entry.json``, where Airflow has no task state store.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

__all__ = ["INNER", "Folder", "folder_name"]

INNER = (
    "batches", "rejected", "doubles", "held", "capped", "excluded", "held_out", "claimed", "sent", "progress", "done",
    "unknown",
)  # fmt: skip
"""The folders within a list's."""

_OF_A_LIST = re.compile(rf"(?:(?:{'|'.join(INNER)})/[^/]+|(?:list|deleted|report-[0-9]+)\.json|rejected\.csv)")
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}")
_LONGEST_NAME = 255
"""Bytes of a name on a disk."""


def folder_name(text: str) -> str:
    """Return *text* as the name of one folder, on any store: no separators, and never ``.`` or ``..``.

    Of a text that no disk takes for a name (a long one in Cyrillic, say), the end is a digest.
    """
    name = quote(text, safe="+@=:,~ ")
    if len(name) > _LONGEST_NAME:
        digest = sha256(text.encode()).hexdigest()
        return f"{name[: _LONGEST_NAME - len(digest) - 2]}%~{digest}"  # quoting makes no such sign
    return name if name.strip(".") else name.replace(".", "%2E") or "%00"


class Folder:
    """A folder of objects.

    :param address: a URL, as in ``s3://bucket/lists`` or ``file:///srv/lists``; a plain path is one of this machine
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/") if "://" in address else f"file://{Path(address).resolve()}"
        self._path: ObjectStoragePath | None = None

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.address}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write an object, durably; in place of the one of that name, if there is one.

        :param name: of letters, digits, dots and dashes, behind folders at most
        :raises OSError: if it can't be written
        """
        if self._local is None:
            path = self._object(name)
            path.fs.pipe_file(path.path, content)  # whole or not at all, where the store puts objects
            return
        self._write_local(self._local / name, io.BytesIO(content))

    def write_from(self, name: str, file: IO[bytes]) -> None:
        """Write an object as :meth:`write` does, of a file that may be too large for the memory."""
        if self._local is None:
            path = self._object(name)
            with path.fs.open(path.path, "wb") as object:
                shutil.copyfileobj(file, object)
            return
        self._write_local(self._local / name, file)

    def _write_local(self, target: Path, content: IO[bytes]) -> None:
        self._make(target.parent)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # or a power cut could undo the renaming
        finally:
            os.close(folder)

    def read(self, name: str) -> bytes:
        """Return an object.

        :raises FileNotFoundError: if there is none
        :raises OSError: if the store can't be reached
        """
        if self._local is not None:
            return (self._local / name).read_bytes()
        content: bytes = self._object(name).read_bytes()
        return content

    def names(self) -> list[str]:
        """Return the names of all objects in it, at any depth, sorted; none if there is no such folder.

        :raises OSError: if any part of it can't be listed, for what is not listed would be taken for absent
        """
        if self._local is not None:
            found = (
                Path(folder, file).relative_to(self._local).as_posix()
                for folder, _, files in os.walk(self._local, onerror=_raise_unless_absent)
                for file in files
                if not file.startswith(".")
            )
            return sorted(found)
        root = self._object("")
        root.fs.invalidate_cache()
        try:
            paths = list(_files(root.fs, root.path))
        except FileNotFoundError:
            return []
        start = root.path.strip("/") + "/"
        return sorted(path.strip("/").removeprefix(start) for path in paths)

    def folders(self) -> list[str]:
        """Return the names of the folders in it, sorted; none if there is no such folder.

        :raises OSError: if it can't be listed
        """
        if self._local is not None:
            try:
                with os.scandir(self._local) as found:
                    return sorted(one.name for one in found if one.is_dir() and not one.name.startswith("."))
            except FileNotFoundError:
                return []
        root = self._object("")
        root.fs.invalidate_cache()
        try:
            entries = root.fs.ls(root.path, detail=True)
        except FileNotFoundError:
            return []
        folders = [entry["name"].strip("/") for entry in entries if entry["type"] == "directory"]
        return sorted(name.rpartition("/")[2] for name in folders if name != root.path.strip("/"))

    def delete(self, name: str) -> None:
        """Delete an object, if there is one."""
        with suppress(FileNotFoundError):
            if self._local is not None:
                (self._local / name).unlink()
            else:
                self._object(name).unlink()

    def delete_all_but(self, kept: str | None, *, last: str) -> None:
        """Delete all objects of a list, and drafts of them, but one; folders left empty go too, on a local disk.

        What is not of a list stays: whoever said that one is here may have meant something else to go.

        :param kept: the name of the one that stays, or None
        :param last: the name of the one that is deleted after all others
        """
        names = [name for name in self.names() if name != kept and _OF_A_LIST.fullmatch(name)]
        for name in sorted(names, key=lambda name: name == last):
            self.delete(name)
        if self._local is not None:
            for folder, _, files in os.walk(self._local, topdown=False):
                with suppress(OSError):
                    for draft in files:
                        if _DRAFT.fullmatch(draft):
                            Path(folder, draft).unlink()
                    os.rmdir(folder)

    def delete_whole(self) -> None:
        """Delete the folder, and all that is in it."""
        if self._local is not None:
            shutil.rmtree(self._local, ignore_errors=True)
            return
        for name in self.names():
            self.delete(name)

    @property
    def _local(self) -> Path | None:
        return Path(self.address.removeprefix("file://")) if self.address.startswith("file://") else None

    def _object(self, name: str) -> ObjectStoragePath:
        if self._path is None:
            from airflow.sdk import ObjectStoragePath

            self._path = ObjectStoragePath(self.address)
        return self._path / name if name else self._path

    @staticmethod
    def _make(folder: Path) -> None:
        """Make a folder, and those above it that are missing, for the owner alone."""
        if not folder.is_dir():
            Folder._make(folder.parent)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _files(store: Any, folder: str) -> Iterator[str]:
    """All files of a folder of a store, at any depth; the store's own ``find`` may pass over what it can't list."""
    for entry in store.ls(folder, detail=True):
        if entry["type"] == "directory":
            yield from _files(store, entry["name"])
        elif entry["name"].strip("/") != folder.strip("/"):
            yield entry["name"]
