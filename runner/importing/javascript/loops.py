"""Translate loops over lists to functions over lists.

The body of a loop is read once, with each variable that it may change as BEFORE. What then became of the variables and of the
result says what the loop does: it counts items, sets a flag, collects values, or returns at the first item that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .syntax import NotTranslatableError, SyntaxNode

__all__ = ["BREAK", "CONTINUE", "REST", "before", "looped", "reads"]

REST = SyntaxNode("rest")
"""The value of statements that do not return; the code after them applies."""
CONTINUE = SyntaxNode("continue")
"""The value of statements that end the body of a loop."""
BREAK = SyntaxNode("break")
"""The value of statements that end a loop."""

_TRUE = SyntaxNode("name", "true")
_NO_LOOP = "a loop does more than count, collect, set a variable or return"


def before(name: str) -> SyntaxNode:
    """Return the value of a variable before the body of a loop."""
    return SyntaxNode("before", name)


def looped(
    item: str,
    listed: SyntaxNode,
    tree: SyntaxNode,
    changed: Mapping[str, SyntaxNode],
    constants: dict[str, SyntaxNode],
) -> SyntaxNode:
    """Return the value of a loop, REST if it does not return, and update `constants`.

    `tree` is the value of its body, `changed` what the body makes of each variable. Raises NotTranslatableError.
    """
    values, tree = _without_values(tree)
    returned = {*_returns(tree)}
    made = {name: _change(node, before(name)) for name, node in changed.items()}
    changes = {name: change for name, change in made.items() if change is not None}
    if returned and changes and returned != {BREAK}:
        raise NotTranslatableError(_NO_LOOP)
    if BREAK in returned:
        flags = [change for change in changes.values() if not _holds(change[1], "before")]
        if len(returned) > 1 or len(changes) != 1 or not flags or flags[0][0] != _condition(tree):
            raise NotTranslatableError("a loop ends early")
        returned = set()
    for name, (test, value) in changes.items():
        test = _after(values, test)
        constants[name] = _accumulated(item, listed, test, value, constants[name], before(name))
    if not returned:
        if values and not changes:
            return SyntaxNode("after", None, (_over(listed, "every", item, _after(values, _TRUE)), REST))
        return REST
    if len(returned) > 1 or reads(value := returned.pop(), item):
        raise NotTranslatableError(_NO_LOOP)
    found = _over(listed, "some", item, _after(values, _condition(tree)))
    return SyntaxNode("branch", None, (found, value, REST))


def _over(listed: SyntaxNode, name: str, item: str, body: SyntaxNode) -> SyntaxNode:
    function = SyntaxNode("arrow", (item,), (body,))
    return SyntaxNode("call", None, (SyntaxNode("member", name, (listed,)), function))


def _after(values: list[SyntaxNode], result: SyntaxNode) -> SyntaxNode:
    for value in reversed(values):
        result = SyntaxNode("after", None, (value, result))
    return result


def _accumulated(
    item: str, listed: SyntaxNode, test: SyntaxNode, value: SyntaxNode, old: SyntaxNode, mark: SyntaxNode
) -> SyntaxNode:
    """Return the value of a variable after a loop that makes `value` of it for each item that passes the test."""
    if not _holds(value, "before"):
        if reads(value, item):
            raise NotTranslatableError(_NO_LOOP)
        return SyntaxNode("if", None, (_over(listed, "some", item, test), value, old))
    chosen = _over(listed, "filter", item, test)
    if value.kind == "binary" and value.value == "+" and value.parts[0] == mark:
        added = value.parts[1]
        if _holds(added, "before"):
            raise NotTranslatableError(_NO_LOOP)
        number = SyntaxNode("member", "length", (chosen,))
        if added != SyntaxNode("number", 1):
            number = SyntaxNode("sum", None, (_over(chosen, "map", item, added),))
        return number if old == SyntaxNode("number", 0) else SyntaxNode("binary", "+", (old, number))
    if value.kind == "joined" and value.parts[0] == mark and len(value.parts) == 2:
        added = value.parts[1]
        if added.kind != "list" or len(added.parts) != 1 or _holds(added, "before"):
            raise NotTranslatableError(_NO_LOOP)
        (part,) = added.parts
        collected = chosen if part == SyntaxNode("name", item) else _over(chosen, "map", item, part)
        return collected if old == SyntaxNode("list") else SyntaxNode("joined", None, (old, collected))
    raise NotTranslatableError(_NO_LOOP)


def _without_values(tree: SyntaxNode) -> tuple[list[SyntaxNode], SyntaxNode]:
    """Return the values that a body computes because they may throw, and the rest of the body."""
    values: list[SyntaxNode] = []
    while tree.kind == "after":
        value, tree = tree.parts
        values.append(value)
    if _holds(tree, "after"):
        raise NotTranslatableError("a value in a branch of a loop may throw")
    return values, tree


def _returns(tree: SyntaxNode) -> Iterator[SyntaxNode]:
    """Yield the values that a body returns."""
    if tree.kind == "branch":
        for part in tree.parts[1:]:
            yield from _returns(part)
    elif tree not in (REST, CONTINUE):
        yield tree


def _condition(tree: SyntaxNode) -> SyntaxNode:
    """Return the condition under which a body returns."""
    if tree.kind != "branch":
        return SyntaxNode("name", "false") if tree in (REST, CONTINUE) else _TRUE
    test, yes, no = tree.parts
    return _either(test, _condition(yes), _condition(no))


def _either(test: SyntaxNode, yes: SyntaxNode, no: SyntaxNode) -> SyntaxNode:
    """Return the condition `test ? yes : no`."""
    never = SyntaxNode("name", "false")
    if no == never:
        return test if yes == _TRUE else SyntaxNode("binary", "&&", (test, yes))
    not_test = SyntaxNode("unary", "!", (test,))
    if yes == never:
        return not_test if no == _TRUE else SyntaxNode("binary", "&&", (not_test, no))
    if yes == _TRUE:
        return SyntaxNode("binary", "||", (test, no))
    return SyntaxNode("if", None, (test, yes, no))


def _change(node: SyntaxNode, mark: SyntaxNode) -> tuple[SyntaxNode, SyntaxNode] | None:
    """Return when a body changes a variable, and to which value; None if it never does."""
    if node == mark:
        return None
    if node.kind != "if" or not _holds(node, "before"):
        return _TRUE, node
    test, yes, no = node.parts
    one, other = _change(yes, mark), _change(no, mark)
    if one is not None and other is not None and one[1] != other[1]:
        raise NotTranslatableError(_NO_LOOP)
    never = SyntaxNode("name", "false")
    found = one or other
    assert found is not None
    return _either(test, one[0] if one else never, other[0] if other else never), found[1]


def reads(node: SyntaxNode, name: str) -> bool:
    """Return whether a node reads a name."""
    return node == SyntaxNode("name", name) or any(reads(part, name) for part in node.parts)


def _holds(node: SyntaxNode, kind: str) -> bool:
    return node.kind == kind or any(_holds(part, kind) for part in node.parts)
