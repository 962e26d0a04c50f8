"""Implement `runner pack lock`, `update` and `diff`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...errors import UsageError
from ...files.model import Project
from ...packs.installer import Installer
from ...packs.project_edit import with_value
from ...packs.requirement import requirements_of
from ...packs.resolve import resolve
from ...report.diff_formats import diff_json, diff_markdown
from ...report.pack_changes import pack_line
from ...report.terminal.figures import plural
from ...report.terminal.outlet import print_data, print_line
from ...report.terminal.terminal_text import visible
from ..open_workspace import open_workspace
from .pack_moves import Move, effects_of, recording, show_moves
from .pack_project import ProjectFile, alone

__all__ = ["diff", "lock", "update"]


def lock(*, isolate: bool) -> int:
    """Lock new and changed packs, and remove packs that runner.yaml no longer has."""
    with alone(), open_workspace(isolate=isolate) as workspace:
        installer, sandbox = Installer(workspace.project), workspace.sandbox
        sandbox.start()
        installer.selected(())
        moves = [
            Move.of(installer, resolve(requirement, installer.root, sandbox))
            for requirement in installer.unlocked()
        ]
        gone = installer.no_longer_required()
        if not moves and not gone:
            print_line(f"packs.lock is up to date: {plural(len(installer.requirements), 'pack')}")
            return 0
        # A pack that was not locked before has nothing to compare with.
        found = (
            effects_of(installer, moves, installer.project, sandbox)
            if any(move.before for move in moves)
            else None
        )
        installer.change([move.resolved for move in moves], gone)
        for alias in gone:
            print_line(f"{visible(alias)}: removed, because runner.yaml no longer has it")
        show_moves(moves, found)
        return 0


def update(aliases: Sequence[str], *, rev: str | None, dry_run: bool, isolate: bool) -> int:
    """Update packs to the current versions of their sources."""
    with alone(), open_workspace(isolate=isolate) as workspace:
        installer, sandbox = Installer(workspace.project), workspace.sandbox
        sandbox.start()
        requirements = installer.selected(aliases)
        data, project = None, installer.project
        if rev is not None:
            if len(aliases) != 1:
                raise UsageError("--rev applies to one pack", hint="runner pack update ALIAS --rev REV")
            data, project = _with_rev(installer, aliases[0], rev)
            requirements = [requirements_of(project)[aliases[0]]]
        moves = [
            Move.of(installer, resolve(requirement, installer.root, sandbox)) for requirement in requirements
        ]
        for move in moves:
            if not move.is_one:
                print_line(f"{pack_line(move.alias, move.resolved.locked)}: up to date")
            _warn_of_tag(move)
        moving = [move for move in moves if move.is_one]
        if moving:
            found = (
                effects_of(installer, moving, project, sandbox)
                if any(move.before for move in moving)
                else None
            )
            if not dry_run:
                installer.change([move.resolved for move in moving], project_file=data)
            show_moves(moving, found)
            if dry_run:
                print_line()
                print_line("nothing was changed (--dry-run)")
        return 0


def diff(alias: str, *, to: str | None, form: str, isolate: bool) -> int:
    """Show what another version of a pack would change."""
    with open_workspace(isolate=isolate) as workspace:
        installer, sandbox = Installer(workspace.project), workspace.sandbox
        sandbox.start()
        project = installer.project if to is None else _with_rev(installer, alias, to)[1]
        installer.packs.requirement(alias)
        move = Move.of(installer, resolve(requirements_of(project)[alias], installer.root, sandbox))
        _warn_of_tag(move)
        found = effects_of(installer, [move], project, sandbox)
        if form == "json":
            print_data(diff_json(found.comparison))
        elif form == "markdown":
            print_data(diff_markdown(found.comparison, recording=recording(found)), json=False)
        else:
            show_moves([move], found)
        return 0


def _with_rev(installer: Installer, alias: str, rev: str) -> tuple[bytes, Project]:
    """Return runner.yaml with another revision of a pack, and the project that it defines."""
    requirement = installer.packs.requirement(alias)
    if "git" not in requirement.source:
        raise UsageError(
            f"the pack {alias} does not come from git, so it has no other revision",
            location=requirement.location,
        )
    return ProjectFile(installer.root, os.environ).edited(
        lambda text: with_value(text, alias, "rev", rev), f"write packs.{alias}.rev: {rev}"
    )


def _warn_of_tag(move: Move) -> None:
    if move.moved_tag is not None and move.before is not None:
        then, now = str(move.before.commit)[:12], str(move.resolved.locked.commit)[:12]
        print_line(
            f"warning: {visible(move.alias)}: the tag {visible(move.moved_tag)} was moved from {then} to {now} since it was "
            "locked. This may be an attack: review the changes, and ask the pack's author.",
            err=True,
        )
