"""Options that several commands share: those that select cases, and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..files.env_file import EnvFile

__all__ = [
    "DurationType",
    "ShardType",
    "bom_option",
    "case_option",
    "case_selection_options",
    "diff_format",
    "endpoint_option",
    "env_file_option",
    "force_option",
    "isolate_option",
    "jobs_option",
    "kind_option",
    "max_cost_option",
    "max_errors_option",
    "no_cache_option",
    "no_lint_option",
    "no_wait_option",
    "paths_argument",
    "quiet_option",
    "report_option",
    "seconds_to_wait",
    "select_argument",
    "selection_options",
    "tag_option",
    "transport_option",
    "trust_option",
    "typed_parameters",
    "wait_option",
]


class _JobsType(click.ParamType[object]):
    """A number of simultaneous requests, or `adaptive`."""

    name = "N|adaptive"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the number, or the word."""
        if not isinstance(value, str) or value == "adaptive":
            return value
        if not value.isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 nor the word adaptive.", param, ctx)
        return int(value)


class ShardType(click.ParamType[object]):
    """`I/N`, counted from 1."""

    name = "I/N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the Shard."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", value)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            self.fail(f"{value!r} is not I/N with I from 1 to N, e.g. 2/4.", param, ctx)
        from ..engine.plan.shard import Shard

        return Shard(int(found[1]), int(found[2]))


class DurationType(click.ParamType[object]):
    """A number of seconds, minutes, hours or days: 30s, 90m, 24h, 2d."""

    name = "DURATION"
    _UNITS: ClassVar[dict[str, float]] = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the seconds."""
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"([0-9]{1,6})([smhd])", value)
        if found is None:
            self.fail(f"{value!r} is not a number with a unit, such as 90m, 24h or 2d.", param, ctx)
        return int(found[1]) * self._UNITS[found[2]]


class DelimiterType(click.ParamType[object]):
    """One character, or the word `tab`."""

    name = "CHAR|tab"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the character."""
        if value in ("tab", "\\t"):
            return "\t"
        if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
            self.fail(f"{value!r} is neither one character nor the word tab.", param, ctx)
        return value


class EncodingType(click.ParamType[object]):
    """The name of an encoding that Python knows."""

    name = "NAME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the name."""
        try:
            assert isinstance(value, str)
            "".encode(value)  # also raises for codecs from bytes to bytes
        except (LookupError, ValueError):
            self.fail(f"{value!r} is not the name of an encoding, such as cp1252 or utf-16.", param, ctx)
        return value


class BoundType(click.ParamType[object]):
    """`N` or `P%`."""

    name = "N|P%"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        if not isinstance(value, str):
            return value
        from ..engine.journal.error_limit import ErrorLimit

        number = value.removesuffix("%")
        if not number.isdecimal() or (number != value and int(number) > 100):
            self.fail(f"{value!r} is neither a number from 0 nor a percentage such as 5%.", param, ctx)
        return ErrorLimit(number=int(number)) if number == value else ErrorLimit(share=int(number) / 100)


class DollarsType(click.FloatRange):
    """A finite amount above zero: neither `nan`, which limits nothing, nor `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        dollars = super().convert(value, param, ctx)
        if not isfinite(dollars):
            self.fail(f"{value!r} is not a finite amount.", param, ctx)
        return dollars


isolate_option = click.option(
    "--isolate",
    is_flag=True,
    envvar="RUNNER_ISOLATE",
    help="Render in a separate process with memory and time limits.",
)


def _completions(ctx: click.Context, incomplete: str, kind: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from ..commands.completion import words

    names = words(kind, ctx.params.get("paths") or ())
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_prompts(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of prompts, and let the shell complete files as well."""
    from click.shell_completion import CompletionItem

    # The files come first: the script for bash drops what came before them.
    return [CompletionItem(incomplete, type="file"), *_completions(ctx, incomplete, "prompts")]


def complete_cases(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the case ids of the prompts that were typed before."""
    return _completions(ctx, incomplete, "cases")


def complete_endpoints(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the endpoints of runner.yaml."""
    return _completions(ctx, incomplete, "endpoints")


case_option = click.option(
    "--case",
    "ids",
    multiple=True,
    metavar="ID",
    shell_complete=complete_cases,
    help="Only the case with this id; a glob selects several, e.g. 'refund-*'.",
)

tag_option = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only prompts or cases with this tag."
)

endpoint_option = click.option(
    "--endpoint",
    envvar="RUNNER_ENDPOINT",
    metavar="NAME",
    shell_complete=complete_endpoints,
    help="Use this endpoint of runner.yaml.",
)

jobs_option = click.option(
    "--jobs",
    "-j",
    type=_JobsType(),
    envvar="RUNNER_JOBS",
    help="Send this many requests at once; adaptive: as many as the endpoint accepts.",
)

no_cache_option = click.option(
    "--no-cache",
    is_flag=True,
    envvar="RUNNER_NO_CACHE",
    help="Send the request even if its answer is cached.",
)

paths_argument = click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=complete_prompts)

quiet_option = click.option(
    "--quiet", "-q", is_flag=True, help="Print only cases that did not pass, notes and totals."
)

