"""`runner report`: a run as one HTML file."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("report")
@click.argument("run", default="last", metavar="[RUN]")
@click.option("--against", metavar="RUN", help="Compare with this run, case by case.")
@click.option(
    "--output", "-o", default="report.html", show_default=True, metavar="FILE", help="The file to write."
)
def command(run: str, against: str | None, output: str) -> int:
    """Write a run as one HTML file that can be mailed, archived or attached to a CI job.

    It has an overview with plots, every case with its messages, answer and checks, the fields of the answers, and with
    --against a comparison. It works offline, asks no server for anything, and looks the same each time it is written.

    RUN is an id, the beginning of one, `last` (the default), or the folder of a run.

    \b
      runner report
      runner report last --against 20261127T0915 -o before-after.html
    """
    from ..commands.report import report

    return report(run, against, output)
