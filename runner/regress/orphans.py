"""Snapshot files that no case refers to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..engine.plan import Unit
from ..engine.selection import Selection
from .snapshot import snapshot_file, snapshot_folder
from .store import SnapshotStore

__all__ = ["orphans"]


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
