"""The packs that runner.yaml requires: the entries of `packs`, by alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..errors import Location
from ..files.model import Project

__all__ = ["SOURCE_KEYS", "Requirement", "requirements_of"]

SOURCE_KEYS = ("git", "rev", "subdirectory", "path", "url", "sha256", "python")
"""The keys that identify the source of a pack, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of `packs`. `source` has its source keys as written; no other key affects the bytes of the pack."""

    alias: str
    source: Mapping[str, str]
    location: Location
    vendored: bool = True

    def __str__(self) -> str:
        """Return a short description of the source."""
        first, *_ = self.source.values()
        below = f" ({self.source['subdirectory']})" if "subdirectory" in self.source else ""
        return f"{first}@{self.source['rev']}{below}" if "rev" in self.source else first


def requirements_of(project: Project) -> dict[str, Requirement]:
    """Return the requirements of a project, in the order of the file."""
    found: dict[str, Requirement] = {}
    for alias, entry in cast("Mapping[str, Mapping[str, Any]]", project.packs).items():
        assert project.document is not None, "entries come from a file"
        source = {key: entry[key] for key in SOURCE_KEYS if key in entry}
        location = project.document.locate_key(("packs", alias))
        found[alias] = Requirement(alias, source, location, entry.get("vendored", True))
    return found
