"""Replace folders and files of a project together: all of them, or none.

New content is first written beside its place, so that a full disk changes nothing. Then each old one is moved aside and
each new one moved into its place. If that fails or is interrupted, the old ones are put back. Only a killed process or
a power cut can leave files beside a place; `leftovers` finds them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..files.disk.atomic import write_new

__all__ = ["FileTransaction", "delete", "leftovers"]

_LEFT = re.compile(r"\.(.+)-[0-9a-f]{8}\.runner-(?:new|old)")


def leftovers(folder: Path) -> dict[str, str]:
    """Return what a killed process left in a folder: the name of each leftover and the name it was to replace."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return {}
    return {name: found[1] for name in names if (found := _LEFT.fullmatch(name))}


class FileTransaction:
    """A set of file changes, collected first and then committed together."""

    def __init__(self) -> None:
        self._folders: dict[Path, Mapping[str, bytes] | None] = {}
        self._files: dict[Path, bytes | None] = {}

    def set_folder(self, place: Path, files: Mapping[str, bytes] | None) -> None:
        """Replace a folder by exactly these files, or delete it (None)."""
        self._folders[place] = files

    def set_file(self, place: Path, data: bytes | None) -> None:
        """Replace a file by these bytes, or delete it (None). A link is kept and the file that it leads to changes."""
        self._files[place.resolve()] = data

    def commit(self) -> None:
        """Make all changes. Raises StorageError if one cannot be made; then everything is as before."""
        mark = secrets.token_hex(4)
        steps: list[_Step] = [_Folder(place, mark, files) for place, files in self._folders.items()]
        steps += [_File(place, mark, data) for place, data in self._files.items()]
        at = None
        try:
            for step in steps:
                at = step.place
                step.prepare()
            with _signals_deferred():
                for step in steps:
                    at = step.place
                    step.switch()
        except BaseException as error:
            with _signals_deferred():
                left = [step for step in reversed(steps) if not step.roll_back()]
            if not isinstance(error, OSError):
                raise
            hint = "nothing was changed"
            if left:
                hint = f"the previous content is in {', '.join(_shown(step.old) for step in left)}"
            raise StorageError(
                f"{_shown(at) if at else 'the project'} cannot be written: {error.strerror or error}",
                hint=hint,
            ) from None
        with _signals_deferred():
            for step in steps:
                delete(step.old)


class _Step:
    """The change of one place. New and old content are kept beside it under temporary names."""

    def __init__(self, place: Path, mark: str) -> None:
        self.place = place
        self.new = place.with_name(f".{place.name}-{mark}.runner-new")
        self.old = place.with_name(f".{place.name}-{mark}.runner-old")
        self._made: list[Path] = []

    def prepare(self) -> None:
        """Write the new content beside the place."""
        missing = [folder for folder in self.place.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def switch(self) -> None:
        """Move the old content aside and the new content into place."""
        raise NotImplementedError

    def roll_back(self) -> bool:
        """Undo what was done so far. Return whether the old content is in place again."""
        try:
            self._put_back()
        except OSError:
            return False
        delete(self.new)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # someone else has put a file into it
                folder.rmdir()
        return True

    def _put_back(self) -> None:
        raise NotImplementedError


class _Folder(_Step):
    def __init__(self, place: Path, mark: str, files: Mapping[str, bytes] | None) -> None:
        super().__init__(place, mark)
        self._files = files
        self._switched = False

    def prepare(self) -> None:
        super().prepare()
        if self._files is not None:
            self.new.mkdir()
            for path, data in self._files.items():
                target = self.new / path
                target.parent.mkdir(parents=True, exist_ok=True)
                write_new(target, data, durable=True)

    def switch(self) -> None:
        if os.path.lexists(self.place):
            self.place.rename(self.old)
        if self._files is not None:
            self.new.rename(self.place)
            self._switched = True

    def _put_back(self) -> None:
        if self._switched:
            self.place.rename(self.new)
        if os.path.lexists(self.old):
            self.old.rename(self.place)


class _File(_Step):
    def __init__(self, place: Path, mark: str, data: bytes | None) -> None:
        super().__init__(place, mark)
        self._data = data
        self._switched = False

    def prepare(self) -> None:
        super().prepare()
        if self._data is not None:
            write_new(self.new, self._data, durable=True)
        if self.place.exists():
            shutil.copy2(self.place, self.old)  # a copy, so that the file exists at every moment
            if self._data is not None:
                shutil.copymode(self.place, self.new)

    def switch(self) -> None:
        if self._data is not None:
            self.new.replace(self.place)
        else:
            self.place.unlink(missing_ok=True)
        self._switched = True

    def _put_back(self) -> None:
        if self.old.exists() and self._switched:
            self.old.replace(self.place)
        elif self._switched and self._data is not None:
            self.place.unlink()
        else:
            delete(self.old)


def delete(path: Path) -> None:
    """Delete a file or a folder that is not needed any more; if the system refuses, leave it."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _shown(path: Path) -> str:
    """Return a path as someone in the current folder would type it."""
    with contextlib.suppress(ValueError):  # another drive of Windows
        return os.path.relpath(path)
    return str(path)


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM until the block is done."""
    received: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # only it can set signal handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda each, _: received.append(each))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler if handler is not None else signal.SIG_DFL)
    for each in received:
        signal.raise_signal(each)
