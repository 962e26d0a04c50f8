"""Translate what JavaScript does with regular expressions: test, match, exec, replace and split."""

from __future__ import annotations

import re

from ...patterns import PatternError, compile_pattern
from ..regexes import python_pattern
from .syntax import NotTranslatableError, SyntaxNode
from .values import Match, Value, quoted

__all__ = ["WORDS", "is_split", "is_words", "pattern_of", "replaced", "searched", "split"]

WORDS = (r"/\s+/", r"/\s+/g")
"""The literals at which people split a text into words."""


def pattern_of(literal: str) -> str:
    """Return the pattern of a literal such as `/a+/i` in Python's syntax. Raises NotTranslatableError."""
    source, _, flags = literal[1:].rpartition("/")
    if "y" in flags:
        raise NotTranslatableError("the flag y of a regular expression has no equivalent")
    try:
        return python_pattern(source, flags)
    except PatternError as error:
        raise NotTranslatableError(f"a regular expression has no equivalent in Python: {error}") from None


def _is_global(literal: str) -> bool:
    return "g" in literal.rpartition("/")[2]


def searched(text: Value, literal: str, *, every: bool = True) -> Value:
    """Return the match of a pattern in a text. Without `every`, the flag g has no effect, as in `exec`."""
    if text.kind not in ("string", "any"):
        raise NotTranslatableError("a regular expression is applied to a value that is not a string")
    code, pattern = text.raw or text.code, pattern_of(literal)
    match = Match(code, pattern, every and _is_global(literal))
    return Value(f"({code} is search({quoted(pattern)}))", "match", match=match)


def replaced(text: Value, literal: str, replacement: SyntaxNode, *, every: bool) -> Value:
    """Return the text with its first match, or every match, replaced."""
    if replacement.kind != "string":
        raise NotTranslatableError("`replace` with a replacement that is not a constant")
    pattern = pattern_of(literal)
    inserted = _reference(str(replacement.value), compile_pattern(pattern).groups)
    count = "" if every or _is_global(literal) else ", 1"
    code = _text(text)
    return Value(f"({code} | regex_replace({quoted(pattern)}, {quoted(inserted)}{count}))", "string")


_SIGN = re.compile(r"\\|\$(\$|&|`|'|<|\d{1,2})")


def _reference(replacement: str, groups: int) -> str:
    """Return a replacement in Python's syntax."""

    def spelt(found: re.Match[str]) -> str:
        sign = found[1]
        if sign is None:
            return "\\\\"
        if sign == "$":
            return "$"
        if sign == "&":
            return "\\0"
        if sign in ("`", "'", "<"):
            raise NotTranslatableError(f"`${sign}` in a replacement has no equivalent")
        if len(sign) > 1 or not 1 <= int(sign) <= groups:
            raise NotTranslatableError(f"`${sign}` in a replacement is not a group")
        return f"\\{sign}"

    return _SIGN.sub(spelt, replacement)


def split(text: Value, literal: str) -> Value:
    """Return the parts of a text between the matches of a pattern."""
    pattern = pattern_of(literal)
    compiled = compile_pattern(pattern)
    if compiled.groups:
        raise NotTranslatableError("`split` with a regular expression that has groups")
    if compiled.match("") is not None:
        raise NotTranslatableError("`split` with a regular expression that matches the empty string")
    return Value(f"({_text(text)} | regex_split({quoted(pattern)}))", "list", items="string")


def _text(text: Value) -> str:
    if text.kind == "string":
        return text.code
    if text.kind != "any":
        raise NotTranslatableError("a regular expression is applied to a value that is not a string")
    return f'({text.raw or text.code} + "")'  # fails for other values, which have no such method


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
    if not is_split(owner) or owner.parts[1].value not in WORDS:
        return False
    if function == SyntaxNode("name", "Boolean"):
        return True
    names = function.value if isinstance(function.value, tuple) else ()
    return function.kind == "arrow" and len(names) == 1 and _is_filled(function.parts[0], str(names[0]))


def _is_filled(test: SyntaxNode, item: str) -> bool:
    """Return whether a test requires that an item is not empty. The parts between white space contain none."""
    if test.kind == "binary" and (test.value, test.parts[1]) in (
        (">", SyntaxNode("number", 0)),
        (">=", SyntaxNode("number", 1)),
    ):
        length = test.parts[0]
        test = length.parts[0] if length.kind == "member" and length.value == "length" else test
    elif (
        test.kind == "binary" and test.value in ("!==", "!=") and test.parts[1] == SyntaxNode("string", "")
    ) or (test.kind == "member" and test.value == "length"):
        test = test.parts[0]
    trimmed = SyntaxNode("call", None, (SyntaxNode("member", "trim", (SyntaxNode("name", item),)),))
    return test in (trimmed, SyntaxNode("name", item))
