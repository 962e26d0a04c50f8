"""Snapshot files that no case refers to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence, Set

from ...engine.plan.job import Unit
from ...engine.plan.selection import Selection
from ...packs.manifest import load_manifest
from .snapshot import FOLDER, file_of, folder_of, pack_folder, rates_file
from .store import SnapshotStore

__all__ = ["abandoned", "abandoned_rates", "unreferenced_files"]


def unreferenced_files(units: Sequence[Unit], selection: Selection, store: SnapshotStore) -> Iterator[str]:
    """Yield the root-relative paths of such files, for prompts all of whose units are given. Raises CaseError."""
    folders: dict[str, set[str]] = {}
    for unit in units:
        folder = folder_of(unit.prompt)
        names = folders.setdefault(folder, store.files_of(folder))
        for case in selection.cases(unit):
            file = file_of(unit.prompt, case.id, unit.variant)
            names.discard(file.rpartition("/")[2])
    for folder in sorted(folders):
        yield from (f"{folder}/{name}" for name in sorted(folders[folder]))
    yield from abandoned(units, store)


def abandoned(units: Sequence[Unit], store: SnapshotStore) -> Iterator[str]:
    """Yield the snapshots of deleted prompts: folders that no prompt claims, beside prompts all of which are given."""
    claimed = {folder_of(unit.prompt) for unit in units}
    for place in _complete_places(units, store):
        yield from _unclaimed(place, claimed, store)


def abandoned_rates(units: Sequence[Unit], store: SnapshotStore) -> Iterator[str]:
    """Yield the files of rates of deleted prompts and variants, beside prompts all of which are given."""
    claimed = {rates_file(unit.prompt, unit.variant) for unit in units}
    for place in _complete_places(units, store):
        yield from sorted(store.rates_in(place) - claimed)


def _complete_places(units: Sequence[Unit], store: SnapshotStore) -> Iterator[str]:
    """Yield the folders of snapshots of which all prompts are given."""
    loaded = {unit.prompt.file for unit in units if unit.prompt.origin is None}
    for directory in sorted({posixpath.dirname(file) for file in loaded}):
        if loaded.issuperset(store.prompts_in(directory)):
            yield posixpath.join(directory, FOLDER)
    of_packs = {unit.prompt.origin.alias: unit.prompt.tree for unit in units if unit.prompt.origin}
    given = {unit.prompt.place for unit in units}
    for alias in sorted(of_packs):
        if given.issuperset(f"{alias}:{name}" for name in load_manifest(of_packs[alias]).exports["prompts"]):
            yield pack_folder(alias)


def _unclaimed(place: str, claimed: Set[str], store: SnapshotStore) -> Iterator[str]:
    for folder in sorted(store.folders_in(place) - claimed):
        yield from (f"{folder}/{name}" for name in sorted(store.files_of(folder)))
