"""Translate JavaScript's methods of strings, and functions such as `Math.abs`."""

from __future__ import annotations

import re

from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, quoted

__all__ = ["static_function", "text_method"]


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
            return Value(f"({made.code} is not mapping and {within})", "bool")
        return Value(f"({within})", "bool")
    if made.kind not in ("string", "any"):
        raise NotTranslatableError(f"`{name}` of a value that is not a string")
    code = made.raw or made.code
    if made.kind == "any" and name in ("toLowerCase", "toUpperCase", "trim"):
        # Only strings have this method in JavaScript; in Jinja, adding a string fails for other values.
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
        return Value(f"({code}.split({arguments[0].code}))", "list")
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


def static_function(name: str, given: list[Value]) -> Value:
    """Return the value of a function such as `Math.abs`. Raises NotTranslatableError."""
    if name == "JSON.parse" and len(given) == 1:
        text = given[0]
        if text.kind != "string":
            raise NotTranslatableError("`JSON.parse` of a value that is not a string")
        return Value(f"({text.code} | fromjson)", "any")
    if name == "Array.isArray" and len(given) == 1:
        code = given[0].code
        return Value(f"({code} is sequence and {code} is not string and {code} is not mapping)", "bool")
    if name == "Object.keys" and len(given) == 1:
        made = given[0]
        return Value(f"({made.raw or made.code} | list)", "list")
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


def _sliced(name: str, given: list[SyntaxNode]) -> str:
    """Return the bounds of a slice, which are integer literals."""
    bounds: list[int] = []
    for each in given:
        negative = each.kind == "unary" and each.value == "-"
        number = each.parts[0].value if negative else each.value
        if len(given) > 2 or type(number) is not int or (negative and name == "substring"):
            raise NotTranslatableError(f"`{name}` with bounds that are not integer literals")
        bounds.append(-number if negative else number)
    if name == "substring":
        bounds.sort()
    return ":".join(map(str, bounds)) if len(bounds) == 2 else f"{bounds[0]}:"
