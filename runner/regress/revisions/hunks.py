"""Find the changes in the text of requests: unified diffs of messages, parameters and schema, merged over all cases.

One edit of a system prompt changes every case of a prompt in the same way. Hunks count as the same if the same lines
are removed and added in the same kind of place; the context lines, which may differ from case to case, are those of the
first.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import TypeAlias

from ...engine.plan.job import CaseKey
from ...values import Json, JsonObject

__all__ = ["Hunk", "grouped_hunks", "hunks"]

_CONTEXT = 3
_SCHEMA = ("response_format", "tools")
_LONG = 200

_Lines: TypeAlias = tuple[str, ...]
_Message: TypeAlias = tuple[str, _Lines]


@dataclass(frozen=True, slots=True)
class Hunk:
    """One change. `place` is e.g. `system message`, `params`, `schema`; `lines` begin with "+", "-" or " ".

    `cases` are all cases that have the hunk, in their order.
    """

    place: str
    lines: tuple[str, ...]
    cases: tuple[CaseKey, ...]


def grouped_hunks(pairs: Iterable[tuple[CaseKey, JsonObject, JsonObject]]) -> list[Hunk]:
    """Return the hunks of all pairs of bodies (before, after), each once; those that affect most cases come first."""
    first: dict[tuple[str, _Lines], _Lines] = {}
    cases: dict[tuple[str, _Lines], list[CaseKey]] = {}
    for key, before, after in pairs:
        for place, lines in hunks(before, after):
            group = (place, tuple(line for line in lines if not line.startswith(" ")))
            first.setdefault(group, lines)
            seen = cases.setdefault(group, [])
            if seen[-1:] != [key]:
                seen.append(key)
    found = [Hunk(group[0], lines, tuple(cases[group])) for group, lines in first.items()]
    return sorted(found, key=lambda hunk: -len(hunk.cases))


def hunks(before: JsonObject, after: JsonObject) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the places and lines in which two bodies differ: messages in their order, then params, then the schema."""
    yield from _message_hunks(_messages(before), _messages(after))
    for place, schema in (("params", False), ("schema", True)):
        old, new = _fields(before, schema=schema), _fields(after, schema=schema)
        yield from ((place, lines) for lines in _diff(old, new))


def _message_hunks(before: Sequence[_Message], after: Sequence[_Message]) -> Iterator[tuple[str, _Lines]]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        for old, new in zip_longest(before[start:end], after[new_start:new_end]):
            if old is not None and new is not None and old[0] == new[0]:
                yield from ((f"{new[0]} message", lines) for lines in _diff(old[1], new[1]))
                continue
            if old is not None:
                yield f"{old[0]} message (removed)", tuple(f"-{line}" for line in old[1])
            if new is not None:
                yield f"{new[0]} message (added)", tuple(f"+{line}" for line in new[1])


@lru_cache(maxsize=64)
def _diff(before: _Lines, after: _Lines) -> tuple[_Lines, ...]:
    """Return the hunks between two texts, each with three lines of context, without line numbers."""
    if before == after:
        return ()
    found: list[list[str]] = []
    for line in list(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]:
        if line.startswith("@@"):
            found.append([])
        else:
            found[-1].append(line)
    return tuple(tuple(lines) for lines in found)


def _messages(body: JsonObject) -> list[_Message]:
    messages = body.get("messages")
    assert isinstance(messages, list), "a rendered body has messages"
    return [_message(message) for message in messages]


def _message(message: Mapping[str, Json]) -> _Message:
    """Return a message as its role and the lines to compare: its text as it is, then its other fields as JSON."""
    lines: list[str] = []
    content = message.get("content")
    if isinstance(content, str):
        lines += content.split("\n")
    else:
        for part in content if isinstance(content, list) else []:
            lines += _part(part)
    for field, value in message.items():
        if field not in ("role", "content"):
            lines += _json({field: value})
    return str(message.get("role")), tuple(lines)


def _part(part: Json) -> list[str]:
    if isinstance(part, Mapping) and part.keys() == {"type", "text"} and isinstance(part["text"], str):
        return ["[text]", *part["text"].split("\n")]
    return _json(part)


def _fields(body: JsonObject, *, schema: bool) -> _Lines:
    """Return what `runner.wire.fingerprint.parts` calls params or schema, one line per value, in any order of keys."""
    chosen = {
        name: value
        for name, value in sorted(body.items())
        if name != "messages" and (name in _SCHEMA) == schema
    }
    return tuple(line for name, value in chosen.items() for line in _json({name: value}))


def _json(value: Json) -> list[str]:
    """Return the value as JSON over several lines, without the braces around an object; media by their digest."""
    lines = json.dumps(_short(value), ensure_ascii=False, indent=2, sort_keys=True).split("\n")
    if isinstance(value, Mapping) and len(lines) > 2:
        return [line[2:] for line in lines[1:-1]]
    return lines


def _short(value: Json) -> Json:
    """Return the value with every base64 string replaced by its beginning and its hash."""
    if isinstance(value, Mapping):
        return {name: _short(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, str) and len(value) > _LONG and not any(char.isspace() for char in value):
        return f"{value[:30]}… ({len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:8]})"
    return value
