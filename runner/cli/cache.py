"""`runner cache`: show or clear the stored answers, which save paying for the same request twice."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Show the response cache, or clear it.

    The key of an entry is everything that was sent, the endpoint and the sample number; only ok answers are
    cached. `runner run --no-cache` neither reads nor writes the cache.
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
