"""`runner reject`: discard pending answers."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("reject")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option("--all", "everything", is_flag=True, help="Discard every pending answer.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND,...",
    help="Only these kinds: new, changed, refreshed, moved (several: a,b).",
)
def command(select: tuple[str, ...], kinds: tuple[str, ...], *, everything: bool) -> int:
    """Discard pending answers; approved snapshots are not changed."""
    from ..commands.approve import reject_selected

    return reject_selected(select, everything=everything, kinds=kinds)
