"""From what a source holds to the contents of a pack: what belongs to it, whether it may, then its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Location, PackError, RunnerError, raise_all
from ..files.tree import MemoryTree
from .file_rules import Entry, included, refusals
from .tree_hash import Contents

__all__ = ["FetchedPack", "Listing", "collect"]

_LFS = b"version https://git-lfs.github.com/spec/"
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands in a folder, an archive or a commit; `read` gives the bytes of some of it by path.

    `prefix` stands before a path in messages; `commit` is the one it was found in, `tag` the tag that led there.
    """

    entries: Sequence[Entry]
    read: Callable[[Sequence[Entry]], Mapping[str, bytes]]
    prefix: str
    commit: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedPack:
    """A pack as its source has it."""

    contents: Contents
    prefix: str
    commit: str | None = None
    tag: str | None = None

    @property
    def tree(self) -> MemoryTree:
        """Its files; messages call them by their source."""
        return MemoryTree(self.contents.files, self.prefix)


def collect(found: Listing) -> FetchedPack:
    """The pack in what was found. Raises PackError, or Problems, for what a pack cannot have; nothing is read then."""
    entries = included(found.entries)
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
    return FetchedPack(Contents.of(files), found.prefix, found.commit, found.tag)
