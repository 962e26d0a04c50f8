"""`runner baseline`: record how often each case passes, beside the snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from .options import (
    case_option,
    endpoint_option,
    env_file_option,
    isolate_option,
    jobs_option,
    no_lint_option,
    paths_argument,
    tag_option,
    transport_option,
    trust_option,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..files.env_file import EnvFile

__all__ = ["command"]


@click.command("baseline")
@paths_argument
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="Send each case N times.",
)
@case_option
@tag_option
@endpoint_option
@jobs_option
@no_lint_option
@transport_option
@env_file_option
@trust_option
@isolate_option
def command(
    paths: tuple[str, ...],
    samples: int,
    ids: tuple[str, ...],
    tags: tuple[str, ...],
    endpoint: str | None,
    jobs: int | Literal["adaptive"] | None,
    transport: str,
    env_file: EnvFile | None,
    *,
    no_lint: bool,
    trusted: bool,
    isolate: bool,
) -> int:
    """Record how often each case passes, for gates to compare with.

    Sends every case several times and writes `__snapshots__/PROMPT.rates.yaml`, one line per case; commit that file.
    This approves nothing. If any answer fails to arrive, nothing is written.

    \b
      runner baseline                      # then: runner test --live
      runner baseline --case new-one       # a case added since
    """
    from ..commands.baseline import BaselineCommand
    from ..commands.connect_options import ConnectOptions

    run = BaselineCommand(
        paths, ids=ids, tags=tags, endpoint=endpoint, samples=samples, isolate=isolate, env_file=env_file
    )
    return run.carry_out(jobs=jobs, endpoints=ConnectOptions(confirm, trusted, transport), lint=not no_lint)
