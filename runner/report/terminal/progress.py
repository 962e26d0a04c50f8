"""Show the progress of a run on one line of a given width."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ...engine.journal.counters import Counters
from .figures import count, dollars, plural, whole_seconds
from .terminal_text import cell_width

__all__ = ["SEPARATOR", "Pace", "ProgressPart", "fitted", "line_width", "segments"]

SEPARATOR = " · "
_WINDOW = 30.0


@dataclass(slots=True)
class Pace:
    """Records per second over the last half minute, so that cached answers do not promise an early end."""

    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def mark(self, seconds: float, done: int) -> None:
        """Note how many records are done at `seconds` on the caller's clock; drop more than two notes per second."""
        if not self._marks or seconds - self._marks[-1][0] >= 0.5:
            self._marks.append((seconds, done))
        while seconds - self._marks[0][0] > _WINDOW and len(self._marks) > 1:
            self._marks.popleft()

    def rate(self, seconds: float, done: int) -> float | None:
        """Return records per second; of the whole run if the last half minute had none; None before the first record."""
        since, before = self._marks[0] if self._marks else (0.0, 0)
        if done > before and seconds - since >= 0.5:
            return (done - before) / (seconds - since)
        return done / seconds if done and seconds >= 0.5 else None


@dataclass(frozen=True, slots=True)
class ProgressPart:
    """A part of the line. `style` is a rich style; parts with a higher `rank` are dropped first if space is short."""

    text: str
    style: str = ""
    rank: int = 0


def segments(counters: Counters, *, seconds: float, rate: float | None) -> list[ProgressPart]:
    """Return the parts of a progress line, `seconds` after the start."""
    of = f"/{count(counters.total)}" if counters.total is not None else " done"
    parts = [
        ProgressPart(f"{count(counters.done)}{of}", "bold"),
        ProgressPart(f"{count(counters.passed)} passed", "green" if counters.passed else "dim"),
    ]
    if counters.failed:
        parts.append(ProgressPart(f"{count(counters.failed)} failed", "red"))
    if counters.errors:
        parts.append(ProgressPart(plural(counters.errors, "error"), "yellow"))
    if counters.cached:
        parts.append(ProgressPart(f"{count(counters.cached)} cached", "dim", rank=5))
    if rate is not None:
        parts.append(
            ProgressPart(f"{rate:.1f}/s" if rate < 100 else f"{count(round(rate))}/s", "dim", rank=3)
        )
    tokens = counters.prompt_tokens + counters.completion_tokens
    if tokens:
        parts.append(ProgressPart(f"{count(tokens)} tokens", "dim", rank=4))
    if counters.cost is not None:
        parts.append(ProgressPart(dollars(counters.cost), "dim", rank=2))
    if rate is not None and counters.total is not None and counters.done < counters.total:
        parts.append(
            ProgressPart(f"{whole_seconds(max(1, (counters.total - counters.done) / rate))} left", "", rank=1)
        )
    else:
        parts.append(ProgressPart(whole_seconds(seconds), "", rank=1))
    return parts


def fitted(parts: list[ProgressPart], width: int) -> list[ProgressPart]:
    """Return the parts that fit into `width` columns with separators between them; those of rank 0 always stay."""
    kept = list(parts)
    while line_width(kept) > width and any(part.rank for part in kept):
        kept.remove(max(kept, key=lambda part: part.rank))
    return kept


def line_width(parts: list[ProgressPart]) -> int:
    """Return the number of columns that the parts need, with separators between them."""
    return cell_width(SEPARATOR.join(part.text for part in parts))
