"""Values that come in pieces, over the events of a stream, put together again without losing any of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence

from ..values import Json

__all__ = ["is_empty", "join", "join_audio", "join_logprobs", "join_text", "settle"]

_LABELS = frozenset({"type", "id", "name", "role", "channel", "format", "status", "phase", "index", "object"})
"""Strings and numbers that are said again with every piece of what they belong to."""


def is_empty(value: Json) -> bool:
    """Whether a field says nothing: absent, null, "", [] or {}, or holds nothing but such."""
    if value is None or value == "":
        return True
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    return isinstance(value, list | tuple) and all(map(is_empty, value))


def join_text(pieces: Sequence[str]) -> str | None:
    """The whole text. A character beyond U+FFFF may have come as two halves in two pieces: they are one again."""
    if not pieces:
        return None
    text = "".join(pieces)
    return (
        text
        if text.isascii()
        else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    )


def join(pieces: Sequence[Json], name: str = "") -> Json:
    """The value of a field of a delta that came in pieces: strings are joined, lists and objects grow.

    Entries of lists that have an `index` are pieces of the entry of that index. A list that begins with all that came
    before replaces it. Of numbers the last one counts; labels (`type`, `id`, ...), which are said again and again, are
    told once. Pieces of different kinds are a list of them.
    """
    came = [piece for piece in pieces if piece is not None]
    if len(came) < 2:
        return came[0] if came else None
    if name in _LABELS and all(isinstance(piece, str) for piece in came):
        labels: list[Json] = list(dict.fromkeys(str(piece) for piece in came if piece))
        return labels if len(labels) > 1 else (labels or came)[0]
    if all(isinstance(piece, str) for piece in came):
        return join_text([str(piece) for piece in came])
    if all(isinstance(piece, list | tuple) for piece in came):
        return _join_lists(came)
    if all(isinstance(piece, Mapping) for piece in came):
        return _join_objects(came)
    return came[-1] if all(isinstance(piece, int | float) for piece in came) else came


def settle(pieces: Sequence[Json]) -> Json:
    """The value of a field beside the deltas, which each chunk says anew: the last one, its lists and objects grown."""
    came = [piece for piece in pieces if not is_empty(piece)]
    if not came:
        return pieces[-1] if pieces else None
    if all(isinstance(piece, list | tuple) for piece in came):
        return _join_lists(came)
    if all(isinstance(piece, Mapping) for piece in came):
        merged: dict[str, list[Json]] = {}
        for piece in came:
            for key, value in piece.items() if isinstance(piece, Mapping) else ():
                merged.setdefault(key, []).append(value)
        return {key: settle(values) for key, values in merged.items()}
    return came[-1]


def join_logprobs(pieces: Sequence[Json]) -> Json:
    """The logprobs of a choice: one entry a token, so that two equal entries are two tokens."""
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
    """A spoken answer: the transcript joined, and the data as one base64 text."""
    came = list(pieces)
    if not all(isinstance(piece, Mapping) for piece in came):
        return came[0] if len(came) == 1 else came
    fields: dict[str, list[Json]] = {}
    for piece in came:
        for key, value in piece.items() if isinstance(piece, Mapping) else ():
            fields.setdefault(key, []).append(value)
    return {
        key: _join_base64([value for value in values if isinstance(value, str)])
        if key == "data" and all(isinstance(value, str | None) for value in values)
        else join(values, key)
        for key, values in fields.items()
    }


def _join_base64(pieces: list[str]) -> str:
    """Each piece may be a base64 text of its own, padded; or they are one text that was cut anywhere."""
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
