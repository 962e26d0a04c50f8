"""`runner show`: the answers of a run, each with its question and its checks."""

from __future__ import annotations

import click

from .options import isolate_option

__all__ = ["command"]


@click.command("show")
@click.argument("run", default="last", metavar="[RUN|last]")
@click.option("--failed", is_flag=True, help="Only what did not pass.")
@click.option(
    "--case", "ids", multiple=True, metavar="ID", help="Only the case with this id, or a glob of ids."
)
@click.option(
    "--prompt", "prompts", multiple=True, metavar="PROMPT", help="Only this prompt: its name or its file."
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="OUTCOME",
    help="Only this outcome: ok, refused, error, ...",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print each result, with its messages, as a line of JSON."
)
@isolate_option
def command(
    run: str,
    ids: tuple[str, ...],
    prompts: tuple[str, ...],
    outcomes: tuple[str, ...],
    *,
    failed: bool,
    as_json: bool,
    isolate: bool,
) -> int:
    """Show what a run asked and what came back.

    For each case: its messages and variables, the whole answer, every check, tokens, cost and latency. On a terminal the
    pager shows it (PAGER, else less). Messages are rendered again from the prompts as they are now; it says so where a
    prompt has changed since. RUN is a run's id, the beginning of one, or its folder. Offline.

    \b
      runner show --failed
      runner show last --case 'refund-*'
      runner show --outcome refused --json
    """
    from ..commands.show import show

    return show(
        run, ids=ids, prompts=prompts, outcomes=outcomes, failed=failed, as_json=as_json, isolate=isolate
    )
