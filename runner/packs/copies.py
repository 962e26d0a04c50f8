"""The copy of a pack that a project keeps, verified against packs.lock: read once, with every byte hashed, or refused.

    packs/<alias>/                     vendored: part of the project, in git
    .runner/packs/<hash>/              `vendored: false`: named by its integrity, not in git

The result is a tree in memory with exactly the files of the lock, so that nothing else can ever be rendered.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import FileError, Location, PackError, RunnerError, StalePackError, together
from ..files.disk.tree import DiskTree, MemoryTree, Tree
from .file_rules import MAX_BYTES
from .lock import LockedPack
from .requirement import Requirement
from .tree_hash import canonical_bytes, file_hash

__all__ = ["STORE", "VENDORED", "Copy", "Deviation", "copy_at", "deviation_error", "home_of", "read_copy"]

VENDORED = "packs"
STORE = ".runner/packs"

_LITTER = frozenset({".DS_Store"})
"""Files that a file manager leaves in the folders it shows. No pack can have a hidden file, so they are never read."""

_MOST_SHOWN = 20
_PLAIN_READ = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A file of a copy that differs from the lock; `before` is the locked path of a renamed file."""

    kind: Literal["changed", "missing", "added", "renamed", "irregular"]
    path: str
    before: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "changed":
                return "its bytes differ from packs.lock"
            case "missing":
                return "it is in packs.lock but not here"
            case "added":
                return "it is not in packs.lock"
            case "renamed":
                return f"it is {self.before} in packs.lock"
            case "irregular":
                return "it is a link, or cannot be read as a file"


@dataclass(frozen=True, slots=True)
class Copy:
    """A folder compared with a locked pack: the files that match the lock, and the deviations."""

    files: Mapping[str, bytes]
    deviations: tuple[Deviation, ...]


def home_of(requirement: Requirement, locked: LockedPack) -> str:
    """Return the folder of the copy, relative to the project's root."""
    if requirement.vendored:
        return f"{VENDORED}/{requirement.alias}"
    # Hexadecimal, because base64 has characters that file names cannot have and is case-sensitive. 120 bits are enough.
    return f"{STORE}/{integrity_folder(locked.integrity)}"


def integrity_folder(integrity: str) -> str:
    """Return the folder name for a pack with this integrity: the first 30 hexadecimal digits of the hash."""
    import base64

    return base64.b64decode(integrity.removeprefix("h1:")).hex()[:30]


def read_copy(requirement: Requirement, locked: LockedPack, tree: Tree) -> MemoryTree:
    """Return the verified files of a pack, read from a project's tree (on disk or in a git revision).

    Raises StalePackError if there is no copy, PackError for a file that differs from the lock, Problems for several.
    """
    home = home_of(requirement, locked)
    copy = copy_at(home, locked, tree)
    shown = tree.shown(home)
    if copy is None:
        raise StalePackError(
            f"the pack {requirement.alias} is in packs.lock, but its copy in {shown} is missing",
            location=requirement.location,
            hint="runner pack sync installs exactly what is locked",
        )
    if copy.deviations:
        raise deviation_error(requirement.alias, home, copy, tree, _remedy(requirement, shown))
    return MemoryTree(copy.files, f"{shown}{os.sep if os.sep in shown else '/'}")


def deviation_error(alias: str, home: str, copy: Copy, tree: Tree, hint: str) -> RunnerError:
    """Return the error for a copy that differs from the lock; it lists the first files and counts the rest."""
    errors: list[RunnerError] = [
        PackError(
            f"the pack {alias} was changed after it was locked: {deviation}",
            location=Location(tree.shown(f"{home}/{deviation.path}")),
            hint=hint,
        )
        for deviation in copy.deviations[:_MOST_SHOWN]
    ]
    if len(copy.deviations) > _MOST_SHOWN:
        more = f"and {len(copy.deviations) - _MOST_SHOWN} more of its files differ from packs.lock"
        errors.append(PackError(more, location=Location(tree.shown(home))))
    return together(errors)


def copy_at(home: str, locked: LockedPack, tree: Tree) -> Copy | None:
    """Compare a folder of a project's tree with the lock; None if there is no such folder."""
    if isinstance(tree, DiskTree):
        return _copy_on_disk(tree.root / home, locked)
    if not any(tree.exists(f"{home}/{path}") for path in locked.files):
        return None
    files: dict[str, bytes] = {}
    found: list[Deviation] = []
    for path, digest in locked.files.items():
        # Only locked files are ever read from a revision, so that extra files do not matter.
        try:
            data = tree.read(f"{home}/{path}")
        except FileError:
            found.append(Deviation("missing", path))
            continue
        if file_hash(path, data) == digest:
            files[path] = canonical_bytes(path, data)
        else:
            found.append(Deviation("changed", path))
    return Copy(files, tuple(found))


def _copy_on_disk(folder: Path, locked: LockedPack) -> Copy | None:
    if folder.is_symlink():
        return Copy({}, (Deviation("irregular", "."),))
    if not folder.is_dir():
        return None
    files: dict[str, bytes] = {}
    found: list[Deviation] = []
    unlocked: list[str] = []
    missing = dict(locked.files)
    room = 2 * MAX_BYTES  # CRLF at most doubles the size of a file with LF
    for path, is_plain in _walk(folder, ""):
        name = unicodedata.normalize("NFC", path)
        if is_plain and name not in missing:
            unlocked.append(path)
            continue
        data = _read(folder / path, room) if is_plain else None
        digest = missing.pop(name, None)
        if data is None:
            found.append(Deviation("irregular", path))
        elif file_hash(name, data) == digest:
            files[name] = canonical_bytes(name, data)
            room -= len(data)
        else:
            found.append(Deviation("changed", name))
    found += _unlocked(folder, unlocked, missing)
    found += [Deviation("missing", name) for name in missing]
    return Copy(files, tuple(sorted(found, key=lambda deviation: deviation.path)))


def _unlocked(folder: Path, paths: Sequence[str], missing: dict[str, str]) -> Iterator[Deviation]:
    """Yield the files that the lock does not have. One with the bytes of a missing file was renamed: it leaves `missing`."""
    for path in paths:
        data = _read(folder / path, MAX_BYTES) if missing else b""
        digest = file_hash(path, data) if data is not None else None
        before = next((name for name, each in missing.items() if each == digest), None)
        if before is not None:
            del missing[before]
        yield Deviation("renamed" if before else "added", path, before)


def _walk(folder: Path, below: str) -> Iterator[tuple[str, bool]]:
    """Yield every path below a folder without following links, and whether it is a plain file.

    A folder that cannot be listed counts as something that is not a plain file.
    """
    try:
        with os.scandir(folder / below) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        yield below.rstrip("/") or ".", False
        return
    for entry in entries:
        path = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, f"{path}/")
        elif entry.name not in _LITTER:
            yield path, entry.is_file(follow_symlinks=False)


def _read(path: Path, most: int) -> bytes | None:
    """Read up to `most` + 1 bytes of a plain file; None if it is not a plain file or cannot be read."""
    try:
        descriptor = os.open(path, _PLAIN_READ)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return stream.read(max(most, 0) + 1)


def _remedy(requirement: Requirement, shown: str) -> str:
    again = (
        f"runner pack vendor {requirement.alias}"
        if requirement.vendored
        else f"delete {shown} and runner pack sync"
    )
    return (
        f"{again} restores the locked files; to change a prompt of a pack, copy it into the project, "
        "or publish a new version and run runner pack update"
    )
