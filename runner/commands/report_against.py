"""Find what a report compares a run with: another run, or the answers that were approved in a git revision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from ..documents.text import decode
from ..engine.journal.final_records import RecordIndex
from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun, find_run
from ..errors import RunnerError, UsageError
from ..files.model import Prompt
from ..regress.answers import declares_json
from ..regress.revisions.repository import Repository, RevisionTree
from ..regress.snapshots.reader import read_snapshot
from ..regress.snapshots.snapshot import Snapshot, file_of

__all__ = ["Against", "ApprovedAt", "EarlierRun", "find_against"]


class Against(Protocol):
    """The earlier answers that a run is compared with."""

    @property
    def name(self) -> str:
        """Return the name of the earlier answers in the report."""

    def find(self, record: Record, file: str, prompt: Prompt | None) -> Record | None:
        """Return the earlier answer to a record's case.

        `file` is its prompt file, relative to the root; `prompt` is the prompt as it is now.
        """

    def unseen(self) -> Iterator[Record]:
        """Yield the earlier answers that `find` was not called for."""


class EarlierRun:
    """The answers of another run."""

    def __init__(self, run: StoredRun) -> None:
        self.name = run.id
        self._index = RecordIndex(run)

    def find(self, record: Record, file: str, prompt: Prompt | None) -> Record | None:
        """Return the answer in the other run's journal."""
        return self._index.find(record, file)

    def unseen(self) -> Iterator[Record]:
        """Yield the answers that only the other run has."""
        return self._index.unseen()


class ApprovedAt:
    """The answers that were approved in a git revision. They have no tokens, cost or latency."""

    def __init__(self, rev: str, tree: RevisionTree) -> None:
        self.name = rev
        self._tree = tree

    def find(self, record: Record, file: str, prompt: Prompt | None) -> Record | None:
        """Return the answer in the case's snapshot in that revision. Raises FormatError if it cannot be read."""
        if prompt is None:
            return None
        snapshot_file = file_of(prompt, record["case"], record["variant"])
        if not self._tree.exists(snapshot_file):
            return None
        shown = self._tree.shown(snapshot_file)
        snapshot = read_snapshot(decode(self._tree.read(snapshot_file), shown), shown)
        return _approved_record(snapshot, record, prompt)

    def unseen(self) -> Iterator[Record]:
        """Yield nothing: a run rarely covers all cases that have an approved answer."""
        yield from ()


def _approved_record(snapshot: Snapshot, record: Record, prompt: Prompt) -> Record:
    is_json = declares_json(prompt.request)
    text = snapshot.output if isinstance(snapshot.output, str) and not is_json else snapshot.refusal
    return {
        "prompt": record["prompt"],
        "file": record["file"],
        "case": record["case"],
        "variant": record["variant"],
        "sample": record["sample"],
        "outcome": snapshot.outcome or "ok",
        "passed": True,
        "output": snapshot.output if is_json else None,
        "text": text,
        "checks": [],
        "error": None,
        "detail": None,
        "model": record["model"],
        "served_model": snapshot.model,
        "finish_reason": snapshot.finish_reason,
        "usage": None,
        "cost": None,
        "latency_ms": None,
        "attempts": 0,
        "cached": False,
        "fingerprint": snapshot.request,
        "vars": record["vars"],
    }


def find_against(root: Path, name: str, closing: ExitStack) -> Against:
    """Return the run called `name`, or else the answers approved in the git revision of that name.

    `closing` closes the reader of the revision. Raises UsageError if there is neither.
    """
    try:
        return EarlierRun(find_run(root, name))
    except UsageError as no_run:
        try:
            repository = closing.enter_context(Repository(root))
            return ApprovedAt(name, repository.tree(name, root))
        except RunnerError as no_revision:
            raise UsageError(
                f"--against {name}: {no_run.message}, and {no_revision.message}", hint=no_run.hint
            ) from None
