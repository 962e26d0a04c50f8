"""`runner merge`: one run out of its shards."""

from __future__ import annotations

import click

from .options import bom_option

__all__ = ["command"]


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--output", metavar="FILE", help="Save the results as .jsonl, .json, .csv or .xml (JUnit).")
@bom_option
def command(runs: tuple[str, ...], output: str | None, *, bom: bool) -> int:
    """Join the shards of a run into one, in the order of the input.

    RUN is the id of a run, the beginning of one, or the path of its folder (as an artifact of another machine comes).
    What is missing, `runner run --resume` asks.

    \b
      runner run --input rows.jsonl --shard 1/2     # on one machine
      runner run --input rows.jsonl --shard 2/2     # on another
      runner merge artifacts/*/ --output all.jsonl
    """
    import contextlib
    import sys
    from pathlib import Path

    from ..engine.columns import recorded_columns
    from ..engine.journal.merge import merge
    from ..engine.journal.stored_runs import find_run
    from ..files.destination import Destination
    from ..files.discover import find_root
    from ..report.console import ConsoleReporter
    from ..report.figures import plural
    from ..report.output import OutputWriter

    if bom and output is None:
        raise click.UsageError("--bom is about the file that --output names, which is not given.")
    root = find_root(Path.cwd())
    found = [find_run(root, name) for name in runs]
    if output:
        reads = [(f'"{path}"', path) for run in found for path in run.folder.rglob("*") if path.is_file()]
        Destination("--output", output, root).check(reads, {"standard output": 1, "standard error": 2})
    with contextlib.ExitStack() as closing:
        columns = recorded_columns(run.manifest for run in found)
        writer = closing.enter_context(OutputWriter(output, columns, bom=bom)) if output else None
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
        if merged.missing:
            reporter.note(f"to ask the rest: runner run --resume {merged.folder.name}")
        reporter.finish(
            merged.counters,
            seconds=sum(float(run.manifest.get("seconds") or 0) for run in found),
            run_dir=merged.folder.relative_to(root),
        )
    return merged.exit_code
