"""`runner init`: create a project that runs immediately."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> int:
    """Create a small project in FOLDER that runs immediately.

    It has a prompt with tests, its schema, runner.yaml, a CI workflow, and the JSON Schemas for your editor.

    Existing files are left alone and listed.
    """
    from ..commands.init import init

    return init(folder)
