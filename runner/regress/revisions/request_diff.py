"""A project's requests against those of a git revision, ready to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .changed_cases import Change, changed_bodies, changes
from .hunks import Hunk, grouped_hunks
from .rendered import Side

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from the revision `rev`, the commit `commit`; `unchanged` counts the requests that do not.

    `hunks` is what changed in their text, None where nobody asked for it. Recording what has no approved answer yet
    takes `calls` answers to requests of `size` bytes in all. `without_cases` are the files of prompts that declare no
    case, of which nothing can be said.
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
    base: Side,
    head: Side,
    *,
    rev: str,
    commit: str,
    recorded: Callable[[Change], bool],
    with_hunks: bool = True,
) -> Comparison:
    """Compare two sides. `recorded` tells of a request whether its answer is approved already.

    Raises what is wrong with the prompts of `head`.
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
        change.seen.key for change in differing if change.change == "changed" and change.before is not None
    }
    hunks = tuple(grouped_hunks(changed_bodies(base, head, keys))) if with_hunks else None
    return Comparison(rev, commit, tuple(differing), unchanged, hunks, calls, size, tuple(without_cases))
