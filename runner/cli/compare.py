"""`runner compare`: is one run, variant or model worse than another, or could that be chance?"""

from __future__ import annotations

from typing import Any, Literal

import click

from .options import diff_format, force_option

__all__ = ["command"]


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="How far the pass rate may fall without counting as worse: 0.05 is 5 points.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.975,
    show_default=True,
    metavar="SHARE",
    help="How certain a verdict must be, in each direction.",
)
@click.option(
    "--about",
    type=click.Choice(["cases", "inputs"]),
    default="cases",
    show_default=True,
    help="Judge these very cases, or inputs like these.",
)
@click.option("--by", type=click.Choice(["tag"]), help="Also compare the cases of each tag.")
@click.option("--by-id", is_flag=True, help="Compare cases with the same id even if their variables differ.")
@click.option("--require-conclusive", is_flag=True, help="End with exit code 3 if a verdict is inconclusive.")
@diff_format
@click.option(
    "--output", "-o", metavar="FILE", help="Also write a page (.html), Markdown (.md) or JSON (.json)."
)
@force_option
def command(
    names: tuple[str, ...],
    margin: float,
    confidence: float,
    about: Literal["cases", "inputs"],
    by: str | None,
    form: Literal["text", "json", "markdown"],
    output: str | None,
    *,
    by_id: bool,
    require_conclusive: bool,
    force: bool,
    **others: Any,
) -> int:
    """Compare runs case by case: is one worse, or could that be chance?

    RUN is a run (its id, the beginning of it, `last`, or its folder), a .jsonl file that `run --output` wrote, or
    `baseline`. The first is compared with each of the others. Of a single run, the first variant is compared with each
    other variant.

    Ends with exit code 1 if an arm is worse than the first by more than the margin, and with 3 if nothing could be
    compared.

    \b
      runner compare 20261127T0915 last
      runner compare baseline last
      runner compare last --output comparison.html
    """
    from ..commands.compare import CompareOptions, compare_stored

    options = CompareOptions(
        margin,
        confidence,
        about,
        by_tag=by is not None,
        by_id=by_id,
        require_conclusive=require_conclusive,
        form=form,
        output=output,
        force=force,
    )
    if not names:
        raise click.UsageError("name the runs to compare: `runner runs` lists them, `last` is the newest.")
    return compare_stored(names, options)
