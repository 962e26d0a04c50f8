"""Measure, shorten and wrap text for a terminal, and make it safe to show (see `runner.visible`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...visible import one_line, visible

__all__ = ["breaks", "cell_width", "one_line", "packed", "shorten", "visible", "wrapped"]


def cell_width(text: str) -> int:
    """Return the columns that `text` takes: 2 for East Asian wide characters, 0 for combining marks (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def shorten(text: str, width: int) -> str:
    """Return `text` if it fits into `width` columns (at least 1), else its beginning and an ellipsis."""
    if cell_width(text) <= width:
        return text
    room, kept = width - 1, []
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def wrapped(text: str, width: int | None) -> list[str]:
    """Return the lines of `text`, each broken at spaces, or else within a word, if it is wider than `width` columns.

    Nothing is left out except the space at which a line is broken. With None, only the text's own line ends break it.
    """
    found: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        rest = line
        while width is not None and cell_width(rest) > width:
            cut = _cut(rest, width)
            found.append(rest[:cut].rstrip(" "))
            rest = rest[cut:].lstrip(" ")
        found.append(rest)
    return found


def breaks(line: str, width: int | None) -> Iterator[tuple[int, int]]:
    """Yield the start and end of consecutive parts of a line, each at most `width` columns wide."""
    start = 0
    while width is not None and _is_wider(line, start, width):
        cut = start + _cut(line[start:], width)
        yield start, cut
        start = cut
    yield start, len(line)


def _is_wider(line: str, start: int, width: int) -> bool:
    """Return whether the text after `start` needs more than `width` columns, without measuring further than that."""
    room = width
    for at in range(start, len(line)):
        room -= _cells(line[at])
        if room < 0:
            return True
    return False


def packed(parts: Sequence[str], separator: str, width: int | None) -> list[str]:
    """Return lines with as many parts as fit into `width` columns, with separators between them; no part is broken."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{separator}{part}" if lines else part
        if lines and (width is None or cell_width(longer) <= width):
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _cut(text: str, width: int) -> int:
    """Return where to break a line that is wider than `width`: after the last space that fits, else at `width`."""
    room, at, after_space = width, 0, 0
    begins = len(text) - len(text.lstrip(" "))
    for at, character in enumerate(text):
        room -= _cells(character)
        if character == " " and at >= begins:
            after_space = at + 1
        if room < 0:
            break
    return after_space or max(at, 1)


def _cells(character: str) -> int:
    import unicodedata  # a large library, and `runner --help` needs no width

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
