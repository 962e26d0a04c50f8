"""`runner diff`: which requests differ from those of a git revision."""

from __future__ import annotations

import click

from .options import diff_format, isolate_option, paths_argument

__all__ = ["command"]


@click.command("diff")
@paths_argument
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
    do not count. PATHS are prompt files, folders, globs, names of prompts or ALIAS:NAME; without any, every *.prompt.yaml of the project.

    \b
      runner diff --base main
      runner diff --base "$(git merge-base origin/main HEAD)" --format markdown
    """
    from ..commands.diff import diff

    return diff(base, paths, form=form, isolate=isolate)
