"""The pack that ships with runner: the prompts that judge answers, `judges:NAME`."""

from __future__ import annotations

from functools import cache
from pkgutil import get_data

from ..files.disk.tree import MemoryTree
from .manifest import Manifest, load_manifest

__all__ = ["JUDGES", "built_in"]

JUDGES = "judges"
"""The alias of the pack, which no other pack can have."""

_FILES = ("rubric", "steps", "factuality", "closed-qa", "pairwise")


@cache
def built_in() -> tuple[MemoryTree, Manifest]:
    """Return the files of the pack, and its manifest."""
    files: dict[str, bytes] = {}
    for name in ("pack.yaml", *(f"{each}.prompt.yaml" for each in _FILES)):
        data = get_data("runner.packs", f"judges/{name}")
        assert data is not None, "it is part of the package"
        files[name] = data
    tree = MemoryTree(files, f"{JUDGES}:")
    return tree, load_manifest(tree)
