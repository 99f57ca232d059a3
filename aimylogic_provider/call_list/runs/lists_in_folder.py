"""One question about a folder: which lists lie beneath it, and which of them were begun? The answers are values.

What follows from them is not told here: see ``lists_of_run`` for what a task sends, ``old_lists`` for what is deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aimylogic_provider.call_list.store.manifest import (
    Claim,
    Pointer,
    Tombstone,
    decode_claim,
    decode_manifest,
    decode_tombstone,
    sha256,
)
from aimylogic_provider.call_list.store.objects import INNER, Folder
from aimylogic_provider.call_list.store.read_objects import decoded, decoded_as, names_of, read_from

__all__ = ["BegunList", "ListInFolder", "begun_lists", "is_list_id", "lists_in", "pointer_to"]


@dataclass(frozen=True, slots=True)
class ListInFolder:
    """A list's folder, as far as the names of its files tell.

    :param names: of its files
    """

    folder: Folder
    names: Sequence[str]

    @property
    def is_frozen(self) -> bool:
        """Whether somebody can point to it: all of it was written."""
        return "list.json" in self.names

    @property
    def is_deleted(self) -> bool:
        """Whether but its counts are left, or it is being deleted."""
        return "deleted.json" in self.names

    @property
    def claim_files(self) -> list[str]:
        """The names of the files by which tasks claimed its shards, before they sent anything of them."""
        return [name for name in self.names if name.startswith("claimed/")]


@dataclass(frozen=True, slots=True)
class BegunList:
    """A list that somebody began to send.

    :param claims: who did, of which shard, where to, and since when
    :param tombstone: what is left of it, if it was deleted
    """

    folder: Folder
    claims: Sequence[Claim]
    tombstone: Tombstone | None

    def source(self) -> str:
        """The digest of what it was frozen from; empty if its task wasn't mapped.

        :raises CallListError: if it is gone, or can't be reached or read
        """
        if self.tombstone is not None:
            return self.tombstone.source
        return decoded(self.folder, "list.json", decode_manifest, listed=True).source

    def claim_of(self, task: str) -> Claim | None:
        """The first claim of a task instance, told in words; None if it has none."""
        return next((claim for claim in self.claims if claim.task == task), None)

    def sent_to(self, campaign: str | None) -> list[Claim]:
        """The claims of those who send to a campaign.

        :param campaign: its digest; None for any
        """
        return [claim for claim in self.claims if campaign in (None, claim.campaign)]


def lists_in(folder: Folder) -> Iterator[ListInFolder]:
    """The lists beneath a folder, at any depth, whole or not.

    :raises CallListError: if that can't be listed
    """
    found: dict[str, list[str]] = {}
    for name in names_of(folder):
        parts = name.split("/")
        # A run's id may look like a list's: the list is the folder that its files lie in.
        inner = len(parts) - (2 if parts[-2:-1] and parts[-2] in INNER else 1)
        if inner >= 1 and is_list_id(parts[inner - 1]):
            found.setdefault("/".join(parts[:inner]), []).append("/".join(parts[inner:]))
    for path, names in found.items():
        yield ListInFolder(folder / path, names)


def begun_lists(folder: Folder, since: float | None) -> Iterator[BegunList]:
    """The lists beneath a folder that somebody began to send, one after the other as they are read.

    :param since: Unix seconds; older claims are of a run of the same id, which was deleted and made again; None for all
    :raises CallListError: if that can't be listed or read
    """
    for found in lists_in(folder):
        tombstone = None
        if found.is_deleted:
            tombstone = decoded(found.folder, "deleted.json", decode_tombstone, listed=True)
            claims = list(tombstone.claims)
        elif found.is_frozen:
            claims = [decoded(found.folder, name, decode_claim, listed=True) for name in found.claim_files]
        else:
            continue
        if of_run := [claim for claim in claims if since is None or claim.at >= since]:
            yield BegunList(found.folder, of_run, tombstone)


def pointer_to(list_folder: Folder, *, listed: bool = True) -> Pointer:
    """A pointer to the list that lies in a folder.

    :param listed: whether it was there just before
    :raises CallListError: if it is gone, or can't be reached or read
    """
    content = read_from(list_folder, "list.json", listed=listed)
    manifest = decoded_as(list_folder, "list.json", content, decode_manifest)
    return manifest.pointer(list_folder.address, sha256(content))


def is_list_id(name: str) -> bool:
    """Whether a folder's name is of the form that lists' have."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
