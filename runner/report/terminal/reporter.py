"""The common base of the displays of `run` and `test`: the stream, its colours and width, the clock, clean-up."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TextIO, TypedDict, Unpack

from .outlet import Outlet

__all__ = [
    "LINES_PER_RUN",
    "LIVE_EVERY",
    "PLAIN_EVERY",
    "Reporter",
    "ReporterOptions",
    "wants_color",
    "wants_live",
]

LINES_PER_RUN = 200
"""In a pipe, a run with more results than this has no line for each of them."""

LIVE_EVERY = 0.1
PLAIN_EVERY = 5.0


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether to use colours: not with NO_COLOR; with FORCE_COLOR; else on a terminal that is not `dumb`.

    A variable counts if it is set and not empty (https://no-color.org, https://force-color.org); the precedence is
    CPython's.
    """
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (stream.isatty() and environ.get("TERM") != "dumb")


def wants_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a line may be redrawn: on a capable terminal, outside CI."""
    return stream.isatty() and environ.get("TERM") != "dumb" and not environ.get("CI")


class ReporterOptions(TypedDict, total=False):
    """How a display looks (see Reporter)."""

    live: bool | None
    color: bool | None
    width: int | None
    environ: Mapping[str, str]
    clock: Callable[[], float]
    quiet: bool


class Reporter:
    """Base of the displays: start, one result at a time, tick, note, finish.

    A person's terminal gets a line that is redrawn at most ten times a second; anything else gets plain lines: one per
    result for up to 200, else one every five seconds. `live`, `color` and `width` follow the stream and the environment
    (NO_COLOR, FORCE_COLOR, CI, TERM, COLUMNS) unless given; `quiet` leaves out everything but notes and what `finish`
    prints. As a context manager it restores the terminal, whatever happens.
    """

    def __init__(self, stream: TextIO, **options: Unpack[ReporterOptions]) -> None:
        environ = options.get("environ", os.environ)
        live, color = options.get("live"), options.get("color")
        self._quiet = options.get("quiet", False)
        self._stream = Outlet.of(stream)
        self._is_live = (wants_live(self._stream.text, environ) if live is None else live) and not self._quiet
        self._color = wants_color(self._stream.text, environ) if color is None else color
        self._given_width = options.get("width")
        self._environ = environ
        self._clock = options.get("clock", time.monotonic)
        self._began = self._next = 0.0
        self._download: tuple[str, int, int] | None = None
        self._downloaded: set[str] = set()

    @property
    def _screen_width(self) -> int | None:
        """Return the columns of a person's terminal; None for a pipe, whose lines are never shortened."""
        if self._is_live or self._stream.isatty():
            return self._given_width or shutil.get_terminal_size().columns
        return None

    @property
    def on_download(self) -> Callable[[str, int, int], None] | None:
        """Return what receives the progress of a model's download, from any thread; None if no line is redrawn.

        The download takes the line of the progress, since nothing is answered before it ends; on two lines, each would
        overwrite the other.
        """
        return self._downloading if self._is_live else None

    def _downloading(self, name: str, done: int, total: int) -> None:
        if name not in self._downloaded:  # the end may be reported more than once
            self._download = (name, done, total)

    def _download_line(self) -> str | None:
        """Return the line of the download that is under way; print a note once, when it has ended."""
        if self._download is None:
            return None
        name, done, total = self._download
        if done == total:
            self._download = None
            self._downloaded.add(name)
            self.note(f"downloaded {name}, {total // 10**6} MB (once)")
            return None
        from ...endpoints.embedded import download_line

        return download_line(name, done, total, (self._screen_width or 80) - 3)

    def note(self, text: str) -> None:
        """Show a message now."""
        raise NotImplementedError

    def _start_clock(self) -> None:
        self._began = self._clock()
        self._next = self._began + (LIVE_EVERY if self._is_live else PLAIN_EVERY)

    def _due(self) -> float | None:
        """Return the seconds since the start if progress is due now; None if it was just shown, or is never shown."""
        now = self._clock()
        if self._quiet or now < self._next:
            return None
        self._next = now + (LIVE_EVERY if self._is_live else PLAIN_EVERY)
        return now - self._began

    def close(self) -> None:
        """Remove the progress from the screen; closing twice is harmless."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
