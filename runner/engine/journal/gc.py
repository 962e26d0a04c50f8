"""`runner runs gc`: select the runs of a project that can be deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from .stored_runs import StoredRun

__all__ = ["delete", "prunable"]


def prunable(
    runs: Iterable[StoredRun], *, keep: int, older_than: timedelta | None, unfinished: bool
) -> Iterator[StoredRun]:
    """Yield the runs, given newest first, after the first `keep`; with `older_than`, only those older than that.

    A run in progress is never included, nor one with batches whose results are not stored. An unfinished run is
    included only with `unfinished`, because it has answers that are paid for, and can be resumed.
    """
    now = datetime.now(UTC)
    for number, run in enumerate(runs):
        status = run.status
        if number < keep or status == "running" or (status != "complete" and not unfinished):
            continue
        if any(
            isinstance(each, dict) and each.get("closed") is False
            for each in run.manifest.get("batches") or ()
        ):
            continue  # they are paid for, and nothing else knows their ids
        started = run.manifest.get("started")
        if older_than is not None and started and now - datetime.fromisoformat(started) < older_than:
            continue
        yield run


def delete(run: StoredRun) -> None:
    """Delete a run's folder. Raises OSError."""
    shutil.rmtree(run.folder)
