"""The one way out: everything that goes to standard output or standard error goes through here.

Either may be full, closed, or a pipe that nobody reads any more.

A write that fails in the middle of a run must not end it there, with answers under way that are paid for. So it is
remembered, what follows goes nowhere, and whoever decides what comes next asks for it.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import sys
from collections.abc import Iterable
from typing import Self, TextIO, cast

from ...errors import ReaderGoneError, StorageError
from ...visible import json_visible
from .painting import ansi

__all__ = ["Outlet", "lenient", "obeyed", "print_data", "print_line", "print_lines", "shown"]

# The error handlers that never raise: a person who set PYTHONIOENCODING to one of the others' kind keeps it.
_NEVER_RAISE = frozenset({"backslashreplace", "ignore", "namereplace", "replace", "xmlcharrefreplace"})


def lenient(stream: TextIO) -> TextIO:
    """The stream, which now spells out what its encoding cannot hold.

    An old code page, or the ASCII of the C locale, must not end a command with a traceback, and a run half paid for.
    """
    if isinstance(stream, io.TextIOWrapper) and stream.errors not in _NEVER_RAISE:
        stream.reconfigure(errors="backslashreplace")
    return stream


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line on standard output or standard error; a line break in the text is spelt out.

    What came from elsewhere is shown and does nothing, whatever is in it: see `Outlet`.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        lenient(stream).write(_tamed(ansi(_folded(text))) + "\n")
        stream.flush()


def print_lines(text: str, *, err: bool = False) -> None:
    """Print lines of ours. A text from elsewhere in them has no line breaks, or stands in them indented."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        lenient(stream).write(_tamed(ansi(text)) + "\n")
        stream.flush()


def shown(text: str) -> str:
    """Lines of ours as `print_lines` prints them, for a log that somebody else writes."""
    return _tamed(ansi(text))


def print_data(text: str, *, json: bool = True) -> None:
    """Print a document that programs read (JSON, Markdown, a shell command) on standard output, with a line end.

    Its bytes are UTF-8 whatever the encoding of standard output, unless that is a terminal, which shows what it can. In
    JSON harmful characters become its own escapes, which say the same; elsewhere they are spelt out.
    """
    if sys.stdout is None:
        return
    stream = lenient(sys.stdout)
    text = f"{_json(text) if json else _tamed(ansi(text))}\n"
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.flush()
        # Half a surrogate pair, which UTF-8 cannot hold, is spelt out: in JSON that is its escape.
        stream.buffer.write(text.encode("utf-8", "backslashreplace"))
        stream.buffer.flush()
    else:
        stream.write(text)
        stream.flush()


# --- what a log obeys ---------------------------------------------------------------------------------------------------

_OBEYING = {"GITHUB_ACTIONS": ("true",), "TF_BUILD": ("True", "true"), "TEAMCITY_VERSION": None}
"""Variables of systems that obey lines of a log, and the values that say so (None: any)."""

# GitHub obeys `::name` at the beginning of a line, behind white space, and `##[name]` anywhere (ActionCommand.cs of
# actions/runner); Azure Pipelines `##vso[`, TeamCity `##teamcity[`.
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#(?:vso|teamcity)?\[)", re.MULTILINE)


def obeyed() -> bool:
    """Whether what is printed goes into a log that obeys some of its lines."""
    for name, values in _OBEYING.items():
        value = os.environ.get(name)
        if value and (values is None or value in values):
            return True
    return False


def _tamed(text: str) -> str:
    """Lines of which a log obeys none."""
    if ("::" in text or "##" in text) and obeyed():
        return _COMMAND.sub(lambda found: f"{found[1]}\\x3a" if found[1] is not None else r"\x23", text)
    return text


def _json(text: str) -> str:
    text = json_visible(text)
    if "##" in text and obeyed():
        text = _COMMAND.sub(lambda found: found[0] if found[1] is not None else r"\u0023", text)
    return text


def _folded(text: str) -> str:
    return text.replace("\n", "\\n") if "\n" in text else text


class Outlet:
    """A text stream that never raises OSError. `stream` is None where the process was started with it closed.

    Whatever is written to it is shown and does nothing: control characters, what reorders text and what nobody sees are
    spelt out, but for line feeds, tabs and the marks of `painting`; where a log obeys lines of its own kind, none of the
    text is one. Our own codes and commands go through `control`, `command` and `codes`.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = None if stream is None else lenient(stream)
        self._name = name
        self._lost: OSError | None = None
        self._obeyed = obeyed()
        self._begun = ""

    @classmethod
    def of(cls, stream: TextIO | Self | None) -> Outlet:
        """An outlet of a stream, which may be one."""
        return stream if isinstance(stream, Outlet) else cls(stream, "the output")

    @property
    def text(self) -> TextIO:
        """Itself, for whoever wants a stream."""
        return cast("TextIO", self)

    def check(self) -> None:
        """Raise StorageError, or ReaderGoneError for a pipe, where something could not be written."""
        if isinstance(self._lost, BrokenPipeError):
            raise ReaderGoneError("the reader of the output has closed it")
        if self._lost is not None:
            raise StorageError(
                f"{self._name} cannot be written: {self._lost.strerror or self._lost}",
                hint="the answers received so far are in the run's results.jsonl",
            )

    # --- what is asked of a stream ----------------------------------------------------------------------------------

    def write(self, text: str) -> int:
        """All of it, or nothing."""
        self._put(ansi(text))
        return len(text)

    def line(self, text: str = "") -> None:
        """One line; a line break in the text is spelt out."""
        self._put(ansi(_folded(text)) + "\n")

    def json(self, text: str) -> None:
        """A line of JSON, in which harmful characters become escapes that say the same."""
        self._raw(_json(text) + "\n")

    def control(self, codes: str) -> None:
        """Codes of ours for a terminal."""
        self._raw(codes)

    def command(self, line: str) -> None:
        """A line that the log shall obey; what is in it has been made safe by who wrote it."""
        self._end()
        self._raw(f"{line}\n")

    @property
    def codes(self) -> TextIO:
        """A stream for text that is visible already and has codes of ours: what rich renders."""
        return cast("TextIO", _Codes(self))

    def _put(self, text: str) -> None:
        """Visible text. What a log obeys are whole lines, so there it waits for the end of its line."""
        if not self._obeyed:
            self._raw(text)
            return
        whole, end, rest = text.rpartition("\n")
        if end:
            self._raw(_tamed(self._begun + whole) + "\n")
            self._begun = ""
        self._begun += rest

    def _end(self) -> None:
        if self._begun:
            self._put("\n")

    def _raw(self, text: str) -> None:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._lose(error)

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


class _Codes:
    """What rich wants of a file, in front of an outlet."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def write(self, text: str) -> int:
        self._outlet._put(text)
        return len(text)

    def flush(self) -> None:
        self._outlet.flush()

    def isatty(self) -> bool:
        return self._outlet.isatty()

    def fileno(self) -> int:
        return self._outlet.fileno()

    @property
    def encoding(self) -> str:
        return self._outlet.encoding
