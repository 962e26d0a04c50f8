"""Implement `runner pack add` and `remove`: change runner.yaml, packs.lock and the copy together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ...errors import UsageError
from ...files.pack_sources import is_local_repository
from ...files.project import PROJECT_FILE
from ...packs.installer import Installer
from ...packs.pack_set import PackSet
from ...packs.project_edit import entry_lines, with_entry, without_pack
from ...packs.requirement import requirements_of
from ...packs.resolve import resolve
from ...regress.revisions.pack_effects import PackView, effects
from ...regress.snapshots.snapshot import pack_folder
from ...report.pack_changes import change_lines
from ...report.terminal.outlet import print_line
from ...report.terminal.terminal_text import visible
from ..open_workspace import open_workspace
from .pack_moves import show_broken
from .pack_project import ProjectFile, alone

__all__ = ["add", "remove"]


def add(alias: str, given: Mapping[str, str], *, vendored: bool, isolate: bool) -> int:
    """Write a pack into runner.yaml and packs.lock, and copy it."""
    with alone(), open_workspace(isolate=isolate) as workspace:
        installer, sandbox = Installer(workspace.project), workspace.sandbox
        sandbox.start()
        if alias in installer.requirements:
            raise UsageError(
                f"the pack {alias} already exists",
                location=installer.requirements[alias].location,
                hint=f"choose another alias, or update the pack: runner pack update {alias} --rev REV",
            )
        if not given.keys() & {"git", "path", "url", "python"}:
            raise UsageError(
                "the source of the pack is missing",
                hint="give --git URL --rev REV, --path FOLDER, --url URL --sha256 HASH, or --python DISTRIBUTION",
            )
        for key, other, example in (
            ("git", "rev", "its tag, its branch or a commit: --rev v1.0.0"),
            ("url", "sha256", "from its author, or from sha256sum FILE: --sha256 9f..."),
        ):
            if key in given and other not in given:
                raise UsageError(f"--{key} needs --{other}", hint=example)
        entry = _entry(given, installer.root, vendored=vendored)
        data, project = ProjectFile(installer.root, os.environ).edited(
            lambda text: with_entry(text, alias, entry),
            f"write under `packs:`\n{entry_lines(alias, entry, 2)}\n",
        )
        requirements = requirements_of(project)
        resolved = resolve(requirements[alias], installer.root, sandbox)
        installer.change([resolved], project_file=data, requirements=requirements)
        for line in change_lines(alias, None, resolved.locked, exports=(None, resolved.pack.manifest)):
            print_line(line)
        if installer.root != Path.cwd():
            print_line(f"note: added to {visible(installer.tree.shown(PROJECT_FILE))}", err=True)
        for name in list(resolved.pack.manifest.exports["prompts"])[:1]:
            print_line()
            print_line(f"Now try:  runner check {alias}:{name}")
        return 0


def remove(alias: str, *, isolate: bool) -> int:
    """Remove a pack from everything except the project's own snapshots, and report the prompts that still use it."""
    with alone(), open_workspace(isolate=isolate) as workspace:
        installer, sandbox = Installer(workspace.project), workspace.sandbox
        sandbox.start()
        data, project = None, installer.project
        if alias in installer.requirements or alias not in installer.lock.packs:
            installer.packs.requirement(alias)
            data, project = ProjectFile(installer.root, os.environ).edited(
                lambda text: without_pack(text, alias), f"remove {alias} from `packs:`"
            )
        found = effects(
            PackView(installer.project, installer.packs),
            PackView(project, PackSet(project, installer.tree)),
            [],
            rev=alias,
            commit="",
            recorded=lambda _: True,
            sandbox=sandbox,
        )
        gone = [alias] if alias in installer.lock.packs else []
        installer.change([], gone, project_file=data, requirements=requirements_of(project))
        print_line(f"{visible(alias)}: removed")
        show_broken(found)
        if (installer.root / pack_folder(alias)).is_dir():
            print_line(
                f"note: your own snapshots of its prompts remain in {visible(pack_folder(alias))}/", err=True
            )
        return 0


def _entry(given: Mapping[str, str], root: Path, *, vendored: bool) -> dict[str, str | bool]:
    """Return the entry for runner.yaml, with paths relative to the project instead of the current folder."""
    entry: dict[str, str | bool] = dict(given)
    folder, repository = given.get("path"), given.get("git")
    if folder:  # an empty one is refused with the other values
        entry["path"] = _from_root(folder, root)
    if repository and is_local_repository(repository) and not Path(repository).is_absolute():
        entry["git"] = _from_root(repository, root)
    if not vendored:
        entry["vendored"] = False
    return entry


def _from_root(typed: str, root: Path) -> str:
    try:
        return Path(os.path.relpath(Path.cwd() / typed, root)).as_posix()
    except ValueError:  # another drive of Windows
        raise UsageError(f"{typed} and the project are on different drives") from None
