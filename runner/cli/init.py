"""`runner init`: a project that runs at once."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> int:
    """Write a small project that runs at once into FOLDER.

    A prompt with tests, its schema, runner.yaml, a CI workflow, and our schemas for your editor.

    Files that exist are left alone and named.
    """
    from ..commands.init import init

    return init(folder)
