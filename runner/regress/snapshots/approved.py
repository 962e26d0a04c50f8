"""Find the approved answer of a case: the project's own, else, for a pack's prompt, the one shipped with the pack."""

from __future__ import annotations

import contextlib

from ...documents.text import decode
from ...engine.plan.job import Job
from ...errors import RunnerError
from ...files.model import Prompt
from .reader import read_snapshot
from .snapshot import Snapshot, file_of, snapshot_file
from .store import SnapshotStore

__all__ = ["approved_of", "changed_parts", "shipped_file", "shipped_request", "shipped_with"]


def approved_of(
    store: SnapshotStore, prompt: Prompt, case: str, variant: str | None = None, *, file: str | None = None
) -> Snapshot | None:
    """Return the snapshot to compare with; None if there is none. Raises what reading it raises.

    `file` is the path that `file_of` returns, if the caller knows it already.
    """
    own = store.read(file or file_of(prompt, case, variant))
    return own if own is not None or prompt.origin is None else shipped_with(prompt, case, variant)


def changed_parts(approved: Snapshot, job: Job) -> str:
    """Name the parts in which a request differs from the approved one."""
    changed = [name for name, digest in job.parts.items() if approved.parts.get(name) != digest]
    return ", ".join(changed) or "the way it is fingerprinted"


def shipped_with(prompt: Prompt, case: str, variant: str | None = None) -> Snapshot | None:
    """Return the snapshot shipped with a pack; None if the pack has none. Raises what reading it raises."""
    file = shipped_file(prompt, case, variant)
    if not prompt.tree.exists(file):
        return None
    shown = prompt.tree.shown(file)
    return read_snapshot(decode(prompt.tree.read(file), shown), shown)


def shipped_file(prompt: Prompt, case: str, variant: str | None = None) -> str:
    """Return that snapshot's path in the pack's tree: beside the prompt, under the author's own names."""
    assert prompt.origin is not None, "only prompts of packs have shipped snapshots"
    return snapshot_file(prompt.file, prompt.origin.name, case, variant)


def shipped_request(prompt: Prompt, case: str, variant: str | None = None) -> str | None:
    """Return the fingerprint of the request that such a snapshot answers; None if there is none that can be read."""
    if prompt.origin is None:
        return None
    with contextlib.suppress(RunnerError):  # an unreadable snapshot answers no request
        shipped = shipped_with(prompt, case, variant)
        return shipped.request if shipped is not None else None
    return None
