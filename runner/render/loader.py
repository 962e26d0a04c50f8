"""The files a prompt's templates include, found and checked before anything is rendered.

Names in `include`, `import` and `extends` are constants, relative to the file they stand in; `alias:name` is for a
pack and goes to a hook. Each file is read once, checked, compiled under a name of ours and kept in memory, so
rendering reads no disk and a value can never select a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound

from ..errors import Location, RunnerError, TemplateError
from ..files.text import decode
from ..files.tree import Tree, resolve
from .analysis import Problem, Reference, analyze
from .environment import GLOBALS, PromptEnvironment
from .limits import MAX_DEPTH, MAX_FILES
from .syntax import CompileError, compile_tree, parse
from .wording import did_you_mean

__all__ = ["Closure", "ResolveReference", "Source", "Unit", "Use"]

ResolveReference = Callable[[str, Location], tuple[Tree, str]]
"""Finds what `alias:name` means: the tree and the file in it. The location is where the name stands; raises FileError."""

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:[^/].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one template: a message's or a file's. `label` is how messages call it (`messages[0]`).

    `locate(line, column)` turns a place in the text, counted from 1, into one in the user's file. `tree` and `file` are what its
    relative names start from.
    """

    text: str
    label: str
    locate: Callable[[int, int | None], Location]
    tree: Tree
    file: str

    def find(self, name: str, line: int) -> Location:
        """Where `name` is used on a line of this text; without a column where that is not certain."""
        lines = self.text.split("\n")
        text = lines[line - 1] if line <= len(lines) else ""
        found = re.search(r"\{[{%](?:(?![%}]\}).)*?(?<![\w.'\"])(" + re.escape(name) + r")(?![\w'\"])", text)
        return self.locate(line, found.start(1) + 1 if found else None)


@dataclass(frozen=True, slots=True)
class Use:
    """A variable that a message reads, itself or in a file it includes. `guarded`: it may be missing."""

    name: str
    source: Source
    line: int
    guarded: bool = False

    @property
    def location(self) -> Location:
        """Where it is read."""
        return self.source.find(self.name, self.line)


@dataclass(frozen=True, slots=True)
class Unit:
    """One compiled template. `uses` covers what it includes as well; `exports` are the names it sets."""

    name: str
    uses: tuple[Use, ...]
    exports: frozenset[str]


