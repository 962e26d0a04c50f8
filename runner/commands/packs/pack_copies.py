"""Implement `runner pack sync`, `verify`, `vendor` and `list`: compare the copies of packs with packs.lock."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ...errors import PackError, Problems, RunnerError, StalePackError, raise_all
from ...packs.installer import Installer
from ...packs.manifest import KINDS, Manifest
from ...packs.project_edit import without_setting
from ...packs.requirement import Requirement
from ...packs.resolve import verify_at_source
from ...report.pack_changes import export_lines, pack_line
from ...report.terminal.outlet import print_data, print_line
from ...report.terminal.terminal_text import visible
from ..open_workspace import open_workspace
from .pack_project import ProjectFile, alone

__all__ = ["list_packs", "sync", "vendor", "verify"]


def sync(*, offline: bool) -> int:
    """Install exactly what packs.lock specifies."""
    with alone():
        installer = Installer(open_workspace().project)
        installer.selected(())
        for done in installer.sync(offline=offline):
            print_line(f"{pack_line(done.alias, done.locked)}: {'written' if done.written else 'as locked'}")
            if done.note:
                print_line(f"note: {visible(done.alias)}: {visible(done.note)}", err=True)
        return 0


def verify(aliases: Sequence[str], *, online: bool = False) -> int:
    """Check every file against packs.lock, and with `online` packs.lock against the sources; report all errors."""
    installer = Installer(open_workspace().project)
    errors: list[RunnerError] = []
    for requirement in installer.selected(aliases):
        try:
            installer.packs.open(requirement.alias)
            locked = installer.lock.packs[requirement.alias]
            if online:
                verify_at_source(requirement, locked, installer.root)
        except RunnerError as error:
            errors.append(error)
        else:
            files = len(locked.files)
            count = f"{files} file{'s' if files != 1 else ''}"
            state = "as locked, and as in its source" if online else "as locked"
            print_line(f"{pack_line(requirement.alias, locked)}: {count} {state}")
    if not aliases:
        errors += [
            *installer.packs.not_required(),
            *installer.unknown_folders(),
            *installer.leftover_errors(),
        ]
    raise_all(errors)
    return 0


def vendor(aliases: Sequence[str]) -> int:
    """Write the locked files into packs/."""
    with alone():
        installer = Installer(open_workspace().project)
        requirements = installer.selected(aliases)
        data: bytes | None = None
        for requirement in requirements:
            if not requirement.vendored:
                data, _ = ProjectFile(installer.root, os.environ, data).edited(
                    lambda text, alias=requirement.alias: without_setting(text, alias, "vendored"),  # type: ignore[misc]
                    f"remove `vendored: false` from packs.{requirement.alias}",
                )
        installer.vendor(requirements, project_file=data)
        for requirement in requirements:
            line = pack_line(requirement.alias, installer.lock.packs[requirement.alias])
            print_line(f"{line}: written to packs/{requirement.alias}/")
        return 0


def list_packs(*, as_json: bool) -> int:
    """List the packs with their state and their exports."""
    installer = Installer(open_workspace().project)
    rows = [_row(installer, requirement) for requirement in installer.requirements.values()]
    if as_json:
        print_data(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for requirement, row in zip(installer.requirements.values(), rows, strict=True):
        locked = installer.lock.packs.get(requirement.alias)
        head = (
            pack_line(requirement.alias, locked)
            if locked
            else f"{visible(requirement.alias)}: {visible(str(requirement))}"
        )
        print_line(f"{head}: {row['state']}")
        manifest = _manifest(installer, requirement)
        for line in export_lines(manifest) if manifest else ():
            print_line(line)
    if not rows:
        print_line("no packs; runner pack add ALIAS with --git, --path, --url or --python adds one")
    return 0


def _row(installer: Installer, requirement: Requirement) -> dict[str, object]:
    locked = installer.lock.packs.get(requirement.alias)
    manifest = _manifest(installer, requirement)
    return {
        "alias": requirement.alias,
        "source": dict(requirement.source),
        "vendored": requirement.vendored,
        "state": _state(installer, requirement),
        "name": locked.name if locked else None,
        "version": locked.version if locked else None,
        "commit": locked.commit if locked else None,
        "integrity": locked.integrity if locked else None,
        "exports": {kind: list(manifest.exports[kind]) for kind in KINDS} if manifest else None,
    }


def _state(installer: Installer, requirement: Requirement) -> str:
    """Return the state of a pack in a word or two; `verify` gives the details."""
    try:
        installer.packs.locked(requirement)
    except StalePackError:
        return "not locked" if requirement.alias not in installer.lock.packs else "locked to another request"
    try:
        installer.packs.open(requirement.alias)
    except StalePackError:
        return "not here"
    except RunnerError as error:
        first = error.errors[0] if isinstance(error, Problems) else error
        return "changed" if isinstance(first, PackError) else "unusable"
    return "as locked"


def _manifest(installer: Installer, requirement: Requirement) -> Manifest | None:
    try:
        return installer.packs.open(requirement.alias).manifest
    except RunnerError:
        return None  # the state says that something is wrong
