"""`runner accept`: approve pending answers."""

from __future__ import annotations

import click

from .options import kind_option, select_argument

__all__ = ["command"]


@click.command("accept")
@select_argument
@click.option("--all", "everything", is_flag=True, help="Approve every pending answer.")
@kind_option
@click.option("--from", "folder", metavar="DIR", help="Read another pending folder, such as a CI artifact.")
def command(select: tuple[str, ...], kinds: tuple[str, ...], folder: str | None, *, everything: bool) -> int:
    """Approve pending answers without reviewing them.

    SELECT names cases, prompts, files or folders, or globs of these; without it, give --all or --kind.
    `runner review` shows each answer first.

    \b
      runner accept --kind new,refreshed,moved      # only the changed ones still need a human
      runner accept triage/refund-late
    """
    from ..commands.approve import accept_selected

    return accept_selected(select, everything=everything, kinds=kinds, folder=folder)
