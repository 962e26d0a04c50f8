"""Snapshot files that no case refers to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from ..engine.plan import Unit
from ..engine.selection import Selection
from .snapshot import snapshot_file, snapshot_folder
from .store import SnapshotStore

__all__ = ["abandoned", "orphans"]


def orphans(units: Sequence[Unit], selection: Selection, store: SnapshotStore) -> Iterator[str]:
    """The root-relative paths of such files, for prompts all of whose units are given. Raises CaseError."""
    folders: dict[str, set[str]] = {}
    for unit in units:
        folder = snapshot_folder(unit.prompt.file, unit.prompt.name)
        names = folders.setdefault(folder, store.files_of(folder))
        for case in selection.cases(unit):
            file = snapshot_file(unit.prompt.file, unit.prompt.name, case.id, unit.variant)
            names.discard(file.rpartition("/")[2])
    for folder in sorted(folders):
        yield from (f"{folder}/{name}" for name in sorted(folders[folder]))
    yield from abandoned(units, store)


def abandoned(units: Sequence[Unit], store: SnapshotStore) -> Iterator[str]:
    """The snapshots of prompts that are gone: in folders no prompt claims, beside prompts all of which are given."""
    claimed = {snapshot_folder(unit.prompt.file, unit.prompt.name) for unit in units}
    loaded = {unit.prompt.file for unit in units}
    for directory in sorted({posixpath.dirname(file) for file in loaded}):
        if loaded.issuperset(store.prompts_in(directory)):
            for folder in sorted(store.folders_in(directory) - claimed):
                yield from (f"{folder}/{name}" for name in sorted(store.files_of(folder)))
