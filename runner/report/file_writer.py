"""Write files of results (`--output FILE` and the like) as they arrive, in constant memory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Generic, Protocol, Self, TypeVar

from ..errors import StorageError, UsageError
from ..files.disk.file_lock import hold
from ..files.disk.plain_files import open_plain

__all__ = ["TABLE_MARK", "FileWriter", "Format", "is_own"]

_T_contra = TypeVar("_T_contra", contravariant=True)


class Format(Protocol[_T_contra]):
    """Format items one after another and write them to the binary file passed to the constructor."""

    def add(self, thing: _T_contra, /) -> None:
        """Add one item."""

    def end(self, *, complete: bool) -> None:
        """Write the rest of the file; `complete` is whether all items arrived."""


class FileWriter(Generic[_T_contra]):
    """Write items to `path`, the value of `option`, in the one of `formats` that belongs to its extension.

    A .jsonl file grows in place, whole lines at a time, so that it can be followed (`tail -f`). Other files are written
    beside their destination and replace it when closed, so that nobody reads half a file. Pipes and devices are written
    to directly. If a run is interrupted, the file still gets what was received: `close(complete=False)` completes the file
    as far as possible.

    As a context manager, it closes the file when the block ends: as complete, unless an exception was raised.

    Raises UsageError for an unknown extension, a folder, or (without `force`) an existing file that is not an output of
    ours, and StorageError if the file cannot be written. Both happen before anything is paid for.
    """

    def __init__(
        self,
        path: str | Path,
        formats: Mapping[str, Callable[[BinaryIO], Format[_T_contra]]],
        option: str = "--output",
        *,
        force: bool = False,
    ) -> None:
        self._shown = f'{option} "{path}"'
        suffix = Path(path).suffix.lower()
        if suffix not in formats:
            raise UsageError(
                f'the file name "{path}" of {option} does not show its format',
                hint=f"use a name that ends in {' or '.join(', '.join(formats).rsplit(', ', 1))}",
            )
        # If the path is a link, the link is kept and the file that it points to is replaced.
        self._path = Path(os.path.realpath(path))
        if self._path.is_dir():
            raise UsageError(f"{self._shown} is a folder.", hint="name a file")
        if not force and self._path.is_file() and not is_own(self._path):
            raise UsageError(
                f"{self._shown} already exists and is not an output of runner.",
                hint="name another file, or add --force to replace it",
            )
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
        """Open the file, empty and locked by this process. Raises UsageError if another process writes it."""
        if self._part.exists() and not self._part.is_file():
            return self._part.open("wb")
        while True:
            # Do not truncate the file before it is certain that no other process writes it.
            file = self._part.open("ab")
            if not hold(file):
                file.close()
                raise UsageError(
                    f"{self._shown} is being written by another process.",
                    hint="name another file, or wait until it ends",
                )
            if _is_still(file, self._part):
                file.truncate(0)
                return file
            file.close()  # the previous holder of the lock has since moved it to its destination

    def write(self, thing: _T_contra) -> None:
        """Write one item. Raises StorageError if that fails."""
        try:
            self._format.add(thing)
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self, *, complete: bool) -> None:
        """Complete the file with what was received so far and move it to its destination; closing twice is harmless.

        `complete` is whether every item arrived; if not, a JUnit file, which CI reads as a verdict, gets an extra error.
        """
        if self._closed:
            return
        self._closed = True
        try:
            try:
                self._format.end(complete=complete)
                self._file.flush()
                if self._part != self._path and os.name != "nt":
                    self._part.replace(self._path)  # while it is still locked
            finally:
                self._file.close()
            if self._part != self._path and os.name == "nt":
                self._part.replace(self._path)  # Windows cannot rename an open file
        except OSError as error:
            if self._part != self._path:
                self._part.unlink(missing_ok=True)
            raise self._unwritable(error) from error

    def discard(self) -> None:
        """Delete the partial file and leave the destination unchanged."""
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


TABLE_MARK = b"prompt-runner results"
"""A marker near the end of our workbooks and Parquet files, whose beginning looks like that of any other."""

_BEGINNINGS = {
    ".jsonl": (b'{"prompt":',),
    ".json": (b'[\n{"prompt":', b"[]\n", b'{\n  "runner_comparison":'),
    ".csv": (b"prompt,case,", codecs.BOM_UTF8 + b"prompt,case,"),
    ".xml": (b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="runner"',),
    ".md": (b"### Prompts: ", b"### Comparison: "),
}
_ENDS = (".xlsx", ".parquet")
_FOOTER = 1 << 16


def is_own(path: Path) -> bool:
    """Return whether the file is missing, empty, or an output of ours, judging by its beginning or end."""
    suffix = path.suffix.lower()
    try:
        with open(open_plain(path), "rb") as file:  # noqa: PTH123 - a descriptor
            if suffix in _ENDS:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _FOOTER))
            part = file.read(_FOOTER)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if suffix in _ENDS:
        return not part or TABLE_MARK in part
    return not part or part.startswith(_BEGINNINGS.get(suffix, ()))
