from __future__ import annotations

from pathlib import Path

import pytest

from .support import Author, Consumer


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / "author")


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    (tmp_path / "app").mkdir()
    return Consumer(tmp_path / "app")
