"""`runner prune`: the only command that deletes snapshots."""

from __future__ import annotations

import click

from .options import isolate_option

__all__ = ["command"]


@click.command("prune")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--dry-run", is_flag=True, help="Only list them; delete nothing.")
@isolate_option
def command(paths: tuple[str, ...], *, dry_run: bool, isolate: bool) -> int:
    """Delete unreferenced snapshots: those without a case.

    Only snapshots of prompts that load without an error are deleted. No other command deletes snapshots.
    """
    from ..commands.approve import prune

    return prune(paths, dry_run=dry_run, isolate=isolate)
