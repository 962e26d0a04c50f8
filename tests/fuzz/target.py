"""A target: something of ours that reads bytes, the errors it is documented to raise, and the laws it has to keep."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from runner.errors import Problems, RunnerError
from runner.values import Json

__all__ = ["LARGEST", "LawError", "Target", "as_text", "hold", "hold_error", "hold_text"]

LARGEST = 64 * 1024
"""Bytes of the largest input."""

LONGEST_MESSAGE = 2000
"""Characters of a message or a hint. What is longer is not read, whatever it says."""


class LawError(AssertionError):
    """A law does not hold."""


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    `read` is the function under test, `raises` what it may raise; `laws` hold for what it returns, and `on_error` for
    what it raises. `seeds` are real inputs. `compose` spells a JSON value as an input, so that mutations can be made of
    values as well as of bytes.
    """

    name: str
    read: Callable[[bytes], Any]
    raises: tuple[type[Exception], ...]
    laws: Callable[[bytes, Any], None]
    on_error: Callable[[bytes, Any], None]
    seeds: Callable[[], Iterable[bytes]]
    compose: Callable[[Json], bytes] | None = None

    def check(self, data: bytes) -> None:
        """Read one input; LawError, or whatever else came, where that is not as it should be."""
        try:
            result = self.read(data)
        except self.raises as error:
            self.on_error(data, error)
        else:
            self.laws(data, result)


def hold(condition: object, law: str, *facts: object) -> None:
    """Raise LawError, naming the law and the facts, unless the condition holds."""
    if not condition:
        raise LawError(f"{law}: {', '.join(repr(fact)[:500] for fact in facts)}")


def hold_text(text: object, what: str) -> None:
    """What is shown or stored is text that can be encoded."""
    hold(isinstance(text, str), f"{what} is text", text)
    try:
        str(text).encode()
    except UnicodeEncodeError:
        raise LawError(f"{what} can be encoded: {text!r:.200}") from None


def hold_error(error: RunnerError, files: Mapping[str, bytes], *, placed: bool = True) -> None:
    """An error says something, and says where: a file that is there, and inside it a line and a column.

    Without `placed` the line, or the column, may be left out; where they are given they are inside the file.
    """
    for each in error.errors if isinstance(error, Problems) else (error,):
        hold(each.message.strip(), "the message is not empty", each)
        for text in (each.message, each.hint or ""):
            hold_text(text, "what an error says")
            hold(len(text) <= LONGEST_MESSAGE, "an error is short enough to be read", len(text), text[:100])
        location = each.location
        hold(location is not None, "the error has a location", each)
        assert location is not None
        hold(location.path in files, "the location names a file", location)
        hold(not placed or (location.line and location.column), "the location has line and column", location)
        if location.line is not None:
            lines = as_text(files[location.path]).split("\n")
            hold(1 <= location.line <= len(lines), "the line is inside the file", location, len(lines))
            width = len(lines[location.line - 1])
            hold(1 <= (location.column or 1) <= width + 1, "the column is inside the line", location, width)


@lru_cache(maxsize=8)
def as_text(data: bytes) -> str:
    """The text of a file as an editor shows it: without a byte order mark, with one kind of line end."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def hold_json(value: Json) -> None:
    """A value that every later station can print, send and store."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise LawError(f"the value can be written as JSON: {error}") from None
