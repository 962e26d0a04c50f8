# ruff: noqa: N802 - the generator finds its methods by the class names of nodes
"""Comprehensions in an `expr`: `[item.name for item in output.items if item.price > 3]`, and `any`, `all`, `first` of one.

Jinja has none, and allows no nodes of other kinds. A comprehension is therefore kept as a filter whose name no author can
write. Its arguments are the kind, the name of the item, the value and the condition. As in Python, `any`, `all` and `first`
compute no more items than they need.
"""

from __future__ import annotations

from typing import Any, Final

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Environment
from jinja2.parser import Parser

__all__ = ["COMPREHENSION", "ExpressionParser", "PromptCodeGenerator", "comprehension_of"]

COMPREHENSION: Final = "[for]"
"""The filter that a comprehension is kept as, whose name no author can write after a `|`."""

_QUANTIFIERS: Final = ("any", "all", "first")


def comprehension_of(node: nodes.Filter) -> tuple[str, str, nodes.Expr, nodes.Expr] | None:
    """Return the kind, the name of the item, the value and the condition of a comprehension; None for a filter."""
    if node.name != COMPREHENSION:
        return None
    kind, name, value, test = node.args
    assert isinstance(kind, nodes.Const)
    assert isinstance(name, nodes.Const)
    return str(kind.value), str(name.value), value, test


class ExpressionParser(Parser):
    """Parses one expression, which may contain comprehensions."""

    def __init__(self, environment: Environment, source: str) -> None:
        super().__init__(environment, source, state="variable")

    def parse_list(self) -> Any:
        """Parse a list, or a comprehension in brackets."""
        start = self.stream.expect("lbracket")
        items: list[nodes.Expr] = []
        while self.stream.current.type != "rbracket":
            if items:
                self.stream.expect("comma")
            if self.stream.current.type == "rbracket":
                break
            items.append(self.parse_expression())
            if len(items) == 1 and self.stream.skip_if("name:for"):
                made = self._comprehension("list", items[0])
                self.stream.expect("rbracket")
                return made
        self.stream.expect("rbracket")
        return nodes.List(items, lineno=start.lineno)

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:  # noqa: FBT001, FBT002 - Jinja's signature
        """Parse a literal, a name, or `any`, `all` or `first` of a comprehension."""
        token = self.stream.current
        if token.type == "name" and token.value in _QUANTIFIERS and self.stream.look().type == "lparen":
            next(self.stream)
            next(self.stream)
            value = self.parse_expression()
            if not self.stream.skip_if("name:for"):
                self.fail(f"{token.value}() is written {token.value}(value for item in list)", token.lineno)
            made = self._comprehension(token.value, value)
            self.stream.expect("rparen")
            return made
        return super().parse_primary(with_namespace)

    def _comprehension(self, kind: str, value: nodes.Expr) -> nodes.Filter:
        """Parse the part after `for`."""
        name = self.stream.expect("name")
        self.stream.expect("name:in")
        items = self.parse_or()
        test = self.parse_or() if self.stream.skip_if("name:if") else nodes.Const(True, lineno=name.lineno)  # noqa: FBT003 - Jinja's signature
        constants = [nodes.Const(each, lineno=name.lineno) for each in (kind, name.value)]
        return nodes.Filter(
            items, COMPREHENSION, [*constants, value, test], [], None, None, lineno=name.lineno
        )


class PromptCodeGenerator(CodeGenerator):
    """Generates the code of templates and expressions; a comprehension becomes one of Python."""

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:
        """Generate the code of a filter, or of a comprehension."""
        found = comprehension_of(node)
        if found is None:
            super().visit_Filter(node, frame)
            return
        kind, name, value, test = found
        inner = frame.inner()
        item = inner.symbols.declare_parameter(name)
        opening, closing = {
            "list": ("[", "]"),
            "first": ("next((", f"), undefined(name={name!r}))"),
        }.get(kind, (f"{kind}(", ")"))
        self.write(opening)
        self.visit(value, inner)
        self.write(f" for {item} in {self.filters[COMPREHENSION]}(context, ")
        self.visit(node.node, frame)  # type: ignore[arg-type] # the list, which is always there
        self.write(")")
        self.write(" if ")
        self.visit(test, inner)
        self.write(closing)
