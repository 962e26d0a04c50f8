"""`runner accept`: approve answers that wait."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("accept")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option("--all", "everything", is_flag=True, help="Every answer that waits.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND,...",
    help="Only new, changed, refreshed, moved (several: a,b).",
)
@click.option(
    "--from", "folder", metavar="DIR", help="Take the answers from another pending folder (a CI's artifact)."
)
def command(select: tuple[str, ...], kinds: tuple[str, ...], folder: str | None, *, everything: bool) -> int:
    """Approve answers that wait, without a look.

    SELECT names cases, prompts, files or folders, or globs of these; or say --all, or --kind. `runner review` shows
    each first.

    \b
      runner accept --kind new,refreshed,moved      # leave only the changed ones for the eyes
      runner accept triage/refund-late
    """
    from ..commands.approve import accept_selected

    return accept_selected(select, everything=everything, kinds=kinds, folder=folder)
