"""The sandbox interface: the seam between a prompt and the code that parses, compiles and renders its templates.

There are two sandboxes: this process (`IN_PROCESS`), and a separate process with limits on memory and time
(`runner.isolation`). Their results are byte for byte the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from ..errors import RunnerError
from ..values import Json
from .template_sources import Finder, LocatedUse, Source

__all__ = ["IN_PROCESS", "Expression", "Members", "Sandbox", "Texts"]


class Members(NamedTuple):
    """The members of an object that an expression reads by name, and those of them that may be missing.

    `whole`: the expression also uses the object in a way that may read any member.
    """

    names: frozenset[str]
    optional: frozenset[str]
    whole: bool


class Texts(Protocol):
    """Some template texts, compiled together."""

    @property
    def uses(self) -> Sequence[Sequence[LocatedUse]]:
        """Return, for each text, the places where it reads a variable, including those in included files."""
        ...

    @property
    def problems(self) -> Sequence[RunnerError]:
        """Return what is wrong with the texts; texts with problems must not be rendered."""
        ...

    def render(self, values: dict[str, Json]) -> Iterator[str]:
        """Yield each text rendered with these variables. Raises TemplateError in place of a text that fails."""
        ...


class Expression(Protocol):
    """A compiled expression over some names."""

    @property
    def reads(self) -> Mapping[str, Members]:
        """Return the names that it reads, with the members of each."""
        ...

    def evaluate(self, **values: Json) -> Json:
        """Return the value of the expression for these values. Raises ValueError with one sentence for its author."""
        ...


class Sandbox(Protocol):
    """A place where Jinja runs."""

    def start(self) -> None:
        """Make it ready for use. Raises ConfigError if it cannot be set up."""
        ...

    def close(self) -> None:
        """Release its resources, such as a process. Texts that were compiled here can no longer be rendered."""
        ...

    def compile(
        self, sources: Sequence[Source], files: Finder, *, whitespace: Literal["trim", "raw"]
    ) -> Texts:
        """Compile the texts of one prompt, and all files from `files` that they include."""
        ...

    def expression(self, source: str, *, names: frozenset[str]) -> Expression:
        """Compile an expression that may read `names` and nothing else. Raises ValueError like its `evaluate`."""
        ...


class _InProcess:
    """Runs Jinja in the current process. Jinja is imported for the first prompt that needs it."""

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    def compile(
        self, sources: Sequence[Source], files: Finder, *, whitespace: Literal["trim", "raw"]
    ) -> Texts:
        from .jinja import JinjaTexts

        return JinjaTexts(sources, files, whitespace=whitespace)

    def expression(self, source: str, *, names: frozenset[str]) -> Expression:
        from .expressions import compile_expression

        return compile_expression(source, names=names)


IN_PROCESS: Sandbox = _InProcess()
