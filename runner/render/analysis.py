# ruff: noqa: N802 - the visitor finds its methods by the class names of nodes
"""Analyse the syntax tree of a template: its variables, the files it names, and what the sandbox does not allow.

`jinja2.meta` gives the names of a template's variables but neither their lines nor the scope around an `include`, through
which an included file sees the loop variables of its includer. Hence this walk, which follows Jinja's scopes. If Jinja
decides at run time whether a name is set (a `set` inside an `if`), the walk treats it as set; the sandbox's strict
undefined catches the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from jinja2 import nodes
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.visitor import NodeVisitor

from .comprehensions import COMPREHENSION, comprehension_of
from .filters import CONCATENATE, CONTAINED, FILTERS, METHOD, METHODS, TESTS, TICK
from .message_words import suggestion
from .sandbox import Members

__all__ = ["Analysis", "Problem", "Reference", "Use", "analyze", "members"]

_FILTERS = FILTERS.keys() - {COMPREHENSION, CONCATENATE, CONTAINED, METHOD, TICK}


@dataclass(frozen=True, slots=True)
class Use:
    """A variable is read on this line. `guarded`: it may be missing (`is defined`, `| default`).

    `tested`: its value is itself the condition of an `if`, or a part of one that `and`, `or` and `not` join.
    """

    name: str
    line: int
    guarded: bool
    tested: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Another file is named on this line. `node` contains the name; `visible` are the names set around it.

    `wanted` are the names that a `from ... import` imports from it.
    """

    kind: Literal["include", "import", "extends"]
    node: nodes.Const
    line: int
    visible: frozenset[str]
    with_context: bool
    wanted: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name as the author wrote it."""
        return str(self.node.value)


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake on this line."""

    line: int
    message: str
    hint: str | None = None


@dataclass(slots=True)
class Analysis:
    """The analysis of one template. `exports` are the names that it sets at its top level."""

    uses: list[Use] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    exports: frozenset[str] = frozenset()


def analyze(tree: nodes.Node) -> Analysis:
    """Analyse a parsed template, or a part of one."""
    try:
        walk = _Walk(_hoisted(tree))
        walk.visit(tree)
    except RecursionError:
        return Analysis(problems=[Problem(1, "the template is nested too deeply")])
    walk.found.exports = frozenset(walk.bound - {"self"})
    return walk.found


def members(tree: nodes.Node, name: str) -> Members | None:
    """Return the members of the object `name` that an expression reads; None if it does not read the object at all.

    A member is read by `name.member`, `name["member"]`, `name.get("member")` or `"member" in name`. It may be missing in
    the last two, and if `is defined`, `is undefined` or `default` follows. Any other use of the object may read any
    member.
    """
    found = _Members(name)
    found.visit(tree)
    if not (found.whole or found.read):
        return None
    optional = {member for member, guards in found.read.items() if all(guards)}
    return Members(frozenset(found.read), frozenset(optional), whole=found.whole)


