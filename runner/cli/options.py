"""The options that say what to take, shared by `run` and `render`; and `--isolate`, by all that render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import click

__all__ = ["SelectionOptions", "isolate_option", "selection_options"]

isolate_option = click.option(
    "--isolate",
    is_flag=True,
    envvar="RUNNER_ISOLATE",
    help="Render in a process of its own, with limits of memory and time.",
)


class SelectionOptions(TypedDict):
    """What `selection_options` hands to a command, and the command on to `load_selection`."""

    paths: tuple[str, ...]
    assignments: tuple[str, ...]
    vars_file: str | None
    rows: str | None
    ids: tuple[str, ...]
    tags: tuple[str, ...]
    endpoint: str | None
    models: tuple[str, ...]
    sets: tuple[str, ...]
    isolate: bool


_OPTIONS = (
    click.argument("paths", nargs=-1, metavar="[PATHS]..."),
    click.option(
        "--var", "assignments", multiple=True, metavar="NAME=VALUE", help="A variable to render with."
    ),
    click.option("--vars", "vars_file", metavar="FILE", help="Variables from a YAML or JSON file."),
    click.option(
        "--input", "rows", metavar="ROWS", help="One case a row, from .jsonl, .csv, .json or .yaml."
    ),
    click.option("--case", "ids", multiple=True, metavar="ID", help="Only the case with this id."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only prompts or cases with this tag."),
    click.option("--endpoint", envvar="RUNNER_ENDPOINT", metavar="NAME", help="An endpoint of runner.yaml."),
    click.option(
        "--model", "models", multiple=True, metavar="NAME", help="Ask for this model; several: compare."
    ),
    click.option(
        "--set", "sets", multiple=True, metavar="FIELD=VALUE", help="A request field: temperature=0.2."
    ),
    isolate_option,
)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options to a command, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
