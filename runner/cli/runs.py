"""`runner runs`: list, show, cancel and delete the project's runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import env_file_option, trust_option
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

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


@command.command("cancel")
@click.argument("run")
@env_file_option
@trust_option
def cancel(run: str, env_file: EnvFile | None, *, trusted: bool) -> int:
    """Cancel the batches of a run that are in progress.

    What was answered before is kept, and paid for: `runner run --resume RUN` collects it.
    """
    from ..commands.cancel_batches import cancel_batches
    from ..commands.connect_options import ConnectOptions

    return cancel_batches(run, ConnectOptions(confirm, trusted), env_file=env_file)


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
