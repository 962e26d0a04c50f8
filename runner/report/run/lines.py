"""Render a run in progress with rich: its progress line, and single records."""

from __future__ import annotations

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...engine.journal.counters import Counters
from ...engine.journal.record import Record
from ..terminal.figures import duration
from ..terminal.progress import SEPARATOR, ProgressPart, fitted, line_width
from ..terminal.record_words import answer, label, reason, status
from ..terminal.terminal_text import one_line, shorten
from .closing import STYLES

__all__ = ["progress_line", "record_line"]

_BARS = (24, 16, 10)  # few lengths, so that the bar does not change with every figure
_INDENT = 2
_GAP = 2
_SAID = 200


def progress_line(parts: list[ProgressPart], counters: Counters, *, width: int) -> RenderableType:
    """Return a bar, if the total is known and there is room, and the parts that fit, on one line."""
    room = width - _INDENT - 1  # text in the last column makes some terminals wrap
    bar = counters.total is not None
    shown = fitted(parts, room - (_BARS[-1] + _GAP if bar else 0))
    text = Text(no_wrap=True)
    for number, part in enumerate(shown):
        if number:
            text.append(SEPARATOR, "dim")
        text.append(part.text, part.style)
    text.truncate(room, overflow="ellipsis")
    line = Table.grid()
    line.add_column(width=_INDENT)
    size = next((size for size in _BARS if size <= room - _GAP - line_width(shown)), None)
    if bar and size is not None:
        progress = ProgressBar(
            total=counters.total or 1, completed=counters.done, width=size,
            complete_style="green", finished_style="green", style="dim",
        )  # fmt: skip
        line.add_column(width=size + _GAP)
        line.add_column()
        line.add_row("", progress, text)
    else:
        line.add_column()
        line.add_row("", text)
    return line


def record_line(record: Record, *, with_answer: bool, width: int | None = None) -> Text:
    """Return `pass   triage/refund-late  0.41 s`, then the reason or the beginning of the answer, cut at `width`."""
    word = status(record)
    parts = [one_line(label(record))]
    if record["cached"]:
        parts.append("cached")
    elif record["latency_ms"] is not None:
        parts.append(duration(record["latency_ms"] / 1000))
    if word != "pass":
        parts.append(shorten(one_line(reason(record)), _SAID))
    elif record["outcome"] != "ok":
        parts.append(f"{record['outcome']} as expected")
    if with_answer and word == "pass":
        parts.append(shorten(one_line(answer(record) or ""), _SAID))
    rest = "  ".join(parts)
    return Text.assemble(
        (f"{word:5}", STYLES[word]), "  ", rest if width is None else shorten(rest, max(width - 8, 20))
    )
