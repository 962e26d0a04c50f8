"""`runner runs`: what the project's runs came to, and room for new ones."""

from __future__ import annotations

import click

from ..report.outlet import print_data, print_line, print_lines

__all__ = ["command"]


@click.group("runs", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """List the project's runs, the newest first.

    A run keeps its results in .runner/runs/<id>/. One that was stopped or killed can be gone on with:
    `runner run --resume RUN`.
    """
    if ctx.invoked_subcommand is None:
        import shutil
        import sys
        from pathlib import Path

        from ..engine.journal.stored_runs import stored_runs
        from ..files.discover import find_root
        from ..report.runs_table import runs_table

        runs = list(stored_runs(find_root(Path.cwd())))
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print_lines(runs_table(runs, width=width) if runs else "no run yet")
    return 0


@command.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print its run.json.")
def show(run: str, *, as_json: bool) -> int:
    """Show one run: its id, the beginning of one, `last`, or its folder."""
    from pathlib import Path

    from ..engine.journal.stored_runs import find_run
    from ..files.discover import find_root
    from ..report.runs_table import run_facts
    from ..report.visible import visible

    found = find_run(find_root(Path.cwd()), run)
    if as_json:
        import json

        print_data(json.dumps({**found.manifest, "status": found.status}, ensure_ascii=False, indent=2))
        return 0
    facts = list(run_facts(found))
    widest = max(len(caption) for caption, _ in facts)
    for caption, text in facts:
        print_line(f"{caption:{widest}}  {visible(text)}")
    return 0


@command.command("gc")
@click.option(
    "--keep", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="Keep the newest N."
)
@click.option("--older-than", type=click.IntRange(0), metavar="DAYS", help="Keep what is younger, too.")
@click.option(
    "--unfinished", is_flag=True, help="Delete also what was stopped or killed and could be resumed."
)
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
def gc(keep: int, older_than: int | None, *, unfinished: bool, dry_run: bool) -> int:
    """Delete old runs: all but the newest, and none that could still be resumed."""
    from datetime import timedelta
    from pathlib import Path

    from ..engine.journal.prune import delete, expendable
    from ..engine.journal.stored_runs import stored_runs
    from ..errors import StorageError
    from ..files.discover import find_root
    from ..report.figures import plural

    age = None if older_than is None else timedelta(days=older_than)
    count = size = 0
    for run in expendable(
        stored_runs(find_root(Path.cwd())), keep=keep, older_than=age, unfinished=unfinished
    ):
        count, size = count + 1, size + run.size
        print_line(f"{'would delete' if dry_run else 'deleted'} {run.id} ({run.status})")
        if not dry_run:
            try:
                delete(run)
            except OSError as error:
                raise StorageError(f"{run.folder} cannot be deleted: {error.strerror or error}") from None
    print_line(f"{plural(count, 'run')}, {size / 1e6:.1f} MB{' would go' if dry_run else ''}")
    return 0
