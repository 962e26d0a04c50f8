"""`runner render`: print requests without sending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from .options import selection_options

if TYPE_CHECKING:
    from ..commands.load_selection import SelectionOptions

__all__ = ["command"]


@click.command("render")
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "request", "curl"]),
    default="messages",
    show_default=True,
    help="Print the messages, the whole request body, or a shell command.",
)
@selection_options
def command(form: str, **selection: Any) -> int:
    """Print the requests that `run` would send, offline.

    Each case is one JSON document (indented by two spaces, keys in the author's order) or one curl command.

    \b
      runner render prompts/math-tutor.prompt.yaml --format request
      runner render prompts/triage.prompt.yaml --var ticket="Where is my parcel?" --format curl
    """
    from ..commands.render import render

    return render(cast("SelectionOptions", {**selection, "failed_of": None}), form)
