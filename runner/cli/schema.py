"""`runner schema`: the JSON Schemas of our own file formats."""

from __future__ import annotations

from typing import Literal

import click

__all__ = ["command"]


@click.command("schema")
@click.argument("name", type=click.Choice(["prompt", "project", "pack"]))
def command(name: Literal["prompt", "project", "pack"]) -> int:
    """Print the JSON Schema of a file format.

    For editors and other tools:

    \b
      runner schema prompt > schemas/editor/prompt.schema.json   # prompt files
      runner schema project                                      # runner.yaml
      runner schema pack                                         # pack.yaml

    A first line `# yaml-language-server: $schema=…/prompt.schema.json` then gives completion and checks while typing.
    """
    from ..commands.schema import show_schema

    return show_schema(name)
