"""`--output FILE`: the records in a file of the user's choosing, written as they come, in memory that does not grow."""

from __future__ import annotations

import codecs
import csv
import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, Protocol, Self, TypeVar

from ...engine.columns import Columns
from ...engine.journal.record import Record, json_line
from ...errors import StorageError, UsageError
from ...files.file_lock import hold
from ...files.plain_files import open_plain
from ...values import Json
from ..terminal.record_words import check_text, error_text, failed_checks
from .junit import JUnitFormat

__all__ = ["FileWriter", "Format", "OutputWriter", "is_own"]

_T_contra = TypeVar("_T_contra", contravariant=True)


class Format(Protocol[_T_contra]):
    """Spells things one after the other into the binary file it was made with."""

    def add(self, thing: _T_contra, /) -> None:
        """Add one."""

    def end(self, *, complete: bool) -> None:
        """Write what is left to write; `complete` says whether all came."""


class FileWriter(Generic[_T_contra]):
    """Writes things to `path`, which `option` names, in the one of `formats` that its ending names.

    A .jsonl file grows in place, a whole line at a time, so that it can be followed (`tail -f`). The others are
    written beside their destination and take its place when closed, so that nobody reads half of one. What is no file
    (a pipe, a device) is written to as it stands. A run that is cut short still leaves what it received:
    `close(complete=False)` finishes the file as it stands.

    Used as a context manager it closes itself, complete unless an exception passes through.
    Raises UsageError for any other ending or a folder, StorageError where the file cannot be written; both before
    anything is paid for.
    """

    def __init__(
        self,
        path: str | Path,
        formats: Mapping[str, Callable[[BinaryIO], Format[_T_contra]]],
        option: str = "--output",
    ) -> None:
        self._shown = f'{option} "{path}"'
        suffix = Path(path).suffix.lower()
        if suffix not in formats:
            raise UsageError(
                f'{option} cannot tell a format from "{path}".',
                hint=f"end the name in {' or '.join(', '.join(formats).rsplit(', ', 1))}",
            )
        # A link stays a link: what it points to is replaced.
        self._path = Path(os.path.realpath(path))
        if self._path.is_dir():
            raise UsageError(f"{self._shown} is a folder.", hint="name a file")
        in_place = suffix == ".jsonl" or (self._path.exists() and not self._path.is_file())
        self._part = self._path if in_place else self._path.with_name(f".{self._path.name}.part")
        self._closed = False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._open()
            self._format = formats[suffix](self._file)
        except OSError as error:
            raise self._unwritable(error) from error

    def _open(self) -> BinaryIO:
        """The file, empty and held by this process alone. Raises UsageError where another one writes it."""
        if self._part.exists() and not self._part.is_file():
            return self._part.open("wb")
        while True:
            # Not emptied before it is known that nobody else writes it.
            file = self._part.open("ab")
            if not hold(file):
                file.close()
                raise UsageError(
                    f"{self._shown} is being written by another process.",
                    hint="name another file, or wait for its end",
                )
            if _is_still(file, self._part):
                file.truncate(0)
                return file
            file.close()  # whoever held it has put it in its place in between

    def write(self, thing: _T_contra) -> None:
        """Add one. Raises StorageError when the disk refuses it."""
        try:
            self._format.add(thing)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self, *, complete: bool) -> None:
        """Finish the file with what was received so far and put it in its place; closing twice is harmless.

        `complete` says whether these are all; JUnit, which a CI reads as a verdict, gets an error of its own when not.
        """
        if self._closed:
            return
        self._closed = True
        try:
            try:
                self._format.end(complete=complete)
                self._file.flush()
                if self._part != self._path and os.name != "nt":
                    self._part.replace(self._path)  # while it is still held
            finally:
                self._file.close()
            if self._part != self._path and os.name == "nt":
                self._part.replace(self._path)  # an open file cannot be renamed there
        except OSError as error:
            if self._part != self._path:
                self._part.unlink(missing_ok=True)
            raise self._unwritable(error) from error

    def discard(self) -> None:
        """Give up what was written beside the destination, which stays as it was."""
        if not self._closed:
            self._closed = True
            self._file.close()
            if self._part != self._path:
                self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(complete=kind is None)

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self._shown} cannot be written: {error.strerror or error}.",
            hint="the answers received so far are in the run's results.jsonl",
        )


