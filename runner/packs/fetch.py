"""Fetch a pack from its source in runner.yaml. No other part of runner contacts the source of a pack."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import PackError
from .copies import VENDORED
from .listing import FetchedPack, Listing, collect
from .requirement import Requirement

__all__ = ["fetch", "moved_tag"]


def fetch(
    requirement: Requirement, root: Path, *, commit: str | None = None, published: bool = False
) -> FetchedPack:
    """Fetch the pack that a requirement currently refers to; from git, at `commit` if given.

    `root` is the project's folder. With `published`, the commit must be reachable from the requirement's `rev`.

    Raises FetchError if the source cannot be read, PackError or Problems for files that a pack cannot have.
    """
    with _found(requirement, root, commit, published=published) as found:
        return collect(found)


def moved_tag(requirement: Requirement, root: Path, commit: str | None) -> str | None:
    """Return the commit of a requirement's tag if it is not the locked `commit`, else None. Raises FetchError."""
    if "git" not in requirement.source or commit is None:
        return None
    from .fetch_git import tag_commit

    now = tag_commit(requirement.source, root)
    return now if now not in (None, commit) else None


@contextlib.contextmanager
def _found(requirement: Requirement, root: Path, commit: str | None, *, published: bool) -> Iterator[Listing]:
    source = requirement.source
    # Imports only what is needed: a pack in a folder needs neither git nor an HTTP client.
    if "git" in source:
        from .fetch_git import find_in_git

        prefix = f"{requirement.alias}@{source['rev']}:"
        with find_in_git(source, root, prefix=prefix, commit=commit, published=published) as found:
            yield found
    elif "path" in source:
        from .fetch_path import find_in_folder

        folder = Path(os.path.normpath(root / source["path"]))
        if folder.is_relative_to(root / VENDORED):
            raise PackError(
                f"{VENDORED}/ is for copies of packs, and a copy cannot be a source",
                location=requirement.location,
                hint="keep the pack in a folder with another name",
            )
        yield find_in_folder(folder, shown=os.path.relpath(folder))
    elif "url" in source:
        from .fetch_url import find_at_url

        yield find_at_url(source["url"], source["sha256"], prefix=f"{requirement.alias}:")
    else:
        from .fetch_python import find_in_distribution

        yield find_in_distribution(source["python"])
