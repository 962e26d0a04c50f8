"""Compare the requests of two revisions of a project.

Rendered requests are compared, not files: an edited include, default, schema or project file changes exactly the
requests that it affects; a comment, a reordering or a renamed prompt changes none. Both sides are rendered while they
are read; only fingerprints are kept of the older one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from ...engine.plan.job import CaseKey
from ...engine.plan.plan import MAX_PROBLEMS
from ...errors import Problems, RunnerError, raise_all
from ...files.disk.tree import DiskTree, Tree
from ...files.model import Project, Prompt
from ...files.pack_sources import is_reference
from ...packs.find_prompts import find_named_in
from ...render.sandbox import IN_PROCESS, Sandbox
from ...values import JsonObject
from .rendered_revision import (
    PARTS,
    RenderedRequest,
    RenderedRevision,
    RenderFailure,
    RequestDigest,
    rendered_at,
)
from .repository import Repository, RevisionTree

__all__ = ["Change", "ChangeKind", "changed_bodies", "changed_cases", "changes", "left_files"]

ChangeKind: TypeAlias = Literal["added", "removed", "changed", "moved", "unchanged"]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one request. `parts` names what changed in it: messages, params, schema.

    `before` is None for an added request and for one whose base does not render, which `note` then reports; `after` is
    None for a removed one. A moved request is the same one under another file, case or variant. Recording the new one
    takes `calls` answers to requests of `size` bytes; `snapshot` is the file of its approved answer, `shipped` the
    fingerprint of the request for which its pack ships an answer.
    """

    change: ChangeKind
    before: RequestDigest | None
    after: RequestDigest | None
    parts: tuple[str, ...] = ()
    note: str | None = None
    size: int = 0
    calls: int = 0
    snapshot: str | None = None
    shipped: str | None = None

    @property
    def digest(self) -> RequestDigest:
        """Return the request as it is now, or as it was before it was removed."""
        seen = self.after or self.before
        assert seen is not None, "a change has at least one side"
        return seen


def changes(
    base: Iterable[RenderedRequest | RenderFailure], head: Iterable[RenderedRequest | RenderFailure]
) -> Iterator[Change]:
    """Yield the change of each request, in the order of `head`, then the removed ones.

    A request whose base does not render counts as changed. Raises the error in the head, Problems if there are several.
    """
    before, broken = _read_base(base)
    added: list[Change] = []
    errors: list[RunnerError] = []
    for request in head:
        if isinstance(request, RenderFailure):
            errors.append(request.error)
            if len(errors) == MAX_PROBLEMS:
                break
            continue
        after = request.digest
        old = before.pop(after.key, None)
        change = Change(
            "added",
            old,
            after,
            size=request.size,
            calls=request.calls,
            snapshot=request.snapshot,
            shipped=request.shipped,
        )
        if old is not None:
            differing = zip(PARTS, old.parts, after.parts, strict=True)
            names = tuple(name for name, one, other in differing if one != other)
            same = old.fingerprint == after.fingerprint
            yield replace(change, change="unchanged" if same else "changed", parts=names)
        elif (error := _error_for(after.key, broken)) is not None:
            yield replace(change, change="changed", note=f"the base does not render: {_first(error)}")
        else:
            added.append(change)
    raise_all(errors)
    yield from _moved(added, before)
    yield from (Change("removed", old, None) for old in before.values())


def changed_bodies(
    base: RenderedRevision, head: RenderedRevision, keys: Set[CaseKey]
) -> Iterator[tuple[CaseKey, JsonObject, JsonObject]]:
    """Yield the bodies of requests that both sides have, before and after, rendered again in the order of `head`.

    If the cases have the same order on both sides, only one pair is in memory at a time.
    """
    older = base.bodies(keys)
    waiting: dict[CaseKey, JsonObject] = {}
    for key, after in head.bodies(keys):
        while key not in waiting:
            other, body = next(older)
            waiting[other] = body
        yield key, waiting.pop(key), after


