"""`runner review`: go through the pending answers."""

from __future__ import annotations

import click

from .options import isolate_option, select_argument
from .terminal import keyboard

__all__ = ["command"]


@click.command("review")
@select_argument
@isolate_option
def command(select: tuple[str, ...], *, isolate: bool) -> int:
    """Review pending answers: accept, reject or skip each.

    Shows the whole answer with its differences from the approved one, and what was asked. SELECT names cases, prompts,
    files or folders, or globs of these. Decisions are applied when you finish or press q; Ctrl-C discards them. Without
    a terminal it prints the answers and exits 2.

    \b
    a r s  accept, reject, skip this answer    A R S  all that are left
    space  scroll down (b up, g G j k)         p n    previous, next answer
    u      undo the last decision or rule      d      only the lines that changed
    e      add a rule for the highlighted difference to the prompt file
    i      where the answer came from          ? q    help, leave
    """
    from ..commands.review import review

    return review(select, keyboard, isolate=isolate)
