"""`runner check`: find every error that can be found without calling a model."""

from __future__ import annotations

import click

from .options import isolate_option, paths_argument

__all__ = ["command"]


@click.command("check")
@paths_argument
@isolate_option
@click.option(
    "--explain",
    "code",
    metavar="CODE",
    help="Explain a code such as S010 or W001, and what to do about it; nothing is checked.",
)
def command(paths: tuple[str, ...], *, isolate: bool, code: str | None) -> int:
    """Check prompts and render every case, offline.

    This checks the format, the templates, every case, the schema against the strict subset, and that every pack
    matches packs.lock.

    PATHS are prompt files, folders, globs, prompt names or ALIAS:NAME; the default is every *.prompt.yaml of the
    project. Errors and remarks are printed as `file:line:column: CODE message`. The exit code is 2 if there is an
    error, 0 otherwise.
    """
    if code is not None:
        from ..commands.explain_code import explain_code

        if paths:
            raise click.UsageError("--explain takes a code and no PATHS")
        return explain_code(code)
    from ..commands.check import check

    return check(paths, isolate=isolate)
