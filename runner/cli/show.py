"""`runner show`: show the answers of a run, each with its request and its checks."""

from __future__ import annotations

import click

from .options import isolate_option

__all__ = ["command"]


@click.command("show")
@click.argument("run", default="last", metavar="[RUN|last]")
@click.option("--failed", is_flag=True, help="Only cases that did not pass.")
@click.option(
    "--case",
    "ids",
    multiple=True,
    metavar="ID",
    help="Only the case with this id; a glob selects several, e.g. 'refund-*'.",
)
@click.option(
    "--prompt", "prompts", multiple=True, metavar="PROMPT", help="Only this prompt, given by name or file."
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
    """Show the requests and answers of a run.

    Each case is shown with its messages and variables, the whole answer, every check, tokens, cost and latency. On a
    terminal the output goes through a pager (PAGER, else less). The messages are rendered again from the current
    prompts; a note appears if a prompt has changed since. RUN is a run id, the beginning of an id, or the folder of a
    run. Works offline.

    \b
      runner show --failed
      runner show last --case 'refund-*'
      runner show --outcome refused --json
    """
    from ..commands.show import show

    return show(
        run, ids=ids, prompts=prompts, outcomes=outcomes, failed=failed, as_json=as_json, isolate=isolate
    )
