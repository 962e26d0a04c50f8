"""`runner compare`: is one run, variant or model worse than another, or could that be chance?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import click

from .options import (
    case_selection_options,
    complete_prompts,
    diff_format,
    env_file_option,
    force_option,
    jobs_option,
    max_cost_option,
    max_errors_option,
    no_cache_option,
    no_lint_option,
    quiet_option,
    transport_option,
    trust_option,
    typed_parameters,
)
from .terminal import confirm

if TYPE_CHECKING:
    from ..commands.load_selection import SelectionOptions
    from ..engine.journal.error_limit import ErrorLimit
    from ..files.env_file import EnvFile
    from ..verdict.looks import Looks

__all__ = ["command"]


class LooksType(click.ParamType[object]):
    """`auto`, or a number of samples."""

    name = "auto|N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the looks."""
        if not isinstance(value, str):
            return value
        from ..verdict.looks import AUTO, Looks

        if value == "auto":
            return AUTO
        if not value.isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither auto nor a number from 1.", param, ctx)
        return Looks((int(value),))


_OF_BOTH = {
    "names",
    "margin",
    "confidence",
    "about",
    "metric",
    "label",
    "by",
    "by_id",
    "require_conclusive",
    "form",
    "output",
    "force",
}
"""The parameters that are not only for arms that are asked."""


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[RUN|PATH]...", shell_complete=complete_prompts)
@case_selection_options
@click.option("--base", metavar="REV", help="Compare the prompts of this git revision with the working tree.")
@click.option(
    "--samples",
    "looks",
    type=LooksType(),
    help="Ask for this many samples of each case; auto (the default): 2, then 5, then 10, until it is decided.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="How far the metric may fall without counting as worse: 0.05 is 5 points.",
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
@click.option(
    "--metric",
    default="pass_rate",
    show_default=True,
    metavar="NAME",
    help="Compare this metric: accuracy, macro_f1, mae, ..., or a named score.",
)
@click.option("--label", metavar="LABEL", help="The label that --metric f1, precision or recall is about.")
@click.option("--by", type=click.Choice(["tag"]), help="Also compare the cases of each tag.")
@click.option("--by-id", is_flag=True, help="Compare cases with the same id even if their variables differ.")
@click.option("--require-conclusive", is_flag=True, help="End with exit code 3 if a verdict is inconclusive.")
@diff_format
@click.option(
    "--output", "-o", metavar="FILE", help="Also write a page (.html), Markdown (.md) or JSON (.json)."
)
@force_option
@click.option("--resume", metavar="RUN", help="Continue a comparison that was stopped or killed.")
@jobs_option
@transport_option
@max_cost_option
@max_errors_option
@no_cache_option
@no_lint_option
@quiet_option
@env_file_option
@trust_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    base: str | None,
    looks: Looks | None,
    margin: float,
    confidence: float,
    about: Literal["cases", "inputs"],
    metric: str,
    label: str | None,
    by: str | None,
    form: Literal["text", "json", "markdown"],
    output: str | None,
    resume: str | None,
    jobs: int | Literal["adaptive"] | None,
    transport: str,
    max_cost: float | None,
    max_errors: ErrorLimit | None,
    env_file: EnvFile | None,
    *,
    by_id: bool,
    require_conclusive: bool,
    force: bool,
    no_cache: bool,
    no_lint: bool,
    quiet: bool,
    trusted: bool,
    **selection: Any,
) -> int:
    """Compare runs, models, parameters or revisions case by case: is one worse, or could that be chance?

    RUN is a run (its id, the beginning of it, `last`, or its folder), a .jsonl file that `run --output` wrote, or
    `baseline`. The first is compared with each of the others. Of a single run, the first variant is compared with each
    other variant.

    With several values of --model or --set, or with --base, the prompts at PATHS are sent: all arms in turn, and only as
    many samples as it takes to decide.

    Ends with exit code 1 if an arm is worse than the first by more than the margin, and with 3 if nothing could be
    compared.

    \b
      runner compare 20261127T0915 last
      runner compare baseline last --output comparison.html
      runner compare --model gpt-6-luna --model gpt-6-sol prompts/triage.prompt.yaml
      runner compare --base main
    """
    from ..commands.compare import CompareOptions, compare_stored
    from ..verdict.metrics import OF_A_LABEL

    if (label is not None) != (metric in OF_A_LABEL):
        named = ", ".join(OF_A_LABEL)
        raise click.UsageError(f"--label is for --metric {named}, which need it.")
    if margin >= 1 and metric not in ("mae", "rmse"):
        raise click.UsageError("--margin is a share below 1: 0.05 is 5 points.")
    options = CompareOptions(
        margin,
        confidence,
        about,
        by_tag=by is not None,
        by_id=by_id,
        metric=metric,
        label=label,
        require_conclusive=require_conclusive,
        form=form,
        output=output,
        force=force,
    )
    typed = typed_parameters(ctx)
    if resume is None and base is None and not selection["models"] and not selection["sets"]:
        if asking := sorted(typed - _OF_BOTH):
            option = next(param.opts[0] for param in ctx.command.params if param.name == asking[0])
            raise click.UsageError(
                f"{option} is for arms that are asked: give several values of --model or --set, or --base."
            )
        if not names:
            raise click.UsageError(
                "name the runs to compare: `runner runs` lists them, `last` is the newest."
            )
        return compare_stored(names, options)
    if by_id:
        raise click.UsageError("--by-id is for stored runs: arms that are asked have the same cases.")

    from dataclasses import replace

    from ..commands.compare_live import RECORDED, LiveCompare, recorded_comparison
    from ..commands.connect_options import ConnectOptions
    from ..commands.resume import RunScope, check_recorded_paths
    from ..verdict.looks import AUTO

    looks = looks or AUTO
    scope = RunScope(
        cast("SelectionOptions", {**selection, "paths": names, "failed_of": None}), looks.last, None
    )
    stored = commit = None
    if resume is not None:
        if base is not None or typed & {"names", "looks", *selection}:
            raise click.UsageError(
                "--resume continues a comparison as it was begun; leave the other arguments out."
            )
        stored, recorded = recorded_comparison(resume)
        scope, looks, base, commit = (recorded[name] for name in ("scope", "looks", "base", "commit"))
        check_recorded_paths(stored, scope, None, typed)
        options = replace(options, **{name: getattr(recorded["options"], name) for name in RECORDED})
    live = LiveCompare(
        scope,
        base,
        looks,
        options,
        stored,
        jobs=jobs,
        endpoints=ConnectOptions(confirm, trusted, transport),
        use_cache=not no_cache,
        lint=not no_lint,
        quiet=quiet,
        max_cost=max_cost,
        max_errors=max_errors,
        env_file=env_file,
        commit=commit,
    )
    return live.carry_out()
