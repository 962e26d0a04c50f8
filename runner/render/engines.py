"""The engines of `template.engine`: what turns one template text and the variables into text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from jinja2 import Template

from ..errors import TemplateError
from ..files.model import Prompt
from ..values import Json
from .environment import PromptEnvironment
from .failures import RUNTIME_ERRORS, explain, place_of
from .limits import RefusedError, join_text
from .loader import Closure, ResolveReference, Source, Use
from .printing import text
from .wording import did_you_mean, kind_of

__all__ = ["Engine", "Jinja", "Simple", "TemplateText", "Verbatim"]


class TemplateText(Protocol):
    """One compiled template text. `uses` are the variables it reads, includes and all."""

    @property
    def uses(self) -> tuple[Use, ...]:
        """Each place where it reads a variable."""
        ...

    def render(self, values: dict[str, Json]) -> str:
        """The text for these variables. Raises TemplateError."""
        ...


class Engine(Protocol):
    """Compiles the texts of one prompt; what is wrong with them goes into `closure.problems`."""

    closure: Closure

    def compile(self, source: Source) -> TemplateText | None:
        """The compiled text, or None where a problem was noted."""
        ...


@dataclass(frozen=True, slots=True)
class _Constant:
    text: str
    uses: tuple[Use, ...] = ()

    def render(self, values: dict[str, Json]) -> str:
        return self.text


class Verbatim:
    """`engine: none`: the text as it stands."""

    def __init__(self, prompt: Prompt, resolve_reference: ResolveReference | None) -> None:
        self.closure = Closure(prompt.tree, resolve_reference)

    def compile(self, source: Source) -> TemplateText:
        """The text itself."""
        return _Constant(source.text)


class Simple(Verbatim):
    """`engine: simple`: each `{{ name }}` is replaced once, and `{{ name.key }}` looks into objects and lists."""

    def compile(self, source: Source) -> TemplateText:
        """Split the text at its variables."""
        return _SimpleText(source, tuple(_VARIABLE.split(source.text)))


_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class _SimpleText:
    """`parts` alternates between plain text and the dotted name of a variable."""

    source: Source
    parts: tuple[str, ...]

    @property
    def uses(self) -> tuple[Use, ...]:
        return tuple(
            Use(name.split(".")[0], self.source, self._line(position))
            for position, name in enumerate(self.parts)
            if position % 2
        )

    def _line(self, position: int) -> int:
        """The line of a variable: its lines before it, the variables among them on one line each or more."""
        found = list(_VARIABLE.finditer(self.source.text))[position // 2]
        return self.source.text.count("\n", 0, found.start(1)) + 1

    def render(self, values: dict[str, Json]) -> str:
        position = 0
        parts = list(self.parts)
        try:
            for position in range(1, len(parts), 2):
                parts[position] = text(_look_up(values, parts[position]))
            return join_text(parts)
        except RefusedError as fault:
            location = self.source.locate(self._line(position), None)
            raise TemplateError(
                f"{self.source.label}: {fault.message}", location=location, hint=fault.hint
            ) from None


def _look_up(value: Json, dotted: str) -> Json:
    for name in dotted.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            known = value if isinstance(value, Mapping) else ()
            message = f"{name!r} of {dotted!r} is nothing that this {kind_of(value)} has"
            raise RefusedError(message, did_you_mean(name, known) or None)
    return value


class Jinja:
    """`engine: jinja2`: the sandbox of `environment`."""

    def __init__(self, prompt: Prompt, resolve_reference: ResolveReference | None) -> None:
        self.closure = Closure(prompt.tree, resolve_reference)
        self._environment = PromptEnvironment(whitespace=prompt.template.whitespace, loader=self.closure)

    def compile(self, source: Source) -> TemplateText | None:
        """Compile the text and every file it includes."""
        if "{" not in source.text and "\r" not in source.text:
            return _Constant(source.text)  # what Jinja would make of it, without asking
        unit = self.closure.add(self._environment, source)
        if unit is None:
            return None
        return _JinjaText(source.label, self.closure.template(unit), self.closure, unit.uses)


@dataclass(frozen=True, slots=True)
class _JinjaText:
    label: str
    template: Template
    closure: Closure
    uses: tuple[Use, ...]

    def render(self, values: dict[str, Json]) -> str:
        template = self.template
        try:
            rendered = join_text(template.root_render_func(template.new_context(values)))
            if not rendered.isascii():
                rendered.encode()  # a lone surrogate, written as an escape, is no text
        except RUNTIME_ERRORS as error:
            message, hint = explain(error)
            name, line = place_of(error) or (template.name, 1)
            location = self.closure.sources[str(name)].locate(line, None)
            raise TemplateError(f"{self.label}: {message}", location=location, hint=hint) from error
        return rendered
