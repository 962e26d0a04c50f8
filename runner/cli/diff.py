"""`runner diff`: which requests differ from those of a git revision."""

from __future__ import annotations

import click

from ..report.outlet import print_data, print_lines
from .options import diff_format, isolate_option

__all__ = ["command"]


@click.command("diff")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--base",
    required=True,
    metavar="REV",
    help="The git revision to compare with: a branch, a tag, a commit.",
)
@diff_format
@isolate_option
def command(paths: tuple[str, ...], base: str, form: str, *, isolate: bool) -> int:
    """Show which requests changed since a git revision, offline.

    Renders every case of REV and of the working tree and compares what would be sent; comments, order and file names
    do not count. PATHS are prompt files, folders, globs or ALIAS:NAME; without any, every *.prompt.yaml of the project.

    \b
      runner diff --base main
      runner diff --base "$(git merge-base origin/main HEAD)" --format markdown
    """
    import os
    import sys

    from ..commands.diff import comparison_with
    from ..report.console import wants_color
    from ..report.request_diff import diff_json, diff_markdown, diff_text

    comparison = comparison_with(base, paths, with_hunks=form != "json", isolate=isolate)
    if form == "json":
        print_data(diff_json(comparison))
    elif form == "markdown":
        print_data(diff_markdown(comparison), json=False)
    else:
        color = wants_color(sys.stdout, os.environ)
        print_lines(diff_text(comparison, color=color))
    return 0
