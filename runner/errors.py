"""Everything that can go wrong, as one tree.

    RunnerError                     exit 2 unless a subclass says otherwise
    ├── UsageError                  the command line or the API call is wrong
    ├── FileError                   a file of the user's is wrong; always carries a Location
    │   ├── MissingFileError        it does not exist, or is not readable
    │   ├── EncodingError           it is not UTF-8
    │   ├── SyntaxFileError         YAML, JSON or CSV that does not parse
    │   ├── FormatError             parses, but breaks the rules of its format
    │   ├── CaseError               a test case or a row of data
    │   ├── PackError               a pack that breaks the rules for packs, or is not the one that was locked
    │   ├── StalePackError          exit 4: packs.lock or a copy of a pack is not up to date
    │   ├── TemplateError           a Jinja template, at load or at render
    │   └── SchemaError             a JSON Schema that is not one
    ├── ConfigError                 endpoints, keys, models: the setup, not a file's text
    ├── SecretError                 a key was about to be written
    ├── EndpointError               exit 3: the endpoint could not be reached
    ├── FetchError                  exit 3: the source of a pack could not be reached
    ├── StorageError                exit 3: results cannot be stored (disk full, read-only)
    │   └── ReaderGoneError         exit 141: nobody reads our output any more
    ├── NothingSelectedError        exit 5
    └── Problems                    several of the above, reported together

Each error carries its place (`location`), what to do about it (`hint`) and the exit code of the process (`exit_code`),
so that the command line, the pytest plugin and an editor can each show the same facts in their own way.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .visible import visible

__all__ = [
    "DISK_ERRORS",
    "CaseError",
    "ConfigError",
    "Diagnostic",
    "EncodingError",
    "EndpointError",
    "FetchError",
    "FileError",
    "FormatError",
    "Location",
    "MissingFileError",
    "NotTextError",
    "NothingSelectedError",
    "PackError",
    "Problems",
    "ReaderGoneError",
    "RunnerError",
    "SchemaError",
    "SecretError",
    "StalePackError",
    "StorageError",
    "SyntaxFileError",
    "TemplateError",
    "UsageError",
    "close_to",
    "did_you_mean",
    "elided",
    "raise_all",
    "system_error",
    "together",
]


class Location(NamedTuple):
    """A place in a user's file: the path as the user gave it, with line and column counted from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        path = visible(self.path.replace("\n", "\\n"))
        return ":".join(str(part) for part in (path, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding in a file, which does not stop the work by itself (`runner check` counts the errors)."""

    severity: Literal["error", "warning", "info"]
    code: str
    message: str
    location: Location
    hint: str | None = None


class RunnerError(Exception):
    """The base of every error that a user can cause or must know about. Catch this one."""

    exit_code: int = 2

    def __init__(
        self,
        message: str,
        *,
        location: Location | None = None,
        hint: str | None = None,
        secret: bool = False,
    ) -> None:
        self.message = _readable(message)
        super().__init__(self.message)
        self.location = location
        self.hint = None if hint is None else _readable(hint)
        self.secret = secret
        """Whether the line in question may contain a key and is therefore not shown."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Engines send errors from one process to another; the arguments of __init__ differ from class to class.
        return _revived, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        then = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{then}"


def _revived(kind: type[RunnerError], args: tuple[Any, ...], state: Mapping[str, Any]) -> RunnerError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(RunnerError):
    """The command line, or a call to an API function, cannot be carried out as written."""


class NotTextError(UsageError):
    """A file name or argument is not text in the encoding of the locale, so it can be neither stored nor shown as it is."""

    def __init__(self, subject: str) -> None:
        encoding = sys.getfilesystemencoding()
        hint = "rename it" if encoding == "utf-8" else "set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
        super().__init__(
            f"{subject} is not text in {encoding.upper()}, the encoding of the locale", hint=hint
        )


class FileError(RunnerError):
    """A file of the user's is wrong; `location` is always set. `case` is set if only one case shows that it is."""

    def __init__(
        self, message: str, *, location: Location, hint: str | None = None, secret: bool = False
    ) -> None:
        super().__init__(message, location=location, hint=hint, secret=secret)
        self.case: Location | None = None


class MissingFileError(FileError):
    """The file does not exist, is not a regular file, may not be read, or is outside the project."""


class EncodingError(FileError):
    """The file is not UTF-8 text."""


class SyntaxFileError(FileError):
    """YAML, JSON or CSV that does not parse, or that can be read in two ways (duplicate keys)."""


class FormatError(FileError):
    """The file parses but breaks the rules of its format: unknown key, wrong type, missing key."""


class CaseError(FileError):
    """A test case or a row of data: duplicate id, unreadable row, a value that `inputs` refuses."""


class TemplateError(FileError):
    """A template that does not compile, names an undeclared variable, or fails while rendering."""


class SchemaError(FileError):
    """A JSON Schema that is invalid, or that refers to something outside itself."""


class PackError(FileError):
    """A pack breaks the rules for packs, or its files differ from packs.lock."""


class StalePackError(FileError):
    """packs.lock does not match runner.yaml, or the copy of a locked pack is missing; both can be brought up to date."""

    exit_code = 4


class ConfigError(RunnerError):
    """A setup that cannot work: unknown endpoint, missing key variable, bad base URL, unknown model file."""


class SecretError(RunnerError):
    """The value of a key was about to be written to a file; the write did not happen."""


class EndpointError(RunnerError):
    """The endpoint could not be reached at all (as opposed to one case failing)."""

    exit_code = 3


class FetchError(RunnerError):
    """The source of a pack could not be reached, or does not have what was requested."""

    exit_code = 3


class StorageError(RunnerError):
    """Results cannot be stored (disk full, read-only folder), so no further request may be paid for."""

    exit_code = 3


class ReaderGoneError(StorageError):
    """The program that read our output has exited (`| head`), so there is nobody left to report to."""

    exit_code = 141


class NothingSelectedError(RunnerError):
    """No prompt or no case matched; running nothing is never a success."""

    exit_code = 5


_PRECEDENCE = (2, 1, 4, 3, 5)
"""Exit codes by precedence: of several, the first in this order counts. Any other code comes after these."""


def _rank(code: int) -> int:
    return _PRECEDENCE.index(code) if code in _PRECEDENCE else len(_PRECEDENCE)


class Problems(RunnerError):
    """Several errors, reported together. `errors` has at least one; the exit code of highest precedence counts."""

    def __init__(self, errors: Iterable[RunnerError]) -> None:
        flat: list[RunnerError] = []
        for error in errors:
            flat.extend(error.errors if isinstance(error, Problems) else (error,))
        self.errors: tuple[RunnerError, ...] = tuple(flat)
        super().__init__("several errors")
        self.message = "\n".join(str(error) for error in self.errors)
        self.exit_code = min((error.exit_code for error in self.errors), key=_rank, default=2)

    def __str__(self) -> str:
        return self.message


def together(errors: Sequence[RunnerError]) -> RunnerError:
    """Return the only error as it is, or several as one Problems; `errors` must not be empty."""
    return errors[0] if len(errors) == 1 else Problems(errors)


def raise_all(errors: Sequence[RunnerError]) -> None:
    """Raise the only error as it is, or several as one Problems; do nothing if there are none."""
    if errors:
        raise together(errors)


_LONGEST = 1000
_LONGEST_NAME = 100
_MOST_CANDIDATES = 300


def close_to(word: str, known: Iterable[str], n: int = 1, *, cutoff: float = 0.6) -> list[str]:
    """Return the (at most `n`) known words that `word` is most likely a misspelling of.

    The work is bounded, because other people's files contain words and candidates of any length and number: of many
    candidates only those with the same first letter are compared, and a long word never counts as a misspelling.
    """
    from difflib import get_close_matches  # only an error needs it

    if len(word) > _LONGEST_NAME:
        return []
    # difflib's ratio is at most 2 * shorter / (shorter + longer).
    least, most = len(word) * cutoff / (2 - cutoff), len(word) * (2 - cutoff) / cutoff
    candidates = [each for each in known if least <= len(each) <= min(most, _LONGEST_NAME)]
    if len(candidates) > _MOST_CANDIDATES:
        candidates = [each for each in candidates if each[:1] == word[:1]][:_MOST_CANDIDATES]
    return get_close_matches(word, candidates, n, cutoff)


def did_you_mean(*words: str) -> str:
    """Return the hint that names the words that were probably meant, e.g. those that `close_to` found."""
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"did you mean {quoted}?"


def elided(text: str, limit: int) -> str:
    """Return `text`, shortened to about `limit` characters: the middle is replaced by the number of characters cut."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}…({len(text) - head - tail:,} more characters)…{text[-tail:]}"


DISK_ERRORS = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG, errno.EIO)
"""The system's error numbers when nothing more can be written."""


def system_error(error: OSError) -> RunnerError:
    """Return the error for a path that the system refuses: no permission, a name that is too long, a loop of links."""
    shown = elided(os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else "a file", 200)
    said = error.strerror or str(error)
    if error.errno in (*DISK_ERRORS, errno.EROFS):
        return StorageError(f"{shown} cannot be written: {said}")
    return MissingFileError(f"it cannot be used: {said}", location=Location(shown))


def _readable(text: str) -> str:
    """Return a message, which may quote from a file, short enough to read and safe to show anywhere.

    Indented lines of a message are our own; any other line break is part of a quotation and is escaped.
    """
    short = visible(elided(text, _LONGEST))
    return _BREAK.sub(r"\\n", short) if "\n" in short else short


_BREAK = re.compile("\n(?!  )")
