"""`runner drift`: night by night, is the model still as good as at the baseline?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from .options import (
    endpoint_option,
    env_file_option,
    isolate_option,
    jobs_option,
    no_lint_option,
    paths_argument,
    quiet_option,
    transport_option,
    trust_option,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("drift")
@paths_argument
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Send each case N times.",
)
@click.option(
    "--history",
    metavar="FILE",
    help="Keep the nights in this file instead of .runner/drift.jsonl.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="How far the pass rate may fall without counting as drift: 0.05 is 5 points.",
)
@click.option("--plot", "plots", is_flag=True, help="Send nothing; print the nights as a sparkline.")
@endpoint_option
@jobs_option
@no_lint_option
@transport_option
@quiet_option
@env_file_option
@trust_option
@isolate_option
def command(
    paths: tuple[str, ...],
    samples: int,
    history: str | None,
    margin: float,
    endpoint: str | None,
    jobs: int | Literal["adaptive"] | None,
    transport: str,
    env_file: EnvFile | None,
    *,
    plots: bool,
    no_lint: bool,
    quiet: bool,
    trusted: bool,
    isolate: bool,
) -> int:
    """Watch a model night by night: is it still as good as at the baseline?

    Sends every case, compares the pass rates with the baseline of `runner baseline` and with all nights since, and
    appends the night to the history. It approves nothing. Each prompt is `steady`, `watch` (tonight looks worse,
    perhaps by chance), `drift` or `better`.

    Ends with exit code 1 only for `drift`, and with 3 if a prompt could not be judged.

    \b
      runner drift
      runner drift --history drift.jsonl prompts/triage.prompt.yaml
      runner drift --plot
    """
    from ..commands.drift import DriftCommand, plot

    if plots:
        return plot(paths, history)
    from ..commands.connect_options import ConnectOptions

    run = DriftCommand(paths, endpoint, samples, margin, history, isolate=isolate, env_file=env_file)
    return run.carry_out(
        jobs=jobs, endpoints=ConnectOptions(confirm, trusted, transport), lint=not no_lint, quiet=quiet
    )
