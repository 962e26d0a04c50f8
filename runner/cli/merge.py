"""`runner merge`: one run out of its shards."""

from __future__ import annotations

import click

from .options import bom_option

__all__ = ["command"]


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--output", metavar="FILE", help="Save the results as .jsonl, .json, .csv or .xml (JUnit).")
@bom_option
def command(runs: tuple[str, ...], output: str | None, *, bom: bool) -> int:
    """Join the shards of a run into one, in the order of the input.

    RUN is the id of a run, the beginning of one, or the path of its folder (as an artifact of another machine comes).
    What is missing, `runner run --resume` asks.

    \b
      runner run --input rows.jsonl --shard 1/2     # on one machine
      runner run --input rows.jsonl --shard 2/2     # on another
      runner merge artifacts/*/ --output all.jsonl
    """
    if bom and output is None:
        raise click.UsageError("--bom is about the file that --output names, which is not given.")

    from ..commands.merge import merge_runs

    return merge_runs(runs, output, bom=bom)
