"""The copy of a pack that a project keeps, held against packs.lock: read once, every byte hashed, or refused.

    packs/<alias>/                     vendored: part of the project, in git
    .runner/packs/<hash>/              `vendored: false`: by its integrity, out of git

What comes out is a tree in memory that holds exactly the files of the lock, so that nothing else can ever be rendered.
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
from ..files.tree import DiskTree, MemoryTree, Tree
from .file_rules import MAX_BYTES
from .lock import LockedPack
from .requirement import Requirement
from .tree_hash import canonical_bytes, file_hash

__all__ = ["STORE", "VENDORED", "Copy", "Deviation", "copy_at", "deviating", "home_of", "read_copy"]

VENDORED = "packs"
STORE = ".runner/packs"

_LITTER = frozenset({".DS_Store"})
"""What a file manager leaves in any folder it shows. No pack can have a hidden file, so nothing is read from it."""

_MOST_TOLD = 20
_PLAIN_READ = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A file of a copy that is not as locked. A renamed one was `before` in the lock."""

    kind: Literal["changed", "missing", "added", "renamed", "irregular"]
    path: str
    before: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "changed":
                return "its bytes are not those that packs.lock has"
            case "missing":
                return "it is in packs.lock, and is not here"
            case "added":
                return "it is not in packs.lock"
            case "renamed":
                return f"it is {self.before} in packs.lock"
            case "irregular":
                return "it is a link, or nothing that can be read as a file"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a folder holds of a locked pack: the files that are as locked, and what is not."""

    files: Mapping[str, bytes]
    deviations: tuple[Deviation, ...]


def home_of(requirement: Requirement, locked: LockedPack) -> str:
    """The folder of the copy, from the project's root."""
    if requirement.vendored:
        return f"{VENDORED}/{requirement.alias}"
    # Base64 without what a file name cannot hold, and without regard to case: 120 bits are enough to tell.
    return f"{STORE}/{integrity_folder(locked.integrity)}"


def integrity_folder(integrity: str) -> str:
    """The name of a folder for a pack of this integrity: its first 30 hexadecimal digits."""
    import base64

    return base64.b64decode(integrity.removeprefix("h1:")).hex()[:30]


def read_copy(requirement: Requirement, locked: LockedPack, tree: Tree) -> MemoryTree:
    """The files of a pack, all of them as locked, out of the tree of a project (on disk or of a git revision).

    Raises StalePackError where there is no copy, PackError for each file that is not as locked, Problems for several.
    """
    home = home_of(requirement, locked)
    copy = copy_at(home, locked, tree)
    shown = tree.shown(home)
    if copy is None:
        raise StalePackError(
            f"the pack {requirement.alias} is in packs.lock, but its copy in {shown} is not here",
            location=requirement.location,
            hint="runner pack sync writes exactly what is locked",
        )
    if copy.deviations:
        raise deviating(requirement.alias, home, copy, tree, _way_out(requirement, shown))
    return MemoryTree(copy.files, f"{shown}{os.sep if os.sep in shown else '/'}")


def deviating(alias: str, home: str, copy: Copy, tree: Tree, hint: str) -> RunnerError:
    """The error for a copy that is not as locked: each of its files, the first ones in full."""
    errors: list[RunnerError] = [
        PackError(
            f"the pack {alias} was changed after it was locked: {deviation}",
            location=Location(tree.shown(f"{home}/{deviation.path}")),
            hint=hint,
        )
        for deviation in copy.deviations[:_MOST_TOLD]
    ]
    if len(copy.deviations) > _MOST_TOLD:
        more = f"and {len(copy.deviations) - _MOST_TOLD} more of its files are not as locked"
        errors.append(PackError(more, location=Location(tree.shown(home))))
    return together(errors)


def copy_at(home: str, locked: LockedPack, tree: Tree) -> Copy | None:
    """What stands in a folder of a project's tree, against the lock; None where there is nothing."""
    if isinstance(tree, DiskTree):
        return _copy_on_disk(tree.root / home, locked)
    if not any(tree.exists(f"{home}/{path}") for path in locked.files):
        return None
    files: dict[str, bytes] = {}
    found: list[Deviation] = []
    for path, digest in locked.files.items():
        # Of a revision only the files of the lock are ever asked for, so that none beside them matters.
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
    strangers: list[str] = []
    missing = dict(locked.files)
    room = 2 * MAX_BYTES  # CRLF takes twice the room of LF at most
    for path, is_plain in _walk(folder, ""):
        name = unicodedata.normalize("NFC", path)
        if is_plain and name not in missing:
            strangers.append(path)
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
    found += _strange(folder, strangers, missing)
    found += [Deviation("missing", name) for name in missing]
    return Copy(files, tuple(sorted(found, key=lambda deviation: deviation.path)))


def _strange(folder: Path, paths: Sequence[str], missing: dict[str, str]) -> Iterator[Deviation]:
    """Files that the lock does not have; one with the bytes of a missing one was renamed, and is then not missing."""
    for path in paths:
        data = _read(folder / path, MAX_BYTES) if missing else b""
        digest = file_hash(path, data) if data is not None else None
        before = next((name for name, each in missing.items() if each == digest), None)
        if before is not None:
            del missing[before]
        yield Deviation("renamed" if before else "added", path, before)


def _walk(folder: Path, below: str) -> Iterator[tuple[str, bool]]:
    """Every file of a folder, links not followed, and whether it is a plain one; a folder that cannot be listed is none."""
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
    """The bytes of a plain file, `most` and one at most; None for what is none or cannot be read."""
    try:
        descriptor = os.open(path, _PLAIN_READ)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return stream.read(max(most, 0) + 1)


def _way_out(requirement: Requirement, shown: str) -> str:
    again = (
        f"runner pack vendor {requirement.alias}"
        if requirement.vendored
        else f"delete {shown} and runner pack sync"
    )
    return (
        f"{again} writes the locked files again; to change a prompt of a pack, copy it into the project, "
        "or publish a new version and runner pack update"
    )
