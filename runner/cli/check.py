"""`runner check`: find every error that can be found without calling a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import env_file_option, isolate_option, paths_argument, trust_option
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

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
@click.option(
    "--online", is_flag=True, help="Also ask the endpoints whether they still offer the prompts' models."
)
@env_file_option
@trust_option
def command(
    paths: tuple[str, ...],
    env_file: EnvFile | None,
    *,
    isolate: bool,
    code: str | None,
    online: bool,
    trusted: bool,
) -> int:
    """Check prompts and render every case, offline unless --online is given.

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
    if (trusted or env_file is not None) and not online:
        raise click.UsageError("--trust and --env-file apply to --online, which is not given.")
    from ..commands.check import check

    endpoints = None
    if online:
        from ..commands.connect_options import ConnectOptions

        endpoints = ConnectOptions(confirm, trusted)
    return check(paths, endpoints, env_file=env_file, isolate=isolate)
