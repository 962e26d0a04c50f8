"""Turn a JSON value into a hashable key: equal for values that are equal by runner/checks/equality.py."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from ..values import Json

__all__ = ["identity"]


def identity(value: Json) -> Hashable:
    """Return a key for dictionaries and sets: 1 and 1.0 have the same key, true has another, the order of keys is free.

    This is not the canonical form of RFC 8785, which does not exist for all answers. Not recursive, so it works at any
    depth of nesting.
    """
    tokens: list[Hashable] = []
    stack: list[Json] = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, Mapping):
            keys = sorted(part)
            tokens.append(tuple(keys))
            stack.extend(part[key] for key in keys)
        elif isinstance(part, list):
            tokens.append((len(part),))
            stack.extend(part)
        else:
            # Python's True is the number 1.
            tokens.append(("?", part) if isinstance(part, bool) else part)
    return tuple(tokens)
