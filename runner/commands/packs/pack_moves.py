"""Changes of packs from one version to another, and their effects, for `runner pack lock`, `update` and `diff`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import StalePackError
from ...files.model import Project
from ...packs.installer import Installer
from ...packs.lock import LockedPack
from ...packs.pack_set import OpenPack, PackSet
from ...packs.resolve import Resolved
from ...regress.revisions.pack_effects import Effects, PackView, effects
from ...render.sandbox import Sandbox
from ...report.diff_formats import diff_text
from ...report.pack_changes import change_lines
from ...report.terminal.outlet import print_line, print_lines
from ...report.terminal.reporter import wants_color
from ..diff import recorded_in
from ..show_errors import show_error

__all__ = ["Move", "effects_of", "recording", "show_broken", "show_moves"]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the locked version of a pack; `opened` is the current copy, if there is one."""

    resolved: Resolved
    before: LockedPack | None
    opened: OpenPack | None

    @classmethod
    def of(cls, installer: Installer, resolved: Resolved) -> Move:
        """Return the move from the project's current version. Raises PackError for a copy that was changed by hand."""
        alias = resolved.requirement.alias
        opened = None
        before = installer.lock.packs.get(alias)
        if before is not None:
            # Without a copy there is nothing to compare with. That must not prevent an update: the source may no longer
            # have the old version.
            with contextlib.suppress(StalePackError):
                opened = installer.packs.open_locked(alias)
        return cls(resolved, before, opened)

    @property
    def alias(self) -> str:
        """The pack's alias."""
        return self.resolved.requirement.alias

    @property
    def is_one(self) -> bool:
        """Whether the locked version changes."""
        return self.before != self.resolved.locked

    @property
    def moved_tag(self) -> str | None:
        """The tag whose commit has changed since it was locked, although the entry in runner.yaml has not."""
        before, after = self.before, self.resolved.locked
        same = before is not None and before.source == after.source and before.commit != after.commit
        return self.resolved.tag if same else None


def effects_of(installer: Installer, moves: Sequence[Move], project: Project, sandbox: Sandbox) -> Effects:
    """Return the effects of moves on the requests of a project. `project` is the project after the moves.

    At least one of the moves is of a pack that was locked before.
    """
    before: Mapping[str, OpenPack] = {move.alias: move.opened for move in moves if move.opened is not None}
    after = {move.alias: move.resolved.pack for move in moves}
    before_them = [move.before for move in moves if move.before is not None]
    names = [f"{move.alias} {move.before.version}" for move in moves if move.before is not None]
    first = before_them[0]
    return effects(
        PackView(installer.project, PackSet(installer.project, installer.tree, opened=before)),
        PackView(project, PackSet(project, installer.tree, opened=after)),
        [move.alias for move in moves],
        rev=", ".join(names),
        commit=first.commit or first.integrity.removeprefix("h1:"),
        recorded=recorded_in(project),
        sandbox=sandbox,
    )


def show_moves(moves: Sequence[Move], found: Effects | None) -> None:
    """Print the changes of the packs, then of the requests."""
    for move in moves:
        exports = (move.opened.manifest if move.opened else None, move.resolved.pack.manifest)
        for line in change_lines(move.alias, move.before, move.resolved.locked, exports=exports):
            print_line(line)
    if found is None:
        return
    if found.comparison.changes:
        color = wants_color(sys.stdout, os.environ)
        print_line()
        print_lines(diff_text(found.comparison, color=color, recording=recording(found)))
    elif found.comparison.unchanged and not found.broken:
        print_line()
        print_line("none of your requests change")
    show_broken(found)
    if found.affected:
        print_line()
        print_line(f"affected: {' '.join(found.affected)}")


def show_broken(found: Effects) -> None:
    """Print the errors of prompts that loaded before and no longer do."""
    if found.broken:
        print_line(err=True)
        print_line("warning: this no longer works:", err=True)
    for error in found.broken:
        show_error(error)


def recording(found: Effects) -> str:
    """Return the command that runs the affected tests."""
    return f"runner test {' '.join(found.affected)}"
