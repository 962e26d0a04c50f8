# ruff: noqa: N802 - the visitor finds its methods by the class names of nodes
"""Expressions of `assert: [{type: expr}]`: one Jinja expression in the sandbox of the templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer

from ..schema import show
from ..values import Json
from .analysis import analyze, members
from .comprehensions import comprehension_of
from .environment import PromptEnvironment
from .filters import CONTAINED
from .limits import start_work
from .message_words import GLOBAL_NAMES, listed, suggestion
from .printing import plain
from .runtime_errors import RUNTIME_ERRORS, explain
from .sandbox import Members
from .syntax import CompileError, compile_tree, parse_expression

__all__ = ["CompiledExpression", "compile_expression"]


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """A compiled expression over some names; `reads` are those that it reads. See `compile_expression`."""

    source: str
    reads: Mapping[str, Members]
    _template: Template = field(repr=False)

    def evaluate(self, **values: Json) -> Json:
        """Return the value of the expression for these values. Raises ValueError with one sentence for its author."""
        context = self._template.new_context(values)
        start_work()
        try:
            for _ in self._template.root_render_func(context):
                pass
            return plain(context.vars["result"])
        except RUNTIME_ERRORS as error:
            message, hint = explain(error)
            raise ValueError(f"{message} ({hint})" if hint else message) from error


def compile_expression(source: str, *, names: frozenset[str]) -> CompiledExpression:
    """Compile an expression that may read `names` and nothing else.

    Raises ValueError with one sentence for its author; the caller knows the place of the expression.
    """
    environment = _environment()
    try:
        tree = parse_expression(environment, source)
        found = analyze(tree)
        for problem in found.problems:
            raise CompileError(problem)
        for node in tree.find_all(nodes.Filter):
            comprehension = comprehension_of(node)
            if comprehension is not None and comprehension[1] in names:
                raise ValueError(f"{comprehension[1]!r} cannot be the name of an item of a comprehension")
        for use in found.uses:
            if use.name not in names and use.name not in GLOBAL_NAMES:
                hint = suggestion(use.name, names) or f"an expression can read {listed(names)}"
                raise ValueError(f"there is no variable {use.name!r} ({hint})")
        if "text" in names:
            _check_comparisons(tree)
        reads = {name: read for name in sorted(names) if (read := members(tree, name))}
        _ContainmentGuard().visit(tree)
        return CompiledExpression(source, reads, compile_tree(environment, tree, "expression"))
    except CompileError as error:
        problem = error.problem
        raise ValueError(f"{problem.message} ({problem.hint})" if problem.hint else problem.message) from None


def _check_comparisons(tree: nodes.Node) -> None:
    """Raise ValueError if `text` is compared with a constant that is not a string: the result would never change."""
    for compare in tree.find_all(nodes.Compare):
        left = compare.expr
        for step in compare.ops:
            if _is_text(left) and step.op not in ("in", "notin"):  # it may be in a list
                _check_string(step.expr)
            if _is_text(step.expr):
                _check_string(left)
            left = step.expr


def _is_text(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Name) and node.name == "text"


def _check_string(node: nodes.Expr) -> None:
    try:
        value = node.as_const()
    except nodes.Impossible:
        return
    if not isinstance(value, str):
        raise ValueError(f"text is a string, so comparing it with {show(value)} always has the same result")


class _ContainmentGuard(NodeTransformer):
    """Rewrites the `a` of `a in b` into a filter of both, which refuses what every text contains."""

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        operands = [node.expr, *(step.expr for step in node.ops)]
        for index, step in enumerate(node.ops):
            if step.op in ("in", "notin"):
                guarded = [operands[index], CONTAINED, [step.expr], [], None, None]
                operands[index] = nodes.Filter(*guarded, lineno=node.lineno, environment=node.environment)
        node.expr = operands[0]
        for step, operand in zip(node.ops, operands[1:], strict=True):
            step.expr = operand
        return node


@cache
def _environment() -> PromptEnvironment:
    return PromptEnvironment(whitespace="trim")
