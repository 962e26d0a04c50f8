"""Find what another version of a pack changes in a project: the requests of its own prompts and the pack's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import Location, NothingSelectedError, RunnerError
from ...files.disk.tree import DiskTree
from ...files.model import Project, Prompt
from ...files.pack_sources import is_reference
from ...packs.find_prompts import find_named
from ...packs.pack_set import PackSet
from ...render.sandbox import IN_PROCESS, Sandbox
from .changed_cases import Change
from .rendered_revision import RenderedRequest, RenderedRevision, RenderFailure
from .request_diff import RequestDiff, compare

__all__ = ["Effects", "PackView", "effects"]


@dataclass(frozen=True, slots=True)
class PackView:
    """A project with its packs in one state."""

    project: Project
    packs: PackSet


@dataclass(frozen=True, slots=True)
class Effects:
    """The requests that differ, and the prompts that no longer load or render although they did before.

    `affected` are the prompts whose tests have to be run again, as arguments of `runner test`.
    """

    comparison: RequestDiff
    broken: tuple[RunnerError, ...]

    @property
    def affected(self) -> tuple[str, ...]:
        """Return the prompts whose requests would differ, as arguments of `runner test`."""
        asked = [change for change in self.comparison.changes if change.change in ("added", "changed")]
        return tuple(dict.fromkeys(change.digest.key[0] for change in asked))


def effects(
    before: PackView,
    after: PackView,
    aliases: Sequence[str],
    *,
    rev: str,
    commit: str,
    recorded: Callable[[Change], bool],
    sandbox: Sandbox = IN_PROCESS,
) -> Effects:
    """Render the project's own prompts and those of the packs `aliases` in both states. Sends no request.

    `rev` and `commit` name the state before, and `sandbox` is where Jinja runs. Raises nothing for a prompt that does
    not load.
    """
    base, head = (
        _PackRevision(before, aliases, sandbox, tell=True),
        _PackRevision(after, aliases, sandbox, tell=False),
    )
    comparison = compare(base, head, rev=rev, commit=commit, recorded=recorded)
    known = {_key(entry) for entry in base.unreadable}
    broken = [entry for entry in head.unreadable if _key(entry) not in known]
    # A request that no longer renders was not removed.
    places = {entry.file for entry in broken}
    changes = [
        change
        for change in comparison.changes
        if change.change != "removed" or not places & {None, change.digest.key[0]}
    ]
    errors = {id(entry.error): entry.error for entry in broken}
    return Effects(replace(comparison, changes=tuple(changes)), tuple(errors.values()))


class _PackRevision(RenderedRevision):
    """A revision that remembers what does not render; without `tell` it skips that, so that the rest is compared."""

    def __init__(self, view: PackView, aliases: Sequence[str], sandbox: Sandbox, *, tell: bool) -> None:
        self._tell = tell
        self._broken: dict[tuple[str | None, str | None, str | None], RenderFailure] = {}
        super().__init__(list(_prompts(view, aliases)), view.project, sandbox)

    @property
    def unreadable(self) -> list[RenderFailure]:
        """Return what did not render, once all of `requests` was consumed."""
        return list(self._broken.values())

    def requests(self) -> Iterator[RenderedRequest | RenderFailure]:
        """Yield every request, as the base class does."""
        for each in super().requests():
            if isinstance(each, RenderFailure):
                self._broken.setdefault(_key(each), each)
            if self._tell or not isinstance(each, RenderFailure):
                yield each


def _prompts(view: PackView, aliases: Sequence[str]) -> Iterator[Prompt | RenderFailure]:
    project, packs = view.project, view.packs
    own: list[tuple[DiskTree | None, str]] = []
    # If runner.yaml names a pack that is missing, the project's own files are still compared.
    files = tuple(pattern for pattern in project.prompts if not is_reference(pattern))
    for each in (project, replace(project, prompts=files)):
        try:
            own = find_named((), project=each, packs=packs, cwd=Path.cwd())
            break
        except NothingSelectedError:
            break
        except RunnerError as error:
            yield RenderFailure(error)
            if not files or files == project.prompts:
                break
    names = {name for tree, name in own if tree is None}
    for tree, name in own:
        try:
            yield packs.load(name) if tree is None else packs.load_own(name, tree)
        except RunnerError as error:
            yield RenderFailure(error, name)
    for alias in aliases:
        if alias not in packs.requirements:
            continue
        try:
            exports = packs.open(alias, Location(alias)).manifest.exports["prompts"]
        except RunnerError as error:
            yield RenderFailure(error, f"{alias}:")
            continue
        for export in exports:
            name = f"{alias}:{export}"
            if name not in names:
                try:
                    yield packs.load(name)
                except RunnerError as error:
                    yield RenderFailure(error, name)


def _key(entry: RenderFailure) -> tuple[str | None, str | None, str | None]:
    return entry.file, entry.case, entry.variant
