"""`runner run`: ask the model, validate the answers, save them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

import click

from .options import SelectionOptions, selection_options

if TYPE_CHECKING:
    from ..engine.record import Record

__all__ = ["command"]


@click.command("run")
@selection_options
@click.option("--output", metavar="FILE", help="Save the results as .jsonl, .json, .csv or .xml (JUnit).")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Ask N times for each case.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    envvar="RUNNER_JOBS",
    metavar="N",
    help="How many requests at once.",
)
@click.option(
    "--no-cache", is_flag=True, envvar="RUNNER_NO_CACHE", help="Ask again even if the answer is known."
)
@click.option("--stream", is_flag=True, help="Print the text as it comes, one answer after the other.")
@click.option("--dry-run", is_flag=True, help="Render everything, send nothing, say what it would take.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print each result as a line of JSON on standard output."
)
def command(
    output: str | None,
    repeat: int,
    jobs: int | None,
    *,
    no_cache: bool,
    stream: bool,
    dry_run: bool,
    as_json: bool,
    **selection: Unpack[SelectionOptions],
) -> int:
    """Ask the model, validate, save.

    Runs the prompts' own tests, or the variables or rows given instead.

    PATHS are prompt files, folders, globs or ALIAS:NAME; without any, every *.prompt.yaml of the project.

    \b
      runner run prompts/sentiment.prompt.yaml --var review="Best purchase ever"
      runner run prompts/ --endpoint local
      runner run prompts/triage.prompt.yaml --input tickets.csv --output answers.csv
    """
    if stream and (jobs or 1) > 1:
        raise click.UsageError("--stream prints one answer at a time; leave --jobs out.")
    if stream and as_json:
        raise click.UsageError("--stream and --json both write to standard output; choose one.")

    from ..engine.cache import ResponseCache
    from ..engine.execute import Options, connect
    from ..engine.plan import Plan
    from ..engine.record import Counters, json_line
    from ..engine.streaming import StreamPrinter
    from .selecting import load_selection

    chosen = load_selection(**selection)
    plan = Plan(chosen.units, chosen.selection.cases, repeat)
    rehearsal = chosen.rehearse(plan)

    if dry_run:
        from ..report.dry_run import dry_run_text

        click.echo(dry_run_text(plan, rehearsal))
        return 0

    import os
    import sys

    from ..engine.session import run_jobs
    from ..report.console import ConsoleReporter
    from ..report.output import OutputWriter
    from ..report.stream import StreamText
    from ..report.workflow_commands import unheeded

    connections = connect(plan.units, chosen.environ, root=chosen.project.root)
    counters = Counters(total=rehearsal.records)
    # Results are what this command says; they move aside only where standard output is spoken for.
    stream_to = sys.stderr if as_json or stream else sys.stdout
    with contextlib.ExitStack() as closing:
        closing.enter_context(unheeded(sys.stderr if as_json else sys.stdout, os.environ))
        sinks: list[Callable[[Record], None]] = []
        writer = closing.enter_context(OutputWriter(output)) if output else None
        if writer:
            sinks.append(writer.write)
        if as_json:
            sinks.append(lambda record: click.echo(json_line(record)))
        # A line that is redrawn would tangle with what else goes to the same screen.
        live = False if stream or (as_json and sys.stdout.isatty()) else None
        reporter = closing.enter_context(ConsoleReporter(stream_to, live=live))
        text = StreamText(sys.stdout) if stream else None
        if text:
            closing.callback(text.end)
        reporter.start(counters, title=chosen.title)
        ending = run_jobs(
            plan.by_endpoint(),
            plan.units,
            connections,
            root=chosen.root,
            counters=counters,
            display=reporter,
            sinks=sinks,
            options=Options(
                workers=1 if stream else jobs,
                cache=None if no_cache else ResponseCache(chosen.root),
                printer=StreamPrinter(text) if text else None,
            ),
        )
        if writer:
            writer.close(complete=not ending.unsent)
        if ending.stopped:
            reporter.note(f"stopped early: {ending.stopped}; {counters.unfinished} not asked")
        reporter.finish(counters, seconds=ending.seconds, run_dir=chosen.shown(ending.folder))
    return ending.exit_code
