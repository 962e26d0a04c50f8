"""rich's console, through which no control character of a text gets: its own codes do."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .terminal_text import visible

__all__ = ["SafeConsole"]


class SafeConsole(Console):
    """Spells out what is harmful in every piece of text, whatever it is a part of."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, their texts visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
