"""`runner merge`: merge the shards of a run."""

from __future__ import annotations

import click

from .options import bom_option, force_option

__all__ = ["command"]


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--output",
    metavar="FILE",
    help="Save the results to a .jsonl, .json, .csv, .xlsx, .parquet or .xml (JUnit) file.",
)
@bom_option
@force_option
def command(runs: tuple[str, ...], output: str | None, *, bom: bool, force: bool) -> int:
    """Merge the shards of a run into one run, in input order.

    RUN is the id of a run, the beginning of an id, or the path of its folder (for example an artifact from another
    machine). `runner run --resume` sends the requests that are missing.

    \b
      runner run --input rows.jsonl --shard 1/2     # on one machine
      runner run --input rows.jsonl --shard 2/2     # on another
      runner merge artifacts/*/ --output all.jsonl
    """
    if bom and output is None:
        raise click.UsageError("--bom applies to the file of --output, which is not given.")

    from ..commands.merge import merge_runs

    if force and output is None:
        raise click.UsageError("--force applies to the file of --output, which is not given.")
    return merge_runs(runs, output, bom=bom, force=force)
