"""Implement `runner diff`: compare the requests of the same paths in a git revision and in the working tree."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import MissingFileError, NothingSelectedError, RunnerError, UsageError, raise_all
from ..files.disk.tree import DiskTree
from ..files.model import Project, Prompt
from ..files.pack_sources import is_reference
from ..packs.find_prompts import find_named_in
from ..regress.claims import refuse_shared
from ..regress.revisions.changed_cases import Change, left_files
from ..regress.revisions.hunks import Hunk
from ..regress.revisions.rendered_revision import RenderedRevision, rendered_at
from ..regress.revisions.repository import Repository
from ..regress.revisions.request_diff import RequestDiff, compare
from ..regress.snapshots.store import store_of
from ..report.diff_formats import diff_json, diff_markdown, diff_text
from ..report.terminal.outlet import print_data, print_lines
from ..report.terminal.reporter import wants_color
from ..workspace import Workspace
from .open_workspace import open_workspace
from .show_errors import show_diagnostic

__all__ = ["comparison_with", "diff", "hunks_since_last_commit", "recorded_in"]


def diff(base: str, paths: Sequence[str], *, form: str, isolate: bool) -> int:
    """Print which requests differ from those of a git revision. Raises as `comparison_with`."""
    with open_workspace(isolate=isolate) as workspace:
        comparison = comparison_with(base, paths, workspace, with_hunks=form != "json")
    if form == "json":
        print_data(diff_json(comparison))
    elif form == "markdown":
        print_data(diff_markdown(comparison), json=False)
    else:
        print_lines(diff_text(comparison, color=wants_color(sys.stdout, os.environ)))
    return 0


def comparison_with(
    base: str, paths: Sequence[str], workspace: Workspace, *, with_hunks: bool
) -> RequestDiff:
    """Compare the working tree with a git revision.

    Raises UsageError for a revision that cannot be read and for a path outside the project, NothingSelectedError if
    neither side has a prompt, and the errors of the prompts in the working tree.
    """
    workspace.sandbox.start()
    project, sandbox = workspace.project, workspace.sandbox
    root, cwd = workspace.root, Path.cwd()
    workspace.packs.verify_copies()
    with Repository(root) as repository:
        commit = repository.commit(base)
        tree = repository.tree(base, root)

        def older(args: Sequence[str], then: Project = project) -> list[str]:
            return find_named_in(tree, args, project=then, cwd=cwd)

        present = _present(paths, workspace, older)
        prompts = _load(present, workspace)
        refuse_shared(prompts, project)
        head = RenderedRevision(prompts, project, sandbox)
        # A path into the folder of a pack means prompts of that pack, whatever their paths in another version of it.
        then_paths = [name for path in paths for name in _as_named(path, workspace)]
        # A new file may be a renamed one, even if only its new name was given.
        is_new = any(tree_now is not None and not tree.exists(name) for name, tree_now in present.items())
        named: set[str] = set()

        def choose(then: Project) -> list[str]:
            named.update(older(then_paths, then))
            named.update(name for name in present if tree.hides(name))  # the tree says why it cannot be read
            return list(dict.fromkeys([*sorted(named), *(left_files(tree, then, root) if is_new else ())]))

        base_side = rendered_at(tree, root, choose, environ=workspace.environ, sandbox=sandbox)
        comparison = compare(
            base_side, head, rev=base, commit=commit, recorded=recorded_in(project), with_hunks=with_hunks
        )
        return _about(comparison, named) if paths else comparison


def hunks_since_last_commit(files: Sequence[str], *, isolate: bool) -> Mapping[str, Sequence[Hunk]]:
    """Return how the requests of these prompts differ from the last commit, by snapshot file.

    The result is empty outside git, and if either side cannot be read.
    """
    found: dict[str, list[Hunk]] = {}
    with contextlib.suppress(RunnerError):
        with open_workspace(isolate=isolate) as workspace:
            comparison = comparison_with("HEAD", files, workspace, with_hunks=True)
        snapshots = {change.digest.key: change.snapshot for change in comparison.changes}
        for hunk in comparison.hunks or ():
            for key in hunk.cases:
                if (file := snapshots[key]) is not None:
                    found.setdefault(file, []).append(hunk)
    return found


def _about(comparison: RequestDiff, named: set[str]) -> RequestDiff:
    """Return the comparison without removals from files that were read only to find renamed cases."""
    changes = [
        change
        for change in comparison.changes
        if change.change != "removed" or change.digest.key[0] in named or ":" in change.digest.key[0]
    ]
    return replace(comparison, changes=tuple(changes))


def _present(
    paths: Sequence[str], workspace: Workspace, older: Callable[[Sequence[str]], list[str]]
) -> dict[str, DiskTree | None]:
    """Return the prompts that the paths name now, files with their tree; a path may name a deleted file."""
    found: dict[str, DiskTree | None] = {}
    for args in [[path] for path in paths] or [[]]:
        try:
            named = workspace.find(args, show_diagnostic)
        except (MissingFileError, NothingSelectedError):
            if not older(args):
                raise
            continue
        for tree, name in named:
            if tree is not None and str(tree.root) != workspace.project.root:
                raise UsageError(
                    f"{tree.shown(name)} is not part of the project in {workspace.project.root}",
                    hint="run the command inside its own project",
                )
            found[name] = tree
    return dict(sorted(found.items()))


def _as_named(path: str, workspace: Workspace) -> list[str]:
    """Return the path itself, preceded by the prompts of packs that it names."""
    if is_reference(path):
        return [path]
    with contextlib.suppress(MissingFileError, NothingSelectedError):
        found = workspace.find([path])
        if any(tree is None for tree, _ in found):
            return [name for tree, name in found if tree is None] + [path]
    return [path]


def _load(names: dict[str, DiskTree | None], workspace: Workspace) -> list[Prompt]:
    prompts: list[Prompt] = []
    errors: list[RunnerError] = []
    for name, tree in names.items():
        try:
            prompts.append(workspace.load(tree, name))
        except RunnerError as error:
            errors.append(error)
    raise_all(errors)
    return prompts


def recorded_in(project: Project) -> Callable[[Change], bool]:
    """Return a function that tells whether the approved answer, of the project or its pack, belongs to the new request."""
    store = store_of(project, os.environ)

    def recorded(change: Change) -> bool:
        assert change.snapshot is not None, "an existing request has a place for its answer"
        with contextlib.suppress(RunnerError):  # a snapshot that cannot be read answers nothing
            snapshot = store.read(change.snapshot)
            answered = snapshot.request if snapshot is not None else change.shipped
            return answered in (change.digest.fingerprint, *change.digest.older)
        return False

    return recorded
