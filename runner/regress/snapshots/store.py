"""Snapshot files on disk: read them, write them atomically, rename and delete them.

A file is written beside its target, synced and renamed over it, so that a crash at any moment leaves the old file or
the new one; if two processes write at once, one of the two files is left, complete. Links are never followed: the
contents of a `__snapshots__` folder come with the repository, and a link could point anywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...checks.json_key import identity
from ...documents.text import decode
from ...errors import FileError, FormatError, Location, MissingFileError, SecretError, StorageError
from ...files.addresses import key_variables
from ...files.disk.atomic import sync_folder, write_whole
from ...files.disk.plain_files import open_plain
from ...files.model import Project
from ...files.prompt import PROMPT_ENDINGS
from ...files.versions import NewerFormatError
from ...schema import json_path
from .reader import MAX_BYTES, read_snapshot, snapshot_request, too_large
from .secret_scan import largest_part, secret_in
from .snapshot import FOLDER, RATES_SUFFIX, SUFFIX, Snapshot, former_names, present_name
from .writer import document, write_snapshot

__all__ = ["SnapshotStore", "store_of"]

# A system without such a flag does not need it.
_PLAIN_READ = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


class SnapshotStore:
    """The snapshots below `root`, addressed by root-relative POSIX paths. None may contain one of `secret_values`."""

    def __init__(self, root: Path, *, secret_values: Sequence[str] = ()) -> None:
        self._root = str(root)
        self._secrets = tuple(secret_values)
        self._real_folders: set[str] = set()
        # Messages show files relative to the working folder; computed once, not for each of ten thousand files.
        prefix = os.path.relpath(root)
        self._prefix = "" if prefix == os.curdir else prefix.replace(os.sep, "/") + "/"

    def guard(self, values: Iterable[str]) -> None:
        """Refuse to write these values as well."""
        self._secrets = tuple({*self._secrets, *values})

    def read(self, file: str) -> Snapshot | None:
        """Return the snapshot, or None if there is no such file.

        Raises ConflictError, SyntaxFileError, FormatError, EncodingError; MissingFileError for a link, a folder, or an
        unreadable file.
        """
        file = self._on_disk(file)
        folder = file.rpartition("/")[0]
        if folder not in self._real_folders:
            self._refuse_links(file)
            self._real_folders.add(folder)
        try:
            descriptor = os.open(f"{self._root}/{file}", _PLAIN_READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = "it is a link" if Path(self._root, file).is_symlink() else error.strerror or str(error)
            raise self._unreadable(file, reason) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise self._unreadable(file, "it is not a file")
            if status.st_size > MAX_BYTES:
                raise too_large(status.st_size, self.shown(file))
            data = os.read(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
        shown = self.shown(file)
        return read_snapshot(decode(data, shown), shown)

    def digest(self, file: str) -> str | None:
        """Return the SHA-256 of a snapshot file, or None if there is none, to notice later that it changed.

        Raises MissingFileError for a link, a folder, a FIFO, or an unreadable file.
        """
        try:
            return hashlib.sha256(self._plain_bytes(self._on_disk(file))).hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(file, error.strerror or str(error)) from None

    def request(self, file: str) -> str | None:
        """Return the fingerprint in a snapshot without reading the rest; None if it cannot be determined."""
        try:
            return snapshot_request(self._plain_bytes(self._on_disk(file)))
        except OSError:
            return None

    def write(self, file: str, snapshot: Snapshot) -> bool:
        """Write a snapshot; return False, without touching the file, if it already says the same.

        A different `model`, order of keys, or 1.0 instead of 1 is not a difference. A file that cannot be read (a
        conflict) is replaced. Raises SecretError if the snapshot contains a key, FormatError if it is too large or too
        deep to be read again, MissingFileError if a link is in the way, StorageError if the disk refuses it; the file
        is then unchanged.
        """
        self._refuse_links(file)
        self.refuse_secrets(file, snapshot)
        text = write_snapshot(snapshot)
        data = text.encode()
        if len(data) > MAX_BYTES:
            path, size = largest_part(document(snapshot))
            raise FormatError(
                f"the snapshot would have {len(data):,} bytes, at most {MAX_BYTES:,} are allowed; its largest "
                f"part is {json_path(path)} with {size:,}",
                location=Location(self.shown(file)),
                hint="make the prompt's answers shorter, or ignore that path in regression.rules",
            )
        read_snapshot(text, self.shown(file))  # an approved answer must be readable
        if self._says(file, snapshot):
            return False
        if (former := self._on_disk(file)) != file:
            self.move(former, file)
        self._replace(file, data)
        return True

    def refuse_secrets(self, file: str, snapshot: Snapshot) -> None:
        """Raise SecretError if a snapshot contains the value of a key variable, or something that looks like a key."""
        found = secret_in(document(snapshot), write_snapshot(snapshot), self._secrets)
        if found is not None:
            path, what = found
            raise SecretError(
                f"{json_path(path)} holds {what}; nothing was written",
                location=Location(self.shown(file)),
                hint="remove it from the prompt's data, or add a `redact` rule for it to runner.yaml",
            )

    def move(self, old: str, new: str) -> None:
        """Rename a snapshot, as `git mv` would; folders that become empty are deleted.

        Raises MissingFileError for links, StorageError if `new` exists or the disk refuses it.
        """
        old = self._on_disk(old)
        self._refuse_links(old)
        self._refuse_links(new)
        source, target = self._path(old), self._path(new)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Both names are the same file: the system ignores the case of letters.
            if os.path.lexists(target) and not target.samefile(source):
                raise StorageError(
                    f"the snapshot {self.shown(old)} cannot be renamed: {self.shown(new)} exists already",
                    hint="delete the one that you do not want",
                )
            source.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            raise self._cannot("renamed", old, error) from None
        self._drop_empty_folders(old)

    def refuse_newer(self, file: str) -> None:
        """Raise NewerFormatError if a newer runner wrote the snapshot; ignore any other error in it."""
        try:
            self.read(file)
        except NewerFormatError:
            raise
        except FileError:
            pass

    def delete(self, file: str) -> None:
        """Delete a snapshot, and its folders if they are empty then. Raises MissingFileError, StorageError."""
        file = self._on_disk(file)
        self._refuse_links(file)
        try:
            self._path(file).unlink()
        except OSError as error:
            raise self._cannot("deleted", file, error) from None
        self._drop_empty_folders(file)

    def folders_in(self, place: str) -> set[str]:
        """Return the folders in a `__snapshots__` folder, root-relative."""
        try:
            with os.scandir(self._path(place)) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return set()
        return {f"{place}/{present_name(name)}" for name in names}

    def rates_in(self, place: str) -> set[str]:
        """Return the files of rates in a `__snapshots__` folder, root-relative."""
        try:
            with os.scandir(self._path(place)) as entries:
                names = [entry.name for entry in entries if entry.name.endswith(RATES_SUFFIX)]
        except (FileNotFoundError, NotADirectoryError):
            return set()
        return {f"{place}/{name}" for name in names}

    def read_rates(self, file: str) -> str | None:
        """Return the text of a file of rates; None if there is none. Raises MissingFileError, EncodingError."""
        self._refuse_links(file)
        try:
            return decode(self._plain_bytes(file), self.shown(file))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(file, error.strerror or str(error)) from None

    def write_rates(self, file: str, text: str) -> None:
        """Write a file of rates atomically. Raises MissingFileError for links, StorageError."""
        self._refuse_links(file)
        self._replace(file, text.encode())

    def prompts_in(self, directory: str) -> set[str]:
        """Return the prompt files in a directory, root-relative."""
        try:
            with os.scandir(self._path(directory)) as entries:
                names = [entry.name for entry in entries if entry.name.lower().endswith(PROMPT_ENDINGS)]
        except (FileNotFoundError, NotADirectoryError):
            return set()
        return {posixpath.join(directory, name) for name in names}

    def files_of(self, folder: str) -> set[str]:
        """Return the names of the snapshot files in a prompt's folder, spelled as `snapshot_file` spells them.

        Raises MissingFileError for links.
        """
        found: set[str] = set()
        for each in (folder, *former_names(folder)):
            self._refuse_links(f"{each}/*")
            try:
                with os.scandir(f"{self._root}/{each}") as entries:
                    names = {
                        entry.name
                        for entry in entries
                        if entry.name.endswith(SUFFIX) and not entry.is_dir(follow_symlinks=False)
                    }
            except (FileNotFoundError, NotADirectoryError):
                continue
            found |= {present_name(self._as_asked_for(each, name)) for name in names}
        return found

    def named_now(self, file: str) -> str:
        """Return the path of an existing snapshot file, spelled as `snapshot_file` spells it."""
        folder, _, name = file.rpartition("/")
        above, _, last = folder.rpartition("/")
        return f"{above}/{present_name(last)}/{present_name(name)}"

    def _on_disk(self, file: str) -> str:
        """Return the path where a snapshot is, or would be: its former name if only that exists."""
        for former in former_names(file):
            if not os.path.lexists(self._path(file)) and os.path.lexists(self._path(former)):
                return former
        return file

    def _as_asked_for(self, folder: str, name: str) -> str:
        """Return the name in lower case if that is the same file; then `Refund` is the snapshot of case `refund`."""
        lower = name.lower()
        if name == lower:
            return name
        with contextlib.suppress(OSError):
            if self._path(f"{folder}/{lower}").samefile(self._path(f"{folder}/{name}")):
                return lower
        return name

    def _plain_bytes(self, file: str) -> bytes:
        """Return the bytes of a regular file, without blocking on any other kind of file. Raises OSError."""
        with os.fdopen(open_plain(self._path(file)), "rb") as stream:
            return stream.read()

    def _path(self, file: str) -> Path:
        return Path(self._root) / PurePosixPath(file)

    def shown(self, file: str) -> str:
        """Return the name of a file in messages."""
        return f"{self._prefix}{file}"

    def _says(self, file: str, snapshot: Snapshot) -> bool:
        """Return whether the file already says the same, whichever model it names."""
        try:
            approved = self.read(file)
        except (MissingFileError, NewerFormatError):
            raise  # not ours to replace: a link, a folder, or a snapshot of a newer runner
        except FileError:
            return False
        return approved is not None and _substance(approved) == _substance(snapshot)

    def _replace(self, file: str, data: bytes) -> None:
        path = self._path(file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data, durable=True)
        except OSError as error:
            raise self._cannot("written", file, error) from None

    def _drop_empty_folders(self, file: str) -> None:
        for folder in _snapshot_folders(file):
            try:
                self._path(folder).rmdir()
            except OSError:
                return  # it is not empty

    def _refuse_links(self, file: str) -> None:
        for folder in _snapshot_folders(file):
            if self._path(folder).is_symlink():
                raise self._unreadable(folder, "it is a link")

    def _unreadable(self, file: str, reason: str) -> MissingFileError:
        return MissingFileError(
            f"this snapshot cannot be read: {reason}",
            location=Location(self.shown(file)),
            hint="snapshots are plain files in plain folders",
        )

    def _cannot(self, what: str, file: str, error: OSError) -> StorageError:
        return StorageError(
            f"the snapshot {self.shown(file)} cannot be {what}: {error.strerror or error}",
            hint="the approved answers are unchanged; the new answers are safe in .runner/",
        )


def store_of(project: Project, environ: Mapping[str, str]) -> SnapshotStore:
    """Return the snapshot store of a project, which refuses the values of all its key variables."""
    names = key_variables(project.endpoints.values())
    values = sorted({environ[name] for name in names if environ.get(name)})
    return SnapshotStore(Path(project.root), secret_values=values)


def _substance(snapshot: Snapshot) -> object:
    """Return what a snapshot says, without the model, for comparison."""
    return identity(document(replace(snapshot, model=None)))


def _snapshot_folders(file: str) -> list[str]:
    """Return the folders of a file, from the innermost up to `__snapshots__`."""
    folders = [str(each) for each in PurePosixPath(file).parents]
    own = [number for number, folder in enumerate(folders) if folder.rpartition("/")[2] == FOLDER]
    return folders[: own[0] + 1] if own else []
