"""Find what must not be stored in a value (a key), and the part that makes a value too large. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...masking import find_secret
from ...values import Json, JsonPath

__all__ = ["largest_part", "secret_in"]


def secret_in(value: Json, text: str, secrets: Sequence[str]) -> tuple[JsonPath, str] | None:
    """Return the path and a description of the first thing in `value` that looks like a key; None if there is nothing.

    `text` is the value as it will be written. It is searched as well, because there a number is spelled in digits. A
    match in an object's key is reported at the object, so that no path contains it.
    """
    for path, leaf in _texts(value, ()):
        what = find_secret(leaf, secrets)
        if what is not None:
            return path, what
    what = find_secret(text, secrets)
    return ((), what) if what is not None else None


def _texts(value: Json, path: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    """Yield the strings in a value, each with its path; keys come before their values."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, int | float):
        yield path, str(value)
    for step, part in _parts(value):
        if isinstance(step, str):
            yield path, step
        yield from _texts(part, (*path, step))


def largest_part(value: Json) -> tuple[JsonPath, int]:
    """Return the smallest part of `value` that makes up most of it, and its size in bytes of text."""
    path: JsonPath = ()
    size = _size(value)
    while parts := [(_size(part), step, part) for step, part in _parts(value)]:
        largest, step, part = max(parts, key=lambda each: each[0])
        if largest < size / 2:
            break
        path, size, value = (*path, step), largest, part
    return path, size


def _size(value: Json) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | list | tuple):
        return sum(
            _size(part) + (len(step.encode()) if isinstance(step, str) else 0) for step, part in _parts(value)
        )
    return len(str(value))


def _parts(value: Json) -> list[tuple[str | int, Json]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list | tuple) else []
