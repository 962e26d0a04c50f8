"""The engines of `template.engine`, which render the templates of one prompt with its variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import RunnerError, TemplateError
from ..files.github_prompt import PLACEHOLDER
from ..files.model import Template
from ..values import Json
from .limits import RefusedError, join_text, start_work
from .message_words import GLOBAL_NAMES, kind_of, suggestion
from .printing import text
from .sandbox import Sandbox, Texts
from .template_sources import Finder, LocatedUse, Source

__all__ = ["compile_texts"]


def compile_texts(template: Template, sources: Sequence[Source], files: Finder, sandbox: Sandbox) -> Texts:
    """Compile the texts of a prompt according to its `template`; Jinja templates are compiled in the sandbox."""
    match template.engine:
        case "none":
            return _Mixed([_Constant(source.text) for source in sources])
        case "simple":
            return _Mixed([_SimpleText.of(source, _VARIABLE, dotted=True) for source in sources])
        case "github":
            return _Mixed([_SimpleText.of(source, PLACEHOLDER, dotted=False) for source in sources])
    plain = [_without_jinja(source) for source in sources]
    rest = [source for source, known in zip(sources, plain, strict=True) if known is None]
    return _Mixed(plain, sandbox.compile(rest, files, whitespace=template.whitespace) if rest else None)


class _Text(Protocol):
    """A text that can be rendered without Jinja."""

    @property
    def uses(self) -> tuple[LocatedUse, ...]: ...

    def render(self, values: dict[str, Json]) -> str: ...


class _Mixed:
    """Texts that need no Jinja; each None among them is the next text of `rest`."""

    def __init__(self, plain: Sequence[_Text | None], rest: Texts | None = None) -> None:
        self._plain = plain
        self._rest = rest
        uses = iter(rest.uses if rest else ())
        self.uses: Sequence[Sequence[LocatedUse]] = [
            next(uses) if known is None else known.uses for known in plain
        ]
        self.problems: Sequence[RunnerError] = rest.problems if rest else ()

    def render(self, values: dict[str, Json]) -> Iterator[str]:
        """See Texts."""
        rest = self._rest.render(values) if self._rest else iter(())
        for known in self._plain:
            yield next(rest) if known is None else known.render(values)


@dataclass(frozen=True, slots=True)
class _Constant:
    text: str
    uses: tuple[LocatedUse, ...] = ()

    def render(self, values: dict[str, Json]) -> str:
        return self.text


_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class _SimpleText:
    """`engine: simple`: each `{{ name }}` is replaced once, and `{{ name.key }}` looks into objects and lists.

    `parts` alternates between plain text and the content of braces; `lines` are the line numbers of the latter.
    `dotted` says that dots separate keys; in GitHub's files they are part of the name.
    """

    source: Source
    parts: tuple[str, ...]
    lines: tuple[int, ...]
    dotted: bool

    @classmethod
    def of(cls, source: Source, variable: re.Pattern[str], *, dotted: bool) -> _SimpleText:
        """Split the text at its variables."""
        lines = [source.text.count("\n", 0, found.start(1)) + 1 for found in variable.finditer(source.text)]
        return cls(source, tuple(variable.split(source.text)), tuple(lines), dotted)

    @property
    def uses(self) -> tuple[LocatedUse, ...]:
        names = (written.split(".")[0] if self.dotted else written for written in self.parts[1::2])
        return tuple(
            LocatedUse(name, self.source, line) for name, line in zip(names, self.lines, strict=True)
        )

    def render(self, values: dict[str, Json]) -> str:
        parts = list(self.parts)
        line = 1
        start_work()
        try:
            for position in range(1, len(parts), 2):
                line, name = self.lines[position // 2], parts[position]
                parts[position] = text(_look_up(values, name) if self.dotted else values[name])
            return join_text(parts)
        except RefusedError as error:
            raise _failed(self.source, line, error) from None


def _look_up(value: Json, dotted: str) -> Json:
    for name in dotted.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            known = value if isinstance(value, Mapping) else ()
            message = f"{name!r} of {dotted!r} does not exist in {kind_of(value)}"
            raise RefusedError(message, suggestion(name, known) or None)
    return value


_ONE_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_NO_VARIABLES = {"true", "false", "none", "True", "False", "None", "self", "not", *GLOBAL_NAMES}


def _without_jinja(source: Source) -> _Text | None:
    """Return a text that needs no Jinja to render; None if it may need it."""
    if "{" not in source.text and "\r" not in source.text:
        return _Constant(source.text)
    if (whole := _ONE_VARIABLE.fullmatch(source.text)) and whole[1] not in _NO_VARIABLES:
        return _Whole(whole[1], source)
    return None


@dataclass(frozen=True, slots=True)
class _Whole:
    """A text that is one variable and nothing else, such as an image as a data URL: the value at its full length.

    The limits apply to what templates produce; a string that the caller passes in is passed on.
    """

    name: str
    source: Source

    @property
    def uses(self) -> tuple[LocatedUse, ...]:
        return (LocatedUse(self.name, self.source, 1),)

    def render(self, values: dict[str, Json]) -> str:
        start_work()
        try:
            return text(values[self.name])
        except RefusedError as error:
            raise _failed(self.source, 1, error) from None


def _failed(source: Source, line: int, error: RefusedError) -> TemplateError:
    location = source.locate(line, None)
    return TemplateError(f"{source.label}: {error.message}", location=location, hint=error.hint)
