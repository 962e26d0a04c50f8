"""`runner collect`: store the results of an exported batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import bom_option, env_file_option, force_option, quiet_option, report_option
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("collect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--run", "name", metavar="RUN", help="The run that was exported (default: the newest export).")
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
@quiet_option
@click.option("--json", "as_json", is_flag=True, help="Print each result to stdout as a line of JSON.")
@env_file_option
def command(
    files: tuple[str, ...],
    name: str | None,
    output: str | None,
    report: str | None,
    env_file: EnvFile | None,
    *,
    bom: bool,
    force: bool,
    in_order: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Store the results of a batch that was exported.

    FILES are the output of the batch and, if there is one, the file of its errors. Each result is validated, checked
    and stored as if it had been received online. Lines may be in any order, and requests without a result can be
    collected later.

    \b
      runner collect results.jsonl --output answers.csv
    """
    from ..commands.collect import collect, last_export
    from ..commands.connect_options import ConnectOptions
    from ..commands.resume import check_recorded_paths, recorded_run
    from ..commands.run import RunCommand

    for given, option in ((bom, "--bom"), (force, "--force"), (in_order, "--in-order")):
        if given and output is None:
            raise click.UsageError(f"{option} applies to the file of --output, which is not given.")
    stored, scope, arguments = recorded_run(name or last_export())
    typed = {"output"} if output is not None else set()
    output_was_recorded = output is None
    if output is None:
        output, in_order = arguments["output"], arguments["in_order"]
        bom = bool(arguments.get("bom"))
    check_recorded_paths(stored, scope, output, typed)
    run = RunCommand(
        scope,
        stored,
        output=output,
        output_was_recorded=output_was_recorded,
        in_order=in_order,
        bom=bom,
        force=force,
        report=report,
        jobs=None,
        endpoints=ConnectOptions(confirm, sends=False, asks=True),
        use_cache=False,
        lint=False,
        quiet=quiet,
        stream=False,
        as_json=as_json,
        max_cost=None,
        max_errors=None,
        debug=False,
        env_file=env_file,
    )
    return collect(files, run)
