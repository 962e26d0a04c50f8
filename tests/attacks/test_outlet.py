"""The one way out: what came from elsewhere is shown and does nothing."""

from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runner
from runner.report.terminal.outlet import Outlet, print_data, print_line, print_lines
from runner.report.terminal.painting import RED, ansi, paint
from runner.visible import json_visible, one_line, visible

from .hostile import EVERY, RAW

# Who may write by itself: the outlet; the child of --isolate, whose output is a protocol; the start, before anything is
# loaded; the two stations below reports, which write no more than JSON and a name that is made visible.
ALLOWED = {
    "report/terminal/outlet.py",
    "isolation/child.py",
    "__main__.py",
    "engine/journal/journal_file.py",
    "endpoints/embedded.py",
}


def test_nothing_is_printed_but_through_the_outlet() -> None:
    package = Path(runner.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        file = path.relative_to(package).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and file not in ALLOWED:
                said = ast.unparse(node.func)
                if said in ("print", "click.echo", "click.secho") or re.fullmatch(
                    r"sys\.__?std(out|err)__?\.(buffer\.)?write(lines)?|sys\.std(out|err)\.(buffer\.)?write(lines)?",
                    said,
                ):
                    found.append(f"{file}:{node.lineno}: {said}")
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "rich.console"
                and file != "report/terminal/safe_console.py"
            ):
                taken = {alias.name for alias in node.names} & {"Console"}
                if taken and file not in ("report/run/console_reporter.py", "report/run/closing.py"):
                    found.append(f"{file}:{node.lineno}: rich's own console")
    assert found == []


def test_each_harmful_character_is_spelt_out() -> None:
    for character in EVERY:
        assert not RAW.search(visible(f"a{character}b")), hex(ord(character))
        assert not RAW.search(visible(character)), hex(ord(character))


@pytest.mark.parametrize(
    "text", ["👩\u200d👩\u200d👧", "❤\ufe0f", "می\u200cخواهم", "क्\u200dष", "tab\tand\nline"]
)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_visible_text_is_visible_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert not RAW.search(visible(text).replace("\n", ""))
    assert "\n" not in one_line(text)


@given(st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_json_says_the_same(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert json.loads(json_visible(text)) == value
    assert not RAW.search(json_visible(text))


@given(st.text(min_size=1))
def test_colours_are_ours_alone(text: str) -> None:
    said = ansi(paint(text, RED, color=True) + text)
    assert said.startswith("\x1b[31m")
    assert re.findall(r"\x1b[^m]*m?", said) == ["\x1b[31m", "\x1b[0m"]


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("a\nb\r\nc")
    assert capsys.readouterr().out == "a\\nb\\x0d\\nc\n"


COMMANDS = [
    "::error::x",
    "  ::add-mask::x",
    "\t::x::",
    "\u3000::x::y",
    "a ##[error]x",
    "##vso[task.x]y",
    "##teamcity[x]",
]


def obeys(text: str) -> bool:
    """What the three systems obey."""
    return any(
        re.match(r"\s*::", line) or re.search(r"##(vso|teamcity)?\[", line) for line in text.splitlines()
    )


@pytest.mark.parametrize(
    "variable", [("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True"), ("TEAMCITY_VERSION", "1")]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_a_command_to_the_log(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: tuple[str, str],
    command: str,
) -> None:
    assert obeys(command)
    monkeypatch.setenv(*variable)
    print_line(command)
    print_lines(f"x\n{command}\r{command}")
    print_data(f"x\n{command}", json=False)
    print_data(json.dumps([command], ensure_ascii=False))
    stream = io.StringIO()
    outlet = Outlet(stream, "x")
    for character in f"x\n{command}\n":
        outlet.write(character)
        outlet.flush()
    outlet.json(json.dumps(command, ensure_ascii=False))
    outlet.codes.write(f"{command}\n")
    assert not obeys(capsys.readouterr().out + stream.getvalue())


def test_elsewhere_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    print_line("::x:: ##[y]")
    assert capsys.readouterr().out == "::x:: ##[y]\n"


def test_json_that_a_log_would_obey_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    print_data(json.dumps({"##[x]": "##vso[y]::z"}))
    assert json.loads(capsys.readouterr().out) == {"##[x]": "##vso[y]::z"}
