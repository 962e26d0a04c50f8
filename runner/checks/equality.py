"""Compare JSON values: 1 equals 1.0, true does not equal 1, the order of keys is free, strings are exact."""

from __future__ import annotations

from collections.abc import Mapping

from ..values import Json, JsonPath

__all__ = ["difference"]

_ABSENT = object()


def difference(expected: Json, actual: Json) -> JsonPath | None:
    """Return the path of the first difference, or None if the values are equal. A missing key differs at that key.

    Not recursive, so it works at any depth of nesting.
    """
    stack: list[tuple[object, object, JsonPath]] = [(expected, actual, ())]
    while stack:
        one, two, path = stack.pop()
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            keys = dict.fromkeys([*one, *two])
            pairs = [(one.get(key, _ABSENT), two.get(key, _ABSENT), (*path, key)) for key in keys]
            stack.extend(reversed(pairs))
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            pairs = [
                (first, second, (*path, at)) for at, (first, second) in enumerate(zip(one, two, strict=True))
            ]
            stack.extend(reversed(pairs))
        elif not _same_scalar(one, two):
            return path
    return None


def _same_scalar(one: object, two: object) -> bool:
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, int | float) and isinstance(two, int | float):
        return one == two
    # Containers get here only if they differ in type or length.
    return type(one) is type(two) and not isinstance(one, list) and one == two
