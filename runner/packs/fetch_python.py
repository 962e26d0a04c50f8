"""Find a pack in an installed Python distribution. Its data files are read; its code is not imported."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from ..errors import FetchError
from .fetch_path import find_in_folder
from .file_rules import MANIFEST
from .listing import Listing

__all__ = ["ENTRY_POINTS", "find_in_distribution"]

ENTRY_POINTS = "runner.packs"
"""The entry point group in which a distribution declares the folder of its pack: `NAME = package.folder`."""


def find_in_distribution(name: str) -> Listing:
    """List the folder of a distribution's pack. Raises FetchError if it is not installed, or has no or several packs."""
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
            else f"no {MANIFEST} in a separate folder"
        )
        raise FetchError(
            f"the distribution {name} has {several}",
            hint=f"its author can declare the folder in the entry point group {ENTRY_POINTS}: NAME = package.folder",
        )
    folder = Path(str(installed.locate_file(folders[0])))
    prefix = f"{folders[0]}/"
    # Only files of the distribution: others may have put files into the same folder.
    only = {str(file).replace("\\", "/").removeprefix(prefix) for file in installed.files or ()}
    return find_in_folder(folder, shown=str(folder), only=only)


def _declared_folder(declared: Sequence[str], name: str) -> Path:
    """Return the folder of an entry point `package.folder`. Only the top-level package is located; no code runs."""
    if len(set(declared)) > 1:
        raise FetchError(f"the distribution {name} declares several packs: {', '.join(sorted(declared))}")
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
