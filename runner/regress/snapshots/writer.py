"""Write snapshots in a subset of YAML that is easy to review line by line and reads back the same everywhere.

The same value always gives the same bytes. Multi-line text becomes a block scalar, or a quoted string with one source
line for each of its lines, so that a diff shows the line that changed. Everything below the top-level keys is indented:
only our keys and git's conflict markers begin in column 0. Text that another YAML version could read as a number, a
boolean or a date is quoted, and so is text with invisible characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ...documents.yaml_writer import escaped, quoted, scalar
from ...values import Json
from .snapshot import Snapshot

__all__ = ["VERSION", "answer_fields", "document", "emit", "write_snapshot"]

VERSION, VERSION_WITHOUT_JUDGED, VERSION_WITHOUT_FAILED = 3, 2, 1
"""A snapshot without judged calls is written as version 2, and one without failed samples too as version 1, which have all
they need, so that existing files stay unchanged and older versions of runner can still read them.
"""

_PLAIN = re.compile(r"[^\W\d_](?:[^:# \t\n]++| ++(?!#|\Z)|:++(?! |\Z)|#)*+")
"""A line of text that needs no quotes: it begins with a letter, and has no `: `, no ` #` and no surrounding spaces."""

_LONGEST_KEY = 100
"""Longer keys are written with `? `: a YAML reader searches at most 1,024 characters for a key's colon."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def write_snapshot(snapshot: Snapshot) -> str:
    """Return the text of a snapshot file."""
    return "".join(f"{line}\n" for line in emit(document(snapshot)))


def answer_fields(snapshot: Snapshot) -> dict[str, Json]:
    """Return the fields of the answer itself, in the order of a snapshot file."""
    fields: dict[str, Json] = {}
    for name in ("outcome", "finish_reason", "refusal"):
        value = getattr(snapshot, name)
        if value is not None:
            fields[name] = value
    fields["output"] = snapshot.output
    if snapshot.tool_calls is not None:
        fields["tool_calls"] = snapshot.tool_calls
    return fields


def document(snapshot: Snapshot) -> dict[str, Json]:
    """Return the content of a snapshot file, in the order of its keys. Keys with nothing to say are left out."""
    version = VERSION_WITHOUT_JUDGED if snapshot.failed else VERSION_WITHOUT_FAILED
    if snapshot.judged:
        version = VERSION
    fields: dict[str, Json] = {"runner_snapshot": version, "request": snapshot.request}
    if snapshot.parts:
        fields["parts"] = dict(snapshot.parts)
    if snapshot.model is not None:
        fields["model"] = snapshot.model
    fields |= answer_fields(snapshot)
    if snapshot.samples > 1:
        fields["samples"] = snapshot.samples
    if snapshot.failed:
        fields["failed"] = snapshot.failed
    if snapshot.variants:
        fields["variants"] = [{"count": each.count, "output": each.output} for each in snapshot.variants]
    if snapshot.unstable:
        fields["unstable"] = list(snapshot.unstable)
    if snapshot.judged:
        fields["judged"] = dict(snapshot.judged)
    return fields


def emit(fields: Mapping[str, Json]) -> Iterator[str]:
    """Yield the lines of an object, in its order. Strings must have no lone surrogates, numbers must be finite."""
    yield from _mapping(fields, 0)


def _mapping(fields: Mapping[str, Json], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, value in fields.items():
        lines = _value(value, indent)
        first = next(lines)
        if len(key) > _LONGEST_KEY:
            yield f"{pad}? {quoted(key)}"
            yield f"{pad}:{first}"
        else:
            yield f"{pad}{scalar(key, _PLAIN_KEY)}:{first}"
        yield from lines


def _sequence(items: Sequence[Json], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in items:
        if isinstance(item, Mapping | list | tuple) and item:
            # Compact: the first line of the item follows its dash.
            nested = _mapping(item, indent + 2) if isinstance(item, Mapping) else _sequence(item, indent + 2)
            yield f"{pad}- {next(nested)[indent + 2 :]}"
            yield from nested
        else:
            lines = _value(item, indent)
            yield f"{pad}-{next(lines)}"
            yield from lines


def _value(value: Json, indent: int) -> Iterator[str]:
    """Yield what follows a key's colon or a dash, beginning with the space; then the lines below."""
    if isinstance(value, Mapping):
        yield "" if value else " {}"
        yield from _mapping(value, indent + 2)
    elif isinstance(value, list | tuple):
        yield "" if value else " []"
        yield from _sequence(value, indent + 2)
    elif isinstance(value, str):
        yield from _text(value, indent)
    elif isinstance(value, float):
        # YAML 1.1 recognises a float only by its point: 1e-07 would be a string.
        mantissa, e, exponent = repr(value).partition("e")
        yield f" {mantissa if '.' in mantissa else f'{mantissa}.0'}{e}{exponent}"
    else:
        yield f" {json.dumps(value)}"


def _text(text: str, indent: int) -> Iterator[str]:
    if "\n" not in text:
        yield f" {scalar(text, _PLAIN)}"
    elif _fits_a_block(text):
        body = text.rstrip("\n")
        chomping = {0: "-", 1: ""}.get(len(text) - len(body), "+")
        yield f" |{chomping}"
        pad = " " * (indent + 2)
        lines = text.removesuffix("\n").split("\n")
        yield from (f"{pad}{line}" if line else "" for line in lines)
    else:
        yield from _quoted_lines(text, indent)


def _fits_a_block(text: str) -> bool:
    """Return whether a YAML block scalar can hold the text without an indentation indicator or an escape."""
    return text[0] not in " \t\n" and text.replace("\n", "").replace("\t", "").isprintable()


def _quoted_lines(text: str, indent: int) -> Iterator[str]:
    """Yield the lines of a double-quoted string, each line break escaped: `"one\\n\\` and the rest on the next line."""
    *most, last = text.split("\n")
    parts = [f"{escaped(line)}\\n" for line in most] + ([escaped(last)] if last else [])
    pad = " " * (indent + 2)
    for number, part in enumerate(parts):
        # White space at the beginning of a line would be dropped unless it is escaped.
        guarded = f"\\{part}" if number and part.startswith(" ") else part
        start = f"{pad}{guarded}" if number else f' "{guarded}'
        yield start + ('"' if number == len(parts) - 1 else "\\")
