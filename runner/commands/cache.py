"""Implement `runner cache`: show the size of the response cache, or empty it."""

from __future__ import annotations

from contextlib import closing

from ..engine.pool.answer_cache import ResponseCache
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible
from .open_workspace import open_workspace

__all__ = ["clear_cache", "show_cache"]


def show_cache() -> int:
    """Print the number of answers, their size and their file."""
    with closing(ResponseCache(open_workspace().root)) as cache:
        count, size = cache.size()
    print_line(f"{plural(count, 'answer')}, {size / 1e6:.1f} MB in {visible(str(cache.path))}")
    return 0


def clear_cache() -> int:
    """Delete every answer."""
    with closing(ResponseCache(open_workspace().root)) as cache:
        count = cache.clear()
    print_line(
        "the cache was damaged and was deleted" if count is None else f"{plural(count, 'answer')} deleted"
    )
    return 0
