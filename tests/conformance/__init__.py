"""Check runner against hand-written data in this folder, and against third-party recordings if they are provided.

The data of this folder is part of the repository; a test that misses it fails. The recordings belong to others and are
not part of it: `SOURCES.tsv` lists them, and `RENDERINGS.tsv` what real tools made of them. A folder that holds them is
named by CONFORMANCE_DATA; the tests then run on those too, and fail where a file is missing or is not the listed one.
"""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["HERE", "RECORDINGS", "lines", "recorded", "recorded_below", "renderings", "sources"]

HERE = Path(__file__).parent
RECORDINGS = Path(given) if (given := os.environ.get("CONFORMANCE_DATA")) else None
"""The folder with the recordings of others, if one is given."""


def lines(name: str) -> dict[str, dict[str, Any]]:
    """The objects of a JSON Lines file of this folder by their `name`."""
    with (HERE / name).open(encoding="utf-8", newline="\n") as file:
        found = [json.loads(line) for line in file]
    named = {entry["name"]: entry for entry in found}
    assert len(named) == len(found) > 0, f"{name}: names are not unique"
    return named


@cache
def sources() -> tuple[dict[str, str], ...]:
    """The rows of SOURCES.tsv; `role` is "companion" where another file names this one, and mostly left out."""
    return _rows("SOURCES.tsv")


@cache
def renderings() -> tuple[dict[str, str], ...]:
    """The rows of RENDERINGS.tsv."""
    return _rows("RENDERINGS.tsv")


def _rows(name: str) -> tuple[dict[str, str], ...]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file, delimiter="\t", restval=""))


def recorded(folder: str, *endings: str) -> list[Path]:
    """The listed recordings right in `folder`, with one of these endings if any is given; none where none are given."""
    if RECORDINGS is None:
        return []
    named = [Path(row["file"]) for row in sources()]
    inside = sorted(path for path in named if path.parent.as_posix() == folder)
    return [RECORDINGS / path for path in inside if not endings or path.name.endswith(endings)]


def recorded_below(folder: str) -> list[Path]:
    """The listed recordings anywhere below `folder`, without companions; none where none are given."""
    if RECORDINGS is None:
        return []
    inside = [row["file"] for row in sources() if row["file"].startswith(f"{folder}/") and not row["role"]]
    return [RECORDINGS / name for name in inside]
