# ruff: noqa: N802 - the rewriter finds its methods by the class names of nodes
"""Compile the text of a template: parse it, rewrite what the sandbox replaces, generate code."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from .analysis import Problem
from .comprehensions import ExpressionParser
from .environment import PromptEnvironment
from .filters import CONCATENATE, METHOD, TICK
from .limits import MAX_SOURCE, NO_MEMORY, OutOfTimeError, start_work
from .runtime_errors import RUNTIME_ERRORS, explain

__all__ = ["CompileError", "compile_tree", "parse", "parse_expression"]

_TOO_DEEP = Problem(1, "the template is nested too deeply, or a number in it is too long")

# Python's compiler also raises MemoryError for code that is nested too deeply.
_TOO_LARGE = Problem(1, f"the template is nested too deeply, or {NO_MEMORY}")

_OPEN_BLOCK = re.compile(r"The innermost block that needs to be closed is '(\w+)'")
_UNKNOWN_TAG = re.compile(r"(?:Encountered unknown tag|unknown tag) '(\w+)'")
_OFFSET = re.compile(r" at \d+$")
_TERMS = {
    "'end of print statement'": "'}}'",
    "end of print statement": "'}}'",
    "'end of statement block'": "'%}'",
    "end of statement block": "'%}'",
    "unexpected end of template": "the template ends too early",
    "chunk after expression": "more text follows after the end of the expression",
}


_AS_TEXT = (
    "write literal braces between {% raw %} and {% endraw %}, or in a prompt with"
    " template: {engine: simple} (only {{ name }} is a variable) or none"
)


class CompileError(Exception):
    """The template does not compile; `problem` says why and on which line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@contextmanager
def _silence() -> Iterator[None]:
    """Silence Python's warnings about generated code: the author of `1e-7[0]` gets an error at render time.

    Escapes that Python does not know (`'\\d'`) stay as they are, as in Jinja.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", SyntaxWarning)
        yield


def parse(environment: PromptEnvironment, source: str) -> nodes.Template:
    """Return the syntax tree of a template. Raises CompileError."""
    if len(source) > MAX_SOURCE:
        raise CompileError(Problem(1, f"the template is longer than {MAX_SOURCE:,} characters"))
    try:
        with _silence():
            tree = Parser(environment, source).parse()
        tree.set_environment(environment)
    except TemplateSyntaxError as error:
        problem = _explain(error)
        hint = problem.hint or _AS_TEXT
        if problem.message == "unexpected '}'":
            hint = f"is a }} missing, as in {{{{ name }}}}? Otherwise {hint}"
        raise CompileError(Problem(problem.line, problem.message, hint)) from None
    except (RecursionError, ValueError):
        raise CompileError(_TOO_DEEP) from None
    except MemoryError:
        raise CompileError(_TOO_LARGE) from None
    return tree


def parse_expression(environment: PromptEnvironment, source: str) -> nodes.Template:
    """Return a tree that sets `result` to the expression `source`. Raises CompileError."""
    if len(source) > MAX_SOURCE:
        raise CompileError(Problem(1, f"the expression is longer than {MAX_SOURCE:,} characters"))
    try:
        with _silence():
            parser = ExpressionParser(environment, source)
            expression = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("chunk after expression")
        tree = nodes.Template([nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)], lineno=1)
        tree.set_environment(environment)
    except TemplateSyntaxError as error:
        raise CompileError(_explain(error)) from None
    except (RecursionError, ValueError):
        raise CompileError(_TOO_DEEP) from None
    except MemoryError:
        raise CompileError(_TOO_LARGE) from None
    return tree


def compile_tree(environment: PromptEnvironment, tree: nodes.Template, name: str) -> Template:
    """Generate code from a tree, which is modified. `name` is ours, never an author's. Raises CompileError."""
    try:
        start_work()  # constant expressions are evaluated
        _Rewriter(environment).visit(tree)
        _Folder(environment).visit(tree)
        with _silence():
            code = environment.compile(tree, name, name)
        return environment.template_class.from_code(environment, code, environment.globals)
    except TemplateSyntaxError as error:
        raise CompileError(_explain(error)) from None
    except (RecursionError, SyntaxError, ValueError):
        raise CompileError(_TOO_DEEP) from None
    except MemoryError:
        raise CompileError(_TOO_LARGE) from None
    except OutOfTimeError:
        raise
    except RUNTIME_ERRORS as error:  # raised by an expression without variables
        raise CompileError(Problem(_line_of(error), *explain(error))) from None