class _Members(NodeVisitor):
    """Visits an expression for `members`; `read` tells, for each member that is used, whether it may be missing."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.read: dict[str, list[bool]] = {}
        self.whole = False

    def _is_object(self, node: nodes.Node) -> bool:
        return isinstance(node, nodes.Name) and node.name == self._name

    def _read(self, node: nodes.Node, *, guarded: bool) -> bool:
        """Record the member that `node` names, if any."""
        if isinstance(node, nodes.Getattr) and self._is_object(node.node):
            member: object = node.attr
        elif (
            isinstance(node, nodes.Getitem)
            and self._is_object(node.node)
            and isinstance(node.arg, nodes.Const)
        ):
            member = node.arg.value
        else:
            return False
        return self._note(member, guarded=guarded)

    def _note(self, member: object, *, guarded: bool) -> bool:
        if isinstance(member, str):
            self.read.setdefault(member, []).append(guarded)
        return isinstance(member, str)

    def visit_Name(self, node: nodes.Name) -> None:
        self.whole = self.whole or self._is_object(node)

    def visit_Getattr(self, node: nodes.Getattr) -> None:
        if not self._read(node, guarded=False):
            self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> None:
        if not self._read(node, guarded=False):
            self.generic_visit(node)

    def visit_Call(self, node: nodes.Call) -> None:
        called = node.node
        if (
            isinstance(called, nodes.Getattr)
            and self._is_object(called.node)
            and called.attr in METHODS[dict]
        ):
            key = node.args[0] if called.attr == "get" and node.args else None
            if isinstance(key, nodes.Const) and self._note(key.value, guarded=True):
                for part in (*node.args[1:], *node.kwargs):
                    self.visit(part)
                return
            self.whole = True
        self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> None:
        self.visit(node.expr)
        before = node.expr
        for operand in node.ops:
            tested = (
                operand.op in ("in", "notin")
                and self._is_object(operand.expr)
                and isinstance(before, nodes.Const)
            )
            if not (tested and self._note(before.value, guarded=True)):  # type: ignore[attr-defined] # a Const, as tested
                self.visit(operand.expr)
            before = operand.expr

    def visit_Filter(self, node: nodes.Filter) -> None:
        self._guard(node, guards=node.name in ("default", "d"))

    def visit_Test(self, node: nodes.Test) -> None:
        self._guard(node, guards=node.name in ("defined", "undefined"))

    def _guard(self, node: nodes.Filter | nodes.Test, *, guards: bool) -> None:
        for part in node.iter_child_nodes():
            if not (guards and part is node.node and self._read(part, guarded=True)):
                self.visit(part)


def _hoisted(tree: nodes.Node) -> frozenset[str]:
    """Return the names that `set`, `macro` and `import` bind anywhere: bodies that run later see them."""
    names: set[str] = set()
    for node in tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.Import, nodes.FromImport, nodes.Macro)):
        names.update(_given(node))
    return frozenset(names)


def _given(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, (nodes.Assign, nodes.AssignBlock)):
        yield from _stored(node.target)
    elif isinstance(node, nodes.Import):
        yield node.target
    elif isinstance(node, nodes.FromImport):
        for name in node.names:
            yield name if isinstance(name, str) else name[1]
    elif isinstance(node, nodes.Macro):
        yield node.name


def _wanted(node: nodes.FromImport) -> tuple[str, ...]:
    return tuple(name if isinstance(name, str) else name[0] for name in node.names)


def _stored(target: nodes.Node) -> Iterator[str]:
    if isinstance(target, nodes.Name):
        yield target.name
    for name in target.find_all(nodes.Name):
        yield name.name


class _Walk(NodeVisitor):
    """Visits nodes in the order in which they run; `bound` are the names set so far in the current scope."""

    def __init__(self, hoisted: frozenset[str]) -> None:
        self.found = Analysis()
        self.bound: set[str] = {"self"}
        self._hoisted = hoisted

    @contextmanager
    def _scope(self, *names: str) -> Iterator[None]:
        outer = self.bound
        self.bound = outer | set(names)
        yield
        self.bound = outer

    def _all(self, parts: Sequence[nodes.Node]) -> None:
        for part in parts:
            self.visit(part)

    def visit_Name(self, node: nodes.Name) -> None:
        if node.ctx == "load":
            self._use(node, guarded=False)
        else:
            self.bound.add(node.name)

    def visit_NSRef(self, node: nodes.NSRef) -> None:
        self._use(node, guarded=False)

    def _use(self, node: nodes.Name | nodes.NSRef, *, guarded: bool, tested: bool = False) -> None:
        if node.name not in self.bound:
            self.found.uses.append(Use(node.name, node.lineno, guarded, tested))

    def _condition(self, node: nodes.Node) -> None:
        """Visit a condition."""
        match node:
            case nodes.Name():
                self._use(node, guarded=False, tested=True)
            case nodes.Not():
                self._condition(node.node)
            case nodes.And() | nodes.Or():
                self._condition(node.left)
                self._condition(node.right)
            case nodes.Filter(name="default" | "d", node=nodes.Name() as name):
                self.visit(node)
                self._use(name, guarded=True, tested=True)
            case _:
                self.visit(node)

    def visit_CondExpr(self, node: nodes.CondExpr) -> None:
        self._condition(node.test)
        self.visit(node.expr1)
        if node.expr2 is not None:
            self.visit(node.expr2)

    def visit_Filter(self, node: nodes.Filter) -> None:
        if (comprehension := comprehension_of(node)) is not None:
            _, name, value, test = comprehension
            self.visit(node.node)  # type: ignore[arg-type] # the list, which is always there
            with self._scope(name):
                self._condition(test)
                self.visit(value)
            return
        if node.name not in _FILTERS:
            known = "the filters are " + ", ".join(sorted(_FILTERS))
            if node.name in JINJA_FILTERS:
                self._problem(node, f"filter {node.name!r} is not available in prompts", known)
            else:
                message = f"there is no filter {node.name!r}"
                self._problem(node, message, suggestion(node.name, _FILTERS) or known)
        self._guard(node, node.name in ("default", "d"))

    def visit_Test(self, node: nodes.Test) -> None:
        if node.name not in TESTS:
            self._problem(node, f"there is no test {node.name!r}", suggestion(node.name, TESTS) or None)
        self._guard(node, node.name in ("defined", "undefined"))

    def _guard(self, node: nodes.Filter | nodes.Test, guards: bool) -> None:  # noqa: FBT001
        for part in node.iter_child_nodes():
            if guards and part is node.node and isinstance(part, nodes.Name):
                self._use(part, guarded=True)
            else:
                self.visit(part)

    def visit_Assign(self, node: nodes.Assign) -> None:
        self.visit(node.node)
        self.visit(node.target)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> None:
        if node.filter is not None:
            self.visit(node.filter)
        with self._scope():
            self._all(node.body)
        self.visit(node.target)

    def visit_If(self, node: nodes.If) -> None:
        self._condition(node.test)
        before = self.bound
        after = set(before)
        for branch in (node.body, node.elif_, node.else_):
            self.bound = set(before)
            self._all(branch)
            after |= self.bound
        self.bound = after

    def visit_For(self, node: nodes.For) -> None:
        self.visit(node.iter)
        with self._scope("loop"):
            self.visit(node.target)
            if node.test is not None:
                self._condition(node.test)
            self._all(node.body)
        with self._scope():
            self._all(node.else_)

    def visit_With(self, node: nodes.With) -> None:
        self._all(node.values)
        with self._scope():
            self._all(node.targets)
            self._all(node.body)

    def visit_Macro(self, node: nodes.Macro) -> None:
        self._all(node.defaults)
        self.bound.add(node.name)
        with self._scope("caller", "varargs", "kwargs", *self._hoisted):
            self._all(node.args)
            self._all(node.body)

    def visit_CallBlock(self, node: nodes.CallBlock) -> None:
        self.visit(node.call)
        self._all(node.defaults)
        with self._scope():
            self._all(node.args)
            self._all(node.body)

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> None:
        self.visit(node.filter)
        with self._scope():
            self._all(node.body)

    def visit_Block(self, node: nodes.Block) -> None:
        with self._scope("super", *self._hoisted):
            self._all(node.body)

    def visit_ScopedEvalContextModifier(self, node: nodes.ScopedEvalContextModifier) -> None:
        self._problem(node, "`autoescape` is not available in prompts", "prompts are text, not HTML")

    def visit_Include(self, node: nodes.Include) -> None:
        if node.ignore_missing:
            hint = "remove `ignore missing`; a named file must exist"
            self._problem(node, "an include that may be missing would change the prompt silently", hint)
        self._refer("include", node, with_context=node.with_context)

    def visit_Import(self, node: nodes.Import) -> None:
        self._refer("import", node, with_context=node.with_context)
        self.bound.update(_given(node))

    def visit_FromImport(self, node: nodes.FromImport) -> None:
        self._refer("import", node, with_context=node.with_context)
        self.bound.update(_given(node))

    def visit_Extends(self, node: nodes.Extends) -> None:
        self._refer("extends", node, with_context=True)

    def _refer(
        self,
        kind: Literal["include", "import", "extends"],
        node: nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends,
        *,
        with_context: bool,
    ) -> None:
        name = node.template
        if isinstance(name, nodes.Const) and isinstance(name.value, str):
            visible = frozenset(self.bound)
            wanted = _wanted(node) if isinstance(node, nodes.FromImport) else ()
            self.found.references.append(Reference(kind, name, node.lineno, visible, with_context, wanted))
        else:
            hint = 'choose with {% if %} around {% include "..." %}: values must not select files'
            self._problem(
                node, f"the file of an {kind} must be a quoted name", hint if kind == "include" else None
            )

    def _problem(self, node: nodes.Node, message: str, hint: str | None = None) -> None:
        self.found.problems.append(Problem(node.lineno, message, hint))
