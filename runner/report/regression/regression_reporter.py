"""Show a regression run: nothing for unchanged cases, a field table for changes, one line at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO, Unpack

from ...engine.journal.record import Record
from ...regress.modes import Modes
from ...regress.results import CaseResult
from ...regress.tally import Tally
from ..terminal.figures import count, dollars, duration, plural, whole_seconds
from ..terminal.painting import BOLD, DIM, Line
from ..terminal.progress import SEPARATOR
from ..terminal.reporter import LINES_PER_RUN, Reporter, ReporterOptions
from ..terminal.terminal_text import one_line, shorten, visible, wrapped
from .gate_lines import gate_lines
from .regression_closing import closing_lines, next_steps, sentences, total_lines
from .regression_digest import RegressionDigest, case_name, sort_of

if TYPE_CHECKING:
    from ...regress.gates.gate_results import GateResult

__all__ = ["RegressionReporter"]


class RegressionReporter(Reporter):
    """Shows a regression run on `stream` (default: standard output): start, one case at a time, tick, finish.

    Unchanged cases print nothing; in a pipe, a case with a new answer prints one line. Cases to look at are reported at
    the end. Its memory use is bounded, and all foreign text is shown with control characters escaped. See Reporter.
    """

    def __init__(self, stream: TextIO | None = None, **options: Unpack[ReporterOptions]) -> None:
        super().__init__(sys.stdout if stream is None else stream, **options)
        self._digest = RegressionDigest()
        self._gates: list[GateResult] = []
        self._title: Line | None = None
        self._answers = 0
        self._drawn = False

    def start(self, *, title: str) -> None:
        """Begin; `title` describes the run. It is printed before the first line, or when `show_title` is called."""
        self._start_clock()
        if not self._quiet:
            self._title = Line(visible(title), BOLD)

    def show_title(self) -> None:
        """Print the title if it has not been printed yet."""
        title, self._title = self._title, None
        if title is not None:
            self._print(title)

    def case(self, result: CaseResult) -> None:
        """Add one case."""
        self._digest.add(result)
        few = self._digest.answered <= LINES_PER_RUN
        if (result.called or result.cached) and few and not self._is_live and not self._quiet:
            self._print(_case_line(result))
        self.tick()

    def record(self, record: Record) -> None:
        """Add one answer; its case is reported when it is decided."""
        self._answers += 1
        self.tick()

    def tick(self) -> None:
        """Show the progress if it is due; call this as often as you like."""
        seconds = self._due()
        if seconds is None:
            return
        line = (self._download_line() if self._is_live else None) or self._progress(seconds)
        if self._is_live:
            # Text in the last column makes some terminals wrap.
            self._stream.control("\r\x1b[2K")
            self._stream.write(f"  {shorten(line, max((self._screen_width or 80) - 3, 1))}")
            self._stream.flush()
            self._drawn = True
        else:
            self._print(Line(line))

    def note(self, text: str) -> None:
        """Show a message now, such as a pause or a model being loaded."""
        for line in wrapped(visible(text), self._screen_width):
            self._print(Line(line, DIM))

    def unreferenced(self, file: str) -> None:
        """Add a snapshot that no case refers to, to be reported at the end."""
        self._digest.unreferenced.add(lambda: file)

    def gate(self, result: GateResult) -> None:
        """Add the result of a gate, to be reported at the end."""
        self._gates.append(result)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Print the cases to look at, the totals of `tally`, and the commands to type next.

        `complete` is False if the run was cut short.
        """
        self.show_title()
        digest, width = self._digest, self._screen_width
        for line in closing_lines(digest, width=width):
            self._print(line)
        lines = list(sentences(digest, unreferenced=tally.unreferenced, modes=modes))
        if lines:
            self._print(Line(""))
            self._print_wrapped(lines)
        if self._gates:
            self._print(Line(""))
            for line in gate_lines(self._gates):
                self._print(line)
        if tally.measured is not None:
            from ..terminal.metric_lines import metric_lines

            self._print(Line(""))
            for line in metric_lines(tally.measured.figures(), width):
                self._print(line)
        for line in total_lines(digest, tally, seconds=seconds, complete=complete, width=width):
            self._print(line)
        self._print_wrapped(next_steps(digest))

    def close(self) -> None:
        """Remove the progress from the screen; closing twice is harmless."""
        if self._drawn:
            self._stream.control("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False

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

    def _print_wrapped(self, sentences: Iterable[str]) -> None:
        """Print sentences at the width of the screen; an indented command stays whole, so that it can be copied."""
        for sentence in sentences:
            command = sentence.startswith(" ")
            for part in wrapped(sentence, None if command else self._screen_width):
                self._print(Line(part))

    def _print(self, line: Line) -> None:
        self.show_title()
        self.close()
        self._stream.line(line.painted(color=self._color))


def _case_line(result: CaseResult) -> Line:
    parts = ["pass" if result.verdict == "pass" else sort_of(result), one_line(case_name(result))]
    if result.cached and not result.called:
        parts.append("cached")
    elif result.latency_ms is not None:
        parts.append(duration(result.latency_ms / 1000))
    return Line("  ".join([f"{parts[0]:9}", *parts[1:]]))
