"""`runner export`: write requests to a batch file."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from .options import ShardType, env_file_option, no_lint_option, selection_options
from .terminal import confirm

if TYPE_CHECKING:
    from ..commands.load_selection import SelectionOptions
    from ..engine.plan.shard import Shard
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("export")
@selection_options
@click.option(
    "--batch",
    "file",
    metavar="FILE",
    required=True,
    help="Write the requests to this .jsonl file, one a line.",
)
@click.option("--force", is_flag=True, help="Replace a --batch file that is not an earlier export of runner.")
@click.option("--repeat", type=click.IntRange(1), default=1, metavar="N", help="Write each case N times.")
@click.option(
    "--shard", type=ShardType(), help="Only part I of N of the cases; `runner merge` joins the parts."
)
@no_lint_option
@env_file_option
def command(
    file: str,
    repeat: int,
    shard: Shard | None,
    env_file: EnvFile | None,
    *,
    force: bool,
    no_lint: bool,
    **selection: object,
) -> int:
    """Write requests to a batch file instead of sending them.

    The file has OpenAI's batch format, which vLLM (`run-batch`) and many services read. Nothing is sent, and no key is
    needed. `runner collect` stores the results.

    \b
      runner export triage --input tickets.csv --batch requests.jsonl
      vllm run-batch -i requests.jsonl -o results.jsonl --model MODEL
      runner collect results.jsonl --output answers.csv
    """
    from ..commands.connect_options import ConnectOptions
    from ..commands.export import ExportCommand
    from ..commands.resume import RunScope

    scope = RunScope(cast("SelectionOptions", {**selection, "failed_of": None}), repeat, shard)
    endpoints = ConnectOptions(confirm, sends=False)
    return ExportCommand(scope, file, endpoints, lint=not no_lint, force=force, env_file=env_file).carry_out()