def changed_cases(
    project: Project,
    prompts: Sequence[Prompt],
    base: str,
    *,
    environ: Mapping[str, str] = os.environ,
    sandbox: Sandbox = IN_PROCESS,
) -> set[CaseKey]:
    """Return the cases of `prompts` (on disk) whose request differs from the one in the git revision `base`.

    Added requests differ, moved ones do not. Raises UsageError for a revision that cannot be read, and the errors in
    the prompts themselves.
    """
    found: set[CaseKey] = set()
    by_root: dict[Path, list[Prompt]] = {}
    for prompt in prompts:
        home = prompt.tree.root if isinstance(prompt.tree, DiskTree) else Path(project.root)
        by_root.setdefault(home, []).append(prompt)
    for root, group in by_root.items():
        with Repository(root) as repository:
            tree = repository.tree(base, root)
            chosen = _counterparts(tree, group, root)
            older = rendered_at(tree, root, chosen, environ=environ, sandbox=sandbox)
            compared = changes(older.requests(), RenderedRevision(group, project, sandbox).requests())
            found |= {each.digest.key for each in compared if each.change in ("added", "changed")}
    return found


def _counterparts(
    tree: RevisionTree, prompts: Sequence[Prompt], root: Path
) -> Callable[[Project], Iterable[str]]:
    """Return a function that chooses the same prompts in an older tree; if some are new, also those that are gone."""

    def choose(project: Project) -> Iterable[str]:
        files = [prompt.file for prompt in prompts if prompt.origin is None]
        same = [file for file in files if tree.exists(file) or tree.hides(file)]
        of_packs = [prompt.place for prompt in prompts if prompt.origin is not None]
        gone = left_files(tree, project, root) if len(same) < len(files) else []
        return dict.fromkeys([*same, *of_packs, *gone])

    return choose


def left_files(tree: Tree, project: Project, root: Path) -> list[str]:
    """Return the prompt files of an older tree that no longer exist: they may have been renamed."""
    now = DiskTree(root)
    named = find_named_in(tree, (), project=project, cwd=root)
    return [name for name in named if not is_reference(name) and not now.exists(name)]


def _read_base(
    base: Iterable[RenderedRequest | RenderFailure],
) -> tuple[dict[CaseKey, RequestDigest], list[RenderFailure]]:
    seen: dict[CaseKey, RequestDigest] = {}
    broken: list[RenderFailure] = []
    for request in base:
        if isinstance(request, RenderFailure):
            broken.append(request)
        else:
            seen[request.digest.key] = request.digest
    return seen, broken


def _error_for(key: CaseKey, broken: Iterable[RenderFailure]) -> RunnerError | None:
    """Return why it is unknown whether a case existed in the base; None if it is new."""
    for entry in broken:
        if entry.file is None:
            return entry.error
        if entry.file == key[0] and entry.case in (None, key[1]) and entry.variant in (None, key[2]):
            return entry.error
    return None


def _first(error: RunnerError) -> str:
    """Return an error in one line; of several errors the first."""
    first = error.errors[0] if isinstance(error, Problems) else error
    return " ".join(f"{first.location}: {first.message}".split()) if first.location else first.message


def _moved(added: Iterable[Change], removed: dict[CaseKey, RequestDigest]) -> Iterator[Change]:
    """Yield the added requests, as moved if one in `removed` is the same; that one is taken out of `removed`."""
    gone: dict[str, list[RequestDigest]] = {}
    for old in removed.values():
        gone.setdefault(old.fingerprint, []).append(old)
    for change in added:
        same = gone.get(change.digest.fingerprint)
        if not same:
            yield change
            continue
        old = next((each for each in same if each.key[1] == change.digest.key[1]), same[0])
        same.remove(old)
        del removed[old.key]
        yield replace(change, change="moved", before=old)
