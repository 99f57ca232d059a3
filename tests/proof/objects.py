"""The object storage on simulated time: what :class:`~aimylogic_provider.call_list.store.objects.Folder` reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, TypeVar

from aimylogic_provider.call_list.store.objects import Folder
from tests.proof.simulation import running_worker

__all__ = ["ObjectStorage"]

T = TypeVar("T")


class ObjectStorage:
    """Objects by address. An object is there whole or not at all."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def methods(self) -> dict[str, Callable[..., Any]]:
        """What stands for the methods of ``Folder``."""

        def write(folder: Folder, name: str, content: bytes) -> None:
            _access("write", lambda: self.objects.update({f"{folder.address}/{name}": bytes(content)}))

        def write_from(folder: Folder, name: str, file: IO[bytes]) -> None:
            write(folder, name, file.read())

        def read(folder: Folder, name: str) -> bytes:
            content = _access("read", lambda: self.objects.get(f"{folder.address}/{name}"))
            if content is None:
                raise FileNotFoundError(name)
            return content

        def names(folder: Folder) -> list[str]:
            start = f"{folder.address}/"
            found = _access("list", lambda: [name for name in self.objects if name.startswith(start)])
            return sorted(name.removeprefix(start) for name in found)

        def folders(folder: Folder) -> list[str]:
            start = f"{folder.address}/"
            found = _access("list", lambda: [name for name in self.objects if name.startswith(start)])
            inner = (name.removeprefix(start).partition("/") for name in found)
            return sorted({name for name, slash, _ in inner if slash})

        def delete(folder: Folder, name: str) -> None:
            _access("delete", lambda: self.objects.pop(f"{folder.address}/{name}", None))

        def delete_all_but(folder: Folder, kept: str | None, *, last: str) -> None:
            found = [name for name in names(folder) if name != kept]
            for name in sorted(found, key=lambda name: name == last):
                delete(folder, name)

        return {one.__name__: one for one in (write, write_from, read, names, folders, delete, delete_all_but)}


def _access(kind: str, act: Callable[[], T]) -> T:
    """Pass the points before and after an access, which may fail with or without an effect."""
    worker = running_worker()
    worker.point(f"before an object's {kind}")
    worker.simulation.pass_time(worker.rng.choice((0.005, 0.05)))
    fails = worker.about.objects_fail()
    if fails is not None:
        worker.simulation.count(f"fault objects {kind}")
        if fails:
            act()
        raise OSError("the object storage failed")
    result = act()
    worker.point(f"after an object's {kind}")
    return result
