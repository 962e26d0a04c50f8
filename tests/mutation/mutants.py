"""The mutants of a module, each known by the line that it changes."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from .operators import OPERATORS

__all__ = ["Mutant", "mutants_of"]

Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """A module with one mistake in it. `before` and `after` are the lines that differ; `number` tells equal ones apart."""

    function: str
    before: str
    after: str
    number: int
    line: int
    code: str

    @property
    def key(self) -> str:
        return f"{self.function} | {self.before} | {self.after} | {self.number}"


def mutants_of(source: str) -> list[Mutant]:
    """Without those that change nothing but types, texts about the code, decorators, and what is exported."""
    tree = ast.parse(source)
    spared, functions = list(_spared(tree)), list(_functions(tree))
    lines = source.splitlines(keepends=True)
    found: list[Mutant] = []
    numbers: Counter[tuple[str, str, str]] = Counter()
    for first, last in _pieces(tree, len(lines)):
        above, piece, below = ("".join(part) for part in (lines[:first], lines[first:last], lines[last:]))
        seen: set[str] = {piece}
        for (line, column), code in _changed(piece):
            start = (line + first, column)
            if code in seen or any(begin <= start < end for begin, end in spared):
                continue
            seen.add(code)
            if not _compiles(above + code + below):
                continue
            before, after = _difference(piece, code)
            function = next((name for name, begin, end in functions if begin <= start[0] <= end), "")
            numbers[function, before, after] += 1
            number = numbers[function, before, after]
            found.append(Mutant(function, before, after, number, start[0], above + code + below))
    return sorted(found, key=lambda mutant: mutant.line)


def _pieces(tree: ast.Module, length: int) -> Iterator[tuple[int, int]]:
    """The lines of each statement of a module, which is parsed for each mutant: a whole module takes far longer."""
    starts = [
        min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]) - 1
        for node in tree.body
    ]
    yield from zip([0, *starts[1:]], [*starts[1:], length], strict=True)


def _changed(source: str) -> Iterator[tuple[Place, str]]:
    """The place and the code of each mistake that the operators can make."""
    nodes = list(ast_nodes(get_ast(source)))
    for operator in OPERATORS.values():
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(places):
            code = mutate_code(source, operator, occurrence)
            if code is not None:
                yield start, code


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _difference(source: str, code: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(source.splitlines(), code.splitlines()))
    before, after = (
        " ".join(" ".join(line[2:].split()) for line in lines if line.startswith(mark)).replace("( ", "(")
        for mark in ("- ", "+ ")
    )
    return before, after


def _functions(tree: ast.Module, outer: str = "") -> Iterator[tuple[str, int, int]]:
    """The name of each function with its first and last line, inner ones first."""
    for node in ast.walk(tree) if not outer else ():
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", inner.lineno, inner.end_lineno or 0
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno, node.end_lineno or 0


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[Place, Place]]:
    """All of it but the defaults."""
    begin = (node.lineno, node.col_offset)
    defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
    for default in sorted(defaults, key=lambda each: (each.lineno, each.col_offset)):
        yield begin, (default.lineno, default.col_offset)
        begin = (default.end_lineno or 0, default.end_col_offset or 0)
    yield begin, (node.body[0].lineno, node.body[0].col_offset)


def _spared(tree: ast.Module) -> Iterator[tuple[Place, Place]]:
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts += node.decorator_list
            yield from _signature(node)
        elif isinstance(node, ast.ClassDef):
            parts += [*node.decorator_list, *node.bases]
        elif isinstance(node, ast.AnnAssign):
            of_types = isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
            parts.append(node if of_types else node.annotation)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.append(node)
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Literal"
        ):
            parts.append(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast":
            parts.append(node.args[0])
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in ("__all__", "__slots__") for target in node.targets
        ):
            parts.append(node)
        for part in parts:
            if part is not None:
                yield (
                    (part.lineno, part.col_offset),  # type: ignore[attr-defined]
                    (part.end_lineno, part.end_col_offset),  # type: ignore[attr-defined]
                )
