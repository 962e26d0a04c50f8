"""A snapshot file read back: strictly, and fast for what our writer wrote.

The writer's own lines are read by a parser of their own, a few microseconds a line; anything it does not recognise (a
file edited by hand is legal YAML) is read by the strict YAML reader instead. Both give the same values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import FormatError, Location
from ..values import Json
from .snapshot import Snapshot, Variation
from .writer import PLAIN, VERSION

__all__ = ["MAX_BYTES", "ConflictError", "fast", "read_snapshot"]

MAX_BYTES = 65_536
"""The largest snapshot: what a person can still review."""

_CONFLICT = re.compile(r"^(?:<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)", re.MULTILINE)
_REQUEST = re.compile(r"^request: (sha256:[0-9a-f]{64})$", re.MULTILINE)
_ENTRY = re.compile(r'([A-Za-z_][A-Za-z0-9_.-]*|"(?:[^"\\]|\\.)*"):(?: (.+))?')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+(?:e[-+][0-9]+)?)?")
_WORDS: Mapping[str, Json] = {"null": None, "true": True, "false": False}

_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "runner_snapshot": int,
    "request": str,
    "parts": dict,
    "model": str,
    "outcome": str,
    "finish_reason": str,
    "refusal": str,
    "output": object,
    "tool_calls": list,
    "samples": int,
    "variants": list,
    "unstable": list,
}


class ConflictError(FormatError):
    """The file holds git's conflict markers. After a merge both sides are out of date: record anew."""

    exit_code = 4


def read_snapshot(text: str, shown: str) -> Snapshot:
    """The snapshot in `text`; `shown` is how messages call its file.

    Raises ConflictError, SyntaxFileError, or FormatError at the line of what is off.
    """
    if _CONFLICT.search(text):
        sides = " and ".join(dict.fromkeys(_REQUEST.findall(text)))
        line = text[: _CONFLICT.search(text).start()].count("\n") + 1  # type: ignore[union-attr]  # found just above
        raise ConflictError(
            f"a merge conflict{f' between {sides}' if sides else ''}",
            location=Location(shown, line),
            hint="after a merge both answers are out of date: runner test --record new_episodes, then runner review",
        )
    if len(text.encode()) > MAX_BYTES:
        raise FormatError(
            f"a snapshot of {len(text.encode()):,} bytes; at most {MAX_BYTES:,} are read",
            location=Location(shown),
        )
    value = fast(text)
    if value is None:
        return _slow(text, shown)
    problem = _problem(value)
    if problem:
        return _slow(text, shown)  # which knows the line
    return _snapshot(value)


def _slow(text: str, shown: str) -> Snapshot:
    from ..files.yaml_reader import parse_yaml

    document = parse_yaml(text, shown)
    problem = _problem(document.value)
    if problem:
        path, message, hint = problem
        raise FormatError(message, location=document.locate(path), hint=hint)
    assert isinstance(document.value, dict)
    return _snapshot(document.value)


def _problem(value: Json) -> tuple[tuple[str | int, ...], str, str | None] | None:
    """The first thing that makes a value no snapshot: its path, what it is, and what to do."""
    again = "snapshots are written by runner: take back the edit, or delete the file and record anew"
    if not isinstance(value, dict):
        return (), "this is not a snapshot", again
    if value.get("runner_snapshot") != VERSION:
        return (
            ("runner_snapshot",),
            f"runner_snapshot must be {VERSION}",
            "a newer runner may have written it",
        )
    for key, item in value.items():
        kind = _KEYS.get(key)
        if kind is None:
            return (key,), f'unknown key "{key}"', again
        if kind is not object and (not isinstance(item, kind) or isinstance(item, bool)):
            return (key,), f"{key} has the wrong type", again
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", str(value.get("request"))):
        return ("request",), "request must be sha256: and 64 hex digits", again
    if "output" not in value:
        return (), "output is missing", again
    for index, each in enumerate(value.get("variants", ())):
        if not isinstance(each, dict) or set(each) != {"count", "output"} or type(each["count"]) is not int:
            return ("variants", index), "a variant has a count and an output", again
    if not all(
        isinstance(each, str) for each in (*value.get("parts", {}).values(), *value.get("unstable", ()))
    ):
        return ("parts",), "parts and unstable hold text", again
    return None


