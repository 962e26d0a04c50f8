"""A rich console that escapes control characters in texts, but keeps its own codes."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .terminal_text import visible

__all__ = ["SafeConsole"]


class SafeConsole(Console):
    """Escapes harmful characters in every piece of text, whatever it is part of."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of a renderable, with their texts escaped."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
