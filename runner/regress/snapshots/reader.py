"""Read snapshot files strictly: a person or another program may have edited them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, NoReturn

from ...documents.yaml_reader import parse_yaml
from ...errors import FormatError, Location
from ...files.versions import is_version, reader_of, version_in
from ...values import TYPE_WORDS, Json, JsonPath
from ...wire.fingerprint import FINGERPRINT, FINGERPRINTERS, refuse_newer, version_of
from .snapshot import Snapshot, Variation

__all__ = ["MAX_BYTES", "ConflictError", "read_snapshot", "snapshot_request", "too_large"]

MAX_BYTES = 65_536
"""The size of the largest snapshot that a person can still review."""

# Our writer indents everything but keys, so these can only be git's; `=====` under a Markdown heading is indented.
_CONFLICT = re.compile(r"^(?:<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)", re.MULTILINE)
_REQUEST = re.compile(rf"^request: ({FINGERPRINT})\r?$", re.MULTILINE)
_AGAIN = "snapshots are written by runner: undo the edit, or delete the file and record the case again"

_KINDS: Mapping[str, tuple[type, str]] = {
    "runner_snapshot": (int, TYPE_WORDS["number"]),
    "request": (str, TYPE_WORDS["string"]),
    "parts": (dict, TYPE_WORDS["object"]),
    "model": (str, TYPE_WORDS["string"]),
    "outcome": (str, TYPE_WORDS["string"]),
    "finish_reason": (str, TYPE_WORDS["string"]),
    "refusal": (str, TYPE_WORDS["string"]),
    "output": (object, "a value"),
    "tool_calls": (list, TYPE_WORDS["array"]),
    "samples": (int, TYPE_WORDS["number"]),
    "failed": (int, TYPE_WORDS["number"]),
    "variants": (list, TYPE_WORDS["array"]),
    "unstable": (list, TYPE_WORDS["array"]),
    "judged": (dict, TYPE_WORDS["object"]),
}
_SINCE = {"failed": 2, "judged": 3}
"""The version that introduced a key."""

_KINDS_IN = {
    version: {key: kind for key, kind in _KINDS.items() if _SINCE.get(key, 1) <= version}
    for version in (1, 2, 3)
}
_PARTS = frozenset({"messages", "params", "schema"})
_VARIANT = {"count", "output"}
_OF_SAMPLES = frozenset({"samples", "failed", "variants", "unstable"})


class ConflictError(FormatError):
    """The file contains git's conflict markers. After a merge both sides are outdated: record the case again."""

    exit_code = 4


def read_snapshot(text: str, shown: str) -> Snapshot:
    """Return the snapshot in `text`; `shown` is the name of the file in messages.

    Raises ConflictError, SyntaxFileError (invalid YAML, a duplicate key, nested too deeply) or FormatError, at the
    wrong line; NewerFormatError for a file of a newer runner.
    """
    if len(text) > MAX_BYTES // 4 and (size := len(text.encode())) > MAX_BYTES:
        raise too_large(size, shown)
    if found := _CONFLICT.search(text):
        _refuse_conflict(text, Location(shown, text.count("\n", 0, found.start()) + 1))
    document = parse_yaml(text, shown, max_nodes=MAX_BYTES)
    what, stated = "this snapshot", version_in(document, "runner_snapshot")
    version = reader_of(_VERSIONS, stated, what, lambda: document.locate_key(("runner_snapshot",)))
    problem = version.problem(document.value)
    if problem is not None:
        path, message, hint = problem
        location = document.locate_key(path)
        if path == ("request",) and isinstance(document.value, Mapping):
            refuse_newer(document.value, "request", "this snapshot's fingerprint", lambda: location)
        raise FormatError(message, location=location, hint=hint)
    assert isinstance(document.value, dict)
    return version.snapshot(document.value)


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
        variants=tuple([Variation(each["count"], each["output"]) for each in value.get("variants", ())]),
        unstable=tuple(value.get("unstable", ())),
        failed=value.get("failed", 0),
        judged=value.get("judged", {}),
    )


def snapshot_request(data: bytes) -> str | None:
    """Return the fingerprint in a snapshot file without parsing the rest; None unless there is exactly one."""
    start = data.find(b"\nrequest: ") + 1
    found = _REQUEST.match(data[start : start + 128].decode("latin-1")) if start else None
    return found[1] if found and data.find(b"\nrequest: ", start) < 0 else None


