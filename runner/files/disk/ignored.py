"""The folders that a search ignores: hidden ones, `node_modules`, virtual environments, vendored packs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

__all__ = ["ENVIRONMENT", "GITHUB", "is_ignored", "is_searched", "is_vendored", "under_ignored"]

ENVIRONMENT = "pyvenv.cfg"
"""The file that marks its folder as a virtual environment."""

GITHUB = ".github"
"""The hidden folder whose subfolder `prompts` is searched, because GitHub keeps prompts there."""


def is_ignored(folder: str) -> bool:
    """Return whether a folder is ignored because of its name; `.` and `..` are not."""
    return folder == "node_modules" or (folder.startswith(".") and folder not in (".", ".."))


def is_searched(folders: Sequence[str]) -> bool:
    """Return whether a search includes the files of the last of these folders, each of which contains the next."""
    return not any(
        is_ignored(name) and not (name == GITHUB and after == "prompts")
        for name, after in zip(folders, [*folders[1:], ""], strict=False)
    )


def is_vendored(folder: str, root: Collection[str]) -> bool:
    """Return whether a folder of the root contains vendored packs; `root` are the names of all entries of the root."""
    return folder == "packs" and "packs.lock" in root


def under_ignored(files: Collection[str], *, github: bool) -> Callable[[str], bool]:
    """Return a function that says of each of these files, named from the root, whether one of its folders is ignored.

    With `github`, the folders `.github/prompts` are not ignored.
    """
    environments = tuple(name.removesuffix(ENVIRONMENT) for name in files if name.endswith(f"/{ENVIRONMENT}"))

    def ignored(file: str) -> bool:
        folders = file.split("/")[:-1]
        return (
            not (is_searched(folders) if github else not any(map(is_ignored, folders)))
            or file.startswith(environments)
            or (bool(folders) and is_vendored(folders[0], files))
        )

    return ignored
