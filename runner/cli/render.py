"""`runner render`: what would be sent, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from ..report.outlet import print_data, print_line
from .options import selection_options

if TYPE_CHECKING:
    from ..commands.selection import SelectionOptions

__all__ = ["command"]


@click.command("render")
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "request", "curl"]),
    default="messages",
    show_default=True,
    help="The messages, the whole request body, or a command for the shell.",
)
@selection_options
def command(form: str, **selection: Unpack[SelectionOptions]) -> int:
    """Print what `run` would send, offline.

    One JSON document a case (two spaces of indentation, keys in the author's order), or one curl command.

    \b
      runner render prompts/math-tutor.prompt.yaml --format request
      runner render prompts/triage.prompt.yaml --var ticket="Where is my parcel?" --format curl
    """
    from ..commands.selection import load_selection
    from ..engine.plan.plan import Plan
    from ..report.rendered import rendered

    chosen = load_selection(**selection)
    plan = Plan(chosen.units, chosen.selection.cases)
    several = chosen.rehearse(plan).jobs > 1
    for job in plan.jobs():
        if several:
            prompt = job.unit.prompt
            where = prompt.path if prompt.origin is None else prompt.place
            variant = f"@{job.unit.variant}" if job.unit.variant else ""
            print_line(f"# {where} {job.case.id}{variant}", err=True)
        print_data(rendered(job, form))
    return 0
