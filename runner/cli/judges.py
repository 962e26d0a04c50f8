"""`runner judge`: find out how far a judge can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from .options import (
    endpoint_option,
    env_file_option,
    force_option,
    jobs_option,
    max_cost_option,
    no_cache_option,
    transport_option,
    trust_option,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.group("judge")
def command() -> None:
    """Measure a judge against labels of people.

    \b
      runner judge sample last 200 > labels.csv     # then write pass or fail into the column label
      runner judge calibrate labels.csv             # error rates, agreement, and a word
      runner judge copy rubric                      # a built-in judge, to be changed
    """


@command.command("calibrate")
@click.argument("labels", type=click.Path(dir_okay=False))
@click.option(
    "--judge", metavar="PROMPT", help="Measure this judge (default: that of runner.yaml, or judges:rubric)."
)
@click.option("--model", metavar="NAME", help="Let this model judge (default: that of runner.yaml).")
@endpoint_option
@click.option("--votes", type=click.IntRange(1, 99), metavar="N", help="Ask N times for each verdict.")
@max_cost_option
@jobs_option
@no_cache_option
@transport_option
@env_file_option
@trust_option
def calibrate(
    labels: str,
    judge: str | None,
    model: str | None,
    endpoint: str | None,
    votes: int | None,
    max_cost: float | None,
    jobs: int | Literal["adaptive"] | None,
    transport: str,
    env_file: EnvFile | None,
    *,
    no_cache: bool,
    trusted: bool,
) -> int:
    """Compare the verdicts of a judge with labels.

    LABELS is a file of rows (.csv, .jsonl, .xlsx, ...) with a column `label` (pass or fail) and the variables of the judge:
    `output`, `criterion`, `input`, ... Each row is judged twice. The command prints the error rates with their intervals,
    Cohen's kappa and the worst disagreements, and writes FILE.calibration.yaml, with which `runner run` corrects pass rates.
    The exit code is 1 if the judge should not be used.
    """
    from ..commands.connect_options import ConnectOptions
    from ..commands.judges import CalibrateCommand

    options = CalibrateCommand(
        labels,
        judge=judge,
        model=model,
        endpoint=endpoint,
        votes=votes,
        jobs=jobs,
        max_cost=max_cost,
        use_cache=not no_cache,
        env_file=env_file,
    )
    return options.carry_out(ConnectOptions(confirm, trusted, transport))


@command.command("sample")
@click.argument("run")
@click.argument("count", type=click.IntRange(1))
@click.option("--judge", metavar="PROMPT", help="Draw from the verdicts of this judge only.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Draw another sample.")
def sample(run: str, count: int, judge: str | None, seed: int) -> int:
    """Print COUNT random answers that a judge judged in RUN, as CSV with a column for the label.

    RUN is an id, its beginning, `last`, or a folder. The verdicts of the judge are left out, so that they influence nobody.
    """
    from ..commands.judge_run import sample_verdicts

    return sample_verdicts(run, count, judge, seed)


@command.command("copy")
@click.argument("name")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@force_option
def copy(name: str, file: str | None, *, force: bool) -> int:
    """Copy a built-in judge to FILE (default: judges/NAME.prompt.yaml), to be changed there.

    NAME is rubric, closed-qa, factuality, steps or pairwise.
    """
    from ..commands.judges import copy_judge

    return copy_judge(name, file, force=force)