def _snapshot(value: dict[str, Any]) -> Snapshot:
    return Snapshot(
        request=value["request"],
        parts=value.get("parts", {}),
        output=value["output"],
        model=value.get("model"),
        outcome=value.get("outcome"),
        finish_reason=value.get("finish_reason"),
        refusal=value.get("refusal"),
        tool_calls=value.get("tool_calls"),
        samples=value.get("samples", 1),
        variants=tuple(Variation(each["count"], each["output"]) for each in value.get("variants", ())),
        unstable=tuple(value.get("unstable", ())),
    )


# --- the writer's own lines -----------------------------------------------------------------------------------------


class _UnknownError(Exception):
    """Not a line of ours."""


def fast(text: str) -> dict[str, Any] | None:
    """The mapping in a text that our writer wrote; None where a line is not one of its own."""
    if not text.endswith("\n"):
        return None
    try:
        value, end = _mapping(lines := text[:-1].split("\n"), 0, 0)
    except (_UnknownError, IndexError, ValueError, RecursionError):
        return None
    return value if end == len(lines) else None


def _mapping(lines: list[str], at: int, indent: int) -> tuple[dict[str, Any], int]:
    value: dict[str, Any] = {}
    while at < len(lines) and _indent_of(lines[at]) == indent:
        entry = _ENTRY.fullmatch(lines[at], indent)
        if entry is None:
            raise _UnknownError
        key, rest = entry.groups()
        if key[0] == '"':
            key = json.loads(key)
        if key in value:
            raise _UnknownError
        value[key], at = (
            _nested(lines, at + 1, indent) if rest is None else _value(rest, lines, at + 1, indent)
        )
    return value, at


def _sequence(lines: list[str], at: int, indent: int) -> tuple[list[Any], int]:
    value: list[Any] = []
    while at < len(lines) and _indent_of(lines[at]) == indent and lines[at].startswith("- ", indent):
        rest = lines[at][indent + 2 :]
        if rest.startswith("- ") or _ENTRY.fullmatch(rest):
            lines[at] = f"{' ' * (indent + 2)}{rest}"  # compact: the item begins behind its dash
            item, at = _block(lines, at, indent + 2)
        else:
            item, at = _value(rest, lines, at + 1, indent)
        value.append(item)
    return value, at


def _nested(lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    if _indent_of(lines[at]) != indent + 2:
        raise _UnknownError
    return _block(lines, at, indent + 2)


def _block(lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    return (_sequence if lines[at].startswith("- ", indent) else _mapping)(lines, at, indent)


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _value(rest: str, lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    first = rest[0]
    if first == '"':
        return json.loads(rest), at  # over several lines it is no JSON: left to the YAML reader
    if first == "|":
        return _literal(rest, lines, at, indent + 2)
    if rest in _WORDS:
        return _WORDS[rest], at
    if rest == "{}":
        return {}, at
    if rest == "[]":
        return [], at
    number = _NUMBER.fullmatch(rest)
    if number:
        return (float(rest) if number[1] else int(rest)), at
    if PLAIN.fullmatch(rest):
        return rest, at
    raise _UnknownError


def _literal(header: str, lines: list[str], at: int, indent: int) -> tuple[str, int]:
    pad, start = " " * indent, at
    while at < len(lines) and (not lines[at] or lines[at].startswith(pad)):
        at += 1
    text = "\n".join(line[indent:] for line in lines[start:at])
    if header == "|-" and text and not text.endswith("\n"):
        return text, at
    if header == "|" and text and not text.endswith("\n"):
        return f"{text}\n", at
    if header == "|+":
        return f"{text}\n", at
    raise _UnknownError
