"""Translate calls of functions and methods, and the length of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lists import LIST_FUNCTIONS, over_list, over_patterns
from .methods import as_text, list_method, static_function, text_method
from .searches import WORDS, is_split, is_words, replaced, searched, split
from .statements import inlined
from .syntax import NotTranslatableError, SyntaxNode
from .values import Value, quoted

if TYPE_CHECKING:
    from .expressions import Emitter

__all__ = ["called", "length_of"]


def called(emitter: Emitter, callee: SyntaxNode, given: list[SyntaxNode]) -> Value:
    """Return the value of a call. Raises NotTranslatableError."""
    if callee.kind in ("member", "member?"):
        made = _method(emitter, callee, given)
        if callee.kind == "member":
            return made
        owner = emitter.value(callee.parts[0])
        return Value(f"({made.code} if {owner.code} is not none else none)", "any")
    if callee.kind == "arrow":
        names = callee.value if isinstance(callee.value, tuple) else ()
        if len(names) != len(given):
            raise NotTranslatableError("a function is called with the wrong number of arguments")
        return emitter.value(inlined(callee.parts[0], dict(zip(map(str, names), given, strict=True))))
    if callee == SyntaxNode("name", "Boolean") and len(given) == 1:
        return Value(emitter.boolean(given[0]), "bool")
    if callee == SyntaxNode("name", "String") and len(given) == 1:
        made = emitter.value(given[0])
        if made.kind == "string":
            return made
        if made.kind == "any":
            return Value(as_text(made.code, null="null"), "string")
    name = callee.value if callee.kind == "name" else "a function"
    raise NotTranslatableError(f"the function `{name}()` has no equivalent")


def _method(emitter: Emitter, callee: SyntaxNode, given: list[SyntaxNode]) -> Value:
    (owner,) = callee.parts
    name = str(callee.value)
    if owner.kind == "name" and owner.value in ("JSON", "Array", "Object", "Math", "Number"):
        return static_function(f"{owner.value}.{name}", [emitter.value(each) for each in given])
    if owner.kind == "regex":
        if name == "test" and len(given) == 1:
            return Value(searched(emitter.value(given[0]), str(owner.value)).code, "bool")
        if name == "exec" and len(given) == 1:
            return searched(emitter.value(given[0]), str(owner.value), every=False)
        raise NotTranslatableError(f"`{name}` of a regular expression")
    if name in LIST_FUNCTIONS and len(given) == 1:
        if name == "filter" and is_words(owner, given[0]):
            text = emitter.value(owner.parts[0].parts[0])
            if text.kind == "string":
                return Value(f"({text.code}.split())", "list", items="string")
        if owner.kind == "list" and any(part.kind == "regex" for part in owner.parts):
            return over_patterns(emitter, name, owner, given[0])
        return over_list(emitter, name, emitter.value(owner), given[0])
    if given and given[0].kind == "regex":
        return _with_pattern(emitter, owner, name, given)
    made = emitter.value(owner)
    if made.kind in ("list", "match"):
        return list_method(name, made, given, [emitter.value(each) for each in given])
    return text_method(name, made, given, [emitter.value(each) for each in given])


def _with_pattern(emitter: Emitter, owner: SyntaxNode, name: str, given: list[SyntaxNode]) -> Value:
    """Return the value of a method of a string whose first argument is a regular expression."""
    literal = str(given[0].value)
    if name == "split" and len(given) == 1:
        if literal in WORDS and (inner := _trimmed(owner)) is not None:
            text = emitter.value(inner)
            if text.kind == "string":
                none = "" if text.code == "text" else ' or [""]'  # an empty answer never passes
                return Value(f"({text.code}.split(){none})", "list", items="string")
        return split(emitter.value(owner), literal)
    if name == "match" and len(given) == 1:
        return searched(emitter.value(owner), literal)
    if name in ("replace", "replaceAll") and len(given) == 2:
        return replaced(emitter.value(owner), literal, given[1], every=name == "replaceAll")
    if name == "search" and len(given) == 1:
        raise NotTranslatableError("`search` with a regular expression")
    raise NotTranslatableError(f"`{name}` with a regular expression")


def _trimmed(node: SyntaxNode) -> SyntaxNode | None:
    """Return the text of `text.trim()`, or None."""
    is_trim = node.kind == "call" and node.parts[0].kind == "member" and node.parts[0].value == "trim"
    return node.parts[0].parts[0] if is_trim and len(node.parts) == 1 else None


def length_of(emitter: Emitter, owner: SyntaxNode) -> Value:
    """Return the length of a value. Raises NotTranslatableError."""
    if owner.kind == "call" and owner.parts[0].kind == "member":
        callee, *given = owner.parts
        if is_split(owner) and given[0].value in WORDS:
            inner = callee.parts[0]
            trimmed = _trimmed(inner)
            text = emitter.value(inner if trimmed is None else trimmed)
            none = "" if text.code == "text" else " or 1"  # an empty answer never passes
            if text.kind == "string" and trimmed is not None:
                return Value(f"({text.code} | wordcount{none})", "number")
            if text.kind == "string":  # white space at an end makes an empty string
                ends = " + ".join(
                    f"(1 if {text.code} is search({quoted(end)}) else 0)" for end in (r"\A\s", r"\s\Z")
                )
                return Value(f"((({text.code} | wordcount) + {ends}){none})", "number")
        if callee.value == "filter" and len(given) == 1 and is_words(callee.parts[0], given[0]):
            text = emitter.value(callee.parts[0].parts[0].parts[0])
            if text.kind == "string":
                return Value(f"({text.code} | wordcount)", "number")
    made = emitter.value(owner)
    if made.kind in ("string", "list"):
        return Value(f"({made.code} | length)", "number")
    if made.match is not None and made.match.every:
        return Value(f"({made.listed} | length)", "number")
    if made.kind != "any":
        raise NotTranslatableError("`length` of a value that has no length")
    # The length of an object is undefined.
    code = made.raw or made.code
    return Value(f"({code} | length if {made.code} is not mapping else none)", "any")
