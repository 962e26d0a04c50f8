"""`runner review`: go through the answers that wait for approval."""

from __future__ import annotations

import click

from .options import isolate_option
from .terminal import read_key

__all__ = ["command"]


@click.command("review")
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@isolate_option
def command(select: tuple[str, ...], *, isolate: bool) -> int:
    """Look at each answer that waits, and accept, reject or skip it.

    SELECT names cases, prompts, files or folders, or globs of these. What was decided is carried out at the end, or
    at q; Ctrl-C leaves everything as it was. Off a terminal it prints the differences and exits 2.

    \b
    a r s  accept, reject, skip this one        A R S  all that are left
    d      the whole answer, line by line       i      where it came from
    e      add a rule for the highlighted path to the prompt file
    j k    move the highlight (or the arrows)   q      leave
    """
    from ..commands.review import review

    return review(select, read_key, isolate=isolate)
