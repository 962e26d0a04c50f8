"""Translate JavaScript's methods of strings, and functions such as `Math.abs`."""

from __future__ import annotations

import re

from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, quoted

__all__ = ["as_text", "list_method", "static_function", "text_method"]


def text_method(name: str, made: Value, given: list[SyntaxNode], arguments: list[Value]) -> Value:
    """Return the value of a method of a string. `arguments` are the values of `given`. Raises NotTranslatableError."""
    if name == "toString" and not given and re.fullmatch(r"\d+", made.code):
        return Value(quoted(made.code), "string")
    if name == "includes" and len(given) == 1:
        part = arguments[0]
        if made.kind == "string" and part.kind not in ("string", "any"):
            raise NotTranslatableError("`includes` with an argument that is not a string")
        within = f"{part.code} in {made.raw or made.code}"
        if made.kind == "any":
            return Value(f"({within} if {made.code} is not mapping else 1 // 0)", "bool")
        return Value(f"({within})", "bool")
    if made.kind not in ("string", "any"):
        raise NotTranslatableError(f"`{name}` of a value that is not a string")
    code = made.raw or made.code
    if made.kind == "any":
        # Only strings have these methods in JavaScript; in Jinja, adding a string fails for other values.
        code = f'({code} + "")'
    simple = {"toLowerCase": "lower", "toUpperCase": "upper", "trim": "trim"}
    if name in simple and not given:
        return Value(f"({code} | {simple[name]})", "string")
    if name == "toString" and not given and made.kind == "string":
        return made
    methods = {"startsWith": "startswith", "endsWith": "endswith"}
    if name in methods and len(given) == 1 and arguments[0].kind == "string":
        return Value(f"({code}.{methods[name]}({arguments[0].code}))", "bool")
    if name == "split" and len(given) == 1 and arguments[0].kind == "string" and arguments[0].code != '""':
        return Value(f"({code}.split({arguments[0].code}))", "list", items="string")
    if name in ("slice", "substring") and made.kind == "string" and given:
        return Value(f"({code}[{_sliced(name, given)}])", "string")
    if name in ("replace", "replaceAll") and len(given) == 2 and made.kind == "string":
        old, new = arguments
        if old.kind != "string" or given[1].kind != "string" or "$" in str(given[1].value):
            raise NotTranslatableError(
                f"`{name}` of a value that is not a string, or with a match of a regular expression"
            )
        once = ", 1" if name == "replace" else ""
        return Value(f"({code}.replace({old.code}, {new.code}{once}))", "string")
    if name == "indexOf" and len(given) == 1 and made.kind == "string" and arguments[0].kind == "string":
        return Value(f"({code}.find({arguments[0].code}))", "number")
    raise NotTranslatableError(f"the method `{name}()` has no equivalent")


def as_text(code: str, *, null: str) -> str:
    """Return an expression for the text that JavaScript makes of a value. `null` is the text of null."""
    listed = f'{code} | join(",") if {code} is sequence else {code} | string'
    return (
        f'({code} if {code} is string else "[object Object]" if {code} is mapping'
        f" else {quoted(null)} if {code} is none else {listed})"
    )


def list_method(name: str, made: Value, given: list[SyntaxNode], arguments: list[Value]) -> Value:
    """Return the value of a method of a list. `arguments` are the values of `given`. Raises NotTranslatableError."""
    code = made.listed
    items = made.items if made.kind == "list" else "string"
    if name == "includes" and len(given) == 1:
        return Value(f"({arguments[0].code} in {code})", "bool")
    if name == "join" and len(given) <= 1 and items in ("string", "any"):
        if given and arguments[0].kind != "string":
            raise NotTranslatableError("`join` with a separator that is not a string")
        if items == "any":
            code = f"[{as_text('each', null='')} for each in {code}]"
        return Value(f"({code} | join({arguments[0].code if given else quoted(',')}))", "string")
    if name == "slice" and given:
        return Value(f"{code}[{_sliced(name, given)}]", "list", items=items)
    if name == "sort" and not given and items == "string":
        return Value(f"({code} | sort(case_sensitive=true))", "list", items=items)
    if name == "at" and len(given) == 1 and (place := _integer(given[0])) is not None:
        raw = f"{code}[{place}]"
        return Value(f"({raw} | default(none))", "any", raw, texts=items == "string")
    if name in ("pop", "shift") and not given:  # the rest of the list is not needed
        raw = f"{code}[{-1 if name == 'pop' else 0}]"
        return Value(f"({raw} | default(none))", "any", raw, texts=items == "string")
    raise NotTranslatableError(f"the method `{name}()` of a list has no equivalent")


def static_function(name: str, given: list[Value]) -> Value:
    """Return the value of a function such as `Math.abs`. Raises NotTranslatableError."""
    if name == "JSON.parse" and len(given) == 1:
        text = given[0]
        if text.kind != "string" and not text.texts:  # undefined is no JSON in JavaScript either
            raise NotTranslatableError("`JSON.parse` of a value that is not a string")
        return Value(f"({text.code} | fromjson)", "any")
    if name == "Array.isArray" and len(given) == 1:
        code = given[0].code
        return Value(f"({code} is sequence and {code} is not string and {code} is not mapping)", "bool")
    if name == "Object.keys" and len(given) == 1:
        made = given[0]
        code = made.raw or made.code
        return Value(f"({code} | list)", "list", items="string")
    if name in ("Math.min", "Math.max") and given and all(number.kind == "number" for number in given):
        return Value(f"([{', '.join(number.code for number in given)}] | {name[5:]})", "number")
    if name == "Math.abs" and len(given) == 1:
        made = given[0]
        if made.kind == "number":
            return Value(f"({made.code} | abs)", "number")
    if name == "Number.isInteger" and len(given) == 1:
        code = given[0].code
        return Value(f"({code} is integer)", "bool")
    raise NotTranslatableError(f"`{name}` has no equivalent")


def _integer(node: SyntaxNode) -> int | None:
    negative = node.kind == "unary" and node.value == "-"
    number = node.parts[0].value if negative else node.value
    if type(number) is not int:
        return None
    return -number if negative else number


def _sliced(name: str, given: list[SyntaxNode]) -> str:
    """Return the bounds of a slice, which are integer literals."""
    bounds: list[int] = []
    for each in given:
        number = _integer(each)
        if len(given) > 2 or number is None or (number < 0 and name == "substring"):
            raise NotTranslatableError(f"`{name}` with bounds that are not integer literals")
        bounds.append(number)
    if name == "substring":
        bounds.sort()
    return ":".join(map(str, bounds)) if len(bounds) == 2 else f"{bounds[0]}:"
