"""The `runner` command: load the subcommand's module on demand, and show errors the same way everywhere."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from .._version import __version__
from ..errors import (
    DISK_ERRORS,
    NotTextError,
    ReaderGoneError,
    RunnerError,
    StorageError,
    close_to,
    did_you_mean,
    system_error,
)
from ..report.terminal.lenient import lenient

__all__ = ["cli"]

SECTIONS = {
    "Write prompts": ("init", "check", "render", "import", "schema"),
    "Ask models": ("run", "export", "collect", "show", "report", "view", "runs", "merge", "models", "cache"),
    "Test answers": (
        "test",
        "baseline",
        "compare",
        "drift",
        "review",
        "accept",
        "reject",
        "pending",
        "explain",
        "diff",
        "prune",
        "judge",
    ),
    "Share prompts": ("pack",),
    "This tool": ("completion",),
}
"""The commands as `--help` groups them."""

COMMANDS = tuple(name for names in SECTIONS.values() for name in names)


_WHOLE = 1000

_MODULES = {"import": "import_", "judge": "judges"}
"""The modules of commands whose names are Python keywords, or those of other modules."""


class LazyGroup(click.Group):
    """A group whose commands are modules of this package, imported when they are invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{_MODULES.get(cmd_name, cmd_name)}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, each with the first sentence of its help, wrapped and never cut."""
        widest = max(map(len, COMMANDS))
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:{widest}}", self._first_sentence(ctx, name)) for name in names])

    def _first_sentence(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        assert command is not None
        return command.get_short_help_str(_WHOLE)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = close_to(args[0], COMMANDS)
            if close:
                hint = did_you_mean(close[0])
                raise click.UsageError(f"{error.message} {hint[0].upper()}{hint[1:]}", ctx) from None
            raise

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _reader_may_go():  # --help prints here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        with _reader_may_go():
            return super().invoke(ctx)

    def main(self, *args: object, **kwargs: object) -> int:  # type: ignore[override]  # click returns Any here
        """Run, and return the exit code: a RunnerError is printed to stderr and sets its own code."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                lenient(stream)
        try:
            _refuse_undecodable(sys.argv[1:] if kwargs.get("args") is None else kwargs["args"])
            result = super().main(*args, standalone_mode=False, **kwargs)  # type: ignore[call-overload]
        except ReaderGoneError as error:
            _say_no_more()
            return error.exit_code
        except RunnerError as error:
            from ..commands.show_errors import show_error

            show_error(error)
            return error.exit_code
        except UnicodeEncodeError as error:
            # A file name from a project file, where the locale's encoding is ASCII or an old code page.
            if error.encoding != sys.getfilesystemencoding():
                raise
            from ..commands.show_errors import show_error

            name = error.object[error.start : error.end]
            refused = NotTextError(f"{name!r} in a file name")
            show_error(refused)
            return refused.exit_code
        except click.ClickException as error:
            from ..report.terminal.outlet import print_lines

            message = io.StringIO()
            error.show(message)
            print_lines(message.getvalue().rstrip("\n"), err=True)
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            from ..report.terminal.outlet import print_line

            print_line("interrupted", err=True)
            return 130
        except OSError as error:
            if error.filename is not None:
                from ..commands.show_errors import show_error

                show_error(system_error(error))
                return system_error(error).exit_code
            if error.errno not in DISK_ERRORS:
                raise
            _say_no_more()
            from ..report.terminal.outlet import print_line

            with contextlib.suppress(OSError):
                print_line(f"error: the output cannot be written: {error.strerror}", err=True)
            return StorageError.exit_code
        return result if isinstance(result, int) else 0


def _refuse_undecodable(args: object) -> None:
    """Raise NotTextError if an argument has bytes that are not text: they cannot be sent, stored or shown."""
    for arg in args if isinstance(args, list) else ():
        try:
            arg.encode()
        except UnicodeEncodeError:
            raise NotTextError(f"the argument {arg!r}") from None


@contextlib.contextmanager
def _reader_may_go() -> Iterator[None]:
    """Raise ReaderGoneError for a broken pipe before click exits with 1, which would mean that a case failed."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGoneError("the reader of the output has closed it") from None


def _say_no_more() -> None:
    """Discard buffered output: writing it would fail again at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="runner")
def cli() -> None:
    """Run prompts that are declared, versioned and tested as files.

    A prompt file declares the model, messages, parameters and the schema of the answer; runner renders it, sends it
    to an OpenAI-compatible endpoint, validates the answer and saves it.

    \b
    Exit codes: 0 ok, 1 a case failed, 2 usage or file error, 3 could not check,
    4 snapshots not up to date, 5 nothing selected, 6 imported with losses,
    130 interrupted.
    """
