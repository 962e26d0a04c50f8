"""The only way out: everything on standard output and standard error passes through this module.

Either stream may be full, closed, or a pipe that nobody reads any more.

A failed write must not end a run in the middle, with paid answers on their way. The failure is remembered instead,
later output is dropped, and the caller checks for the failure when it decides what to do next.
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
from .lenient import lenient
from .painting import ansi

__all__ = ["Outlet", "obeyed", "print_data", "print_line", "print_lines", "shown"]


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line on standard output or standard error; line breaks in the text are escaped.

    Foreign text is shown and has no effect, whatever it contains: see `Outlet`.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        lenient(stream).write(_tamed(ansi(_folded(text))) + "\n")
        stream.flush()


def print_lines(text: str, *, err: bool = False) -> None:
    """Print lines of our own. Foreign text in them has no line breaks, or its lines are indented."""
    stream = sys.stderr if err else sys.stdout
    if stream is not None:
        lenient(stream).write(_tamed(ansi(text)) + "\n")
        stream.flush()


def shown(text: str) -> str:
    """Return our own lines as `print_lines` prints them, for a log that somebody else writes."""
    return _tamed(ansi(text))


def print_data(text: str, *, json: bool = True) -> None:
    """Print a document for programs (JSON, Markdown, a shell command) on standard output, with a line end.

    It is encoded in UTF-8 whatever the encoding of standard output, except on a terminal, which shows what it can. In
    JSON, harmful characters become JSON escapes, which mean the same; elsewhere they become visible escapes.
    """
    if sys.stdout is None:
        return
    stream = lenient(sys.stdout)
    text = f"{_json(text) if json else _tamed(ansi(text))}\n"
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.flush()
        # A lone surrogate, which UTF-8 cannot encode, becomes a visible escape; in JSON that is a JSON escape.
        stream.buffer.write(text.encode("utf-8", "backslashreplace"))
        stream.buffer.flush()
    else:
        stream.write(text)
        stream.flush()


# --- commands in logs -----------------------------------------------------------------------------------------------

_OBEYING = {"GITHUB_ACTIONS": ("true",), "TF_BUILD": ("True", "true"), "TEAMCITY_VERSION": None}
"""The variables by which systems that obey commands in a log are recognised, and their values (None: any)."""

# GitHub obeys `::name` at the beginning of a line, behind white space, and `##[name]` anywhere (ActionCommand.cs of
# actions/runner); Azure Pipelines `##vso[`, TeamCity `##teamcity[`.
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#(?:vso|teamcity)?\[)", re.MULTILINE)


def obeyed() -> bool:
    """Return whether the output goes into a log that obeys commands in it."""
    for name, values in _OBEYING.items():
        value = os.environ.get(name)
        if value and (values is None or value in values):
            return True
    return False


def _tamed(text: str) -> str:
    """Return lines in which a log finds no command."""
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
    """A text stream that never raises OSError. `stream` is None if the process was started with it closed.

    All text written to it is shown and has no effect: control characters, characters that reorder text and invisible
    ones are escaped, except line feeds, tabs and the marks of `painting`; if the log obeys commands, the text cannot
    contain any. Our own codes and commands go through `control`, `command` and `codes`.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        self._stream = None if stream is None else lenient(stream)
        self._name = name
        self._lost: OSError | None = None
        self._obeyed = obeyed()
        self._begun = ""

    @classmethod
    def of(cls, stream: TextIO | Self | None) -> Outlet:
        """Return an outlet for a stream, or the stream itself if it is one."""
        return stream if isinstance(stream, Outlet) else cls(stream, "the output")

    @property
    def text(self) -> TextIO:
        """Return itself, typed as a stream."""
        return cast("TextIO", self)

    def check(self) -> None:
        """Raise StorageError, or ReaderGoneError for a pipe, if something could not be written."""
        if isinstance(self._lost, BrokenPipeError):
            raise ReaderGoneError("the reader of the output has closed it")
        if self._lost is not None:
            raise StorageError(
                f"{self._name} cannot be written: {self._lost.strerror or self._lost}",
                hint="the answers received so far are in the run's results.jsonl",
            )

    # --- the interface of a stream ----------------------------------------------------------------------------------

    def write(self, text: str) -> int:
        """Write a text; return its length."""
        self._put(ansi(text))
        return len(text)

    def line(self, text: str = "") -> None:
        """Write one line; line breaks in the text are escaped."""
        self._put(ansi(_folded(text)) + "\n")

    def json(self, text: str) -> None:
        """Write a line of JSON, in which harmful characters become escapes that mean the same."""
        self._raw(_json(text) + "\n")

    def control(self, codes: str) -> None:
        """Write our own codes for a terminal."""
        self._raw(codes)

    def command(self, line: str) -> None:
        """Write a command that the log must obey; the caller has made its contents safe."""
        self._end()
        self._raw(f"{line}\n")

    @property
    def codes(self) -> TextIO:
        """Return a stream for text that is already safe and contains our own codes, as rich renders it."""
        return cast("TextIO", _Codes(self))

    def _put(self, text: str) -> None:
        """Write safe text. If the log obeys commands, which are whole lines, wait for the end of the line."""
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
        """Write texts one after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor. Raises OSError if there is none."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """Return the name of its encoding."""
        return "utf-8" if self._stream is None else self._stream.encoding

    @property
    def is_utf8(self) -> bool:
        """Return whether its encoding can represent any text."""
        return codecs.lookup(self.encoding).name == "utf-8"

    def _lose(self, error: OSError) -> None:
        self._lost = self._lost or error
        assert self._stream is not None
        # The buffered rest would fail again when the interpreter exits.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class _Codes:
    """The file methods that rich needs, on top of an outlet."""

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
