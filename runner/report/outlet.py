"""Standard output and standard error, either of which may be full, closed, or a pipe that nobody reads any more.

A write that fails in the middle of a run must not end it there, with answers under way that are paid for. So it is
remembered, what follows goes nowhere, and whoever decides what comes next asks for it.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterable
from typing import TextIO, cast

from ..errors import ReaderGoneError, StorageError

__all__ = ["Outlet", "lenient", "print_data"]

# The error handlers that never raise: a person who set PYTHONIOENCODING to one of the others' kind keeps it.
_NEVER_RAISE = frozenset({"backslashreplace", "ignore", "namereplace", "replace", "xmlcharrefreplace"})


def lenient(stream: TextIO) -> TextIO:
    """The stream, which now spells out what its encoding cannot hold.

    An old code page, or the ASCII of the C locale, must not end a command with a traceback, and a run half paid for.
    """
    if isinstance(stream, io.TextIOWrapper) and stream.errors not in _NEVER_RAISE:
        stream.reconfigure(errors="backslashreplace")
    return stream


def print_data(text: str) -> None:
    """Print a document that programs read (JSON, Markdown, a shell command) on standard output, with a line end.

    Its bytes are UTF-8 whatever the encoding of standard output, unless that is a terminal, which shows what it can.
    """
    if sys.stdout is None:
        return
    stream = lenient(sys.stdout)
    text = f"{text}\n"
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.flush()
        # Half a surrogate pair, which UTF-8 cannot hold, is spelt out: in JSON that is its escape.
        stream.buffer.write(text.encode("utf-8", "backslashreplace"))
        stream.buffer.flush()
    else:
        stream.write(text)
        stream.flush()


class Outlet:
    """A text stream that never raises OSError. `stream` is None where the process was started with it closed."""

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = None if stream is None else lenient(stream)
        self._name = name
        self._lost: OSError | None = None

    @property
    def text(self) -> TextIO:
        """Itself, for whoever wants a stream."""
        return cast("TextIO", self)

    def check(self) -> None:
        """Raise StorageError, or ReaderGoneError for a pipe, where something could not be written."""
        if isinstance(self._lost, BrokenPipeError):
            raise ReaderGoneError("nobody reads the output any more")
        if self._lost is not None:
            raise StorageError(
                f"{self._name} cannot be written: {self._lost.strerror or self._lost}",
                hint="the answers received so far are in the run's results.jsonl",
            )

    # --- what is asked of a stream ----------------------------------------------------------------------------------

    def write(self, text: str) -> int:
        """All of it, or nothing."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """One after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what is buffered."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor; OSError where there is none."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """How it spells text."""
        return "utf-8" if self._stream is None else self._stream.encoding

    @property
    def is_utf8(self) -> bool:
        """Whether it can hold any text."""
        return codecs.lookup(self.encoding).name == "utf-8"

    def _lose(self, error: OSError) -> None:
        self._lost = self._lost or error
        assert self._stream is not None
        # What is still buffered would fail again when the interpreter ends.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
