"""`runner pending`: which answers wait for approval."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("pending")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(select: tuple[str, ...], *, as_json: bool) -> int:
    """List the answers that wait for approval."""
    from ..commands.approve import show_pending

    return show_pending(select, as_json=as_json)
