"""`runner run`: call the model, validate the answers, save them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import click

from .options import (
    ShardType,
    bom_option,
    env_file_option,
    force_option,
    jobs_option,
    max_cost_option,
    max_errors_option,
    no_cache_option,
    no_lint_option,
    no_wait_option,
    quiet_option,
    report_option,
    seconds_to_wait,
    selection_options,
    transport_option,
    trust_option,
    typed_parameters,
    wait_option,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..commands.load_selection import SelectionOptions
    from ..engine.journal.error_limit import ErrorLimit
    from ..engine.plan.shard import Shard
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("run")
@selection_options
@click.option("--failed", is_flag=True, help="Only cases that failed in the last run.")
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help="Save the results to a .jsonl, .json, .csv, .xlsx, .parquet or .xml (JUnit) file.",
)
@bom_option
@force_option
@report_option
@click.option("--in-order", is_flag=True, help="Write --output in the order of the input.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Send each case N times.")
@jobs_option
@transport_option
@click.option(
    "--shard", type=ShardType(), help="Only part I of N of the cases; `runner merge` joins the parts."
)
@click.option("--resume", metavar="RUN", help="Continue a run that was stopped or killed (last: the newest).")
@max_cost_option
@max_errors_option
@click.option(
    "--batch/--no-batch",
    default=None,
    help="Submit the requests as batches, at the provider's lower price, and wait for their results.",
)
@wait_option
@no_wait_option
@no_cache_option
@no_lint_option
@quiet_option
@click.option("--stream", is_flag=True, help="Print the text as it arrives, one answer at a time.")
@click.option(
    "--dry-run", is_flag=True, help="Render everything, send nothing, print what the run would need."
)
@click.option("--json", "as_json", is_flag=True, help="Print each result to stdout as a line of JSON.")
@env_file_option
@trust_option
@click.option("--debug", is_flag=True, help="Log every request and its result to stderr.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    env_file: EnvFile | None,
    output: str | None,
    report: str | None,
    repeat: int,
    jobs: int | Literal["adaptive"] | None,
    transport: str,
    shard: Shard | None,
    resume: str | None,
    max_cost: float | None,
    max_errors: ErrorLimit | None,
    batch: bool | None,  # noqa: FBT001 - click passes it by name
    wait: float | None,
    *,
    no_wait: bool,
    failed: bool,
    bom: bool,
    force: bool,
    in_order: bool,
    no_cache: bool,
    no_lint: bool,
    quiet: bool,
    stream: bool,
    dry_run: bool,
    as_json: bool,
    trusted: bool,
    debug: bool,
    **selection: object,
) -> int:
    """Call the model, validate the answers, save them.

    The cases are the prompts' own tests, unless variables or rows are given.

    PATHS are prompt files, folders, globs, prompt names or ALIAS:NAME; the default is every *.prompt.yaml of the
    project.

    \b
      runner run prompts/sentiment.prompt.yaml --var review="Best purchase ever"
      runner run prompts/ --endpoint local
      runner run prompts/triage.prompt.yaml --input tickets.csv --output answers.csv
      runner run --resume last
      runner run triage --input tickets.csv --batch --no-wait
    """
    if batch and stream:
        raise click.UsageError("--stream prints answers as they arrive, and a batch has none; leave it out.")
    if batch and jobs is not None and "jobs" in typed_parameters(ctx):
        raise click.UsageError("--jobs is for requests that are sent online; leave it out.")
    if stream and (jobs == "adaptive" or (jobs or 1) > 1):
        raise click.UsageError("--stream prints one answer at a time; leave --jobs out.")
    if stream and as_json:
        raise click.UsageError("--stream and --json both write to stdout; choose one.")
    if failed and resume:
        raise click.UsageError(
            "--failed starts a new run, and --resume continues an earlier one; choose one."
        )
    if dry_run and resume:
        raise click.UsageError("--dry-run sends nothing, so there is no run to continue; leave --resume out.")

    from ..commands.connect_options import ConnectOptions
    from ..commands.resume import RunScope, check_recorded_paths, last_run, recorded_run
    from ..commands.run import ONLINE, Means, RunCommand

    failed_of = last_run() if failed else None
    scope = RunScope(cast("SelectionOptions", {**selection, "failed_of": failed_of}), repeat, shard)
    stored, output_was_recorded = None, False
    if resume is not None:
        stored, earlier, arguments = recorded_run(resume)
        typed = typed_parameters(ctx)
        scope = earlier.with_changes(scope, typed)
        if output is None:
            # With --bom the file is rewritten, even if no request is left to send.
            output, output_was_recorded = arguments["output"], not bom
            in_order = in_order or arguments["in_order"]
            bom = bom or bool(arguments.get("bom"))
        check_recorded_paths(stored, scope, output, typed)
    if bom and output is None:
        raise click.UsageError("--bom applies to the file of --output, which is not given.")
    if force and output is None:
        raise click.UsageError("--force applies to the file of --output, which is not given.")
    if in_order and output is None:
        raise click.UsageError("--in-order applies to the file of --output, which is not given.")
    means: Means = ONLINE
    in_batches = bool(batch)
    if stored is not None:
        from ..commands.batches import has_batches

        in_batches = in_batches or has_batches(stored)
    seconds = seconds_to_wait(wait, batch=in_batches, no_wait=no_wait)
    if in_batches:
        if stream:
            raise click.UsageError(
                "--stream prints answers as they arrive, and a batch has none; leave it out."
            )
        from ..commands.batches import Batches  # only for batches

        means = Batches.of(stored, seconds, submits=batch is not False, limited=max_cost is not None)
    run = RunCommand(
        scope,
        stored,
        output=output,
        output_was_recorded=output_was_recorded,
        in_order=in_order,
        bom=bom,
        force=force,
        report=report,
        jobs=jobs,
        endpoints=ConnectOptions(confirm, trusted, transport),
        use_cache=not no_cache,
        lint=not no_lint,
        quiet=quiet,
        stream=stream,
        as_json=as_json,
        max_cost=max_cost,
        max_errors=max_errors,
        debug=debug,
        env_file=env_file,
        means=means,
    )
    return run.dry_run() if dry_run else run.carry_out()
