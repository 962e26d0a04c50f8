"""Where Jinja runs: the seam between a prompt and what parses, compiles and renders its templates.

There are two such places: this process (`IN_PROCESS`), and a process of its own with limits of memory and time
(`runner.isolation`). What they give is the same to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from ..errors import RunnerError
from ..values import Json
from .sources import Finder, Source, Use

__all__ = ["IN_PROCESS", "Expression", "Members", "Sandbox", "Texts"]


class Members(NamedTuple):
    """The members of an object that an expression reads by name, and those of them that may be missing.

    `whole`: it does something else with the object as well, which may read any member.
    """

    names: frozenset[str]
    optional: frozenset[str]
    whole: bool


class Texts(Protocol):
    """Some template texts, compiled together."""

    @property
    def uses(self) -> Sequence[Sequence[Use]]:
        """Of each text the places where it reads a variable, includes and all."""
        ...

    @property
    def problems(self) -> Sequence[RunnerError]:
        """What is wrong with them; texts with problems are not to be rendered."""
        ...

    def render(self, values: dict[str, Json]) -> Iterator[str]:
        """Each text for these variables, one after the other. Raises TemplateError in the place of one that fails."""
        ...


class Expression(Protocol):
    """A compiled expression over some names."""

    @property
    def reads(self) -> Mapping[str, Members]:
        """Those of the names that it reads, and what of them."""
        ...

    def evaluate(self, **values: Json) -> Json:
        """The value of the expression for these values. Raises ValueError with one sentence for its author."""
        ...


class Sandbox(Protocol):
    """A place where Jinja runs."""

    def start(self) -> None:
        """See to it that it can be used. Raises ConfigError where it cannot be set up."""
        ...

    def close(self) -> None:
        """Give up what it holds, such as a process. What was compiled here renders no more."""
        ...

    def compile(
        self, sources: Sequence[Source], files: Finder, *, whitespace: Literal["trim", "raw"]
    ) -> Texts:
        """Compile the texts of one prompt, and of every file they include, out of `files`."""
        ...

    def expression(self, source: str, *, names: frozenset[str]) -> Expression:
        """Compile an expression that may read `names` and nothing else. Raises ValueError like its `evaluate`."""
        ...


class _InProcess:
    """Runs Jinja where it is called. It is loaded by the first prompt that needs it."""

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
