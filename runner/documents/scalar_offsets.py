"""Map each character of a string to the characters of the file that represent it.

This follows the YAML 1.2.2 rules for block scalars (8.1), flow scalars and line folding (6.5, 7.3), and the escapes of
YAML and JSON (5.7; RFC 8259 section 7).
"""

from __future__ import annotations

import re

__all__ = ["scalar_offsets"]

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # JSON's two halves of one character
    r"|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)"
)
_CONTINUATION = re.compile(r"\\\n(?:[ \t]*\n)*[ \t]*")
_FOLD = re.compile(r"[ \t]*+\n((?:[ \t]*\n)*)[ \t]*")
_BLANKS = re.compile(r"[ \t]+")


def scalar_offsets(text: str, start: int, value: str) -> list[int] | None:
    """Return the offset in `text` of each character of `value`, and of the place where it ends.

    `start` is the offset of the scalar's first character (its quote, `|` or `>`, or the plain text itself). The result
    is None if text and value do not match.
    """
    style = text[start : start + 1]  # a plain scalar begins with none of these four (YAML 1.2.2, 7.3.3)
    if style not in ("|", ">", '"', "'"):
        style = ""
    offsets = (
        _block(text, start, value, folded=style == ">")
        if style in ("|", ">")
        else _flow(text, start, style, len(value))
    )
    return offsets[: len(value) + 1] if len(offsets) > len(value) else None


def _flow(text: str, start: int, style: str, length: int) -> list[int]:
    """Return the offsets of a plain or quoted scalar: a line break is a space, n + 1 of them are n newlines."""
    offsets: list[int] = []
    at = start + len(style)
    while len(offsets) <= length and at < len(text):
        if style == '"' and text[at] == "\\":
            if skipped := _CONTINUATION.match(text, at):
                # Empty lines after an escaped line break are newlines of the value.
                offsets.extend(at + i for i, char in enumerate(skipped[0][2:], 2) if char == "\n")
            elif escape := _ESCAPE.match(text, at):
                offsets.append(at)
                at = escape.end()
                continue
            else:
                return offsets
            at = skipped.end()
        elif fold := _FOLD.match(text, at):
            offsets.extend([at] * (fold[1].count("\n") or 1))
            at = fold.end()
        elif blanks := _BLANKS.match(text, at):
            offsets.extend(range(at, blanks.end()))
            at = blanks.end()
        else:
            offsets.append(at)
            at += 2 if style == "'" and text.startswith("''", at) else 1
    offsets.append(min(at, len(text)))
    return offsets


def _block(text: str, start: int, value: str, *, folded: bool) -> list[int]:
    """Return the offsets of a block scalar: `|` keeps its lines, `>` joins those that are not empty or more indented."""
    first = text.find("\n", start) + 1
    if not first:
        return [start]
    indent = _indent(text, first, value)
    offsets: list[int] = []
    breaks: list[int] = []  # line breaks since the last line with text
    joins = False  # whether that line may be joined with the next
    at = first
    while at < len(text) and len(offsets) <= len(value):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at : min(at + indent, end)].strip(" "):
            break  # less indented: the scalar ends here
        content = range(min(at + indent, end), end)
        if content:
            joinable = folded and text[content.start] not in " \t"
            if joinable and joins and breaks:
                # One break is a space; of more, the first vanishes.
                breaks = breaks[1:] or breaks
            offsets.extend(breaks)
            offsets.extend(content)
            breaks, joins = [], joinable
        breaks.append(end)
        at = end + 1
    return [*offsets, *breaks, len(text)]


def _indent(text: str, first: int, value: str) -> int:
    """Return the number of spaces before each line of a block scalar; `first` is the offset of its first line."""
    in_file = next((line for line in text[first:].split("\n") if line.strip(" ")), "")
    in_value = next((line for line in value.split("\n") if line.strip(" ")), "")
    return (len(in_file) - len(in_file.lstrip(" "))) - (len(in_value) - len(in_value.lstrip(" ")))
