"""Translate JavaScript assertions of one expression, or of constants and a `return`, to assertions with the same meaning.

The grammar covers the assertions that people write: members, calls of a few well-known methods, operators, regular
expressions, arrow functions over list literals. Anything else raises NotTranslatableError. If JavaScript would return
`undefined` and Jinja an error, the check fails in both.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .expressions import Emitter
from .searches import pattern_of
from .statements import inlined, program
from .syntax import NotTranslatableError, SyntaxNode

__all__ = ["NotTranslatableError", "as_assertion", "changed_answer", "lacks_return"]


def lacks_return(code: str) -> bool:
    """Return whether code of several lines has no `return`: it returns nothing to promptfoo, and always fails."""
    return "\n" in code.strip() and not re.search(r"\breturn\b", code)


def as_assertion(
    code: str,
    *,
    parsed: bool,
    rename: Callable[[str], str],
    threshold: float | None = None,
    through: str | None = None,
) -> dict[str, object]:
    """Return the assertion of runner for a JavaScript assertion. `parsed`: its `output` is parsed JSON.

    The result of code of several lines without a `return` is its last expression. A number passes if it is at least
    `threshold`. `through` is translated code that changes the answer before the assertion sees it.

    Raises NotTranslatableError.
    """
    node = program(code, several="\n" in code.strip() and not lacks_return(code))
    if through is not None:
        node = inlined(node, {"output": _changed(through)})
    elif not parsed and (simple := _simple(node)) is not None:
        return simple
    expression = Emitter(parsed=parsed, rename=rename, threshold=threshold).verdict(node)
    if expression.startswith("(") and expression.endswith(")") and _is_one_group(expression):
        expression = expression[1:-1]
    return {"type": "expr", "value": expression}


def changed_answer(code: str, *, parsed: bool, rename: Callable[[str], str]) -> tuple[str, bool]:
    """Return an expression for the answer as the code changes it, and whether the result is always a string.

    Raises NotTranslatableError.
    """
    made = Emitter(parsed=parsed, rename=rename).value(_changed(code))
    if made.kind not in ("string", "any", "list"):
        raise NotTranslatableError("its result may not be a string")
    return made.code, made.kind == "string"


def _changed(code: str) -> SyntaxNode:
    return program(code, several="\n" in code)


def _is_one_group(text: str) -> bool:
    depth = 0
    quote = None
    for at, sign in enumerate(text):
        if quote:
            if sign == quote and text[at - 1] != "\\":
                quote = None
            continue
        if sign == '"':
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0 and at != len(text) - 1:
                return False
    return True


_OUTPUT = SyntaxNode("name", "output")


def _simple(node: SyntaxNode, *, negated: bool = False) -> dict[str, object] | None:
    """Return the named assertion with the same meaning, if there is one."""
    prefix = "not-" if negated else ""
    if node.kind == "unary" and node.value == "!" and not negated:
        return _simple(node.parts[0], negated=True)
    if node.kind != "call" or node.parts[0].kind != "member" or len(node.parts) != 2:
        return None
    callee, given = node.parts
    owner = callee.parts[0]
    if callee.value == "test" and owner.kind == "regex" and given == _OUTPUT:
        return {"type": f"{prefix}regex", "value": pattern_of(str(owner.value))}
    if callee.value == "includes" and given.kind == "string" and given.value:
        if owner == _OUTPUT:
            return {"type": f"{prefix}contains", "value": given.value}
        lowered = SyntaxNode("call", None, (SyntaxNode("member", "toLowerCase", (_OUTPUT,)),))
        if owner == lowered and str(given.value) == str(given.value).lower():
            return {"type": f"{prefix}icontains", "value": given.value}
    return None
