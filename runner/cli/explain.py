"""`runner explain`: show why a case has its current status."""

from __future__ import annotations

import click

from .options import isolate_option, paths_argument

__all__ = ["command"]


@click.command("explain", short_help="Show a case, its snapshot and its rules.")
@click.argument("case")
@paths_argument
@isolate_option
def command(case: str, paths: tuple[str, ...], *, isolate: bool) -> int:
    """Show one case: its question, its answers, and which rule decides each field.

    CASE is a case id, or prompt/case if several prompts have that id. Works offline. On a terminal the text goes through
    the pager.
    """
    from ..commands.explain import explain

    return explain(case, paths, isolate=isolate)
