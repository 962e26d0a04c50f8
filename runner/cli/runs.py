"""`runner runs`: list, show and delete the project's runs."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.group("runs", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="List only the newest N.")
@click.pass_context
def command(ctx: click.Context, limit: int | None) -> int:
    """List the project's runs, newest first.

    A run keeps its results in .runner/runs/<id>/. To continue a run that was stopped or killed:
    `runner run --resume RUN`.
    """
    if ctx.invoked_subcommand is None:
        from ..commands.runs import list_runs

        return list_runs(limit)
    return 0


@command.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the run.json of the run.")
def show(run: str, *, as_json: bool) -> int:
    """Show one run, given its id, the beginning of its id, `last`, or its folder."""
    from ..commands.runs import show_run

    return show_run(run, as_json=as_json)


@command.command("gc")
@click.option(
    "--keep", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="Keep the newest N."
)
@click.option("--older-than", type=click.IntRange(0), metavar="DAYS", help="Also keep younger runs.")
@click.option(
    "--unfinished", is_flag=True, help="Also delete runs that were stopped or killed and could be resumed."
)
@click.option("--dry-run", is_flag=True, help="Only list the runs; delete nothing.")
def gc(keep: int, older_than: int | None, *, unfinished: bool, dry_run: bool) -> int:
    """Delete old runs, except the newest and those that could still be resumed."""
    from ..commands.runs import delete_runs

    return delete_runs(keep, older_than, unfinished=unfinished, dry_run=dry_run)
