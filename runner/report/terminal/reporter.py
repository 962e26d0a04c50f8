"""The common base of the displays of `run` and `test`: the stream, its colours and width, the clock, clean-up."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TextIO

from .outlet import Outlet

__all__ = ["LINES_PER_RUN", "LIVE_EVERY", "PLAIN_EVERY", "Reporter", "wants_color", "wants_live"]

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


class Reporter:
    """Base of the displays: start, one result at a time, tick, note, finish.

    A person's terminal gets a line that is redrawn at most ten times a second; anything else gets plain lines: one per
    result for up to 200, else one every five seconds. `live`, `color` and `width` follow the stream and the environment
    (NO_COLOR, FORCE_COLOR, CI, TERM, COLUMNS) unless given; `quiet` leaves out everything but notes and what `finish`
    prints. As a context manager it restores the terminal, whatever happens.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        live: bool | None = None,
        color: bool | None = None,
        width: int | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        quiet: bool = False,
    ) -> None:
        self._stream = Outlet.of(stream)
        self._is_live = (wants_live(self._stream.text, environ) if live is None else live) and not quiet
        self._color = wants_color(self._stream.text, environ) if color is None else color
        self._given_width = width
        self._environ = environ
        self._clock = clock
        self._quiet = quiet
        self._began = self._next = 0.0

    @property
    def _screen_width(self) -> int | None:
        """Return the columns of a person's terminal; None for a pipe, whose lines are never shortened."""
        if self._is_live or self._stream.isatty():
            return self._given_width or shutil.get_terminal_size().columns
        return None

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
