"""Translate the tests of JavaScript's list functions (`some`, `every`, `filter`) to filters of Jinja."""

from __future__ import annotations

import re
from collections.abc import Callable

from .syntax import NotTranslatableError, SyntaxNode
from .values import pattern_of, quoted

__all__ = ["filters_of", "is_split", "is_words"]


def filters_of(test: SyntaxNode, item: str, code_of: Callable[[SyntaxNode], str]) -> list[str]:
    """Return the filters that keep the items for which a test is true. `item` is the name of the item in the test.

    `code_of` returns the expression of a node. Raises NotTranslatableError.
    """
    if test.kind == "binary" and test.value == "&&":
        return [*filters_of(test.parts[0], item, code_of), *filters_of(test.parts[1], item, code_of)]
    attribute = _member_of(test, item)
    if attribute is not None:  # truthy in JavaScript
        return [_defined(attribute), _filter("reject", attribute, "in", '[none, "", 0, false]')]
    if _is_filled(test, item):
        return [_filter("select", "", "search", quoted(r"\S"))]
    if test.kind == "call" and test.parts[0].kind == "member" and len(test.parts) == 2:
        callee, argument = test.parts
        if callee.value in ("startsWith", "endsWith") and argument.kind == "string":
            begun = _member_of(callee.parts[0], item)
            if begun is not None:
                sought = re.escape(str(argument.value))
                sought = rf"\A{sought}" if callee.value == "startsWith" else rf"{sought}\Z"
                return [_filter("select", begun, "search", quoted(sought))]
        of, inside = _member_of(callee.parts[0], item), _member_of(argument, item)
        if callee.value == "includes" and inside is not None and callee.parts[0].kind == "list":
            listed = code_of(callee.parts[0])
            return [_defined(inside), _filter("select", inside, "in", listed)]
        if callee.value == "includes" and of is not None and argument.kind == "string":
            return [_filter("select", of, "search", quoted(re.escape(str(argument.value))))]
        if callee.value == "test" and callee.parts[0].kind == "regex" and inside is not None:
            return [_filter("select", inside, "search", quoted(pattern_of(str(callee.parts[0].value))))]
    if test.kind == "binary" and test.value in ("===", "!=="):
        return _compared(test, item)
    raise NotTranslatableError("a function is applied to a list that is not a literal")


def _compared(test: SyntaxNode, item: str) -> list[str]:
    left, right = test.parts
    negated = test.value == "!=="
    if left.kind == "unary" and left.value == "typeof" and right.value in ("string", "boolean"):
        of = _member_of(left.parts[0], item)
        if of is not None and not negated:
            return [_defined(of), _filter("select", of, str(right.value))]
    of = _member_of(left, item)
    if of is not None and right.kind == "name" and right.value in ("null", "undefined"):
        if right.value == "undefined":
            return [_filter("reject" if not negated else "select", of, "defined")]
        if negated:  # a missing member is not null
            return [_filter("reject", of, "none")]
        return [_defined(of), _filter("select", of, "none")]
    if of is not None and right.kind == "string":
        return [
            _defined(of),
            _filter("reject" if negated else "select", of, "equalto", quoted(str(right.value))),
        ]
    raise NotTranslatableError("a function is applied to a list that is not a literal")


def is_split(node: SyntaxNode) -> bool:
    """Return whether a node is `….split(/…/)`."""
    return (
        node.kind == "call"
        and len(node.parts) == 2
        and node.parts[0].kind == "member"
        and node.parts[0].value == "split"
        and node.parts[1].kind == "regex"
    )


def is_words(owner: SyntaxNode, function: SyntaxNode) -> bool:
    """Return whether a filter keeps the words of a text: `….split(/\\s+/).filter(Boolean)`, or an equivalent function."""
    if not is_split(owner) or owner.parts[1].value not in (r"/\s+/", r"/\s+/g"):
        return False
    if function == SyntaxNode("name", "Boolean"):
        return True
    names = function.value if isinstance(function.value, tuple) else ()
    return (
        function.kind == "arrow"
        and len(names) == 1
        and _is_filled(function.parts[0], str(names[0]), blank=True)
    )


def _is_filled(test: SyntaxNode, item: str, *, blank: bool = False) -> bool:
    """Return whether a test requires that an item is more than white space; with `blank`, that it is not empty."""
    if test.kind == "binary" and (test.value, test.parts[1]) in (
        (">", SyntaxNode("number", 0)),
        (">=", SyntaxNode("number", 1)),
    ):
        test = (
            test.parts[0].parts[0]
            if test.parts[0].kind == "member" and test.parts[0].value == "length"
            else test
        )
    elif (
        test.kind == "binary" and test.value in ("!==", "!=") and test.parts[1] == SyntaxNode("string", "")
    ) or (test.kind == "member" and test.value == "length"):
        test = test.parts[0]
    trimmed = SyntaxNode("call", None, (SyntaxNode("member", "trim", (SyntaxNode("name", item),)),))
    return test == trimmed or (blank and test == SyntaxNode("name", item))


def _member_of(node: SyntaxNode, item: str) -> str | None:
    """Return the member of an item that a node reads; "" for the item itself, None for anything else."""
    if node == SyntaxNode("name", item):
        return ""
    if node.kind == "member" and node.parts[0] == SyntaxNode("name", item) and node.value != "length":
        return str(node.value)
    return None


def _filter(kind: str, attribute: str, test: str, *arguments: str) -> str:
    given = ", ".join((f'"{test}"', *arguments))
    return f'{kind}attr("{attribute}", {given})' if attribute else f"{kind}({given})"


def _defined(attribute: str) -> str:
    return _filter("select", attribute, "defined")
