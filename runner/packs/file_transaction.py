"""Folders and files of a project replaced together: all of them, or none.

What is new is written beside its place first, so that a full disk changes nothing; then each old one is put aside and
each new one put into its place. Where that fails in the middle, or is interrupted, the old ones are put back. Only who
kills the process, or the power, can leave something beside a place; `leftovers` finds it.
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
from ..files.atomic import write_new

__all__ = ["FileTransaction", "delete", "leftovers"]

_LEFT = re.compile(r"\.(.+)-[0-9a-f]{8}\.runner-(?:new|old)")


def leftovers(folder: Path) -> dict[str, str]:
    """What a process that was killed left in a folder: the name of each, and of that in whose place it belonged."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return {}
    return {name: found[1] for name in names if (found := _LEFT.fullmatch(name))}


class FileTransaction:
    """Changes of a project's files, gathered and then carried out at once."""

    def __init__(self) -> None:
        self._folders: dict[Path, Mapping[str, bytes] | None] = {}
        self._files: dict[Path, bytes | None] = {}

    def folder(self, place: Path, files: Mapping[str, bytes] | None) -> None:
        """A folder shall hold exactly these files; None: it shall be gone."""
        self._folders[place] = files

    def file(self, place: Path, data: bytes | None) -> None:
        """A file shall hold these bytes; None: it shall be gone. A link stays a link, to a file that does."""
        self._files[place.resolve()] = data

    def carry_out(self) -> None:
        """Do it. Raises StorageError where the disk refuses; everything then is as it was."""
        mark = secrets.token_hex(4)
        steps: list[_Step] = [_Folder(place, mark, files) for place, files in self._folders.items()]
        steps += [_File(place, mark, data) for place, data in self._files.items()]
        at = None
        try:
            for step in steps:
                at = step.place
                step.prepare()
            with _undisturbed():
                for step in steps:
                    at = step.place
                    step.switch()
        except BaseException as error:
            with _undisturbed():
                left = [step for step in reversed(steps) if not step.take_back()]
            if not isinstance(error, OSError):
                raise
            hint = "nothing was changed: everything is as it was"
            if left:
                hint = f"what was there before waits in {', '.join(_shown(step.old) for step in left)}"
            raise StorageError(
                f"{_shown(at) if at else 'the project'} cannot be written: {error.strerror or error}",
                hint=hint,
            ) from None
        with _undisturbed():
            for step in steps:
                delete(step.old)


class _Step:
    """One place: its new content waits under one name beside it, its old content under another."""

    def __init__(self, place: Path, mark: str) -> None:
        self.place = place
        self.new = place.with_name(f".{place.name}-{mark}.runner-new")
        self.old = place.with_name(f".{place.name}-{mark}.runner-old")
        self._made: list[Path] = []

    def prepare(self) -> None:
        """Write what is new."""
        missing = [folder for folder in self.place.parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            self._made.append(folder)

    def switch(self) -> None:
        """Put the old aside and the new into its place."""
        raise NotImplementedError

    def take_back(self) -> bool:
        """Undo as much of it as was done; whether the old is in its place again."""
        try:
            self._put_back()
        except OSError:
            return False
        delete(self.new)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody else put something in it meanwhile
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
            shutil.copy2(self.place, self.old)  # so that at no moment there is no file
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
    """Delete what nobody needs any longer; where a system holds on to it, it is left."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _shown(path: Path) -> str:
    """A path as a person in the current folder would type it."""
    with contextlib.suppress(ValueError):  # another drive of Windows
        return os.path.relpath(path)
    return str(path)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block is done."""
    came: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # no other one can
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda each, _: came.append(each))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler if handler is not None else signal.SIG_DFL)
    for each in came:
        signal.raise_signal(each)
