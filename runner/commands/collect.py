"""Implement `runner collect`: store the results of an exported batch in the journal of its run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from ..engine.batch.collecting import Collection, marks_of
from ..engine.batch.result_files import ResultFiles
from ..engine.journal.journal import Journal
from ..engine.journal.stored_runs import stored_runs
from ..engine.plan.job import Job, Unit
from ..engine.pool.execute import Execute
from ..engine.pool.shutdown import Shutdown
from ..errors import UsageError
from ..files.disk.plain_files import open_plain
from ..files.project_root import find_root
from ..report.terminal.outlet import print_line
from ..report.terminal.terminal_text import visible
from .run import RunCommand

__all__ = ["collect", "last_export"]


def last_export() -> str:
    """Return the id of the newest run of `runner export`. Raises UsageError if there is none."""
    for run in stored_runs(find_root(Path.cwd())):
        if "exported" in run.manifest:
            return run.id
    raise UsageError(
        "nothing was exported here yet", hint="`runner export --batch FILE` writes the requests of a batch"
    )


def collect(files: Sequence[str], run: RunCommand) -> int:
    """Collect the results in `files` for the stored run of `run`, and return the exit code.

    A line that is refused is reported, and the others are stored: they are paid for. Raises what `run` raises, and
    UsageError for a file that cannot be read.
    """
    with contextlib.ExitStack() as closing:
        opened = []
        for file in files:
            try:
                opened.append((file, closing.enter_context(open(open_plain(Path(file)), "rb"))))  # noqa: PTH123
            except OSError as error:
                raise UsageError(f"{file}: {error.strerror or error}") from None
        results = ResultFiles(opened)
        if not len(results) and not results.refusals.count:
            raise UsageError(f"{', '.join(files)}: there are no results in it", hint="it is empty")
        collection = Collection(results)
        code = replace(run, means=_Collected(tuple(files), collection, run.scope.repeat)).carry_out()
        results.refuse_rest()
        for refusal in results.refusals.lines():
            print_line(f"error: {visible(refusal)}", err=True)
        return UsageError.exit_code if results.refusals.count and code < 128 else code


@dataclass(frozen=True, slots=True)
class _Collected:
    """The answers are in files. See `Means`."""

    reads: Sequence[str]
    collection: Collection
    repeat: int
    is_batch: bool = True

    arguments: ClassVar[Mapping[str, Any]] = {}
    facts: ClassVar[Mapping[str, Any]] = {}

    def executor(self, journal: Journal, again: Callable[[], Mapping[str, Iterator[Job]]]) -> Execute:
        return self.collection.carry_out

    def finish(self, shutdown: Shutdown) -> None:
        self.collection.finish(shutdown)

    def has_more(self) -> bool:
        return True

    def check(self, units: Sequence[Unit]) -> None:
        """Do nothing: the results decide."""

    def visit(self, job: Job) -> None:
        assert job.place is not None
        marks = marks_of(job)
        for place in range(job.place, job.place + self.repeat):
            self.collection.files.check(place, marks)

    def answered(self, index: int) -> None:
        self.collection.files.drop(index)

    def left(self, unfinished: int) -> str | None:
        return None

    def resume(self, run: str) -> str:
        return f"runner collect FILE --run {run}, or runner run --resume {run} to send the rest online"
