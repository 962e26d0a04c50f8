"""Collect the contents of a pack from a listing of its source: select the files, check them, then read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Location, PackError, RunnerError, raise_all
from ..files.disk.tree import MemoryTree
from .file_rules import SourceEntry, included, refusals
from .tree_hash import Contents

__all__ = ["FetchedPack", "Listing", "collect"]

_LFS = b"version https://git-lfs.github.com/spec/"
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of a folder, an archive or a commit; `read` returns the bytes of some of them by path.

    `prefix` precedes a path in messages; `commit` is the commit that was listed, `tag` the tag that led to it.
    """

    entries: Sequence[SourceEntry]
    read: Callable[[Sequence[SourceEntry]], Mapping[str, bytes]]
    prefix: str
    commit: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class FetchedPack:
    """A pack as it is at its source."""

    contents: Contents
    prefix: str
    commit: str | None = None
    tag: str | None = None

    @property
    def tree(self) -> MemoryTree:
        """The files as a tree; messages name them by their source."""
        return MemoryTree(self.contents.files, self.prefix)


def collect(found: Listing) -> FetchedPack:
    """Return the pack in a listing. Raises PackError, or Problems, for entries that a pack cannot have, before reading."""
    entries = included(found.entries)
    whole = found.prefix.rstrip(":/") or "."

    def refuse(refused: Sequence[tuple[str | None, str, str | None]]) -> None:
        errors: list[RunnerError] = [
            PackError(message, location=Location(found.prefix + path if path else whole), hint=hint)
            for path, message, hint in refused[:_MOST_SHOWN]
        ]
        if len(refused) > _MOST_SHOWN:
            more = f"and {len(refused) - _MOST_SHOWN} more files that a pack cannot have"
            errors.append(PackError(more, location=Location(whole)))
        raise_all(errors)

    refuse([(each.path, each.message, each.hint) for each in refusals(entries)])
    files = found.read(entries)
    pointers = [path for path, data in files.items() if data.startswith(_LFS)]
    hint = "a pack is small: keep the file itself in git"
    refuse([(path, "this is a Git LFS pointer, not the file itself", hint) for path in pointers])
    return FetchedPack(Contents.of(files), found.prefix, found.commit, found.tag)
