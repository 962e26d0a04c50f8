"""The list of mutants that may survive does not rot: each of them is still a line of its function."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from .modules import MODULES

ROOT = Path(__file__).resolve().parents[2]
LISTED = tomllib.loads((Path(__file__).parent / "survivors.toml").read_text(encoding="utf-8")).get(
    "survivor", []
)


def lines_of(module: str, function: str) -> list[str]:
    source = (ROOT / "runner" / f"{module}.py").read_text(encoding="utf-8")
    node: ast.AST = ast.parse(source)
    first, last = 1, len(source.splitlines())
    for name in filter(None, function.split(".")):
        [node] = [each for each in ast.iter_child_nodes(node) if getattr(each, "name", None) == name]
        first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
    return [" ".join(line.split()) for line in source.splitlines()[first - 1 : last]]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_and_some_of_its_tests_are_there(module: str) -> None:
    assert (ROOT / "runner" / f"{module}.py").is_file()
    assert [test for test in MODULES[module] if not (ROOT / test.partition("::")[0]).exists()] == []


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: f"{entry['module']} {entry['after']}")
def test_a_survivor_is_still_a_mutant_of_its_line(entry: dict[str, str]) -> None:
    assert entry["module"] in MODULES
    assert entry["reason"].endswith(".")
    assert entry["before"] in " ".join(lines_of(entry["module"], entry["function"]))


def test_none_is_listed_twice() -> None:
    keys = [
        (each["module"], each["function"], each["before"], each["after"], each.get("number", 1))
        for each in LISTED
    ]
    assert sorted(keys) == sorted(set(keys))
