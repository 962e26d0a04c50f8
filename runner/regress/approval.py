"""Approve or reject an answer: besides `test --update`, the only way in which a snapshot changes."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..packs.copies import VENDORED
from ..packs.lock import LOCK_FILE
from .pending_answers import drop_pending
from .results import PendingEntry
from .snapshots.snapshot import FOLDER, is_of_pack, refreshed
from .snapshots.store import SnapshotStore

__all__ = ["accept", "approve", "reject"]


def approve(store: SnapshotStore, entry: PendingEntry) -> bool:
    """Make an entry's answer the approved one; return whether a file changed.

    The kind `refreshed` keeps the approved output and replaces only the request that it belongs to, so that accepting
    within a tolerance never moves the approved value. `moved` renames the file, as every kind does first if the case
    was renamed. Raises SecretError, FormatError, StorageError.
    """
    if entry.moved_from is not None:
        store.refuse_secrets(entry.snapshot_file, entry.snapshot)
        store.move(entry.moved_from, entry.snapshot_file)
    if entry.kind == "moved":
        return True
    if entry.kind == "refreshed":
        approved = store.read(entry.snapshot_file)
        if approved is not None:
            return store.write(entry.snapshot_file, refreshed(approved, entry.snapshot))
    return store.write(entry.snapshot_file, entry.snapshot)


def accept(root: Path, entry: PendingEntry, store: SnapshotStore) -> None:
    """Approve a pending entry and remove it from the pending ones.

    Raises UsageError if the snapshot has changed since the entry was made, or if no prompt of the project is beside it.
    """
    if store.digest(entry.moved_from or entry.snapshot_file) != entry.against:
        raise UsageError(
            f"{entry.prompt}/{entry.case}: the approved snapshot has changed since this answer was compared with it",
            hint=f"run `runner test {entry.file} --case {entry.case}` again",
        )
    folder = entry.snapshot_file.rpartition(f"/{FOLDER}/")[0]
    if _is_vendored(root, entry.snapshot_file) or not (
        is_of_pack(entry.snapshot_file) or store.prompts_in(folder)
    ):
        raise UsageError(
            f"no prompt of this project has the snapshot {entry.snapshot_file}",
            hint="runner reject discards the answer; if the prompt was moved, run the test again",
        )
    if (old := entry.moved_from) is not None and (
        # The prompt of a renamed file's folder may be gone; the file itself shows whether it is the answer.
        _is_vendored(root, old) or store.request(old) != entry.snapshot.request
    ):
        raise UsageError(
            f"{old} is not the answer that {entry.prompt}/{entry.case} was renamed from",
            hint="runner reject discards it; then run the test again",
        )
    approve(store, entry)
    drop_pending(root, entry.snapshot_file)


def _is_vendored(root: Path, file: str) -> bool:
    """Return whether a snapshot is a pack's own, which is read-only; the entry in `.runner/` may be someone else's."""
    return file.startswith(f"{VENDORED}/") and (root / LOCK_FILE).is_file()


def reject(root: Path, entry: PendingEntry) -> None:
    """Discard a pending entry; the approved snapshot is not changed."""
    drop_pending(root, entry.snapshot_file)
