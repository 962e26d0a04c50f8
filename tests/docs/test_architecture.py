"""The page about the architecture names what exists, in the order that the import linter holds."""

from __future__ import annotations

import re
import tomllib

import pytest

from .blocks import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:runner|tests|benchmarks)/[\w./-]*)`", PAGE)))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_on_the_page_exists(path: str) -> None:
    found = REPOSITORY / path
    assert found.is_dir() if path.endswith("/") else found.is_file()


def test_the_stations_stand_in_the_order_that_is_held() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    held = [{name.strip() for name in layer.split("|")} for layer in reversed(contract["layers"])]
    table = PAGE.partition("## Stations")[2].partition("\n\nInside `engine`")[0]
    first_cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    written = [
        {
            path.removesuffix("/").removesuffix(".py").replace("/", ".")
            for path in re.findall(r"`([^`]+)`", cell)
        }
        for cell in first_cells
    ]
    assert written == held
