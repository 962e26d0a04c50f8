"""`runner pending`: list pending answers."""

from __future__ import annotations

import click

from .options import select_argument

__all__ = ["command"]


@click.command("pending")
@select_argument
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(select: tuple[str, ...], *, as_json: bool) -> int:
    """List the pending answers, which await approval."""
    from ..commands.approve import show_pending

    return show_pending(select, as_json=as_json)
