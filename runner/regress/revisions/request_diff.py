"""Compare a project's requests with those of a git revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .changed_cases import Change, changed_bodies, changes
from .hunks import Hunk, grouped_hunks
from .rendered_revision import RenderedRevision

__all__ = ["RequestDiff", "compare"]


@dataclass(frozen=True, slots=True)
class RequestDiff:
    """The differences from the revision `rev`, which is the commit `commit`; `unchanged` counts the equal requests.

    `hunks` are the changes in their text, None if they were not requested. Recording the answers that are not approved
    yet takes `calls` answers to requests of `size` bytes in all. `without_cases` are the files of prompts that declare
    no case, about which nothing can be said.
    """

    rev: str
    commit: str
    changes: tuple[Change, ...]
    unchanged: int
    hunks: tuple[Hunk, ...] | None
    calls: int
    size: int
    without_cases: tuple[str, ...]


def compare(
    base: RenderedRevision,
    head: RenderedRevision,
    *,
    rev: str,
    commit: str,
    recorded: Callable[[Change], bool],
    with_hunks: bool = True,
) -> RequestDiff:
    """Compare two sides. `recorded` returns whether the answer to a request is already approved.

    Raises the errors in the prompts of `head`.
    """
    differing: list[Change] = []
    unchanged = calls = size = 0
    without_cases = dict.fromkeys(head.files)
    for change in changes(base.requests(), head.requests()):
        if change.after is not None:
            without_cases.pop(change.after.key[0], None)
        if change.change == "unchanged":
            unchanged += 1
            continue
        differing.append(change)
        if change.change in ("added", "changed") and not recorded(change):
            calls += change.calls
            size += change.calls * change.size
    keys = {
        change.digest.key for change in differing if change.change == "changed" and change.before is not None
    }
    hunks = tuple(grouped_hunks(changed_bodies(base, head, keys))) if with_hunks else None
    return RequestDiff(rev, commit, tuple(differing), unchanged, hunks, calls, size, tuple(without_cases))
