"""Implement `accept`, `reject`, `pending` and `prune` for the project of the current folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import get_args

from ..engine.plan.job import Unit
from ..engine.plan.selection import Selection
from ..errors import NothingSelectedError, Problems, RunnerError, UsageError, raise_all
from ..files.discover import refuse_other_projects
from ..files.model import Project, Prompt
from ..files.versions import NewerFormatError
from ..regress.approval import accept, reject
from ..regress.claims import refuse_shared, refuse_shared_folders
from ..regress.gates.rates import load_rates
from ..regress.pending_answers import load_pending, select_pending
from ..regress.results import PendingEntry, PendingKind
from ..regress.snapshots.approved import approved_of
from ..regress.snapshots.snapshot import folder_of
from ..regress.snapshots.store import SnapshotStore, store_of
from ..regress.snapshots.unreferenced import abandoned_rates, unreferenced_files
from ..report.terminal.figures import plural
from ..report.terminal.outlet import print_data, print_line
from ..report.terminal.terminal_text import visible
from ..workspace import Workspace
from .open_workspace import open_workspace
from .questions import DeclaredCases
from .show_errors import show_diagnostic

__all__ = [
    "NOTHING_PENDING",
    "accept_entry",
    "accept_selected",
    "nothing_matches",
    "prune",
    "reject_selected",
    "show_pending",
]

NOTHING_PENDING = "no answers are pending"


def nothing_matches(pending: Sequence[PendingEntry]) -> NothingSelectedError:
    """Return the error for names that match none of the pending answers."""
    if not pending:
        return NothingSelectedError(
            "no answer is pending", hint="runner test requests answers that are missing or out of date"
        )
    return NothingSelectedError("no pending answer matches", hint="runner pending lists them")


def _name_of(entry: PendingEntry) -> str:
    """Return the name of an entry for `accept` and `reject`."""
    return f"{entry.prompt}/{entry.case}" + (f"@{entry.variant}" if entry.variant is not None else "")


def accept_entry(root: Path, entry: PendingEntry, store: SnapshotStore, declared: DeclaredCases) -> None:
    """Approve an entry and print it. Raises as `accept`; if the case is gone, the hint says how to discard the answer."""
    gone = declared.lack(entry)
    try:
        accept(root, entry, store)
    except UsageError as error:
        if gone:
            error.hint = f"the prompt no longer has this case; to discard the answer: runner reject {quote(_name_of(entry))}"
        raise
    print_line(f"accepted {entry.kind:9} {visible(entry.snapshot_file)}")
    if gone:
        print_line(f"{visible(entry.file)} no longer has this case: runner prune deletes the snapshot")


def _chosen(
    project: Project,
    select: Sequence[str],
    kinds: Sequence[str],
    folder: str | None = None,
    *,
    everything: bool,
) -> list[PendingEntry]:
    root = Path(project.root)
    refuse_other_projects(select, project=project, cwd=Path.cwd())
    wanted = frozenset(kind.strip() for word in kinds for kind in word.split(","))
    if unknown := wanted - set(get_args(PendingKind)):
        raise UsageError(
            f"--kind {min(unknown)}: there is no such kind",
            hint=f"kinds are {', '.join(get_args(PendingKind))}",
        )
    if not (select or wanted or everything):
        raise UsageError("name the answers, or give --all", hint="runner pending lists them")
    entries = load_pending(root, Path(folder) if folder is not None else None)
    chosen = select_pending(entries, select, wanted or None)
    if not chosen and folder is not None and not entries:
        raise NothingSelectedError(
            f"{folder} contains no pending answers", hint="name the folder of the artifact"
        )
    if not chosen and (entries or select):
        raise nothing_matches(entries)
    if not chosen:
        print_line(NOTHING_PENDING)
    return chosen


def accept_selected(
    select: Sequence[str], *, everything: bool, kinds: Sequence[str], folder: str | None = None
) -> int:
    """Approve the chosen entries. Report those that cannot be approved, and approve the others nevertheless."""
    workspace = open_workspace()
    project = workspace.project
    root, store = Path(project.root), store_of(project, os.environ)
    problems: list[RunnerError] = []
    chosen = _chosen(project, select, kinds, folder, everything=everything)
    refuse_shared_folders((entry.snapshot_file for entry in chosen), project)
    declared = DeclaredCases(workspace)
    for entry in chosen:
        try:
            accept_entry(root, entry, store, declared)
        except RunnerError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def reject_selected(select: Sequence[str], *, everything: bool, kinds: Sequence[str]) -> int:
    """Discard the chosen entries."""
    project = open_workspace().project
    root = Path(project.root)
    for entry in _chosen(project, select, kinds, everything=everything):
        reject(root, entry)
        print_line(f"rejected {entry.kind:9} {visible(entry.snapshot_file)}")
    return 0


def show_pending(select: Sequence[str], *, as_json: bool) -> int:
    """List entries, as lines or as a JSON list."""
    project = open_workspace().project
    refuse_other_projects(select, project=project, cwd=Path.cwd())
    entries = select_pending(load_pending(Path(project.root)), select)
    if as_json:
        rows = [
            {
                "kind": entry.kind,
                "prompt": entry.prompt,
                "file": entry.file,
                "case": entry.case,
                "variant": entry.variant,
                "snapshot": entry.snapshot_file,
                "moved_from": entry.moved_from,
                "output": entry.snapshot.output,
                "fields": [
                    {
                        "path": each.path,
                        "approved": each.approved,
                        "new": each.new,
                        "rule": each.rule,
                        "equal": each.equal,
                    }
                    for each in entry.fields
                ],
            }
            for entry in entries
        ]
        print_data(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for entry in entries:
        variant = f"@{entry.variant}" if entry.variant else ""
        print_line(f"{entry.kind:9} {visible(f'{entry.prompt}/{entry.case}{variant}')}")
    print_line(f"{plural(len(entries), 'answer')} pending")
    return 0


def prune(paths: Sequence[str], *, dry_run: bool, isolate: bool) -> int:
    """Delete snapshots without a case, if all prompts that could refer to them load."""
    with open_workspace(isolate=isolate) as workspace:
        return _prune(workspace, paths, dry_run=dry_run)


def _prune(workspace: Workspace, paths: Sequence[str], *, dry_run: bool) -> int:
    project = workspace.project
    workspace.packs.verify_copies()
    loaded = list(workspace.each_prompt(paths, show_diagnostic))
    errors = [entry for entry in loaded if isinstance(entry, RunnerError)]
    if errors:
        # A file is known to be unreferenced only if everything that may refer to it loads.
        raise Problems(errors)
    prompts = [entry for entry in loaded if isinstance(entry, Prompt)]
    refuse_shared(prompts, project)
    store = store_of(project, os.environ)
    workspace.sandbox.start()
    units = workspace.units(prompts)
    found = list(unreferenced_files(units, Selection(), store))
    awaited = _awaited(workspace, units, store) if found else {}
    for file in found:
        store.refuse_newer(file)
    kept = 0
    for file in found:
        if (case := awaited.get(store.request(file))) is not None:
            kept += 1
            print_line(f"kept {visible(file)}: it answers {visible(case)}, which may have been renamed")
            continue
        if not dry_run:
            store.delete(file)
        print_line(f"{'would delete' if dry_run else 'deleted'} {visible(file)}")
    print_line(f"{plural(len(found) - kept, 'snapshot')} without a case")
    _prune_rates(units, store, dry_run=dry_run)
    if kept:
        print_line(
            "to keep the approved answers under the new names: runner test, then runner accept --kind moved"
        )
    _report_gone(workspace, prompts)
    return 0


def _prune_rates(units: Sequence[Unit], store: SnapshotStore, *, dry_run: bool) -> None:
    """Delete the baselines of prompts and variants that are gone. Raises NewerFormatError."""
    found = list(abandoned_rates(units, store))
    for file in found:
        try:
            load_rates(store, file)
        except NewerFormatError:
            raise
        except RunnerError:
            pass  # nobody needs to read it
    for file in found:
        if not dry_run:
            store.delete(file)
        print_line(f"{'would delete' if dry_run else 'deleted'} {visible(file)}")
    if found:
        print_line(f"{plural(len(found), 'baseline')} without a prompt")


def _report_gone(workspace: Workspace, prompts: Sequence[Prompt]) -> None:
    """Print the pending answers of these prompts whose case is gone. They were paid for, so only `reject` discards them."""
    folders = {folder_of(prompt) for prompt in prompts}
    declared = DeclaredCases(workspace)
    for entry in load_pending(workspace.root):
        if entry.snapshot_file.rpartition("/")[0] in folders and declared.lack(entry):
            name = _name_of(entry)
            print_line(
                f"the pending answer of {visible(name)} has no case: runner reject {visible(quote(name))}"
            )


def _awaited(workspace: Workspace, units: Sequence[Unit], store: SnapshotStore) -> dict[str | None, str]:
    """Map the requests of all cases without a snapshot to these cases, since a snapshot may be of a renamed one."""
    found: dict[str | None, str] = {}
    known = {unit.prompt.place for unit in units}
    others = list(units)
    with contextlib.suppress(RunnerError):
        for prompt in workspace.each_prompt(()):
            if isinstance(prompt, Prompt) and prompt.place not in known:
                with contextlib.suppress(RunnerError):  # one that does not load was not selected
                    others += workspace.units((prompt,))
    for unit in others:
        with contextlib.suppress(RunnerError):
            for case in Selection().cases(unit):
                with contextlib.suppress(
                    RunnerError
                ):  # a snapshot that cannot be read exists; the other cases count nevertheless
                    if approved_of(store, unit.prompt, case.id, unit.variant) is None:
                        for fingerprint in unit.job(case).fingerprints():
                            found.setdefault(fingerprint, f"{unit.prompt.name}/{case.id}")
    return found
