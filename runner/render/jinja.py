"""Compile and render template texts in the Jinja sandbox of `environment`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from jinja2 import Template

from ..errors import RunnerError, TemplateError
from ..values import Json
from .environment import PromptEnvironment
from .limits import join_text, start_work
from .loader import Closure
from .runtime_errors import RUNTIME_ERRORS, explain, place_of
from .template_sources import Finder, LocatedUse, Source

__all__ = ["JinjaTexts"]


class JinjaTexts:
    """The texts of one prompt, compiled with every file they include; see Texts."""

    def __init__(
        self, sources: Sequence[Source], files: Finder, *, whitespace: Literal["trim", "raw"]
    ) -> None:
        self._closure = Closure(files)
        environment = PromptEnvironment(whitespace=whitespace, loader=self._closure)
        units = [self._closure.add(environment, source) for source in sources]
        self._templates = [
            (source.label, self._closure.template(unit)) for source, unit in zip(sources, units, strict=True)
        ]
        self.uses: Sequence[tuple[LocatedUse, ...]] = [unit.uses for unit in units]
        self.problems: Sequence[RunnerError] = self._closure.problems

    def render(self, values: dict[str, Json]) -> Iterator[str]:
        """See Texts."""
        for label, template in self._templates:
            assert template is not None, "texts with problems are not rendered"
            yield self._rendered(label, template, values)

    def _rendered(self, label: str, template: Template, values: dict[str, Json]) -> str:
        start_work()
        try:
            rendered = join_text(template.root_render_func(template.new_context(values)))
            if not rendered.isascii():
                rendered.encode()  # an escaped lone surrogate is not valid text
        except RUNTIME_ERRORS as error:
            message, hint = explain(error)
            name, line = place_of(error) or (template.name, 1)
            location = self._closure.sources[str(name)].locate(line, None)
            raise TemplateError(f"{label}: {message}", location=location, hint=hint) from error
        return rendered
