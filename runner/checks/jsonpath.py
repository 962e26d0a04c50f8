"""Paths into JSON values: a subset of JSONPath (RFC 9535), or a JSON Pointer (RFC 6901) if the text starts with "/".

    $  .name  ['name']  [n]  [-n]  [*]  .*  ..name  ..['name']  ..[n]  ..[*]  ..*

There are no filters, slices, unions or scripts. The package jsonpath-rfc9535 implements all of the RFC, but it cannot
say whether a path covers a given place or which of two paths is more specific, and rules need both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from ..json_pointer import escape_token, unescape_token
from ..schema import json_path
from ..values import Json, JsonPath

__all__ = ["Path", "PathError", "Segment", "parse"]

# The characters that a name may not have: `re` takes milliseconds to compile the ranges that it may have.
_NAME = re.compile(r"[^\x00-@[-^`{-\x7f\ud800-\udfff][^\x00-/:-@[-^`{-\x7f\ud800-\udfff]*")
_INDEX = re.compile(r"(?:0|-?[1-9][0-9]{0,15})")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", "'": "'", '"': '"'}
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


class PathError(ValueError):
    """A text is not a valid path. `column` counts characters from 1, `reason` is one sentence."""

    def __init__(self, column: int, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Segment:
    """One step: a member name, an array index (negative: from the end) or None for every child.

    `descendant`: the step may be taken anywhere below ("..name"). `token`: a JSON Pointer step, whose "0" is the
    index 0 in an array and the name "0" in an object.
    """

    selector: str | int | None
    descendant: bool = False
    token: bool = False

    def takes(self, step: str | int, length: int | None) -> bool:
        """Return whether this segment selects the child at `step` of a value; `length` is the array's, if known."""
        selector = self.selector
        if selector is None:
            return True
        if isinstance(selector, int) and selector < 0:
            return isinstance(step, int) and length is not None and step == selector + length
        if self.token and isinstance(step, int):
            return selector == str(step)
        return type(selector) is type(step) and selector == step


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `str(path)` is its canonical form and parses to an equal path."""

    segments: tuple[Segment, ...]

    def find(self, value: Json) -> list[tuple[JsonPath, Json]]:
        """Return every place that the path selects in `value`, in document order, without duplicates."""
        found: dict[JsonPath, Json] = {(): value}
        for segment in self.segments:
            starts = _with_descendants(found) if segment.descendant else found
            found = {
                (*path, step): child
                for path, parent in starts.items()
                for step, child in _select(segment, parent)
            }
        return list(found.items())

    @property
    def is_single(self) -> bool:
        """Return whether the path selects at most one place in any value."""
        return not any(segment.descendant or segment.selector is None for segment in self.segments)

    @property
    def specificity(self) -> tuple[int, int, int, int]:
        """Return a rank for rules that match the same place; a more specific path has a greater rank.

        Fewer ".." count first, then more steps, then fewer "*", then more names; of equal ranks the later rule wins.
        """
        names = sum(isinstance(each.selector, str) for each in self.segments)
        return (
            -sum(each.descendant for each in self.segments),
            len(self.segments),
            -sum(each.selector is None for each in self.segments),
            names,
        )

    def __str__(self) -> str:
        if any(segment.token for segment in self.segments):
            return "".join("/" + escape_token(str(segment.selector)) for segment in self.segments)
        return "$" + "".join(_spell(segment) for segment in self.segments)


def parse(text: str) -> Path:
    """Parse a path. Raises PathError (a ValueError) with the column and the reason."""
    if text.startswith("/"):
        return _parse_pointer(text)
    if not text.startswith("$"):
        raise PathError(1, 'a path starts with "$" (such as "$.label") or, as a JSON Pointer, with "/"')
    segments = []
    at = 1
    while at < len(text):
        segment, at = _parse_segment(text, at)
        segments.append(segment)
    return Path(tuple(segments))


def _parse_segment(text: str, at: int) -> tuple[Segment, int]:
    descendant = text.startswith("..", at)
    dotted = text.startswith(".", at)
    start = at + descendant + dotted
    if text.startswith("[", start) and (descendant or not dotted):
        selector, end = _parse_bracket(text, start + 1)
    elif dotted and text.startswith("*", start):
        selector, end = None, start + 1
    elif dotted and (name := _NAME.match(text, start)):
        selector, end = name[0], name.end()
    else:
        _fail(text, start, 'a name or "*" after the dot' if dotted else '"." or "["')
    return Segment(selector, descendant), end


def _parse_bracket(text: str, at: int) -> tuple[str | int | None, int]:
    selector: str | int | None
    if text.startswith("*", at):
        selector, end = None, at + 1
    elif index := _INDEX.match(text, at):
        selector, end = int(index[0]), index.end()
    elif quoted := _QUOTED.match(text, at):
        group = 1 if quoted[1] is not None else 2
        selector, end = _unescape(quoted[group], quoted.start(group)), quoted.end()
    else:
        _fail(text, at, 'an index, "*" or a quoted name in the brackets')
    if not text.startswith("]", end):
        _fail(text, end, '"]"')
    return selector, end + 1


def _fail(text: str, at: int, expected: str) -> NoReturn:
    came = text[at : at + 1]
    beyond = {"?": "filters", ":": "slices", ",": "unions", "(": "scripts"}.get(came)
    if beyond:
        raise PathError(at + 1, f"{beyond} are not supported in paths")
    raise PathError(
        at + 1, f"expected {expected}, got {came!r}" if came else f"expected {expected}, but the path ends"
    )


def _unescape(text: str, at: int) -> str:
    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            raise PathError(at + match.start() + 1, f"unknown escape {match[0]!r}")
        return _ESCAPES[escape]

    unescaped = _ESCAPE.sub(character, text)
    # A character beyond the Basic Multilingual Plane is written as two escapes, a surrogate pair.
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"),
        unescaped,
    )


def _parse_pointer(text: str) -> Path:
    bad = re.search(r"~(?![01])", text)
    if bad:
        raise PathError(bad.start() + 1, 'in a JSON Pointer "~" is written "~0" and "/" in a name "~1"')
    tokens = text[1:].split("/")
    return Path(tuple(Segment(unescape_token(token), token=True) for token in tokens))


def _spell(segment: Segment) -> str:
    step = "[*]" if segment.selector is None else json_path((segment.selector,))[1:]
    return f"..{step.removeprefix('.')}" if segment.descendant else step


def _select(segment: Segment, parent: Json) -> Iterator[tuple[str | int, Json]]:
    selector = segment.selector
    if isinstance(parent, Mapping):
        if selector is None:
            yield from parent.items()
        elif isinstance(selector, str) and selector in parent:
            yield selector, parent[selector]
    elif isinstance(parent, list):
        if selector is None:
            yield from enumerate(parent)
        elif segment.token and isinstance(selector, str) and _ARRAY_INDEX.fullmatch(selector):
            selector = int(selector)
        if isinstance(selector, int) and -len(parent) <= selector < len(parent):
            index = selector % len(parent)
            yield index, parent[index]


def _with_descendants(found: Mapping[JsonPath, Json]) -> dict[JsonPath, Json]:
    """Return the values and everything below them, parents first. Not recursive: values may be nested deeply."""
    every = Segment(None)
    reached: dict[JsonPath, Json] = {}
    stack = list(found.items())[::-1]
    while stack:
        path, value = stack.pop()
        if path not in reached:
            reached[path] = value
            stack.extend(reversed([((*path, step), child) for step, child in _select(every, value)]))
    return reached
