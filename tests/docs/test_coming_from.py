"""Import the examples on the pages about other tools, and compare the results with the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.project import ProjectFolder

from .blocks import REPOSITORY

PAGES = [
    page
    for page in sorted((REPOSITORY / "docs" / "coming-from").glob("*.md"))
    if "runner import" in page.read_text(encoding="utf-8") and page.stem != "github-models"
]
"""The pages of tools whose files are imported; GitHub's files run unchanged."""

# `NAME`, a colon and a block are a file. The first block of text after the last file is the report.
_FILE = re.compile(r"`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_REPORT = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_of_a_page_is_imported_as_it_shows(page: Path, project: ProjectFolder) -> None:
    text = page.read_text(encoding="utf-8")
    shown = [*_FILE.finditer(text)]
    *sources, result = shown
    for source in sources:
        project.write(source[1], source[2])
    done = project.run("import", *(source[1] for source in sources), "-o", "prompts")
    assert done.code in (0, 6), done.err
    assert (project.folder / result[1]).read_text(encoding="utf-8") == result[2]
    report = _REPORT.search(text, result.end())
    assert report is not None
    assert done.out[: len(report[1])] == report[1]
    assert project.run("check", "prompts").code == 0
