"""The reference pages say what the code says."""

from __future__ import annotations

import difflib
import re

import pytest

from runner.render import environment
from runner.render.filters import FILTERS, METHODS, TESTS
from tests.render.support import render

from .blocks import REPOSITORY
from .reference import PAGES

FOLDER = REPOSITORY / "docs" / "reference"
TEMPLATES = (FOLDER / "filters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    different = [line for line in difflib.ndiff(written, PAGES[name]().splitlines()) if line[0] != " "]
    assert different == [], "write it anew: python -m tests.docs.reference"


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading of the page about templates."""
    section = TEMPLATES.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    return [[cell.replace("\\|", "|") for cell in re.split(r"(?<!\\) \| ", line[2:-2])] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_names_every_filter() -> None:
    operators = {name for name in FILTERS if not name.isidentifier()}  # ours, which no author can write
    assert [names(row[0])[0] for row in rows("Filters")] == sorted(FILTERS.keys() - operators)


@pytest.mark.parametrize("row", rows("Filters"), ids=lambda row: row[0])
def test_the_example_of_a_filter_prints_what_is_shown(row: list[str]) -> None:
    example, printed = row[2][1:-1], row[3].strip()[1:-1]
    assert render(example) == printed


def test_the_page_names_every_test() -> None:
    named = [name for row in rows("Tests") for name in names(row[0])]
    assert sorted(named) == sorted(TESTS)


def test_the_page_names_every_method() -> None:
    named = {row[0]: names(row[1]) for row in rows("Methods")}
    assert named == {
        "text": sorted(METHODS[str]),
        "an object": sorted(METHODS[dict]),
        "a list": sorted(METHODS[list]),
    }


def test_the_page_names_every_function() -> None:
    section = TEMPLATES.partition("## Functions\n")[2]
    assert set(re.findall(r"`(\w+)\(", section)) == set(environment._GLOBALS)
