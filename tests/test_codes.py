"""A code means one thing, and is explained."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from runner.commands.explain_code import FAMILIES, explanations
from tests.cli.project import ProjectFolder
from tests.cli.terminal import Terminal

PACKAGE = Path(__file__).parents[1] / "runner"
DOCS = PACKAGE.parent / "docs"


def test_no_two_modules_use_one_code_for_two_warnings() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        for code in re.findall(r'"(W\d{3})"', file.read_text(encoding="utf-8")):
            places[code].add(file.name)
    shared = {code: files for code, files in places.items() if len(files) > 1}
    assert shared == {}
    assert len(places) > 10


def literals() -> dict[str, set[str]]:
    """Every code that the package names, with the severities that are given beside it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and re.fullmatch(r"[A-Z]\d{3}", str(node.value)):
                found[str(node.value)] |= set()
            if isinstance(node, ast.Call):
                words = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
                for code in words & explanations().keys():
                    found[code] |= words & {"error", "warning", "info"}
    return found


def test_every_code_that_can_be_printed_is_explained() -> None:
    assert sorted(literals()) == sorted(explanations())


def test_an_explanation_names_the_severity_that_is_printed() -> None:
    differing = {
        code: severities
        for code, severities in literals().items()
        if severities and severities != set(explanations()[code].kind.split(" or "))
    }
    assert differing == {}


@pytest.mark.parametrize("code", explanations())
def test_an_explanation_is_complete(code: str) -> None:
    each = explanations()[code]
    assert code[0] in FAMILIES
    assert each.title
    assert not each.title.endswith(".")
    assert each.text.endswith((".", "`."))
    assert max(map(len, each.text.splitlines())) <= 140
    assert each.page is None or (DOCS / each.page).is_file()


def test_a_page_that_a_message_names_exists() -> None:
    named = {
        page
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for page in re.findall(r"(?<![\w./])docs/[\w/-]+(?:\.md)?", node.value)
    }
    assert "docs/trust.md" in named
    assert [page for page in named if not (DOCS.parent / page).exists()] == []


def test_check_explains_a_code(tmp_path: Path) -> None:
    done = ProjectFolder(tmp_path).run("check", "--explain", "s010")
    assert done.code == 0, done.err
    assert done.out.startswith("S010: An object does not have additionalProperties: false [error]\n\n")
    assert done.out.endswith("\nRead more: docs/strict-schemas.md\n")


def test_a_code_that_does_not_exist_is_an_error_which_lists_the_families(tmp_path: Path) -> None:
    done = ProjectFolder(tmp_path).run("check", "--explain", "quota")
    assert done.code == 2
    assert "there is no code 'quota'" in done.err
    assert "S… schemas of answers" in done.err
    assert "W010" in ProjectFolder(tmp_path).run("check", "--explain", "W01").err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("columns", [70, 80])
def test_an_explanation_is_wrapped_between_words_on_a_terminal(tmp_path: Path, columns: int) -> None:
    with Terminal(
        ProjectFolder(tmp_path), "check", "--explain", "S010", env={"COLUMNS": str(columns)}
    ) as terminal:
        assert terminal.end() == 0
    lines = terminal.text.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= columns
    assert " ".join(explanations()["S010"].text.split()) in " ".join(lines)


def test_explaining_and_checking_at_once_is_refused(tmp_path: Path) -> None:
    assert ProjectFolder(tmp_path).run("check", "prompts", "--explain", "S010").code == 2


def test_check_says_how_its_codes_are_explained(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write(
        "prompts/a.prompt.yaml",
        "model: gpt-test\ninputs: {q: {type: string, default: ''}, unused: {}}\n"
        "messages: [{role: user, content: 'a {{ q }}'}]\n",
    )
    done = project.run("check")
    assert "W001 input 'unused' is declared" in done.err
    assert "To explain a code: runner check --explain W001\n" in done.err
    project.write("prompts/a.prompt.yaml", "model: gpt-test\nmessages: [{role: user, content: a}]\n")
    assert "--explain" not in project.run("check").err
