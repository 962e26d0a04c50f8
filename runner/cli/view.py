"""`runner view`: open the report of a run in the browser."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("view")
@click.argument("run", default="last", metavar="[RUN]")
@click.option(
    "--against",
    metavar="RUN|REV",
    help="Compare with this run, or with the answers approved in this git revision, case by case.",
)
def command(run: str, against: str | None) -> int:
    """Open the report of a run in the browser.

    The report is a file in your cache folder, and its path is printed; no server is started. RUN is a run id, the
    beginning of an id, `last` (the default), or the folder of a run.
    """
    from ..commands.report import view

    return view(run, against)
