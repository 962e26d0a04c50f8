"""`runner schema`: print the JSON Schemas of runner's own file formats."""

from __future__ import annotations

from typing import Literal

import click

__all__ = ["command"]


@click.command("schema")
@click.argument("name", type=click.Choice(["prompt", "project", "pack"]))
def command(name: Literal["prompt", "project", "pack"]) -> int:
    """Print the JSON Schema of a file format.

    Editors and other tools use it:

    \b
      runner schema prompt > schemas/editor/prompt.schema.json   # prompt files
      runner schema project                                      # runner.yaml
      runner schema pack                                         # pack.yaml

    With the first line `# yaml-language-server: $schema=…/prompt.schema.json`, an editor then completes and checks as
    you type.
    """
    from ..commands.schema import show_schema

    return show_schema(name)
