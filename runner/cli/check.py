"""`runner check`: everything that can be known without asking a model."""

from __future__ import annotations

import click

from .options import isolate_option, paths_argument

__all__ = ["command"]


@click.command("check")
@paths_argument
@isolate_option
def command(paths: tuple[str, ...], *, isolate: bool) -> int:
    """Check prompts and render every case, offline.

    Checked are the format, the templates, every case, the schema against the strict subset, and that every pack is the
    one that was locked.

    PATHS are prompt files, folders, globs, names of prompts or ALIAS:NAME; without any, every *.prompt.yaml of the project. Errors and
    remarks are printed as `file:line:column: CODE message`. Exit code 2 if there is an error, 0 otherwise.
    """
    from ..commands.check import check

    return check(paths, isolate=isolate)
