"""Everything that can go wrong, as one tree.

    RunnerError                     exit 2 unless a subclass says otherwise
    ├── UsageError                  the command line or the API call is off
    ├── FileError                   a file of the user's is off; always carries a Location
    │   ├── MissingFileError        it is not there, or not readable
    │   ├── EncodingError           it is not UTF-8
    │   ├── SyntaxFileError         YAML, JSON or CSV that does not parse
    │   ├── FormatError             parses, but breaks the rules of its format
    │   ├── CaseError               a test case or a row of data
    │   ├── PackError               a pack that breaks the rules of packs, or is not the one that was locked
    │   ├── StalePackError          exit 4: packs.lock or a copy of a pack is not up to date
    │   ├── TemplateError           a Jinja template, at load or at render
    │   └── SchemaError             a JSON Schema that is not one
    ├── ConfigError                 endpoints, keys, models: the set-up, not a file's text
    ├── SecretError                 a key was about to be written
    ├── EndpointError               exit 3: the endpoint could not be asked
    ├── FetchError                  exit 3: the source of a pack could not be asked
    ├── StorageError                exit 3: results cannot be kept (disk full, read-only)
    │   └── ReaderGoneError         exit 141: nobody reads our output any more
    ├── NothingSelectedError        exit 5
    └── Problems                    several of the above, told together

Each error knows where (`location`), what to do (`hint`) and the process's exit code (`exit_code`), so that a
command line, a pytest plugin and an editor can show the same facts in their own way.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .visible import visible

__all__ = [
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
    "together",
]


class Location(NamedTuple):
    """A place in a file of the user's: the path as the user gave it, line and column counted from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        path = visible(self.path.replace("\n", "\\n"))
        return ":".join(str(part) for part in (path, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A remark about a file that does not stop the work by itself (`runner check` counts the errors)."""

    severity: Literal["error", "warning", "info"]
    code: str
    message: str
    location: Location
    hint: str | None = None


class RunnerError(Exception):
    """Base of every error a user can cause or must know of. Catch this one."""

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
        """Whether the line it is about may hold a key, so that it is not shown."""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        then = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{then}"


class UsageError(RunnerError):
    """The command line, or the call of an API function, cannot be carried out as written."""


class NotTextError(UsageError):
    """A file name or an argument is no text in the encoding of the locale: it can be neither stored nor shown as it is."""

    def __init__(self, subject: str) -> None:
        encoding = sys.getfilesystemencoding()
        hint = "rename it" if encoding == "utf-8" else "set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
        super().__init__(
            f"{subject} is not text in {encoding.upper()}, the encoding of the locale", hint=hint
        )


class FileError(RunnerError):
    """A file of the user's is off; `location` is always set."""

    def __init__(
        self, message: str, *, location: Location, hint: str | None = None, secret: bool = False
    ) -> None:
        super().__init__(message, location=location, hint=hint, secret=secret)


class MissingFileError(FileError):
    """The file is not there, is not a file, may not be read, or lies outside the project."""


class EncodingError(FileError):
    """The file is not UTF-8 text."""


class SyntaxFileError(FileError):
    """YAML, JSON or CSV that does not parse, or that parses to two readings (duplicate keys)."""


class FormatError(FileError):
    """The file parses but breaks the rules of its format: unknown key, wrong type, missing key."""


class CaseError(FileError):
    """A test case or a row of data: duplicate id, unreadable row, a value that `inputs` refuses."""


class TemplateError(FileError):
    """A template that does not compile, names an undeclared variable, or fails while rendering."""


class SchemaError(FileError):
    """A JSON Schema that is not a valid schema, or that points outside itself."""


class PackError(FileError):
    """A pack breaks the rules of packs, or its files are not those of packs.lock."""


class StalePackError(FileError):
    """packs.lock is not that of runner.yaml, or a pack of it has no copy here: bring it up to date."""

    exit_code = 4


class ConfigError(RunnerError):
    """Set-up that cannot work: unknown endpoint, missing key variable, bad base URL, unknown model file."""


class SecretError(RunnerError):
    """The value of a key was about to be written to a file; the write did not happen."""


class EndpointError(RunnerError):
    """The endpoint could not be asked at all (as opposed to one case failing)."""

    exit_code = 3


class FetchError(RunnerError):
    """The source of a pack could not be asked, or does not have what was asked for."""

    exit_code = 3


class StorageError(RunnerError):
    """Results cannot be kept (disk full, read-only folder), so nothing more may be paid for."""

    exit_code = 3


class ReaderGoneError(StorageError):
    """Whoever read our output has gone (`| head`): nothing is left to say to anybody."""

    exit_code = 141


class NothingSelectedError(RunnerError):
    """No prompt or no case matched; running nothing is never a success."""

    exit_code = 5


_PRECEDENCE = (2, 1, 4, 3, 5)
"""Of several exit codes the one that counts comes first; any other code comes after these."""


def _rank(code: int) -> int:
    return _PRECEDENCE.index(code) if code in _PRECEDENCE else len(_PRECEDENCE)


class Problems(RunnerError):
    """Several errors, told together. `errors` holds at least one; the exit code is that of the first by precedence."""

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
    """The only error as it is, several as Problems; there is at least one."""
    return errors[0] if len(errors) == 1 else Problems(errors)


def raise_all(errors: Sequence[RunnerError]) -> None:
    """Raise the only error as it is, several as Problems; return if there is none."""
    if errors:
        raise together(errors)


_LONGEST = 1000
_LONGEST_NAME = 100
_MOST_CANDIDATES = 300


def close_to(word: str, known: Iterable[str], n: int = 1, *, cutoff: float = 0.6) -> list[str]:
    """The `n` of the known words that `word` is most likely a slip of; none where nothing is near.

    Bounded, since files of others bring words and candidates of any length and number: of many candidates those that
    begin alike are compared, and long words are never a slip.
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
    """The hint that names what was probably meant, such as what `close_to` found."""
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"did you mean {quoted}?"


def elided(text: str, limit: int) -> str:
    """`text`, or what is left of it when the middle is taken out and counted: about `limit` characters."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}…({len(text) - head - tail:,} more characters)…{text[-tail:]}"


def _readable(text: str) -> str:
    """What an error says, with whatever it quotes from a file: short enough to be read, and safe to be shown anywhere.

    Lines of a message are ours where they are indented; any other line break came with what is quoted.
    """
    short = visible(elided(text, _LONGEST))
    return _BREAK.sub(r"\\n", short) if "\n" in short else short


_BREAK = re.compile("\n(?!  )")
