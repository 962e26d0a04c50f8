"""`runner runs gc`: which runs of a project may go."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from .stored_runs import StoredRun

__all__ = ["delete", "prunable"]


def prunable(
    runs: Iterable[StoredRun], *, keep: int, older_than: timedelta | None, unfinished: bool
) -> Iterator[StoredRun]:
    """Of `runs`, the newest first: those beyond the first `keep`, and older than that if an age is given.

    Never one that is going on, and one that has not ended only with `unfinished`: it holds answers that are paid for,
    and can be gone on with.
    """
    now = datetime.now(UTC)
    for number, run in enumerate(runs):
        status = run.status
        if number < keep or status == "running" or (status != "complete" and not unfinished):
            continue
        started = run.manifest.get("started")
        if older_than is not None and started and now - datetime.fromisoformat(started) < older_than:
            continue
        yield run


def delete(run: StoredRun) -> None:
    """Remove a run's folder. Raises OSError."""
    shutil.rmtree(run.folder)