_OPTIONS = (
    click.option(
        "--var",
        "-v",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a variable; NAME=@FILE sets it to the text of a file (@-: stdin).",
    ),
    click.option(
        "--vars", "vars_file", metavar="FILE", help="Read variables from a YAML or JSON file (-: stdin)."
    ),
    click.option(
        "--input",
        "rows",
        metavar="ROWS",
        help="Read one case per row from .jsonl, .csv, .tsv, .json, .yaml, .xlsx or .parquet (-: stdin).",
    ),
    click.option(
        "--delimiter",
        type=DelimiterType(),
        help="Set the cell separator of --input, if the header does not show it.",
    ),
    click.option(
        "--encoding",
        type=EncodingType(),
        help="Set the encoding of --input, if it is not UTF-8: cp1252, utf-16.",
    ),
    click.option(
        "--id", "id_column", metavar="COLUMN", help="Use this column of --input as the id of each case."
    ),
    case_option,
    tag_option,
    endpoint_option,
    click.option(
        "--model",
        "-m",
        "models",
        multiple=True,
        metavar="NAME",
        help="Use this model; give several to compare them.",
    ),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Set a request field, e.g. temperature=0.2.",
    ),
    click.option(
        "--where", metavar="EXPR", help="Only cases for which this is true, e.g. 'vars.lang == \"de\"'."
    ),
    click.option(
        "--sample", type=click.IntRange(1), metavar="N", help="Only N cases of each prompt, drawn at random."
    ),
    click.option("--seed", type=int, metavar="S", help="Draw a different random sample (default: 0)."),
    click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="Only the first N cases of each prompt."
    ),
    isolate_option,
)


def _read_variables(_ctx: click.Context, _param: click.Parameter, path: str | None) -> EnvFile | None:
    if path is None:
        return None
    import os

    from ..files.env_file import read_env_file

    file = read_env_file(path)
    for name, value in file.settings().items():  # click reads them for the options that follow
        os.environ.setdefault(name, value)
    return file


bom_option = click.option(
    "--bom", is_flag=True, help="Start a .csv --output with a byte order mark, for Excel."
)

force_option = click.option(
    "--force", is_flag=True, help="Replace an --output file that is not an earlier output of runner."
)

report_option = click.option(
    "--report", metavar="FILE", help="Write a report as one .html file, as `runner report` does."
)

max_cost_option = click.option(
    "--max-cost",
    type=DollarsType(0, min_open=True),
    metavar="DOLLARS",
    help="Stop before the run costs more than this amount.",
)

max_errors_option = click.option(
    "--max-errors",
    type=BoundType(),
    help="Stop when more cases than this number or percentage get no answer.",
)

no_lint_option = click.option(
    "--no-lint",
    is_flag=True,
    help="Send requests even if `check` finds an error in a schema.",
)

wait_option = click.option(
    "--wait",
    type=DurationType(),
    metavar="DURATION",
    help="Wait this long for the results of batches (90m, 24h, 2d; default: 24h).",
)

no_wait_option = click.option(
    "--no-wait", is_flag=True, help="Only submit the batches; the same command, or --resume, collects them."
)

_DAY = 24 * 3600.0


def seconds_to_wait(wait: float | None, *, batch: bool, no_wait: bool) -> float:
    """Return how long to wait for batches. Raises UsageError for options that contradict each other or do not apply."""
    if wait is not None and no_wait:
        raise click.UsageError("--wait and --no-wait contradict each other; choose one.")
    if not batch and (wait is not None or no_wait):
        raise click.UsageError(f"{'--no-wait' if no_wait else '--wait'} is for --batch, which is not given.")
    return 0.0 if no_wait else _DAY if wait is None else wait


transport_option = click.option(
    "--transport",
    type=click.Choice(["auto", "httpx", "aiohttp"]),
    default="auto",
    show_default=True,
    envvar="RUNNER_TRANSPORT",
    help="Use this HTTP library; auto: aiohttp if it is installed (extra fast), else httpx.",
)

trust_option = click.option(
    "--trust",
    "trusted",
    is_flag=True,
    help="Let this project send its keys to the servers that it names, now and in future.",
)

env_file_option = click.option(
    "--env-file",
    metavar="FILE",
    is_eager=True,  # the file may set what other options read from the environment
    callback=_read_variables,
    help="Read unset keys and RUNNER_* settings from this file of NAME=value lines.",
)


def case_selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options to a command, in their order, but no argument for the paths."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options and the argument for the paths to a command, in their order."""
    return paths_argument(case_selection_options(command))


select_argument = click.argument("select", nargs=-1, metavar="[SELECT]...")
"""The names that select pending answers; see runner/regress/pending_answers.py."""

kind_option = click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND,...",
    help="Only these kinds: new, changed, refreshed, moved (several: a,b).",
)

diff_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Print for a person, for a program, or as a pull request comment.",
)
"""The format in which a comparison of requests is printed."""


def typed_parameters(ctx: click.Context) -> frozenset[str]:
    """Return the parameters that come from the command line itself, not from a default or the environment."""
    source = click.core.ParameterSource.COMMANDLINE
    return frozenset(name for name in ctx.params if ctx.get_parameter_source(name) is source)
