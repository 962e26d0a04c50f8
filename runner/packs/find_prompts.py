"""Find the prompts that a command line selects: files of the project, and `ALIAS:NAME` in packs."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import (
    Diagnostic,
    FormatError,
    Location,
    MissingFileError,
    NothingSelectedError,
    PackError,
    RunnerError,
    UsageError,
)
from ..files.discover import find_prompts, find_prompts_in
from ..files.disk.tree import DiskTree, Tree
from ..files.model import Project, Prompt
from ..files.pack_sources import is_reference
from ..files.prompt import name_of
from .pack_set import PackSet

__all__ = ["find_named", "find_named_in", "load_named"]

_SUFFIXES = (".yaml", ".yml", ".json")


def find_named(
    args: Sequence[str],
    *,
    project: Project,
    packs: PackSet,
    cwd: Path,
    remark: Callable[[Diagnostic], None] = lambda _: None,
) -> list[tuple[DiskTree | None, str]]:
    """Return the prompts that `args` select: each file with its tree, or a name in a pack with None.

    `args` may be files, folders, globs, names of the project's own prompts, and `ALIAS:NAME`. Without `args`, return
    what `find_prompts` finds, and the names of packs in the project's `prompts`. A file of a vendored pack selects
    the prompt that the pack exports; private files are skipped if they come from a folder or a glob. `remark` is passed
    to `find_prompts`. Raises as `find_prompts` and `PackSet.named` do.
    """
    references = [arg for arg in args if is_reference(arg) and not (cwd / arg).exists()]
    paths = [_file_of(arg, project, packs, cwd) or arg for arg in args if arg not in references]
    found: dict[tuple[DiskTree | None, str], None] = {}
    own = [pattern for pattern in project.prompts if not is_reference(pattern)]
    if paths or (not args and (own or not project.prompts)):
        found.update(dict.fromkeys(_files(paths, project, packs, cwd, remark)))
    found.update(dict.fromkeys((None, name) for name in packs.named(references)))
    for index, pattern in enumerate(() if args else project.prompts):
        if is_reference(pattern):
            names = packs.named([pattern], _place(project, index))
            found.update(dict.fromkeys((None, name) for name in names))
    return list(found)


def _file_of(arg: str, project: Project, packs: PackSet, cwd: Path) -> str | None:
    """Return the file of the project's own prompt that has this name; None for anything else, such as a path.

    An existing file or folder is never treated as a name. Raises UsageError if several prompts have the name.
    """
    if Path(arg).name != arg or glob.has_magic(arg) or Path(arg).suffix in _SUFFIXES or (cwd / arg).exists():
        return None
    found: list[str] = []
    with suppress(MissingFileError, FormatError, NothingSelectedError, UsageError):
        for tree, file in _files((), project, packs, cwd, lambda _: None):
            if tree is None:
                continue
            try:
                name = packs.load_own(file, tree).name
            except RunnerError:
                name = name_of({}, file)  # its mistakes are reported when it is loaded
            if name == arg:
                found.append(os.path.relpath(tree.root / file, cwd))
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} prompts have the name {arg}", hint=f"name the file: {' or '.join(found)}"
        )
    return found[0] if found else None


def _files(
    paths: Sequence[str], project: Project, packs: PackSet, cwd: Path, remark: Callable[[Diagnostic], None]
) -> Iterator[tuple[DiskTree | None, str]]:
    """Yield the prompts that paths select. Files of a vendored pack are replaced by the prompts that it exports."""
    outright = {os.path.normpath(cwd / path) for path in paths}
    kept_back: PackError | None = None
    some = False
    for tree, file in find_prompts(paths, project=project, cwd=cwd, remark=remark):
        vendored = packs.vendored_in(file) if tree.root == Path(project.root) else None
        name = packs.export_of(*vendored) if vendored else file
        if vendored and name is None:
            kept_back = packs.private(vendored[0], file)
            if os.path.normpath(tree.root / file) in outright:
                raise kept_back
        elif name is not None:
            some = True
            yield (None if vendored else tree), name
    if kept_back and not some:
        raise kept_back


def find_named_in(tree: Tree, args: Sequence[str], *, project: Project, cwd: Path) -> list[str]:
    """Return what `args` select in a tree that is not on disk. A missing path is no error; globs of packs stay globs."""
    references = [arg for arg in args if is_reference(arg)]
    paths = [arg for arg in args if arg not in references]
    files = find_prompts_in(tree, paths, project=project, cwd=cwd) if paths or not args else []
    if not args:
        references = [pattern for pattern in project.prompts if is_reference(pattern)]
    return list(dict.fromkeys([*files, *references]))


def load_named(name: str, tree: Tree, packs: PackSet) -> Iterator[Prompt]:
    """Load the prompts of a name from `find_named_in`; none if the pack does not export it. Raises as `PackSet.load`."""
    if not is_reference(name):
        yield packs.load_own(name, tree)
    elif name.partition(":")[0] in packs.requirements:
        try:
            names = packs.named([name])
        except (UsageError, NothingSelectedError):
            return
        for each in names:
            yield packs.load(each)


def _place(project: Project, index: int) -> Location:
    assert project.document is not None, "globs come from a file"
    return project.document.locate(("prompts", index))
