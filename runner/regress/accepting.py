"""Approving an answer: the only ways a snapshot changes besides `test --update`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..packs.installed import VENDORED
from ..packs.lock import LOCK_FILE
from .pending import digest_of, drop_pending
from .results import PendingEntry
from .snapshot import FOLDER, Snapshot, is_of_pack
from .store import SnapshotStore

__all__ = ["accept", "approve", "refreshed", "reject"]


def approve(store: SnapshotStore, entry: PendingEntry) -> bool:
    """Make an entry's answer the approved one; whether a file changed. Raises SecretError, FormatError, StorageError.

    `refreshed` keeps the approved output and renews only what says which request it belongs to, so that accepting
    within a tolerance never moves the approved value. `moved` renames the file.
    """
    if entry.kind == "moved":
        assert entry.moved_from is not None
        store.move(entry.moved_from, entry.snapshot_file)
        return True
    if entry.kind == "refreshed":
        approved = store.read(entry.snapshot_file)
        if approved is not None:
            return store.write(entry.snapshot_file, refreshed(approved, entry.snapshot))
    return store.write(entry.snapshot_file, entry.snapshot)


def refreshed(approved: Snapshot, new: Snapshot) -> Snapshot:
    """The approved snapshot under the new request."""
    return replace(approved, request=new.request, parts=new.parts, model=new.model)


def accept(root: Path, entry: PendingEntry, store: SnapshotStore) -> None:
    """Approve a pending entry and forget it.

    Raises UsageError when the snapshot has changed since it was made, and where no prompt of the project is beside it.
    """
    if digest_of(root / (entry.moved_from or entry.snapshot_file)) != entry.against:
        raise UsageError(
            f"{entry.prompt}/{entry.case}: the approved snapshot has changed since this answer was compared with it",
            hint=f"run `runner test {entry.file} --case {entry.case}` again",
        )
    for file in (entry.snapshot_file, entry.moved_from):
        if file is not None:
            _require_prompt(root, file, store)
    approve(store, entry)
    drop_pending(root, entry.snapshot_file)


def _require_prompt(root: Path, file: str, store: SnapshotStore) -> None:
    """Raise UsageError for a snapshot that is beside no prompt of the project; `.runner/` may be somebody else's."""
    folder = file.rpartition(f"/{FOLDER}/")[0]
    vendored = file.startswith(f"{VENDORED}/") and (root / LOCK_FILE).is_file()
    if not is_of_pack(file) and (vendored or not store.prompts_in(folder)):
        raise UsageError(
            f"{file} is the snapshot of no prompt of this project",
            hint="runner reject forgets the answer; run the test again where the prompt was moved",
        )


def reject(root: Path, entry: PendingEntry) -> None:
    """Forget a pending entry; the approved snapshot stays as it is."""
    drop_pending(root, entry.snapshot_file)
