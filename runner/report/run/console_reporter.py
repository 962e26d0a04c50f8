"""Show a run in progress and at its end: live on a person's terminal, as plain lines in a pipe or in CI."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TextIO, Unpack

from ...engine.journal.counters import Counters
from ...engine.journal.record import Record
from ..terminal.figures import count
from ..terminal.progress import SEPARATOR, Pace, segments
from ..terminal.reporter import LINES_PER_RUN, LIVE_EVERY, PLAIN_EVERY, Reporter, ReporterOptions
from ..terminal.terminal_text import visible, wrapped
from .digest import SMALL, Digest, Next

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

__all__ = ["ConsoleReporter"]

_SOON = 0.5
_PLAIN_WIDTH = 100


class ConsoleReporter(Reporter):
    """Shows one run on `stream` (default: standard error): start, one record at a time, tick, finish. See Reporter.

    Its memory use is bounded, and all foreign text is shown with control characters escaped. `before_line` is called
    before a line is printed, so that other writers to the same screen can end their own.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        before_line: Callable[[], None] | None = None,
        **options: Unpack[ReporterOptions],
    ) -> None:
        super().__init__(sys.stderr if stream is None else stream, **options)
        self._before_line = before_line
        self._counters = Counters()
        self._digest = Digest()
        self._pace = Pace()
        self._live: Live | None = None

    @cached_property
    def _console(self) -> Console:
        from ..terminal.safe_console import SafeConsole

        width = self._given_width
        if width is None:
            width = self._screen_width
        if width is None:
            columns = self._environ.get("COLUMNS", "")
            width = int(columns) if columns.isdecimal() and int(columns) else _PLAIN_WIDTH
        return SafeConsole(
            file=self._stream.codes,
            force_terminal=self._is_live or self._color,
            force_interactive=self._is_live,
            color_system="standard" if self._color else None,
            no_color=not self._color,
            width=width,
            highlight=False,
            markup=False,
            emoji=False,
        )

    @property
    def _line_per_record(self) -> bool:
        few = max(self._counters.total or 0, self._digest.seen) <= LINES_PER_RUN
        return few and not self._is_live and not self._quiet

    def start(self, counters: Counters, *, title: str) -> None:
        """Begin. `counters` is the run's own object, read whenever something is shown; `title` describes the run."""
        self._counters = counters
        self._start_clock()
        if title and not self._quiet:
            self._print(visible(title), "bold")
        if self._is_live:
            self._go_live()
            self._next = self._began  # draw the first line at once
            self.tick()
        else:
            self._pace.mark(0.0, counters.done)

    def checking(self, cases: int) -> None:
        """Note that `cases` cases are checked and nothing is sent yet. Shown only if checking takes a while."""
        now = self._clock()
        if self._quiet:
            return
        if not self._next:
            self._next = now + (_SOON if self._is_live else PLAIN_EVERY)
        if now < self._next:
            return
        text = f"checking before anything is sent: {count(cases)} cases"
        if self._is_live:
            self._next = now + LIVE_EVERY
            self._go_live().update(text, refresh=True)
        else:
            self._next = now + PLAIN_EVERY
            self._print(text)

    def _go_live(self) -> Live:
        if self._live is None:
            from rich.live import Live

            # Rich must not use sys.stdout: `--json` prints there.
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self._live

    def record(self, record: Record) -> None:
        """Show one finished record, which the counters have already counted."""
        self._digest.add(record)
        if self._line_per_record:
            from .lines import record_line

            few = (self._counters.total or LINES_PER_RUN) <= SMALL
            # The text was already printed while it was streamed.
            with_answer = few and self._before_line is None
            self._print(record_line(record, with_answer=with_answer, width=self._screen_width))
        self.tick()

    def earlier(self, record: Record) -> None:
        """Add a record of an earlier attempt at the run: counted, explained if it failed, not shown again."""
        self._digest.add(record)

    def tick(self) -> None:
        """Show the progress if it is due; call this as often as you like."""
        seconds = self._due()
        if seconds is None:
            return
        if self._live is not None and (download := self._download_line()) is not None:
            self._live.update(f"  {download}", refresh=True)
            return
        self._pace.mark(seconds, self._counters.done)
        rate = self._pace.rate(seconds, self._counters.done)
        parts = segments(self._counters, seconds=seconds, rate=rate)
        if self._live is not None:
            from .lines import progress_line

            self._live.update(progress_line(parts, self._counters, width=self._console.width), refresh=True)
        elif not self._line_per_record:
            self._print(SEPARATOR.join(part.text for part in parts))

    def note(self, text: str) -> None:
        """Show a message now, above the progress, such as a pause or a model being loaded."""
        for line in wrapped(visible(text), self._screen_width):
            self._print(line, "dim")

    def number_rows(self, row_of: Callable[[Record], int | None]) -> None:
        """Show with each failure its record's row in the file of --input."""
        self._digest.row_of = row_of

    def finish(self, counters: Counters, *, seconds: float, after: Next | None = None) -> None:
        """Show the end: the answers of a small run, the compared variants, the failures, the totals, what to do next."""
        from . import closing

        self.close()
        blocks = [
            closing.matrix(self._digest, width=self._console.width),
            closing.prompt_totals(self._digest),
        ]
        if self._is_live:
            blocks.insert(0, closing.answers(self._digest))
        after = after or Next()
        for block in (*blocks, *closing.failures(self._digest, results=after.results)):
            if block is not None:
                self._print()
                self._block(block)
        if counters.measured is not None:
            from ..terminal.metric_lines import metric_lines

            self._print()
            for measured in metric_lines(counters.measured.figures(), self._screen_width):
                self._stream.line(measured.painted(color=self._color))
        self._print()
        self._print(closing.last_line(self._digest, counters, seconds=seconds, width=self._screen_width))
        for line in closing.next_steps(self._digest, after, width=self._screen_width):
            self._print(line)

    def close(self) -> None:
        """Remove the progress and release the terminal; closing twice is harmless."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _block(self, block: RenderableType) -> None:
        with self._console.capture() as rendered:
            self._console.print(block)
        # Rich pads its tables with spaces, which are useless in a log.
        for line in rendered.get().removesuffix("\n").split("\n"):
            self._stream.codes.write(line.rstrip() + "\n")

    def _print(self, text: str | Text = "", style: str | None = None) -> None:
        if self._before_line is not None:
            self._before_line()
        # Lines in a pipe are not wrapped: programs want them whole, and a terminal wraps by itself.
        self._console.print(text, style=style, soft_wrap=True)
