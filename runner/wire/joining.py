"""Join values that arrive in pieces in the events of a stream, without losing any of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence

from ..values import Json

__all__ = ["is_empty", "join", "join_audio", "join_logprobs", "join_text", "merge_repeated"]

_LABELS = frozenset({"type", "id", "name", "role", "channel", "format", "status", "phase", "index", "object"})
"""Strings and numbers that are repeated in every piece of the object that they belong to."""


def is_empty(value: Json) -> bool:
    """Return whether a value is empty: null, "", [] or {}, or a list or object of only such values."""
    if value is None or value == "":
        return True
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    return isinstance(value, list | tuple) and all(map(is_empty, value))


def join_text(pieces: Sequence[str]) -> str | None:
    """Join the pieces of a text. A character beyond U+FFFF may have arrived as two surrogates, which are combined."""
    if not pieces:
        return None
    text = "".join(pieces)
    return (
        text
        if text.isascii()
        else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    )


def join(pieces: Sequence[Json], name: str = "") -> Json:
    """Join the pieces of a field of a delta: strings are concatenated, lists and objects grow.

    List entries with an `index` are pieces of the entry with that index. A list that begins with all previous entries
    replaces them. The last number counts; labels (`type`, `id`, ...), which are repeated, are kept once. Pieces of
    different types become a list.
    """
    given = [piece for piece in pieces if piece is not None]
    if len(given) < 2:
        return given[0] if given else None
    if name in _LABELS and all(isinstance(piece, str) for piece in given):
        labels: list[Json] = list(dict.fromkeys(str(piece) for piece in given if piece))
        return labels if len(labels) > 1 else (labels or given)[0]
    if all(isinstance(piece, str) for piece in given):
        return join_text([str(piece) for piece in given])
    if all(isinstance(piece, list | tuple) for piece in given):
        return _join_lists(given)
    if all(isinstance(piece, Mapping) for piece in given):
        return _join_objects(given)
    return given[-1] if all(isinstance(piece, int | float) for piece in given) else given


def merge_repeated(pieces: Sequence[Json]) -> Json:
    """Return the value of a field that each chunk repeats beside the deltas: the last one; lists and objects grow."""
    given = [piece for piece in pieces if not is_empty(piece)]
    if not given:
        return pieces[-1] if pieces else None
    if all(isinstance(piece, list | tuple) for piece in given):
        return _join_lists(given)
    if all(isinstance(piece, Mapping) for piece in given):
        merged: dict[str, list[Json]] = {}
        for piece in given:
            for key, value in piece.items() if isinstance(piece, Mapping) else ():
                merged.setdefault(key, []).append(value)
        return {key: merge_repeated(values) for key, values in merged.items()}
    return given[-1]


def join_logprobs(pieces: Sequence[Json]) -> Json:
    """Join the logprobs of a choice: one entry per token, so that two equal entries are two tokens."""
    merged: dict[str, Json] = {}
    for piece in pieces:
        if not isinstance(piece, Mapping):
            return list(pieces) if len(pieces) > 1 else pieces[0]
        for key, value in piece.items():
            known = merged.get(key)
            if isinstance(known, list) and isinstance(value, list | tuple):
                known.extend(value)
            elif value is not None or key not in merged:
                merged[key] = list(value) if isinstance(value, list | tuple) else value
    return merged


def join_audio(pieces: Iterable[Json]) -> Json:
    """Join a spoken answer: the transcript, and the data as one base64 text."""
    given = list(pieces)
    if not all(isinstance(piece, Mapping) for piece in given):
        return given[0] if len(given) == 1 else given
    fields: dict[str, list[Json]] = {}
    for piece in given:
        for key, value in piece.items() if isinstance(piece, Mapping) else ():
            fields.setdefault(key, []).append(value)
    return {
        key: _join_base64([value for value in values if isinstance(value, str)])
        if key == "data" and all(isinstance(value, str | None) for value in values)
        else join(values, key)
        for key, values in fields.items()
    }


def _join_base64(pieces: list[str]) -> str:
    """Join base64 pieces, which may be separate padded texts, or one text that was split anywhere."""
    whole = "".join(pieces)
    if "=" not in whole.rstrip("="):
        return whole
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return whole


def _join_lists(lists: Sequence[Json]) -> list[Json]:
    entries: list[Json] = []
    for each in lists:
        new = list(each) if isinstance(each, list | tuple) else [each]
        if entries and len(new) >= len(entries) and new[: len(entries)] == entries:
            entries = new
        else:
            entries.extend(new)
    by_index: dict[tuple[int, str], list[Json]] = {}
    joined: list[list[Json]] = []
    for entry in entries:
        index = entry.get("index") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(index, int):
            joined.append([entry])
            continue
        key = (index, str(entry.get("type")))
        if key not in by_index:
            joined.append(by_index.setdefault(key, []))
        by_index[key].append(entry)
    return [pieces[0] if len(pieces) == 1 else _join_objects(pieces) for pieces in joined]


def _join_objects(objects: Sequence[Json]) -> dict[str, Json]:
    fields: dict[str, list[Json]] = {}
    for each in objects:
        for key, value in each.items() if isinstance(each, Mapping) else ():
            fields.setdefault(key, []).append(value)
    return {key: join(values, key) for key, values in fields.items()}
