"""Translate JavaScript's operators on two values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, thrown

if TYPE_CHECKING:
    from .expressions import Emitter

__all__ = ["operation"]

_NO_NUMBERS = "has operands that may not be numbers"


def operation(emitter: Emitter, operator: str, left: SyntaxNode, right: SyntaxNode) -> Value:
    """Return the value of `left operator right`. Raises NotTranslatableError."""
    if operator in ("===", "!==", "==", "!="):
        return _equality(emitter, left, right, negated=operator.startswith("!"), loose=len(operator) == 2)
    if operator in ("&&", "||") or (operator == "??" and right == SyntaxNode("list")):
        return _logical(emitter, operator, left, right)
    if operator == "in":
        return _has_key(emitter, left, right)
    if (folded := _folded(operator, left, right)) is not None:
        return emitter.value(folded)
    one, other = emitter.value(left), emitter.value(right)
    if "match" in (one.kind, other.kind):
        raise NotTranslatableError("the match of a regular expression is used as a value")
    if operator == "??":
        return Value(f"({one.code} if {one.code} is not none else {other.code})", "any")
    if operator in ("<", ">", "<=", ">="):
        if {one.kind, other.kind} <= {"number", "any"}:
            return Value(f"({one.code} {operator} {other.code})", "bool")
        raise NotTranslatableError(f"`{operator}` {_NO_NUMBERS}")
    if operator == "+" and one.kind == other.kind == "string":
        return Value(f"({one.code} ~ {other.code})", "string")
    if one.kind == other.kind == "number" and operator in ("+", "-", "*", "/"):
        return Value(f"({one.code} {operator} {other.code})", "number")
    if operator in ("-", "*", "/") and {one.kind, other.kind} <= {"number", "any"}:
        return Value(f"({one.code} {operator} {other.code})", "number")
    raise NotTranslatableError(f"`{operator}` {_NO_NUMBERS}")


def _logical(emitter: Emitter, operator: str, left: SyntaxNode, right: SyntaxNode) -> Value:
    other = emitter.value(right)
    if operator == "&&" and other.kind == "bool":
        # JavaScript returns the first value if it is falsy, which may not be a boolean but is never true.
        return Value(f"({emitter.boolean(left)} and {other.code})", "bool")
    one = emitter.value(left)
    if one.match is not None and operator != "&&" and right == SyntaxNode("list"):
        if one.match.every:
            return Value(one.match.parts, "list", items="string")
        return Value(one.code, "groups", match=one.match)
    if operator == "??":
        return Value(f"({one.code} if {one.code} is not none else {other.code})", "any")
    if "match" in (one.kind, other.kind) or "groups" in (one.kind, other.kind):
        raise NotTranslatableError("the match of a regular expression is used as a value")
    word = "and" if operator == "&&" else "or"
    if one.kind == other.kind and one.kind in ("bool", "string", "number"):
        return Value(f"({one.code} {word} {other.code})", one.kind)
    if operator == "&&":
        return Value(f"({other.code} if {emitter.truth(left)} else {one.code})", "any")
    texts = one.texts and other.kind == "string"
    kind = other.kind if one.kind == other.kind or texts else "any"
    items = one.items if one.items == other.items else "any"
    return Value(f"({one.code} if {emitter.truth(left)} else {other.code})", kind, items=items)


def _has_key(emitter: Emitter, left: SyntaxNode, right: SyntaxNode) -> Value:
    made = emitter.value(right)
    if left.kind != "string" or str(left.value).isdigit() is None or made.kind != "any":
        raise NotTranslatableError("`in` has operands that have no equivalent")
    code = made.raw or made.code
    is_list = f"{code} is sequence and {code} is not string"
    absent = (
        "1 // 0" if str(left.value).isdigit() or left.value == "length" else f"false if {is_list} else 1 // 0"
    )
    return Value(f"({emitter.value(left).code} in {code} if {code} is mapping else {absent})", "bool")


def _equality(emitter: Emitter, left: SyntaxNode, right: SyntaxNode, *, negated: bool, loose: bool) -> Value:
    if right.kind == "unary" and right.value == "typeof":
        left, right = right, left
    if left.kind == "unary" and left.value == "typeof":
        return _typeof(emitter, left.parts[0], right, negated=negated)
    if (texts := _written_as_json(emitter, left, right)) is not None:
        return Value(f"({texts[0]} {'!=' if negated else '=='} {texts[1]})", "bool")
    one, other = emitter.value(left), emitter.value(right)
    if one.kind in ("null", "undefined"):
        one, other = other, one
    positive: str
    if one.kind == "match":
        if other.kind != "null" and not (loose and other.kind == "undefined"):
            raise NotTranslatableError(
                "the match of a regular expression is compared with a value other than null"
            )
        positive = f"not {one.code}"
    elif other.kind in ("null", "undefined") and loose:
        positive = f"{one.code} is none"
    elif other.kind == "undefined":
        if one.kind == "any" and one.raw is None and one.code.startswith("("):
            raise NotTranslatableError("a value is compared with undefined")
        positive = f"{one.raw} is not defined" if one.raw else "false"
    elif other.kind == "null":
        positive = f"({one.raw} | default(false)) is none" if one.raw else f"{one.code} is none"
    else:
        positive = _same(one, other, loose=loose)
    if negated:
        return Value(thrown(f"(not ({positive}))", one.base), "bool")
    if other.kind in ("null", "undefined"):
        return Value(thrown(f"({positive})", one.base), "bool")
    return Value(f"({positive})", "bool", base=one.base)


def _written_as_json(emitter: Emitter, left: SyntaxNode, right: SyntaxNode) -> tuple[str, str] | None:
    """Return two lists of strings that are compared as JSON, or None."""
    found: list[str] = []
    for node in (left, right):
        callee = node.parts[0] if node.kind == "call" else node
        json = callee.kind == "member" and callee.value == "stringify" and len(node.parts) == 2
        if not json or callee.parts[0] != SyntaxNode("name", "JSON"):
            return None
        made = emitter.value(node.parts[1])
        if made.kind != "list" or made.items != "string":
            return None
        found.append(made.code)
    return found[0], found[1]


def _same(one: Value, other: Value, *, loose: bool) -> str:
    if {"list", "groups", "match"} & {one.kind, other.kind}:
        raise NotTranslatableError("two lists are never equal in JavaScript")
    if loose and one.kind != other.kind and "any" not in (one.kind, other.kind):
        raise NotTranslatableError("`==` compares values of two types")
    for value, boolean in ((one, other), (other, one)):
        if boolean.kind == "bool" and boolean.code in ("true", "false"):
            return f"{value.code} is {boolean.code}"
        if boolean.kind == "number" and boolean.code in ("0", "1") and value.kind == "any":
            return f"{value.code} == {boolean.code} and {value.code} is not boolean"
    if one.kind == other.kind == "any" and loose:
        raise NotTranslatableError("`==` compares values that may have different types")
    return f"{one.code} == {other.code}"


def _typeof(emitter: Emitter, node: SyntaxNode, word: SyntaxNode, *, negated: bool) -> Value:
    made = emitter.value(node)
    code = made.code
    tests = {
        "string": f"{code} is string",
        "number": f"{code} is number and {code} is not boolean",
        "boolean": f"{code} is boolean",
        "object": f"{made.raw or code} is defined and ({code} is none or {code} is mapping or ({code} is sequence and {code} is not string))",
        "undefined": f"{made.raw or code} is not defined",
    }
    if word.kind != "string" or word.value not in tests or made.kind in ("match", "groups"):
        raise NotTranslatableError("`typeof` is not compared with a constant")
    test = tests[str(word.value)]
    if negated:
        return Value(thrown(f"(not ({test}))", made.base), "bool")
    return Value(f"({test})", "bool", base=made.base)


def _folded(operator: str, left: SyntaxNode, right: SyntaxNode) -> SyntaxNode | None:
    """Return the integer that an operation on two integer literals gives, or None."""
    one, other = left.value, right.value
    if not (left.kind == right.kind == "number" and type(one) is int and type(other) is int):
        return None
    made = one + other if operator == "+" else one - other if operator == "-" else one * other
    return SyntaxNode("number", made) if operator in ("+", "-", "*") and 0 <= made < 2**53 else None
