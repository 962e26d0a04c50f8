"""Implement `runner merge`: merge the shards of a run, and print the totals."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ..engine.columns import recorded_columns
from ..engine.journal.journal import RESULTS
from ..engine.journal.merge_runs import merge
from ..engine.journal.stored_runs import find_run
from ..files.destination import Destination
from ..files.project_root import find_root
from ..report.run.console_reporter import ConsoleReporter
from ..report.run.digest import Next
from ..report.run.output import OutputWriter
from ..report.terminal.figures import plural

__all__ = ["merge_runs"]


def merge_runs(names: Sequence[str], output: str | None, *, bom: bool, force: bool) -> int:
    """Merge the shards into one run and return its exit code. Write the results to `output`, in the order of the input."""
    root = find_root(Path.cwd())
    found = [find_run(root, name) for name in names]
    if output:
        reads = [(f'"{path}"', path) for run in found for path in run.folder.rglob("*") if path.is_file()]
        Destination("--output", output, root).check(reads, {"standard output": 1, "standard error": 2})
    with contextlib.ExitStack() as closing:
        columns = recorded_columns(run.manifest for run in found)
        writer = None
        if output:
            writer = closing.enter_context(OutputWriter(output, columns, bom=bom, force=force))
        reporter = closing.enter_context(ConsoleReporter(sys.stdout, live=False))
        merged, records = merge(found, root)
        for record in records:
            reporter.earlier(record)
            if writer:
                writer.write(record)
        reporter.start(merged.counters, title=f"{plural(len(found), 'shard')} merged")
        if writer:
            writer.close(complete=not merged.missing)
        for sentence in merged.missing:
            reporter.note(sentence)
        reporter.finish(
            merged.counters,
            seconds=sum(float(run.manifest.get("seconds") or 0) for run in found),
            after=Next(
                results=str(merged.folder.relative_to(root) / RESULTS),
                show=f"runner show {merged.folder.name}",
                resume=f"runner run --resume {merged.folder.name}" if merged.missing else None,
            ),
        )
    return merged.exit_code
