"""`runner test`: compare every case with its approved snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from .options import (
    ShardType,
    case_option,
    endpoint_option,
    env_file_option,
    force_option,
    isolate_option,
    jobs_option,
    no_cache_option,
    no_lint_option,
    no_wait_option,
    paths_argument,
    quiet_option,
    report_option,
    seconds_to_wait,
    tag_option,
    transport_option,
    trust_option,
    typed_parameters,
    wait_option,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..engine.plan.shard import Shard
    from ..files.env_file import EnvFile
    from ..regress.modes import RecordMode, UnreferencedMode, UpdateMode

__all__ = ["command"]


@click.command("test")
@paths_argument
@click.option(
    "--record",
    type=click.Choice(["none", "once", "new_episodes", "all"]),
    envvar="RUNNER_RECORD",
    help="Cases that may be sent: none, those without a snapshot, those out of date too (default), all.",
)
@click.option("--offline", is_flag=True, help="Same as --record none: no network, no key.")
@click.option(
    "--live", is_flag=True, help="Same as --record all: send every request, even if nothing changed."
)
@click.option(
    "--update",
    type=click.Choice(["none", "missing", "changed", "all"]),
    envvar="RUNNER_UPDATE",
    help="Answers that may be approved without a review (default: none).",
)
@click.option("-u", "update_changed", is_flag=True, help="Same as --update changed.")
@click.option("--ci", is_flag=True, help="Run as in CI: --record none --update none --unreferenced reject.")
@click.option("--samples", type=click.IntRange(1), metavar="N", help="Send each request N times.")
@case_option
@click.option("--failed", is_flag=True, help="Only cases that did not pass in the last run.")
@tag_option
@click.option("--base", metavar="REV", help="Send only requests that differ from this git revision.")
@click.option(
    "--shard",
    type=ShardType(),
    help="Only part I of N of the cases; the parts are the same on every machine.",
)
@click.option(
    "--unreferenced",
    type=click.Choice(["ignore", "warn", "reject"]),
    envvar="RUNNER_UNREFERENCED",
    help="What to do about snapshots without a case (default: warn; reject in CI).",
)
@endpoint_option
@jobs_option
@click.option("--batch", is_flag=True, help="Submit the requests as batches, at the provider's lower price.")
@wait_option
@no_wait_option
@no_cache_option
@no_lint_option
@transport_option
@env_file_option
@trust_option
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help="Save the verdicts to an .xml (JUnit) or .md (Markdown, with the answers that changed) file.",
)
@click.option(
    "--watch",
    "watching",
    is_flag=True,
    help="Test affected cases again when a file is saved, until Ctrl-C; offline unless a mode is given.",
)
@force_option
@quiet_option
@report_option
@isolate_option
def command(
    paths: tuple[str, ...],
    record: RecordMode | None,
    update: UpdateMode | None,
    samples: int | None,
    ids: tuple[str, ...],
    tags: tuple[str, ...],
    base: str | None,
    shard: Shard | None,
    unreferenced: UnreferencedMode | None,
    endpoint: str | None,
    jobs: int | Literal["adaptive"] | None,
    output: str | None,
    report: str | None,
    transport: str,
    env_file: EnvFile | None,
    wait: float | None,
    *,
    batch: bool,
    no_wait: bool,
    failed: bool,
    offline: bool,
    live: bool,
    update_changed: bool,
    ci: bool,
    no_cache: bool,
    no_lint: bool,
    trusted: bool,
    isolate: bool,
    quiet: bool,
    force: bool,
    watching: bool,
) -> int:
    """Compare every case with its approved snapshot.

    A case whose request has not changed is replayed from its snapshot, without network or cost, and judged by the
    current schema and assertions. The other requests are sent, and new or different answers are pending until
    `runner review`. In CI (`CI` is set) nothing is sent and nothing is written.

    \b
      runner test                          # send what changed, then: runner review
      runner test --offline                # the gate for every pull request
      runner test --live --samples 5       # has the model drifted?
      runner test --live --batch           # the same at half the price, some hours later
    """
    import os
    from functools import partial

    from ..commands.connect_options import ConnectOptions
    from ..commands.test import RegressionCommand
    from ..regress.modes import is_ci, modes_for

    if offline + live + (record is not None) > 1:
        raise click.UsageError("--record, --offline and --live set the same mode; give one of them.")
    if force and output is None:
        raise click.UsageError("--force applies to the file of --output, which is not given.")
    if update is not None and update_changed:
        raise click.UsageError("--update and -u set the same mode; give one of them.")
    in_ci = ci or is_ci(os.environ)
    if watching and (in_ci or output is not None or report is not None):
        raise click.UsageError(
            "--watch is for work at a terminal: not in CI, and without --output and --report."
        )
    if watching and record is None and not live:
        offline = True
    modes = modes_for(
        ci=in_ci,
        record="none" if offline else "all" if live else record,
        update="changed" if update_changed else update,
        unreferenced=unreferenced,
        samples=samples,
    )
    if batch and (modes.record == "none" or watching):
        raise click.UsageError(
            "--batch sends requests: add --live, or a --record mode other than none; not with --watch."
        )
    if batch and jobs is not None and "jobs" in typed_parameters(click.get_current_context()):
        raise click.UsageError("--jobs is for requests that are sent online; leave it out.")
    seconds = seconds_to_wait(wait, batch=batch, no_wait=no_wait)
    run = RegressionCommand(
        paths,
        ids=ids,
        tags=tags,
        endpoint=endpoint,
        modes=modes,
        base=base,
        shard=shard,
        isolate=isolate,
        env_file=env_file,
        failed=failed,
        keeps_failed=not in_ci,
    )
    carry_out = partial(
        RegressionCommand.carry_out,
        jobs=jobs,
        endpoints=ConnectOptions(confirm, trusted, transport),
        use_cache=not no_cache,
        lint=not no_lint,
        output=output,
        force=force,
        quiet=quiet,
        report=report,
        batch=seconds if batch else None,
    )
    if watching:
        from ..commands.watch_tests import watch

        watch(run, carry_out)
    return carry_out(run)