def _is_still(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class OutputWriter(FileWriter[Record]):
    """The records of a run as .jsonl, .json, .csv or .xml (JUnit).

    In a .csv file each of `columns` has one of its own, and with `bom` it begins with a byte order mark, by which Excel
    knows UTF-8. Raises UsageError for `bom` in another format.
    """

    def __init__(self, path: str | Path, columns: Columns | None = None, *, bom: bool = False) -> None:
        if bom and Path(path).suffix.lower() != ".csv":
            raise UsageError(f'--bom is for .csv, and --output "{path}" is none.')
        super().__init__(path, {**_FORMATS, ".csv": partial(_Csv, columns=columns or Columns(), bom=bom)})


_BEGINNINGS = {
    ".jsonl": (b'{"prompt":',),
    ".json": (b'[\n{"prompt":', b"[]\n"),
    ".csv": (b"prompt,case,", codecs.BOM_UTF8 + b"prompt,case,"),
    ".xml": (b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="runner"',),
}


def is_own(path: Path) -> bool:
    """Whether what stands at `path` is an output of ours, as far as its beginning tells, or is empty, or is not there."""
    try:
        with open(open_plain(path), "rb") as file:  # noqa: PTH123 - a descriptor
            begins = file.read(100)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not begins or begins.startswith(_BEGINNINGS.get(path.suffix.lower(), ()))


class _JsonLines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, record: Record) -> None:
        self._file.write(json_line(record).encode() + b"\n")
        self._file.flush()

    def end(self, *, complete: bool) -> None:
        """Nothing is left to write: a shorter file is a legal one."""


class _JsonArray:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b"[\n"

    def add(self, record: Record) -> None:
        self._file.write(self._before + json_line(record).encode())
        self._before = b",\n"

    def end(self, *, complete: bool) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


_COLUMNS = (
    *(
        "prompt",
        "case",
        "variant",
        "sample",
        "choice",
        "outcome",
        "passed",
        "text",
        "output",
        "checks",
        "error",
    ),
    *(
        "detail",
        "model",
        "served_model",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "cost",
        "latency_ms",
    ),
    *("attempts", "cached", "fingerprint", "vars", "index"),
)


class _Csv:
    """RFC 4180 with a header line, UTF-8. `output` and `vars` are JSON text; `checks` holds the failed ones.

    Behind these come `vars.NAME` and `output.FIELD`, whose cells are the value itself: a text as it is, lists and
    objects as JSON, nothing for null. What has no column there is in `output` and `vars`, where everything is.

    Cells that begin with `=`, `+`, `-` or `@` stay as they are: a measuring tool does not alter its data. A
    spreadsheet may take them for formulas, so import the columns of a file you do not trust as text.
    """

    def __init__(self, file: BinaryIO, *, columns: Columns, bom: bool) -> None:
        self._file = file
        self._columns = columns
        if bom:
            file.write(codecs.BOM_UTF8)
        self._rows = csv.writer(self)
        names = (f"{part}.{name}" for part, names in columns._asdict().items() for name in names)
        self._rows.writerow([*_COLUMNS, *names])

    def add(self, record: Record) -> None:
        usage = record["usage"] or {}
        given = {
            **record,
            "output": None if record["output"] is None else _json(record["output"]),
            "checks": "\n".join(map(check_text, failed_checks(record))) or None,
            "error": error_text(record),
            "prompt_tokens": usage.get("prompt_tokens"),
            "completion_tokens": usage.get("completion_tokens"),
            "vars": _json(record["vars"]),
        }
        output = record["output"]
        fields = output if isinstance(output, Mapping) else {}
        row = record.get("row", {})
        self._rows.writerow(
            [
                *(_cell(given.get(column)) for column in _COLUMNS),
                *(_value_cell(record["vars"].get(name)) for name in self._columns.vars),
                *(_value_cell(fields.get(name)) for name in self._columns.output),
                *(_value_cell(row.get(name)) for name in self._columns.row),
            ]
        )

    def end(self, *, complete: bool) -> None:
        """Nothing is left to write."""

    def write(self, line: str) -> None:
        # Half a surrogate pair, which UTF-8 cannot hold, is spelt out.
        self._file.write(line.encode("utf-8", "backslashreplace"))


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _value_cell(value: Json) -> object:
    return _json(value) if isinstance(value, list | Mapping) else _cell(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_FORMATS: Mapping[str, Callable[[BinaryIO], Format[Record]]] = {
    ".jsonl": _JsonLines,
    ".json": _JsonArray,
    ".xml": JUnitFormat,
}
