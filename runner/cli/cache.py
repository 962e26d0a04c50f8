"""`runner cache`: the answers kept so that they need not be paid for again."""

from __future__ import annotations

import click

from ..report.outlet import print_line

__all__ = ["command"]


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Show the response cache, or clear it.

    An entry is kept under everything that was sent, the endpoint and the number of the sample; only ok answers are
    kept. `runner run --no-cache` neither reads nor writes it.
    """
    if ctx.invoked_subcommand is None:
        from contextlib import closing
        from pathlib import Path

        from ..commands.selection import open_project
        from ..engine.pool.cache import ResponseCache
        from ..report.figures import plural

        with closing(ResponseCache(Path(open_project()[0].root))) as cache:
            count, size = cache.size()
        print_line(f"{plural(count, 'answer')}, {size / 1e6:.1f} MB in {click.format_filename(cache.path)}")
    return 0


@command.command("clear")
def clear() -> int:
    """Delete every entry."""
    from contextlib import closing
    from pathlib import Path

    from ..commands.selection import open_project
    from ..engine.pool.cache import ResponseCache
    from ..report.figures import plural

    with closing(ResponseCache(Path(open_project()[0].root))) as cache:
        count = cache.clear()
    print_line("the cache was damaged and is gone" if count is None else f"{plural(count, 'answer')} deleted")
    return 0
