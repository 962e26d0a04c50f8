"""The tutorial and the how-to pages are run as they stand, and print what they show."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from tests.faults import FaultServer

from .blocks import REPOSITORY
from .transcript import answers, played

HOW_TO = [page for page in sorted((REPOSITORY / "docs" / "how-to").glob("*.md")) if page.stem != "README"]
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"


def assert_played(page: Path, folder: Path, env: dict[str, str]) -> None:
    text = page.read_text(encoding="utf-8")
    real = played(text, folder, env)
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(real, encoding="utf-8")
    assert real == page.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", [*HOW_TO, REPOSITORY / "docs" / "python.md"], ids=lambda page: page.stem)
def test_a_page_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    with FaultServer(answers(page.read_text(encoding="utf-8"))) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-test-planted-key-0123456789"}
        assert_played(page, tmp_path, env)


@pytest.mark.e2e
def test_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    cache = os.environ.get("RUNNER_CACHE_DIR") or platformdirs.user_cache_dir(
        "prompt-runner", appauthor=False
    )
    assert_played(TUTORIAL, tmp_path, {"RUNNER_CACHE_DIR": cache})


def test_the_gallery_lists_every_how_to_page() -> None:
    gallery = (REPOSITORY / "docs" / "how-to" / "README.md").read_text(encoding="utf-8")
    assert len(HOW_TO) >= 12
    assert [page.name for page in HOW_TO if f"({page.name})" not in gallery] == []
    assert "($ " not in gallery


def test_a_page_shows_console_blocks_that_are_run() -> None:
    assert [
        page.name for page in (*HOW_TO, TUTORIAL) if "```console\n" not in page.read_text(encoding="utf-8")
    ] == []
