"""The documentation's pictures: each is there, is named, is small, and can be taken again."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from random import Random

import pytest

from demo.screenshots import MOST, PICTURES
from demo.small_png import _pixels, smaller


def test_each_picture_that_a_page_names_is_there_and_each_that_is_there_is_named(repository: Path) -> None:
    pages = [*(repository / "docs").glob("*.md"), repository / "README.md"]
    named = {name for page in pages for name in re.findall(r"\]\((?:docs/)?pictures/([\w-]+)\.png\)", page.read_text())}
    there = {file.stem for file in (repository / "docs" / "pictures").iterdir()}
    assert named == there == {picture.name for picture in PICTURES}


def test_each_picture_is_small_and_says_in_words_what_it_shows(repository: Path) -> None:
    for file in (repository / "docs" / "pictures").glob("*.png"):
        assert file.stat().st_size <= MOST, file.name
    for page in (repository / "docs").glob("*.md"):
        for words in re.findall(r"!\[([^\]]*)\]\(pictures/", page.read_text()):
            assert len(words) > 15, f"{page.name}: for whom can't see it"


def png(width: int, height: int, rows: list[bytes], colours: int) -> bytes:
    """A PNG whose rows bear their filters already."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def decoded(made: bytes) -> list[bytes]:
    """The colours of a PNG of a palette, whose rows have no filter."""
    places = {made[at + 4 : at + 8]: at for at in range(8, len(made)) if made[at + 4 : at + 8] in (b"PLTE", b"IDAT")}
    palette, packed = (
        made[at + 8 : at + 8 + struct.unpack_from(">I", made, at)[0]] for at in (places[b"PLTE"], places[b"IDAT"])
    )
    width = struct.unpack_from(">I", made, 16)[0]
    rows = zlib.decompress(packed)
    return [
        palette[3 * number : 3 * number + 3]
        for start in range(0, len(rows), width + 1)
        for number in rows[start + 1 : start + 1 + width]
    ]


@pytest.mark.parametrize("size", [3, 4], ids=["RGB", "RGBA"])
def test_a_picture_of_few_colours_keeps_each_of_them_by_any_filter(size: int) -> None:
    random = Random(7)
    width, height = 200, 60
    colours = [random.randbytes(3) + b"\xff" * (size - 3) for _ in range(40)]
    image = [[random.choice(colours) for _ in range(width)] for _ in range(height)]
    rows, before = [], bytes(width * size)
    for number, line in enumerate(image):
        row = b"".join(line)
        rows.append(filtered(number % 5, row, before, size))
        before = row
    wanted = [colour[:3] for line in image for colour in line]
    content = png(width, height, rows, 2 if size == 3 else 6)
    assert _pixels(content)[2] == wanted
    made = smaller(content)
    assert len(made) < len(content)
    assert decoded(made) == wanted


def filtered(kind: int, row: bytes, before: bytes, size: int) -> bytes:
    """A row by one of the five filters, as the specification of PNG has them."""

    def guess(at: int) -> int:
        left, above = row[at - size] if at >= size else 0, before[at]
        corner = before[at - size] if at >= size else 0
        estimate = left + above - corner
        nearest = min((left, above, corner), key=lambda one: abs(estimate - one))
        return (0, left, above, (left + above) // 2, nearest)[kind]

    return bytes([kind, *((value - guess(at)) & 255 for at, value in enumerate(row))])


def test_what_is_no_screenshot_is_refused() -> None:
    with pytest.raises(ValueError, match="no PNG"):
        smaller(b"GIF89a")
