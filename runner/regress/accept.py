"""Approving an answer: the only ways a snapshot changes besides `test --update`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import UsageError
from ..packs.copies import VENDORED
from ..packs.lock import LOCK_FILE
from .pending import drop_pending
from .results import PendingEntry
from .snapshots.snapshot import FOLDER, Snapshot, is_of_pack
from .snapshots.store import SnapshotStore

__all__ = ["accept", "approve", "refreshed", "reject"]


def approve(store: SnapshotStore, entry: PendingEntry) -> bool:
    """Make an entry's answer the approved one; whether a file changed. Raises SecretError, FormatError, StorageError.

    `refreshed` keeps the approved output and renews only what says which request it belongs to, so that accepting
    within a tolerance never moves the approved value. `moved` renames the file, as any other kind does first where the
    case was renamed.
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


def refreshed(approved: Snapshot, new: Snapshot) -> Snapshot:
    """The approved snapshot under the new request."""
    return replace(approved, request=new.request, parts=new.parts, model=new.model)


def accept(root: Path, entry: PendingEntry, store: SnapshotStore) -> None:
    """Approve a pending entry and forget it.

    Raises UsageError when the snapshot has changed since it was made, and where no prompt of the project is beside it.
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
            f"{entry.snapshot_file} is the snapshot of no prompt of this project",
            hint="runner reject forgets the answer; run the test again where the prompt was moved",
        )
    if (old := entry.moved_from) is not None and (
        # The prompt of a renamed file's folder may be gone; the file itself says whether it is the answer.
        _is_vendored(root, old) or store.request(old) != entry.snapshot.request
    ):
        raise UsageError(
            f"{old} is not the answer that {entry.prompt}/{entry.case} was renamed from",
            hint="runner reject forgets it; run the test again",
        )
    approve(store, entry)
    drop_pending(root, entry.snapshot_file)


def _is_vendored(root: Path, file: str) -> bool:
    """Whether a snapshot is one of a pack's own, which is only read; `.runner/` may be somebody else's."""
    return file.startswith(f"{VENDORED}/") and (root / LOCK_FILE).is_file()


def reject(root: Path, entry: PendingEntry) -> None:
    """Forget a pending entry; the approved snapshot stays as it is."""
    drop_pending(root, entry.snapshot_file)
