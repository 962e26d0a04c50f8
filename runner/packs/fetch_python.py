"""A pack in a Python distribution that is installed beside runner: its data files are read, its code is not imported."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from ..errors import FetchError
from .collect import Listing
from .fetch_path import find_in_folder
from .file_rules import MANIFEST

__all__ = ["ENTRY_POINTS", "find_in_distribution"]

ENTRY_POINTS = "runner.packs"
"""The group of entry points by which a distribution names the folder of its pack: `NAME = package.folder`."""


def find_in_distribution(name: str) -> Listing:
    """What stands in the folder of the one pack of a distribution. Raises FetchError where there is none, or several."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise FetchError(
            f"the distribution {name} is not installed",
            hint=f"install it in runner's own environment: pip install {name}",
        ) from None
    declared = [point.value for point in installed.entry_points if point.group == ENTRY_POINTS]
    if declared:
        folder = _declared_folder(declared, name)
        return find_in_folder(folder, shown=str(folder))
    folders = sorted(set(_folders(installed)))
    if len(folders) != 1 or not folders[0]:
        several = (
            f"several packs: {', '.join(folders)}"
            if len(folders) > 1
            else f"no {MANIFEST} in a folder of its own"
        )
        raise FetchError(
            f"the distribution {name} has {several}",
            hint=f"its author names the folder in the entry point group {ENTRY_POINTS}: NAME = package.folder",
        )
    folder = Path(str(installed.locate_file(folders[0])))
    prefix = f"{folders[0]}/"
    # Only what the distribution brought: others may have left files of their own in the same folder.
    only = {str(file).replace("\\", "/").removeprefix(prefix) for file in installed.files or ()}
    return find_in_folder(folder, shown=str(folder), only=only)


def _declared_folder(declared: Sequence[str], name: str) -> Path:
    """The folder of an entry point `package.folder`: finding the package at the top runs none of its code."""
    if len(set(declared)) > 1:
        raise FetchError(f"the distribution {name} names several packs: {', '.join(sorted(declared))}")
    package, *folders = declared[0].split(".")
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        folder = Path(place, *folders)
        if (folder / MANIFEST).is_file():
            return folder
    raise FetchError(f"the distribution {name} has no {MANIFEST} in {declared[0]}")


def _folders(installed: Distribution) -> Iterator[str]:
    for file in installed.files or ():
        path = str(file).replace("\\", "/")
        if posixpath.basename(path) == MANIFEST:
            yield posixpath.dirname(path)
