"""What `runner diff` does: the same paths on both sides of a comparison."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import MissingFileError, NothingSelectedError, Problems, RunnerError, UsageError
from ..files.discover import find_prompts, find_prompts_in
from ..files.model import Project, Prompt
from ..files.prompt import load_prompt
from ..files.tree import DiskTree
from ..regress.comparison import Comparison, compare
from ..regress.git import Repository
from ..regress.revisions import Change
from ..regress.sides import Side, side_at
from ..regress.store import store_of
from .isolating import sandbox_of
from .selecting import open_project

__all__ = ["comparison_with"]


def comparison_with(base: str, paths: Sequence[str], *, with_hunks: bool, isolate: bool) -> Comparison:
    """Compare the working tree with a git revision.

    Raises UsageError for a revision that cannot be read and for a path outside the project, NothingSelectedError when
    neither side has a prompt, and what is wrong with the prompts as they are now.
    """
    sandbox = sandbox_of(isolate=isolate)
    project, environ = open_project()
    sandbox.start()
    root, cwd = Path(project.root), Path.cwd()
    with Repository(root) as repository:
        commit = repository.commit(base)
        tree = repository.tree(base, root)

        def older(args: Sequence[str], then: Project = project) -> list[str]:
            return find_prompts_in(tree, args, project=then, cwd=cwd)

        head = Side(_load(_present(paths, project, older)), project, sandbox)
        base_side = side_at(tree, root, lambda then: older(paths, then), environ=environ, sandbox=sandbox)
        return compare(
            base_side, head, rev=base, commit=commit, recorded=_recorded(project), with_hunks=with_hunks
        )


def _present(
    paths: Sequence[str], project: Project, older: Callable[[Sequence[str]], list[str]]
) -> dict[str, DiskTree]:
    """The prompt files that the paths mean now, with their tree; a path may name what is gone."""
    found: dict[str, DiskTree] = {}
    for args in [[path] for path in paths] or [[]]:
        try:
            named = find_prompts(args, project=project, cwd=Path.cwd())
        except (MissingFileError, NothingSelectedError):
            if not older(args):
                raise
            continue
        for tree, file in named:
            if str(tree.root) != project.root:
                raise UsageError(
                    f"{tree.shown(file)} is not part of the project in {project.root}",
                    hint="run the command inside its own project",
                )
            found[file] = tree
    return dict(sorted(found.items()))


def _load(files: dict[str, DiskTree]) -> list[Prompt]:
    prompts: list[Prompt] = []
    errors: list[RunnerError] = []
    for file, tree in files.items():
        try:
            prompts.append(load_prompt(file, tree))
        except RunnerError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else Problems(errors)
    return prompts


def _recorded(project: Project) -> Callable[[Change], bool]:
    """Whether the approved answer of a request is that to the request as it is now."""
    store = store_of(project, os.environ)

    def recorded(change: Change) -> bool:
        assert change.snapshot is not None, "a request that is there has a place for its answer"
        with contextlib.suppress(RunnerError):  # a snapshot that cannot be read answers nothing
            snapshot = store.read(change.snapshot)
            return snapshot is not None and snapshot.request == change.seen.fingerprint
        return False

    return recorded
