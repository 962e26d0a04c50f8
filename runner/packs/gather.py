"""From what a source holds to the contents of a pack: what belongs to it, whether it may, then its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Location, PackError, RunnerError, raise_all
from ..files.tree import MemoryTree
from .contents import Contents
from .names import Entry, chosen, refusals

__all__ = ["Fetched", "Found", "gather"]

_LFS = b"version https://git-lfs.github.com/spec/"
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a folder, an archive or a commit; `read` gives the bytes of some of it by path.

    `prefix` stands before a path in messages; `commit` is the one it was found in, `tag` the tag that led there.
    """

    entries: Sequence[Entry]
    read: Callable[[Sequence[Entry]], Mapping[str, bytes]]
    prefix: str
    commit: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pack as its source has it."""

    contents: Contents
    prefix: str
    commit: str | None = None
    tag: str | None = None

    @property
    def tree(self) -> MemoryTree:
        """Its files; messages call them by their source."""
        return MemoryTree(self.contents.files, self.prefix)


def gather(found: Found) -> Fetched:
    """The pack in what was found. Raises PackError, or Problems, for what a pack cannot have; nothing is read then."""
    entries = chosen(found.entries)
    whole = found.prefix.rstrip(":/") or "."

    def refuse(refused: Sequence[tuple[str | None, str, str | None]]) -> None:
        errors: list[RunnerError] = [
            PackError(message, location=Location(found.prefix + path if path else whole), hint=hint)
            for path, message, hint in refused[:_MOST_TOLD]
        ]
        if len(refused) > _MOST_TOLD:
            more = f"and {len(refused) - _MOST_TOLD} more files of which a pack has none"
            errors.append(PackError(more, location=Location(whole)))
        raise_all(errors)

    refuse([(each.path, each.message, each.hint) for each in refusals(entries)])
    files = found.read(entries)
    pointers = [path for path, data in files.items() if data.startswith(_LFS)]
    hint = "a pack is small: keep the file itself in git"
    refuse([(path, "this is a pointer of Git LFS, not the file", hint) for path in pointers])
    return Fetched(Contents.of(files), found.prefix, found.commit, found.tag)
