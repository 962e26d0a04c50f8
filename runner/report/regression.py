"""How a regression run looks: silent where nothing changed, a field table where something did, one line at the end."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TextIO

from ..engine.journal.record import Record
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.tally import Tally
from .console import wants_color, wants_live
from .figures import count, dollars, duration, plural, whole_seconds
from .outlet import Outlet
from .painting import BOLD, DIM, Line
from .progress import SEPARATOR
from .regression_closing import closing_lines, last_line, sentences
from .regression_digest import RegressionDigest, case_name, sort_of
from .visible import one_line, shorten, visible

__all__ = ["RegressionReporter"]

_MANY = 200
_LIVE_EVERY = 0.1
_PLAIN_EVERY = 5.0


class RegressionReporter:
    """Shows a regression run on `stream` (standard output unless given): start, a case at a time, tick, finish.

    A case that is as it was leaves no line, whatever their number. A person's terminal gets a line of counts that is
    redrawn at most ten times a second; anything else gets a line for each case that has a new answer, up to 200, and one of
    counts every five seconds. What has to be looked at is told at the end. `live`, `color` and `width` follow the
    stream and the environment unless given. What it keeps has an upper bound, and everything that came from elsewhere
    is shown with its control characters spelt out.

    As a context manager it leaves the terminal in order whatever happens.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        color: bool | None = None,
        width: int | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = Outlet.of(sys.stdout if stream is None else stream)
        self._is_live = wants_live(self._stream.text, environ) if live is None else live
        self._color = wants_color(self._stream.text, environ) if color is None else color
        self._given_width = width
        self._clock = clock
        self._digest = RegressionDigest()
        self._answers = 0
        self._began = self._next = 0.0
        self._drawn = False

    def start(self, *, title: str) -> None:
        """Begin; `title` says what runs."""
        self._began = self._clock()
        self._next = self._began + (_LIVE_EVERY if self._is_live else _PLAIN_EVERY)
        self._print(Line(visible(title), BOLD))

    def case(self, result: CaseResult) -> None:
        """Take in one case."""
        self._digest.add(result)
        if (result.called or result.cached) and not self._is_live and self._digest.answered <= _MANY:
            self._print(_case_line(result))
        self.tick()

    def record(self, record: Record) -> None:
        """Take in one answer; the case it belongs to is told when it is decided."""
        self._answers += 1
        self.tick()

    def tick(self) -> None:
        """Show how far the run is, if it is time to; call it as often as you like."""
        now = self._clock()
        if now < self._next:
            return
        line = self._progress(now - self._began)
        if self._is_live:
            self._next = now + _LIVE_EVERY
            # A full last column makes some terminals wrap.
            self._stream.control("\r\x1b[2K")
            self._stream.write(f"  {shorten(line, max(self._width - 3, 1))}")
            self._stream.flush()
            self._drawn = True
        else:
            self._next = now + _PLAIN_EVERY
            self._print(Line(line))

    def note(self, text: str) -> None:
        """Say something now: a pause, a model being loaded."""
        self._print(Line(visible(text), DIM))

    def unreferenced(self, file: str) -> None:
        """A snapshot that no case refers to, told at the end."""
        self._digest.unreferenced.add(lambda: file)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """End: the cases to look at, what to do about them, and the totals of `tally`; `complete` unless cut short."""
        digest = self._digest
        for line in closing_lines(digest, width=self._width if self._is_live else None):
            self._print(line)
        told = list(sentences(digest, unreferenced=tally.unreferenced, modes=modes))
        if told:
            self._print(Line(""))
            for sentence in told:
                self._print(Line(sentence))
        self._print(last_line(digest, tally, seconds=seconds, complete=complete))

    def close(self) -> None:
        """Take the progress off the screen; closing twice is harmless."""
        if self._drawn:
            self._stream.control("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _width(self) -> int:
        return self._given_width or shutil.get_terminal_size().columns

    def _progress(self, seconds: float) -> str:
        digest = self._digest
        parts = [plural(digest.seen, "case")]
        for number, words in (
            (digest.failures.total, "failed"),
            (digest.flaky.total, "flaky"),
            (digest.waiting.total, "to review"),
            (digest.outdated.total, "out of date"),
        ):
            if number:
                parts.append(f"{count(number)} {words}")
        if self._answers:
            parts.append(plural(self._answers, "answer"))
        if digest.cost is not None:
            parts.append(dollars(digest.cost))
        return SEPARATOR.join([*parts, whole_seconds(seconds)])

    def _print(self, line: Line) -> None:
        self.close()
        self._stream.line(line.painted(color=self._color))


def _case_line(result: CaseResult) -> Line:
    parts = ["pass" if result.verdict == "pass" else sort_of(result), one_line(case_name(result))]
    if result.cached and not result.called:
        parts.append("cached")
    elif result.latency_ms is not None:
        parts.append(duration(result.latency_ms / 1000))
    return Line("  ".join([f"{parts[0]:9}", *parts[1:]]))
