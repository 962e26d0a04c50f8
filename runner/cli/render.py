"""`runner render`: what would be sent, without sending it."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("render")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["messages", "request", "curl"]),
    default="messages",
    show_default=True,
    help="The messages, the whole request body, or a command for the shell.",
)
@click.option("--var", "assignments", multiple=True, metavar="NAME=VALUE", help="A variable; renders the prompt with it.")
@click.option("--vars", "vars_file", metavar="FILE", help="Variables from a YAML or JSON file.")
@click.option("--input", "rows", metavar="ROWS", help="One case a row, from .jsonl, .csv, .json or .yaml.")
@click.option("--case", "ids", multiple=True, metavar="ID", help="Only the case with this id.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only prompts or cases with this tag.")
@click.option("--endpoint", envvar="RUNNER_ENDPOINT", metavar="NAME", help="The endpoint of runner.yaml (for curl).")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Ask for this model.")
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="Set a request field, e.g. temperature=0.2.")
def command(
    paths: tuple[str, ...],
    form: str,
    assignments: tuple[str, ...],
    vars_file: str | None,
    rows: str | None,
    ids: tuple[str, ...],
    tags: tuple[str, ...],
    endpoint: str | None,
    models: tuple[str, ...],
    sets: tuple[str, ...],
) -> int:
    """Print what `run` would send, offline.

    One JSON document a case (two spaces of indentation, keys in the author's order), or one curl command.

    \b
      runner render prompts/math-tutor.prompt.yaml --format request
      runner render prompts/triage.prompt.yaml --var ticket="Where is my parcel?" --format curl
    """
    from ..engine.plan import Plan
    from ..report.rendered import rendered
    from .selecting import load_selection, request_fields

    chosen = load_selection(
        paths,
        assignments=assignments,
        vars_file=vars_file,
        rows=rows,
        ids=ids,
        tags=tags,
        endpoint=endpoint,
        fields=request_fields(models, sets),
    )
    plan = Plan(chosen.units, chosen.selection.cases)
    several = chosen.rehearse(plan).jobs > 1
    for job in plan.jobs():
        if several:
            click.echo(f"# {job.unit.prompt.path} {job.case.id}{f'@{job.unit.variant}' if job.unit.variant else ''}", err=True)
        click.echo(rendered(job, form))
    return 0
