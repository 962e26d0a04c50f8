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
from .environment import GLOBALS, PromptEnvironment
from .failures import RUNTIME_ERRORS, explain, place_of
from .limits import RefusedError, join_text, start_work
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

    def compile(self, source: Source) -> TemplateText:
        """The compiled text; of no use but for its `uses` where a problem was noted."""
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


_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_INDEX = re.compile(r"[0-9]{1,9}")


class Simple(Verbatim):
    """`engine: simple`: each `{{ name }}` is replaced once, and `{{ name.key }}` looks into objects and lists."""

    def compile(self, source: Source) -> TemplateText:
        """Split the text at its variables."""
        lines = [source.text.count("\n", 0, found.start(1)) + 1 for found in _VARIABLE.finditer(source.text)]
        return _SimpleText(source, tuple(_VARIABLE.split(source.text)), tuple(lines))


@dataclass(frozen=True, slots=True)
class _SimpleText:
    """`parts` alternates between plain text and the dotted name of a variable; `lines` are those of the variables."""

    source: Source
    parts: tuple[str, ...]
    lines: tuple[int, ...]

    @property
    def uses(self) -> tuple[Use, ...]:
        names = (dotted.split(".")[0] for dotted in self.parts[1::2])
        return tuple(Use(name, self.source, line) for name, line in zip(names, self.lines, strict=True))

    def render(self, values: dict[str, Json]) -> str:
        parts = list(self.parts)
        line = 1
        start_work()
        try:
            for position in range(1, len(parts), 2):
                line = self.lines[position // 2]
                parts[position] = text(_look_up(values, parts[position]))
            return join_text(parts)
        except RefusedError as error:
            location = self.source.locate(line, None)
            raise TemplateError(
                f"{self.source.label}: {error.message}", location=location, hint=error.hint
            ) from None


def _look_up(value: Json, dotted: str) -> Json:
    for name in dotted.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            known = value if isinstance(value, Mapping) else ()
            message = f"{name!r} of {dotted!r} is nothing that {kind_of(value)} has"
            raise RefusedError(message, did_you_mean(name, known) or None)
    return value


class Jinja:
    """`engine: jinja2`: the sandbox of `environment`."""

    def __init__(self, prompt: Prompt, resolve_reference: ResolveReference | None) -> None:
        self.closure = Closure(prompt.tree, resolve_reference)
        self._environment = PromptEnvironment(whitespace=prompt.template.whitespace, loader=self.closure)

    def compile(self, source: Source) -> TemplateText:
        """Compile the text and every file it includes."""
        if "{" not in source.text and "\r" not in source.text:
            return _Constant(source.text)  # what Jinja would make of it, without asking
        if (whole := _ONE_VARIABLE.fullmatch(source.text)) and whole[1] not in _NO_VARIABLES:
            return _Whole(whole[1], source)
        unit = self.closure.add(self._environment, source)
        template = self.closure.template(unit)
        if template is None:
            return _Constant("", unit.uses)  # is never rendered: the prompt has problems
        return _JinjaText(source.label, template, self.closure, unit.uses)


_ONE_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_NO_VARIABLES = {"true", "false", "none", "True", "False", "None", "self", "not", *GLOBALS}


@dataclass(frozen=True, slots=True)
class _Whole:
    """A text that is one variable and nothing else, such as an image as a data URL: the value at its full length.

    The limits are for what templates make; a string that the caller hands over is handed on.
    """

    name: str
    source: Source

    @property
    def uses(self) -> tuple[Use, ...]:
        return (Use(self.name, self.source, 1),)

    def render(self, values: dict[str, Json]) -> str:
        start_work()
        try:
            return text(values[self.name])
        except RefusedError as error:
            location = self.source.locate(1, None)
            raise TemplateError(
                f"{self.source.label}: {error.message}", location=location, hint=error.hint
            ) from None


@dataclass(frozen=True, slots=True)
class _JinjaText:
    label: str
    template: Template
    closure: Closure
    uses: tuple[Use, ...]

    def render(self, values: dict[str, Json]) -> str:
        template = self.template
        start_work()
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
