"""`runner schema`: the JSON Schemas of our own file formats."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("schema")
@click.argument("name", type=click.Choice(["prompt", "project"]))
def command(name: str) -> int:
    """Print the JSON Schema of a file format.

    For editors and other tools:

    \b
      runner schema prompt > schemas/editor/prompt.schema.json

    A first line `# yaml-language-server: $schema=…/prompt.schema.json` then gives completion and checks while typing.
    """
    from ..files.formats import schema_text

    click.echo(schema_text("prompt" if name == "prompt" else "project"), nl=False)
    return 0