def too_large(size: int, shown: str) -> FormatError:
    """Return the error for a file of `size` bytes."""
    return FormatError(
        f"the snapshot has {size:,} bytes; at most {MAX_BYTES:,} are allowed",
        location=Location(shown),
        hint="nobody can review an answer of this size: delete the file, and make the prompt's answers shorter",
    )


def _refuse_conflict(text: str, location: Location) -> NoReturn:
    sides = " and ".join(dict.fromkeys(_REQUEST.findall(text)))
    raise ConflictError(
        f"a merge conflict{f' between {sides}' if ' and ' in sides else ''}",
        location=location,
        hint="after a merge both answers are outdated: runner test --record new_episodes, then runner review",
    )


def _problem(value: Json, version: int) -> tuple[JsonPath, str, str] | None:
    """Return the path, the message and the hint for the first error in a snapshot of a version; None if it is valid."""
    if not isinstance(value, dict):
        return (), "this is not a snapshot", _AGAIN
    if not is_version(value.get("runner_snapshot"), version):
        return ("runner_snapshot",), f"runner_snapshot must be {max(_VERSIONS)}", _AGAIN
    kinds = _KINDS_IN[version]
    for key, item in value.items():
        known = kinds.get(key)
        if known is None:
            return (key,), f'unknown key "{key}"', _AGAIN
        kind, words = known
        if type(item) is not kind and kind is not object:  # exactly: true is no number
            return (key,), f"{key} must be {words}", _AGAIN
    if version_of(value.get("request", "")) not in FINGERPRINTERS:
        return ("request",), "request must be sha256: and 64 hex digits", _AGAIN
    if "output" not in value:
        return (), "output is missing", _AGAIN
    return (
        _parts_problem(value.get("parts", {}))
        or _judged_problem(value.get("judged", {}))
        or _samples_problem(value)
    )


def _judged_problem(judged: dict[str, Json]) -> tuple[JsonPath, str, str] | None:
    for request, found in judged.items():
        if version_of(request) not in FINGERPRINTERS:
            return ("judged", request), "a call is named by sha256: and 64 hex digits", _AGAIN
        if not isinstance(found, dict) or not {"prompt", "model"} <= found.keys():
            return ("judged", request), "what a call found has a prompt and a model", _AGAIN
    return None


def _parts_problem(parts: dict[str, Json]) -> tuple[JsonPath, str, str] | None:
    for name, part in parts.items():
        if name not in _PARTS:
            return ("parts", name), f'unknown part "{name}"', _AGAIN
        if not isinstance(part, str):
            return ("parts", name), f"{name} must be a string: put it in quotes", _AGAIN
    return None


def _samples_problem(value: dict[str, Any]) -> tuple[JsonPath, str, str] | None:
    """Return the first error in the samples and in the variants seen in them."""
    if _OF_SAMPLES.isdisjoint(value):
        return None
    samples = value.get("samples", 1)
    if samples < 1:
        return ("samples",), "samples must be at least 1", _AGAIN
    samples -= (failed := value.get("failed", 0))
    if failed < 0 or samples < 1:
        return ("failed",), "failed must be part of the samples", _AGAIN
    for index, each in enumerate(value.get("variants", ())):
        if not isinstance(each, dict) or each.keys() != _VARIANT or type(each["count"]) is not int:
            return ("variants", index), "a variant has a count and an output", _AGAIN
        samples -= max(each["count"], 1)
        if each["count"] < 1 or samples < 1:
            return ("variants", index, "count"), "the counts must be part of the samples", _AGAIN
    for index, path in enumerate(value.get("unstable", ())):
        if not isinstance(path, str):
            return ("unstable", index), "a path must be a string", _AGAIN
    return None


class _Version(NamedTuple):
    """How one version is read: the function that finds errors, and the function that builds the snapshot."""

    problem: Callable[[Json], tuple[JsonPath, str, str] | None]
    snapshot: Callable[[dict[str, Any]], Snapshot]


_VERSIONS: dict[int, _Version] = {
    version: _Version(partial(_problem, version=version), _snapshot) for version in _KINDS_IN
}
