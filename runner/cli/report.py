"""`runner report`: write a run as one HTML file."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("report", short_help="Write a run as one HTML file.")
@click.argument("run", default="last", metavar="[RUN]")
@click.option(
    "--against",
    metavar="RUN|REV",
    help="Compare with this run, or with the answers approved in this git revision, case by case.",
)
@click.option(
    "--output",
    "-o",
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="Write the report to this file.",
)
def command(run: str, against: str | None, output: str) -> int:
    """Write a run as one HTML file.

    The file can be mailed, archived or attached to a CI job. The report has an overview with plots, every case with its
    messages, answer and checks, the fields of the answers, and a comparison if --against is given. It works offline,
    loads nothing from a server, and is the same each time it is written.

    RUN is a run id, the beginning of an id, `last` (the default), or the folder of a run.

    \b
      runner report
      runner report last --against 20261127T0915 -o before-after.html
    """
    from ..commands.report import report

    return report(run, against, output)
