"""The command that is running: the file that its `--env-file` named."""

from __future__ import annotations

import click

from ..files.env_file import EnvFile

__all__ = ["ENV_FILE", "env_file_of"]

ENV_FILE = "runner.env_file"
"""Key of the file in `click.Context.meta`."""


def env_file_of(ctx: click.Context | None) -> EnvFile | None:
    """Return the file that `--env-file` named, read; None without the option."""
    found: EnvFile | None = ctx.meta.get(ENV_FILE) if ctx is not None else None
    return found
