"""A code of a warning means one thing."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "runner"


def test_no_two_modules_use_one_code_for_two_warnings() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.py"):
        for code in re.findall(r'"(W\d{3})"', file.read_text(encoding="utf-8")):
            places[code].add(file.name)
    shared = {code: files for code, files in places.items() if len(files) > 1}
    assert shared == {}
    assert len(places) > 10
