"""`runner cache`: the answers kept so that they need not be paid for again."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Show the response cache, or clear it.

    An entry is kept under everything that was sent, the endpoint and the number of the sample; only ok answers are
    kept. `runner run --no-cache` neither reads nor writes it.
    """
    if ctx.invoked_subcommand is None:
        from ..commands.cache import show_cache

        return show_cache()
    return 0


@command.command("clear")
def clear() -> int:
    """Delete every entry."""
    from ..commands.cache import clear_cache

    return clear_cache()
