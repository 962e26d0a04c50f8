"""Load the files that a prompt's templates include, and check them before anything is rendered.

Each file is compiled once, under a name that runner assigns, and kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound

from ..errors import RunnerError, TemplateError
from .analysis import Problem, Reference, analyze
from .environment import PromptEnvironment
from .limits import MAX_DEPTH, OutOfTimeError
from .message_words import GLOBAL_NAMES, suggestion
from .syntax import CompileError, compile_tree, parse
from .template_sources import Finder, LocatedUse, Source

__all__ = ["Closure", "LoadedTemplate"]


@dataclass(frozen=True, slots=True)
class LoadedTemplate:
    """A compiled template. `uses` includes the uses in included files; `exports` are the names that it sets."""

    name: str
    uses: tuple[LocatedUse, ...]
    exports: frozenset[str]


class Closure(BaseLoader):
    """All templates of one prompt. `problems` collects their errors, each at its own line."""

    has_source_access = False

    def __init__(self, files: Finder) -> None:
        self.problems: list[RunnerError] = []
        self.sources: dict[str, Source] = {}
        self._files = files
        self._templates: dict[str, Template] = {}
        self._units: dict[Source, LoadedTemplate | None] = {}
        self._open: list[Source] = []
        self._hidden: set[tuple[str, int, str]] = set()

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja's signature
    ) -> Template:
        """Return an included file to Jinja, by the name that `add` wrote into the tree."""
        try:
            return self._templates[name]
        except KeyError:
            raise TemplateNotFound(name) from None

    def add(self, environment: PromptEnvironment, source: Source) -> LoadedTemplate:
        """Compile a template with everything it includes. If there are problems it has no code (see `template`)."""
        name = f"t{len(self.sources)}"
        self.sources[name] = source
        try:
            return self._compiled(environment, source, name)
        except CompileError as error:
            self._note(source, error.problem)
            return LoadedTemplate(name, (), frozenset())
        except OutOfTimeError as error:
            error.source = error.source or source
            raise

    def _compiled(self, environment: PromptEnvironment, source: Source, name: str) -> LoadedTemplate:
        before = len(self.problems)
        tree = parse(environment, source.text)
        found = analyze(tree)
        for problem in found.problems:
            self._note(source, problem)
        # Many includes of one file repeat the same uses: each is kept once.
        uses = dict.fromkeys(
            LocatedUse(use.name, source, use.line, use.guarded, use.tested)
            for use in found.uses
            if use.name not in GLOBAL_NAMES
        )
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
        return LoadedTemplate(name, tuple(uses), found.exports)

    def template(self, unit: LoadedTemplate) -> Template | None:
        """Return the code of a unit; None if it has problems."""
        return self._templates.get(unit.name)

    def _check_wanted(self, source: Source, reference: Reference, unit: LoadedTemplate) -> None:
        """Note a problem if a file does not define what is imported from it, unless the file itself has problems."""
        for name in reference.wanted:
            if name not in unit.exports and unit.name in self._templates:
                hint = suggestion(name, unit.exports) or None
                self._note(source, Problem(reference.line, f"{reference.name} defines no {name!r}", hint))

    def _merge(
        self,
        reference: Reference,
        uses: dict[LocatedUse, None],
        unit: LoadedTemplate,
        exports: frozenset[str],
    ) -> dict[LocatedUse, None]:
        """Return the uses of a template and of a file that it names, except variables that one sets for the other."""
        if reference.kind == "extends":
            # Blocks see what either file sets at its top level.
            own = dict.fromkeys(use for use in uses if use.name not in unit.exports)
            return own | _unset(unit, reference.visible | exports)
        if reference.with_context:
            uses.update(_unset(unit, reference.visible))
            return uses
        for use in unit.uses:
            if not use.guarded and (key := (unit.name, use.line, use.name)) not in self._hidden:
                self._hidden.add(key)
                hint = f"import it `with context`, or make {use.name!r} an argument of the macro"
                message = f"variable {use.name!r} is not visible in a file that is used without context"
                self.problems.append(TemplateError(message, location=use.location, hint=hint))
        return uses

    def _follow(
        self, environment: PromptEnvironment, source: Source, reference: Reference
    ) -> LoadedTemplate | None:
        """Return the unit of a file that `source` names; it is compiled the first time it is named."""
        try:
            named = self._files.find(source, reference.name, reference.line)
        except RunnerError as error:
            self.problems.append(error)
            return None
        if named in self._open:
            chain = [each.file for each in self._open[self._open.index(named) :]]
            circle = " -> ".join([*chain, named.file])
            self._note(source, Problem(reference.line, f"{reference.kind} is circular: {circle}"))
            return None
        if named in self._units:
            return self._units[named]
        if len(self._open) >= MAX_DEPTH:
            too_deep = f"files include each other more than {MAX_DEPTH} deep"
            self._note(source, Problem(reference.line, too_deep))
            return None
        self._units[named] = None
        self._open.append(named)
        unit = self.add(environment, named)
        self._open.pop()
        self._units[named] = unit
        return unit

    def _note(self, source: Source, problem: Problem) -> None:
        location = source.locate(problem.line, None)
        self.problems.append(TemplateError(problem.message, location=location, hint=problem.hint))


def _unset(unit: LoadedTemplate, names: Iterable[str]) -> dict[LocatedUse, None]:
    return dict.fromkeys(use for use in unit.uses if use.name not in names)