class Closure(BaseLoader):
    """All templates of one prompt. `problems` gathers what is wrong with them, each at its own line.

    `files` are the included files in the order in which they were met.
    """

    has_source_access = False

    def __init__(self, home: Tree, resolve_reference: ResolveReference | None) -> None:
        self.problems: list[RunnerError] = []
        self.sources: dict[str, Source] = {}
        self._templates: dict[str, Template] = {}
        self._units: dict[tuple[int, str], Unit | None] = {}
        self._open: list[tuple[int, str]] = []
        self._trees = {id(home): home}
        self._home = home
        self._resolve_reference = resolve_reference
        self._hidden: set[tuple[str, int, str]] = set()

    @property
    def files(self) -> tuple[str, ...]:
        """The included files: their path in the prompt's tree, for another tree the name shown to users."""
        trees = ((self._trees[tree], file) for tree, file in self._units)
        return tuple(file if tree is self._home else tree.shown(file) for tree, file in trees)

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's signature
    ) -> Template:
        """Jinja asks for an included file by the name that `add` wrote into the tree."""
        try:
            return self._templates[name]
        except KeyError:
            raise TemplateNotFound(name) from None

    def add(self, environment: PromptEnvironment, source: Source) -> Unit:
        """Compile a template with everything it includes; without code (`template`) where a problem was noted."""
        before = len(self.problems)
        name = f"t{len(self.sources)}"
        self.sources[name] = source
        try:
            tree = parse(environment, source.text)
        except CompileError as error:
            self._note(source, error.problem)
            return Unit(name, (), frozenset())
        found = analyze(tree)
        for problem in found.problems:
            self._note(source, problem)
        uses = [Use(use.name, source, use.line, use.guarded) for use in found.uses if use.name not in GLOBALS]
        for reference in found.references:
            unit = self._follow(environment, source, reference)
            if unit is not None:
                self._check_wanted(source, reference, unit)
                uses = self._merge(reference, uses, unit, found.exports)
                reference.node.value = unit.name
        if len(self.problems) == before:
            try:
                self._templates[name] = compile_tree(environment, tree, name)
            except CompileError as error:
                self._note(source, error.problem)
        return Unit(name, tuple(uses), found.exports)

    def template(self, unit: Unit) -> Template | None:
        """The code of a unit; None where it has problems."""
        return self._templates.get(unit.name)

    def _check_wanted(self, source: Source, reference: Reference, unit: Unit) -> None:
        """Whether a file defines what is imported from it; one that does not parse has been told already."""
        for name in reference.wanted:
            if name not in unit.exports and unit.name in self._templates:
                hint = did_you_mean(name, unit.exports) or None
                self._note(source, Problem(reference.line, f"{reference.name} defines no {name!r}", hint))

    def _merge(self, reference: Reference, uses: list[Use], unit: Unit, exports: frozenset[str]) -> list[Use]:
        """The uses of a template together with those of a file it names, less what each sets for the other."""
        if reference.kind == "extends":
            # Blocks see what either file sets at its top level.
            own = [use for use in uses if use.name not in unit.exports]
            return own + [use for use in unit.uses if use.name not in reference.visible | exports]
        if reference.with_context:
            return uses + [use for use in unit.uses if use.name not in reference.visible]
        for use in unit.uses:
            if not use.guarded and (key := (unit.name, use.line, use.name)) not in self._hidden:
                self._hidden.add(key)
                hint = f"import it `with context`, or make {use.name!r} an argument of the macro"
                message = f"variable {use.name!r} is out of sight in a file that is used without context"
                self.problems.append(TemplateError(message, location=use.location, hint=hint))
        return uses

    def _follow(self, environment: PromptEnvironment, source: Source, reference: Reference) -> Unit | None:
        """The unit of a file that `source` names, read and compiled on first sight."""
        location = Location(source.file)  # found out only for an error: it takes reading the YAML once more
        try:
            tree, file = self._find(source, reference, location)
            key = (id(tree), file)
            if key in self._open:
                chain = [name for _, name in self._open[self._open.index(key) :]]
                raise TemplateError(
                    f"{reference.kind} goes in a circle: " + " -> ".join([*chain, file]), location=location
                )
            if key in self._units:
                return self._units[key]
            if len(self._open) >= MAX_DEPTH:
                raise TemplateError(f"files include each other more than {MAX_DEPTH} deep", location=location)
            if len(self._units) >= MAX_FILES:
                raise TemplateError(f"the prompt includes more than {MAX_FILES} files", location=location)
            shown = tree.shown(file)
            # The last line end closes the last line of a file; it is no part of the sentence it is included in.
            text = decode(tree.read(file, location=location), shown).removesuffix("\n")
        except RunnerError as error:
            if error.location is location:
                error.location = source.locate(reference.line, None)
            self.problems.append(error)
            return None
        self._trees[id(tree)] = tree  # keeps it, so that its id stays its own

        def locate(line: int, column: int | None) -> Location:
            return Location(shown, line, column)

        self._units[key] = None
        self._open.append(key)
        unit = self.add(environment, Source(text, shown, locate, tree, file))
        self._open.pop()
        self._units[key] = unit
        return unit

    def _find(self, source: Source, reference: Reference, location: Location) -> tuple[Tree, str]:
        name = reference.name
        if not _REFERENCE.fullmatch(name):
            return source.tree, resolve(source.file, name, location=location)
        if self._resolve_reference is None:
            hint = "a colon stands between a pack's alias and a name; no packs are available here"
            raise TemplateError(f"{name!r} is not a file of this project", location=location, hint=hint)
        return self._resolve_reference(name, source.locate(reference.line, None))

    def _note(self, source: Source, problem: Problem) -> None:
        location = source.locate(problem.line, None)
        self.problems.append(TemplateError(problem.message, location=location, hint=problem.hint))
