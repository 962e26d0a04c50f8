"""`runner explain`: why a case stands as it does."""

from __future__ import annotations

import click

from .options import isolate_option, paths_argument

__all__ = ["command"]


@click.command("explain", short_help="Show a case, its snapshot and its rules.")
@click.argument("case")
@paths_argument
@isolate_option
def command(case: str, paths: tuple[str, ...], *, isolate: bool) -> int:
    """Show one case: its request, its snapshot, and field by field which rule decides.

    CASE is a case's id, or prompt/case where several prompts have it. Offline.
    """
    from ..commands.explain import explain

    return explain(case, paths, isolate=isolate)
