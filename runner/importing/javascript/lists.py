"""Translate functions over lists (`some`, `every`, `filter`, `map`, `find`) to comprehensions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...files.inputs import usable_in_jinja
from .loops import reads
from .statements import inlined
from .syntax import NotTranslatableError, SyntaxNode
from .values import Value

if TYPE_CHECKING:
    from .expressions import Emitter

__all__ = ["LIST_FUNCTIONS", "over_list", "over_patterns"]

LIST_FUNCTIONS = frozenset({"some", "every", "filter", "map", "find", "findIndex"})
"""The functions over lists that take a function."""
_TAKEN = frozenset({"output", "text", "vars", "row", "any", "all", "first", "loop"})


def over_list(emitter: Emitter, name: str, made: Value, function: SyntaxNode) -> Value:
    """Return the value of a function over a list. Raises NotTranslatableError."""
    listed = made.listed
    items = made.items if made.kind == "list" else "string" if made.kind == "match" else "any"
    with _item(emitter, function, items) as (item, body):
        each = f"{item} in {listed}"
        if name == "map":
            value = emitter.value(body)
            if value.kind in ("match", "groups", "undefined"):
                raise NotTranslatableError("`map` to a value that has no equivalent")
            return Value(f"[{value.code} for {each}]", "list", items=value.kind)
        test = emitter.truth(body)
    if name == "some":
        return Value(f"any({test} for {each})", "bool")
    if name == "every":
        return Value(f"all({test} for {each})", "bool")
    if name == "filter":
        where = "" if test == "true" else f" if {test}"
        return Value(f"[{item} for {each}{where}]", "list", items=items)
    if name == "find":
        raw = f"first({item} for {each} if {test})"
        return Value(f"({raw} | default(none))", "any", raw, texts=items == "string")
    raise NotTranslatableError(f"`{name}` of a list has no equivalent")


def over_patterns(emitter: Emitter, name: str, owner: SyntaxNode, function: SyntaxNode) -> Value:
    """Return the value of `some` or `every` of a list of regular expressions, which are no values in Jinja."""
    names = function.value if isinstance(function.value, tuple) else ()
    if name not in ("some", "every") or function.kind != "arrow" or len(names) != 1:
        raise NotTranslatableError(f"`{name}` of a list of regular expressions")
    tests = [emitter.boolean(inlined(function.parts[0], {str(names[0]): pattern})) for pattern in owner.parts]
    return Value(f"({(' or ' if name == 'some' else ' and ').join(tests)})", "bool")


@contextmanager
def _item(emitter: Emitter, function: SyntaxNode, items: str) -> Iterator[tuple[str, SyntaxNode]]:
    """Yield the name of the items, and the body of a function about one of them."""
    if function == SyntaxNode("name", "Boolean"):
        function = SyntaxNode("arrow", ("each",), (SyntaxNode("name", "each"),))
    if function.kind != "arrow":
        raise NotTranslatableError("a function is not written inline")
    names = [str(name) for name in function.value] if isinstance(function.value, tuple) else []
    (body,) = function.parts
    if any(reads(body, name) for name in names[1:]):
        raise NotTranslatableError("a function reads more than the item of a list")
    name = _free(names[0] if names else "each", emitter.items)
    emitter.items.append(name)
    try:
        yield name, inlined(body, {names[0]: SyntaxNode("item", (name, items))}) if names else body
    finally:
        emitter.items.remove(name)


def _free(written: str, taken: list[str]) -> str:
    plain = re.sub(r"\W", "", written, flags=re.ASCII).strip("_") or "each"
    if not re.match(r"[A-Za-z]", plain) or usable_in_jinja(plain) is not None or plain in _TAKEN:
        plain = "each"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}{number}"
    return name
