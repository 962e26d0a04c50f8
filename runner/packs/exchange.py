"""Folders and files of a project replaced together: all of them, or none.

What is new is written beside its place first, so that a full disk changes nothing; then each old one is put aside and
each new one put into its place. Where that fails in the middle, the old ones are put back.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..errors import StorageError

__all__ = ["Exchange"]


class Exchange:
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
        try:
            for step in steps:
                step.prepare()
            for step in steps:
                step.switch()
        except BaseException as error:
            left = [step for step in reversed(steps) if not step.take_back()]
            if not isinstance(error, OSError):
                raise
            hint = "nothing was changed: everything is as it was"
            if left:
                hint = f"what was there before waits in {', '.join(str(step.old) for step in left)}"
            raise StorageError(
                f"{error.filename or 'the project'} cannot be written: {error.strerror or error}", hint=hint
            ) from None
        for step in steps:
            _delete(step.old)


class _Step:
    """One place: its new content waits under one name beside it, its old content under another."""

    def __init__(self, place: Path, mark: str) -> None:
        self.place = place
        self.new = place.with_name(f".{place.name}-{mark}.new")
        self.old = place.with_name(f".{place.name}-{mark}.old")
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
        _delete(self.new)
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
                _write(target, data)

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
            _write(self.new, self._data)
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
            _delete(self.old)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _delete(path: Path) -> None:
    """Delete what nobody needs any longer; where a system holds on to it, it is left."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
