"""The approved answer of a case: the project's own, else for a pack's prompt the one that came with the pack."""

from __future__ import annotations

import contextlib

from ...documents.text import decode
from ...engine.plan.plan import Job
from ...errors import RunnerError
from ...files.model import Prompt
from .reader import read_snapshot
from .snapshot import Snapshot, file_of, snapshot_file
from .store import SnapshotStore

__all__ = ["approved_of", "changed_parts", "shipped_file", "shipped_request", "shipped_with"]


def approved_of(
    store: SnapshotStore, prompt: Prompt, case: str, variant: str | None = None
) -> Snapshot | None:
    """The snapshot to compare with; None where there is none. Raises what reading it raises."""
    own = store.read(file_of(prompt, case, variant))
    return own if own is not None or prompt.origin is None else shipped_with(prompt, case, variant)


def changed_parts(approved: Snapshot, job: Job) -> str:
    """Name the parts in which a request differs from the one that was approved."""
    changed = [name for name, digest in job.parts.items() if approved.parts.get(name) != digest]
    return ", ".join(changed) or "the way it is fingerprinted"


def shipped_with(prompt: Prompt, case: str, variant: str | None = None) -> Snapshot | None:
    """The snapshot that came with a pack; None where the pack has none. Raises what reading it raises."""
    file = shipped_file(prompt, case, variant)
    if not prompt.tree.exists(file):
        return None
    shown = prompt.tree.shown(file)
    return read_snapshot(decode(prompt.tree.read(file), shown), shown)


def shipped_file(prompt: Prompt, case: str, variant: str | None = None) -> str:
    """The file of that snapshot in the pack's tree: beside the prompt, by the names that the pack's author uses."""
    assert prompt.origin is not None, "only prompts of packs come with snapshots"
    return snapshot_file(prompt.file, prompt.origin.name, case, variant)


def shipped_request(prompt: Prompt, case: str, variant: str | None = None) -> str | None:
    """The request that such a snapshot answers; None where there is none that can be read."""
    if prompt.origin is None:
        return None
    with contextlib.suppress(RunnerError):  # a snapshot that cannot be read answers nothing
        shipped = shipped_with(prompt, case, variant)
        return shipped.request if shipped is not None else None
    return None
