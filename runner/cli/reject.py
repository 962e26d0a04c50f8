"""`runner reject`: discard pending answers."""

from __future__ import annotations

import click

from .options import kind_option, select_argument

__all__ = ["command"]


@click.command("reject")
@select_argument
@click.option("--all", "everything", is_flag=True, help="Discard every pending answer.")
@kind_option
def command(select: tuple[str, ...], kinds: tuple[str, ...], *, everything: bool) -> int:
    """Discard pending answers; approved snapshots are not changed."""
    from ..commands.approve import reject_selected

    return reject_selected(select, everything=everything, kinds=kinds)
