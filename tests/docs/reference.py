"""The reference pages that are derived from the code: `python -m tests.docs.reference` writes them anew."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import click

import runner
from runner.cli.main import cli
from runner.commands.explain_code import FAMILIES, Explanation, explanations

from .blocks import REPOSITORY

__all__ = ["PAGES", "codes", "command_line", "python"]

FOLDER = REPOSITORY / "docs" / "reference"
NOTE = "<!-- Written by `python -m tests.docs.reference`; change the docstrings and help texts instead. -->\n"


def command_line() -> str:
    """The page of the command line: every command with its help and its options."""
    parts = ["# Command line\n", NOTE, "`-h` or `--help` after any command prints its help.\n"]
    context = click.Context(cli, info_name="runner", **cli.context_settings)
    parts.extend(_command(cli, context))
    return "\n".join(parts)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```\n"
    yield from _paragraphs(inspect.cleandoc(command.help or ""))
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield "| option | what it does |\n| --- | --- |"
        yield "".join(f"{_option(option, context)}\n" for option in options)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _command(found, click.Context(found, info_name=name, parent=context))


def _paragraphs(text: str) -> Iterator[str]:
    """The help; a paragraph that click does not wrap becomes a block."""
    for paragraph in text.split("\f")[0].split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield f"```text\n{paragraph[2:]}\n```\n"
        elif paragraph.strip():
            yield f"{paragraph}\n"


def _option(option: click.Option, context: click.Context) -> str:
    # Derived here, and not from click's help record, which is wrapped and differs between its versions.
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else f" `{_metavar(option, context)}`"
    notes = []
    if option.multiple:
        notes.append("may be given several times")
    if option.required:
        notes.append("required")
    if option.show_default and option.default is not None:
        notes.append(f"default: `{option.default}`")
    if option.envvar:
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar
        notes.append("environment: " + ", ".join(f"`{name}`" for name in variables))
    told = " ".join((option.help or "").split()) + (f" *({'; '.join(notes)})*" if notes else "")
    return f"| {_cell(names + value)} | {_cell(told)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _metavar(option: click.Option, context: click.Context) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(str(choice) for choice in option.type.choices)
    return (
        option.type.name
        if option.type.name.isupper() or "|" in option.type.name
        else option.type.name.upper()
    )


# --- Python ---------------------------------------------------------------------------------------------------------


def python() -> str:
    """The page of the Python interface: what `runner.__all__` names, by its docstrings."""
    parts = ["# Python\n", NOTE, f"{_doc(runner)}\n"]
    parts.append(f"## `runner.load`\n\n```text\nload{_signature(runner.load)}\n```\n\n{_doc(runner.load)}\n")
    for name in ("LoadedPrompt", "Result", "TextStream", "AsyncTextStream", "Prompt"):
        kind = getattr(runner, name)
        parts.append(f"## `runner.{name}`\n\n{_doc(kind)}\n")
        parts.extend(_members(kind))
    parts.append(f"## `runner.OutcomeError`\n\n{_doc(runner.OutcomeError)}\n")
    parts.append(f"## `runner.RunnerError`\n\n{_doc(runner.RunnerError)}\n")
    parts.append("Its subclasses are in `runner.errors`; `exit_code` is the exit code of the command line.\n")
    parts.append("| error | exit code | what it means |\n| --- | --- | --- |")
    parts.append("".join(f"{row}\n" for row in _errors()))
    return "\n".join(parts)


def _doc(of: Any) -> str:
    """The docstring, with its indented examples as blocks."""
    text = inspect.getdoc(of) or ""
    return re.sub(r"(?m)(?:^    .*\n?(?:\n(?=    ))?)+", _as_block, text).strip()


def _as_block(found: re.Match[str]) -> str:
    return "```python\n" + inspect.cleandoc(found[0]) + "\n```\n"


def _signature(of: Callable[..., Any]) -> str:
    shown = str(inspect.signature(of))
    return re.sub(r"\b(?:runner|typing|collections\.abc|pathlib)\.(?:[a-z_]+\.)*", "", shown).replace("'", "")


def _members(kind: type) -> Iterator[str]:
    fields = [name for name in inspect.get_annotations(kind) if not name.startswith("_")]
    if dataclasses.is_dataclass(kind) and fields:
        yield f"Fields: {', '.join(f'`{name}`' for name in fields)}.\n"
    yield "| member | what it does |\n| --- | --- |"
    yield "".join(f"| `{_cell(name)}` | {_line(member)} |\n" for name, member in _named(kind))


def _named(kind: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            prefix = "async " if inspect.iscoroutinefunction(member) else ""
            yield prefix + name + re.sub(r"\(self(, )?", "(", _signature(member)), member
        elif isinstance(member, property):
            yield name, member


def _line(of: Any) -> str:
    return _cell(" ".join((inspect.getdoc(of) or "").split()))


def _errors() -> Iterator[str]:
    def walk(kind: type[runner.RunnerError], depth: int) -> Iterator[tuple[int, type[runner.RunnerError]]]:
        yield depth, kind
        for each in sorted(kind.__subclasses__(), key=lambda each: each.__name__):
            if each.__module__ == "runner.errors":
                yield from walk(each, depth + 1)

    for depth, kind in walk(runner.RunnerError, 0):
        yield f"| {'&emsp;' * depth}`{kind.__name__}` | {kind.exit_code} | {_line(kind)} |"


# --- codes ------------------------------------------------------------------------------------------------------------


_CODES_INTRODUCTION = """\
`runner check` and `runner import` print a code with each finding; `runner check --explain CODE` prints what is written here.
Other errors have no code: their message says what is wrong and where.
"""


def codes() -> str:
    """The page of the codes: what `runner check --explain` prints."""
    note = NOTE.replace("the docstrings and help texts", "runner/commands/explanations.toml")
    parts = [
        "# Codes\n",
        note,
        _CODES_INTRODUCTION,
    ]
    for letter, heading in FAMILIES.items():
        parts.append(f"## {letter}: {heading.lower()}\n")
        parts.extend(_explained(each) for code, each in explanations().items() if code[0] == letter)
    return "\n".join(parts)


def _explained(each: Explanation) -> str:
    more = f"\nRead more: [{_title(each.page)}](../{each.page})\n" if each.page else ""
    return f"### {each.code}\n\n**{each.title}** ({each.kind})\n\n{each.text}\n{more}"


def _title(page: str) -> str:
    first = (FOLDER.parent / page).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ")


PAGES: dict[str, Callable[[], str]] = {"cli.md": command_line, "codes.md": codes, "python.md": python}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")
