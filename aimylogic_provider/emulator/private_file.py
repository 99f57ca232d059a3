"""Files for their owner alone: snapshots hold tokens and phones. What is written is for others to say."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp

__all__ = ["write_private"]


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for its owner alone.

    By a draft of a name that nobody knows beforehand: in a folder that others may write in, one of theirs could stand
    there, or a link to anywhere.
    """
    number, draft = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(number, "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