def _line_of(error: BaseException) -> int:
    """Return the line of the innermost expression that was evaluated while compiling."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("self")
        if isinstance(node, nodes.Node):
            line = node.lineno
        trace = trace.tb_next
    return line


class _Rewriter(NodeTransformer):
    """Rewrites what the sandbox cannot intercept into filters of ours: `a ~ b`, the `a.b` of `a.b()`, loop iterations."""

    def __init__(self, environment: PromptEnvironment) -> None:
        self._environment = environment

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        if not _is_finite(node.value):
            raise CompileError(Problem(node.lineno, "a number is too large: the largest is about 1.8e308"))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno, environment=self._environment)
        return self._filter(parts, CONCATENATE)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        self.generic_visit(node)
        called = node.node
        if isinstance(called, nodes.Getattr):
            name = nodes.Const(called.attr, lineno=node.lineno, environment=self._environment)
            node.node = self._filter(called.node, METHOD, name)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        return self._ticking(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        return self._ticking(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        return self._ticking(node)

    def _ticking(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        value: nodes.Expr = nodes.Const(None, lineno=node.lineno, environment=self._environment)
        if isinstance(node, nodes.For) and any(True for _ in node.find_all(nodes.Include)):
            # Jinja creates `loop` only if it is read; this lets an included file read it too.
            value = nodes.Name("loop", "load", lineno=node.lineno, environment=self._environment)
        node.body.insert(0, nodes.ExprStmt(self._filter(value, TICK), lineno=node.lineno))
        return node

    def _filter(self, value: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
        fields: list[Any] = [value, name, list(arguments), [], None, None]
        return nodes.Filter(*fields, lineno=value.lineno, environment=self._environment)


class _Folder(NodeTransformer):
    """Evaluates constant expressions, innermost first, so that their errors are found before anything is rendered.

    Jinja's optimizer does the same, but visits each expression again for every expression around it, which takes cubic
    time: minutes for two kilobytes of `a-0-1-2-...`. This visits each once, and looks no deeper than at its operands.
    """

    def __init__(self, environment: PromptEnvironment) -> None:
        self._environment = environment
        self._context = nodes.EvalContext(environment)

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        node = super().generic_visit(node, *args, **kwargs)
        if not isinstance(node, nodes.Expr):
            return node
        try:
            decides = node.left if isinstance(node, nodes.And | nodes.Or) else getattr(node, "test", None)
            if isinstance(decides, nodes.Expr) and _is_computable(decides):
                nothing = nodes.Const(None, environment=self._environment)
                nodes.CondExpr(decides, nothing, nothing, lineno=node.lineno).as_const(self._context)
            if _is_computable(node):
                value = node.as_const(self._context)
                if _is_finite(value):  # the code for it would be the name `inf`
                    return nodes.Const.from_untrusted(value, node.lineno, self._environment)
        except nodes.Impossible:
            pass
        return node


def _is_computable(node: nodes.Node) -> bool:
    """Return whether all operands are constants; for pairs, comparisons and keyword arguments, one level deeper."""
    return isinstance(node, nodes.Const) or all(
        isinstance(each, nodes.Const) or (isinstance(each, nodes.Helper) and _is_computable(each))
        for each in node.iter_child_nodes()
    )


def _is_finite(value: object) -> bool:
    """Return whether a constant contains only finite numbers."""
    if isinstance(value, dict):
        return all(_is_finite(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple):
        return all(_is_finite(each) for each in value)
    return not isinstance(value, float) or isfinite(value)


def _explain(error: TemplateSyntaxError) -> Problem:
    message = (error.message or "the template does not parse").rstrip(".")
    if found := _OPEN_BLOCK.search(message):
        tag = found[1]
        if unknown := _UNKNOWN_TAG.search(message):
            return Problem(
                error.lineno,
                f"there is no tag {unknown[1]!r} inside {tag!r}",
                f"{{% {tag} %}} ends with {{% end{tag} %}}",
            )
        return Problem(error.lineno, f"the {tag!r} block is never closed", f"add {{% end{tag} %}}")
    if unknown := _UNKNOWN_TAG.search(message):
        return Problem(error.lineno, f"there is no tag {unknown[1]!r}")
    if message == "Missing end of comment tag":
        return Problem(error.lineno, "{# begins a comment, but no #} ends it")
    message = _OFFSET.sub("", message)
    for term, plain in _TERMS.items():
        message = message.replace(term, plain)
    return Problem(error.lineno, message)
