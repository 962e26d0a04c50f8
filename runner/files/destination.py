"""Check where a command may save its output: not over a file that it reads, nor over one that runner keeps.

A file is identified by its device and inode, so that a link, a hard link, and another spelling or case of its name are
the same file. This is the only place for this rule.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import UsageError
from .disk.tree import DiskTree
from .model import CaseFile, Prompt
from .project import PROJECT_FILE
from .prompt import PROMPT_ENDINGS

__all__ = ["Destination", "reads_of"]

_KEPT = (".runner", ".git")
_OWN = (PROJECT_FILE, "packs.lock", "pack.yaml")
_OWN_ENDINGS = (*PROMPT_ENDINGS, ".snap.yaml")
_HINT = "name another file"

FileId = tuple[int, int]


class Destination:
    """A file that is named with `option`, in the project `root`. It is neither created nor opened here."""

    def __init__(self, option: str, shown: str, root: Path) -> None:
        self._shown = f'{option} "{shown}"'
        self._given = Path(shown)
        self._path = Path(os.path.realpath(shown))
        self._root = root.resolve()

    def check(
        self, reads: Iterable[tuple[str, Path | FileId]] = (), others: Mapping[str, Path | int] | None = None
    ) -> None:
        """Raise UsageError if the file must not be overwritten.

        That is the case for one of `reads` (its name in messages, and its place), the source of standard input, one of
        the `others` that this command writes (a path, or the descriptor of a stream), and a file that runner keeps.
        """
        self._refuse_kept()
        found = _regular(self._path)
        for what, other in (others or {}).items():
            if isinstance(other, int):
                is_same = found is not None and _descriptor(other) == _id(found)
            else:
                is_same = os.path.realpath(other) == str(self._path) or (
                    found is not None and _regular_id(other) == _id(found)
                )
            if is_same:
                raise UsageError(f"{self._shown} is also the file that {what} is written to", hint=_HINT)
        if found is None:
            return
        if _descriptor(0) == _id(found):
            raise UsageError(f"{self._shown} is the file that standard input comes from", hint=_HINT)
        for what, source in reads:
            if (source if isinstance(source, tuple) else _regular_id(source)) == _id(found):
                raise UsageError(f"{self._shown} is the file {what}, which this command reads", hint=_HINT)
        if self._path.suffix.lower() != self._given.suffix.lower():
            raise UsageError(
                f'{self._shown} is a link to "{self._path}", which is not a {self._given.suffix} file',
                hint=_HINT,
            )
        if found.st_nlink > 1:
            for own in self._own_files():
                if _regular_id(own) == _id(found):
                    raise UsageError(f'{self._shown} is the file "{own}", which runner keeps', hint=_HINT)

    def _refuse_kept(self) -> None:
        for folder in self._path.parents:
            if folder.name.casefold() in _KEPT and not self._root.is_relative_to(folder):
                owner = "git" if folder.name.casefold() == ".git" else "runner"
                raise UsageError(f"{self._shown} is in {folder.name}, which belongs to {owner}", hint=_HINT)
        packs = self._root / "packs"
        if self._path.is_relative_to(packs) and (self._root / "packs.lock").is_file():
            raise UsageError(f"{self._shown} is in packs, where the copies of packs are kept", hint=_HINT)

    def _own_files(self) -> Iterator[Path]:
        for file in DiskTree(self._root).files():
            name = file.rpartition("/")[2]
            if name in _OWN or name.endswith(_OWN_ENDINGS):
                yield self._root / file
        for folder, _, names in os.walk(self._root / ".runner"):
            yield from (Path(folder, name) for name in names)


def reads_of(prompts: Iterable[Prompt]) -> Iterator[tuple[str, Path | FileId]]:
    """Yield the files that were read for these prompts so far, and their files of cases, read or not."""
    trees: dict[int, DiskTree] = {}
    for prompt in prompts:
        tree = prompt.tree
        if isinstance(tree, DiskTree):
            trees[id(tree)] = tree
            for test in prompt.tests:
                if isinstance(test, CaseFile):
                    yield f'"{test.shown}"', tree.root / test.path
    for tree in trees.values():
        yield from ((f'"{shown}"', file) for file, shown in tree.reads.items())


def _regular(path: Path) -> os.stat_result | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _regular_id(path: Path) -> FileId | None:
    found = _regular(path)
    return None if found is None else _id(found)


def _descriptor(descriptor: int) -> FileId | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return _id(found) if stat.S_ISREG(found.st_mode) else None


def _id(found: os.stat_result) -> FileId:
    return found.st_dev, found.st_ino
