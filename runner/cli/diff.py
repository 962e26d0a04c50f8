"""`runner diff`: show which requests differ from a git revision."""

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
    help="Compare with this git revision: a branch, a tag or a commit.",
)
@diff_format
@isolate_option
def command(paths: tuple[str, ...], base: str, form: str, *, isolate: bool) -> int:
    """Show which requests changed since a git revision, offline.

    This renders every case at REV and in the working tree and compares the requests; comments, key order and file
    names do not count. PATHS are prompt files, folders, globs, prompt names or ALIAS:NAME; the default is every
    *.prompt.yaml of the project.

    \b
      runner diff --base main
      runner diff --base "$(git merge-base origin/main HEAD)" --format markdown
    """
    from ..commands.diff import diff

    return diff(base, paths, form=form, isolate=isolate)
