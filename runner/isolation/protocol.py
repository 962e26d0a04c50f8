"""The protocol between the two processes: lines of JSON, a request and then its response.

The parent sends

    {"compile": N, "whitespace": W, "sources": [[label, file, text], ...]}
    {"render": N, "values": {...}}
    {"expression": text, "names": [...]}                     and the same with "values"

The child answers, in the same order,

    {"uses": [[[name, source, line, guarded, tested], ...], ...], "problems": [problem, ...], "retire": bool}
    "text"   once for each source, or   {"problem": problem, "retire": bool}   instead of the first that failed
    {"reads": {name: [[member, ...], [optional member, ...], whole], ...}}, {"value": ...}, or   {"refused": sentence, "retire": bool}

and while it compiles it asks the parent

    {"find": [source, name, line]}   which answers   {"file": [source, label, file, text]}   or   {"refused": E}

Sources are numbered in the order in which they are sent, files after the texts of the prompt; a text that was sent
before is null. A problem is `[message, hint, source, line, column]`, or the number E of one of the parent's own errors.
A child that answers `retire` must not be asked again. Instead of any answer it may send {"failed": sentence} and end.

The parent does not trust the child: the functions here accept nothing but what is described above.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from ..errors import RunnerError, TemplateError
from ..render.sandbox import Members
from ..render.template_sources import LocatedUse, Source
from ..values import Json, find_non_json

__all__ = [
    "GarbledError",
    "decode",
    "encode",
    "encode_text",
    "field",
    "members_of",
    "printable",
    "problem_of",
    "question_of",
    "text_of",
    "uses_of",
]


_T = TypeVar("_T")


class GarbledError(Exception):
    """The other side sent something that is not part of the protocol."""


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as a line. Raises ValueError or RecursionError for values that JSON cannot express."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def encode_text(text: str) -> bytes:
    """Return a rendered text as a line."""
    return json.dumps(text, ensure_ascii=False).encode() + b"\n"


def text_of(line: bytes) -> str | None:
    """Return the text in a line; None if the line is an object."""
    if line[:1] != b'"':
        return None
    text = _parsed(line)
    if not isinstance(text, str) or find_non_json(text):
        raise GarbledError
    return text


def decode(line: bytes) -> dict[str, Json]:
    """Return the object in a line."""
    message = _parsed(line) if line[:1] == b"{" else None
    if not isinstance(message, dict):
        raise GarbledError
    return message


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise GarbledError from None


def field(message: dict[str, Json], name: str, kind: type) -> Any:
    """Return a field of a message that has exactly this type."""
    value = message.get(name)
    if type(value) is not kind:
        raise GarbledError
    return value


def question_of(message: dict[str, Json], sources: Sequence[Source]) -> tuple[Source, str, int]:
    """Return what `find` asks for: the source that needs the file, the name, and the line."""
    match message["find"]:
        case [source, str(name), line]:
            return _one_of(sources, source), name, _counted(line)
    raise GarbledError


def uses_of(message: dict[str, Json], sources: Sequence[Source], count: int) -> list[list[LocatedUse]]:
    """Return the variables that each of the first `count` sources reads."""
    uses = field(message, "uses", list)
    if len(uses) != count:
        raise GarbledError
    return [[_use(use, sources) for use in _list(of_one)] for of_one in uses]


def _use(value: Json, sources: Sequence[Source]) -> LocatedUse:
    match value:
        case [str(name), source, line, bool(guarded), bool(tested)] if name.isidentifier():
            return LocatedUse(name, _one_of(sources, source), _counted(line), guarded, tested)
    raise GarbledError


def members_of(reads: Json, names: frozenset[str]) -> dict[str, Members]:
    """Return what an expression reads of `names`."""
    if not isinstance(reads, dict) or not names.issuperset(reads):
        raise GarbledError
    return {name: _members(read) for name, read in reads.items()}


def _members(value: Json) -> Members:
    match value:
        case [list(names), list(optional), bool(whole)]:
            every = frozenset(name for name in names if isinstance(name, str))
            return Members(every, every.intersection(map(str, optional)), whole)
    raise GarbledError


def problem_of(value: Json, sources: Sequence[Source], own: Sequence[RunnerError] = ()) -> RunnerError:
    """Return the error that a problem describes."""
    match value:
        case [str(message), str() | None as hint, source, line, column]:
            found = _one_of(sources, source)
            location = found.locate(_counted(line), None if column is None else _counted(column))
            return TemplateError(printable(message), location=location, hint=hint and printable(hint))
    return _one_of(own, value)


def printable(sentence: str) -> str:
    """Return a sentence without lone surrogates."""
    return sentence.encode("utf-8", "replace").decode()


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise GarbledError
    return value


def _one_of(items: Sequence[_T], number: Json) -> _T:
    if type(number) is not int or not 0 <= number < len(items):
        raise GarbledError
    return items[number]


def _counted(number: Json) -> int:
    """Return a line or column number."""
    if type(number) is not int or not 1 <= number <= 2**31:
        raise GarbledError
    return number
