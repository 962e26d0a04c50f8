from __future__ import annotations

import pytest

from runner.errors import ConfigError, Diagnostic, FormatError, Location, Problems, RunnerError
from runner.report.terminal.diagnostics import format_diagnostic, format_error
from runner.report.terminal.painting import ansi
from runner.report.terminal.terminal_text import cell_width

PLACE = Location("prompts/x.prompt.yaml", 12, 5)
TYPO = FormatError('unknown key "temprature"', location=PLACE, hint='did you mean "temperature"?')


def shown(error: RunnerError, line: str | None = None, *, color: bool = False) -> str:
    return format_error(error, color=color, source_line=lambda _: line)


def test_an_error_shows_where_what_the_line_with_a_caret_and_what_to_do() -> None:
    assert shown(TYPO, "    temprature: 0\n").splitlines() == [
        'prompts/x.prompt.yaml:12:5: error: unknown key "temprature"',
        "  12 |     temprature: 0",
        "     |     ^",
        'hint: did you mean "temperature"?',
    ]


def test_without_the_source_there_is_no_excerpt() -> None:
    assert "|" not in shown(TYPO)


def test_without_a_column_there_is_no_caret() -> None:
    error = FormatError("is not a mapping", location=Location("x.yaml", 3))
    assert shown(error, "- a").splitlines() == ["x.yaml:3: error: is not a mapping", "  3 | - a"]


def test_without_a_place_the_error_stands_alone() -> None:
    assert shown(ConfigError("OPENAI_API_KEY is not set.")) == "error: OPENAI_API_KEY is not set."


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("重要: {a: b", 5),
        ("\tkey: x", 2),
        ("a\x1b[2Jb: x", 7),
        ("k" * 300 + "X" + "k" * 300, 301),
        ("end", 4),
    ],
    ids=["wide", "tab", "control", "long", "past the end"],
)
def test_the_caret_stands_under_its_column(line: str, column: int) -> None:
    from runner.report.terminal.terminal_text import cell_width, visible

    error = FormatError("off", location=Location("x.yaml", 1, column))
    _, source, caret = shown(error, line).splitlines()
    under = caret.index("^")
    place = next(at for at in range(len(source) + 1) if cell_width(source[:at]) == under)
    wanted = visible(line.expandtabs(1)[column - 1 : column])
    assert source[place:].startswith(wanted)
    assert wanted or place == len(source)


def test_a_long_line_is_shown_around_its_column_only() -> None:
    error = FormatError("off", location=Location("x.yaml", 1, 301))
    source = shown(error, "k" * 300 + "X" + "k" * 300).splitlines()[1]
    assert len(source) < 120
    assert source.count("…") == 2


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("line", ["k" * 300, "重要" * 80, "\x1b" * 90], ids=["long", "wide", "control"])
@pytest.mark.parametrize("column", [1, 39, 79, 90])
def test_a_terminal_need_not_wrap_the_line_with_the_caret(line: str, column: int, width: int) -> None:
    error = FormatError("off", location=Location("x.yaml", 1234, column))
    text = format_error(error, color=False, source_line=lambda _: line, width=width)
    _, source, caret = text.splitlines()
    assert cell_width(source) <= width
    assert cell_width(caret) <= width


def test_several_errors_are_all_told_and_counted() -> None:
    text = shown(Problems([TYPO, Problems([ConfigError("one"), ConfigError("two")])]))
    assert [line for line in text.splitlines() if "error" in line] == [
        'prompts/x.prompt.yaml:12:5: error: unknown key "temprature"',
        "error: one",
        "error: two",
        "3 errors",
    ]


def test_color_paints_and_changes_no_word() -> None:
    import re

    painted = ansi(shown(TYPO, "    temprature: 0", color=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == shown(TYPO, "    temprature: 0")


def test_a_message_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(ConfigError("bad \x1b[2J", hint="\x1b]0;x\x07"))


@pytest.mark.parametrize("color", [False, True])
def test_a_diagnostic_holds_place_code_and_message_in_one_piece(color: bool) -> None:
    diagnostic = Diagnostic(
        "warning", "S011", "every property must be required.", PLACE, hint="list it in `required`"
    )
    text = format_diagnostic(diagnostic, color=color)
    assert text.startswith("prompts/x.prompt.yaml:12:5: S011 every property must be required. ")
    assert "warning" in text.splitlines()[0]
    assert text.splitlines()[1].endswith(": list it in `required`")
