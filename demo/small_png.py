"""A screenshot made smaller: a PNG of a palette of 256 colours, which is all that pages need. No library is needed."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

__all__ = ["smaller"]

_BEGINNING = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256


def smaller(png: bytes) -> bytes:
    """Return a PNG of eight bits a channel, alpha or not, as one of a palette; or as it is, if that is no gain.

    :raises ValueError: if it is no such PNG
    """
    width, height, pixels = _pixels(png)
    palette, index = _palette(pixels)
    rows = bytearray()
    for row in range(height):
        rows.append(0)
        rows += bytes(map(index.__getitem__, pixels[row * width : (row + 1) * width]))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    made = (
        _BEGINNING
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", b"".join(palette))
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + _chunk(b"IEND", b"")
    )
    return min(made, png, key=len)


def _palette(pixels: list[bytes]) -> tuple[list[bytes], dict[bytes, int]]:
    """The colours that are seen most, and which of them stands for each: the nearest."""
    seen = [colour for colour, _ in Counter(pixels).most_common()]
    palette = seen[:_COLOURS]
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in seen[_COLOURS:]:
        red, green, blue = colour
        index[colour] = min(
            range(len(palette)),
            key=lambda number: (
                (palette[number][0] - red) ** 2 + (palette[number][1] - green) ** 2 + (palette[number][2] - blue) ** 2
            ),
        )
    return palette, index


def _pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height, and the colours row by row."""
    if not png.startswith(_BEGINNING):
        raise ValueError("this is no PNG")
    place, packed, header = len(_BEGINNING), bytearray(), b""
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        header = content if kind == b"IHDR" else header
        if kind == b"IDAT":
            packed += content
        place += length + 12
    width, height, depth, colours, *_, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colours not in (2, 6) or interlaced:
        raise ValueError("this PNG isn't one of a screenshot")
    size = 3 if colours == 2 else 4
    rows = _unfiltered(zlib.decompress(bytes(packed)), width * size, height, size)
    return width, height, [row[at : at + 3] for row in rows for at in range(0, width * size, size)]


def _unfiltered(packed: bytes, length: int, height: int, size: int) -> list[bytes]:
    """The rows of a PNG, by its specification's five filters."""
    rows: list[bytes] = []
    before = bytes(length)
    for number in range(height):
        start = number * (length + 1)
        row = bytearray(packed[start + 1 : start + 1 + length])
        match packed[start]:
            case 1:
                for at in range(size, length):
                    row[at] = (row[at] + row[at - size]) & 255
            case 2:
                row = bytearray((one + above) & 255 for one, above in zip(row, before, strict=True))
            case 3:
                for at in range(length):
                    left = row[at - size] if at >= size else 0
                    row[at] = (row[at] + (left + before[at]) // 2) & 255
            case 4:
                for at in range(length):
                    left, corner = (row[at - size], before[at - size]) if at >= size else (0, 0)
                    row[at] = (row[at] + _paeth(left, before[at], corner)) & 255
            case _:
                pass
        before = bytes(row)
        rows.append(before)
    return rows


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
