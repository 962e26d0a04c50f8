"""`runner diff`: show which requests differ from a git revision."""

from __future__ import annotations

import click

from ..errors import UsageError
from .options import diff_format, isolate_option, paths_argument

__all__ = ["command"]


@click.command("diff")
@paths_argument
@click.option(
    "--base",
    metavar="REV",
    help="Compare with this git revision (required): a branch, a tag or a commit.",
)
@diff_format
@isolate_option
def command(paths: tuple[str, ...], base: str | None, form: str, *, isolate: bool) -> int:
    """Show which requests changed since a git revision, offline.

    This renders every case at REV and in the working tree and compares the requests; comments, key order and file
    names do not count. PATHS are prompt files, folders, globs, prompt names or ALIAS:NAME; the default is every
    *.prompt.yaml of the project.

    \b
      runner diff --base main
      runner diff --base "$(git merge-base origin/main HEAD)" --format markdown
    """
    from ..commands.diff import diff

    if base is None:
        raise UsageError(
            "Missing option '--base', the revision to compare with.",
            hint="--base HEAD: changes that are not committed; --base main: changes of this branch",
        )
    return diff(base, paths, form=form, isolate=isolate)
