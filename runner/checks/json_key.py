"""A JSON value as something that can be hashed: equal for equal values, as runner/checks/equality.py has it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from ..values import Json

__all__ = ["identity"]


def identity(value: Json) -> Hashable:
    """A key for dictionaries and sets: 1 and 1.0 share theirs, true has another, the order of keys is free.

    Not the canonical form of RFC 8785: answers may hold what has none, such as integers beyond 2^53. Without
    recursion, so that no depth of nesting can stop it.
    """
    tokens: list[Hashable] = []
    stack: list[Json] = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, Mapping):
            keys = sorted(part)
            tokens.append(("{", *keys))
            stack.extend(part[key] for key in keys)
        elif isinstance(part, list):
            tokens.append(("[", len(part)))
            stack.extend(part)
        else:
            # Python's True is the number 1.
            tokens.append(("?", part) if isinstance(part, bool) else part)
    return tuple(tokens)
