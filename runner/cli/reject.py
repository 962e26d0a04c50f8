"""`runner reject`: forget answers that wait."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("reject")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option("--all", "everything", is_flag=True, help="Every answer that waits.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND,...",
    help="Only new, changed, refreshed, moved (several: a,b).",
)
def command(select: tuple[str, ...], kinds: tuple[str, ...], *, everything: bool) -> int:
    """Forget answers that wait; what is approved stays as it is."""
    from ..commands.approve import reject_selected

    return reject_selected(select, everything=everything, kinds=kinds)
