"""Find an answer of each arm for the cases that moved, so that a reader sees what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...engine.journal.record import Record
from .arm_results import CaseContrast, Flip

__all__ = ["MOST_FLIPS", "flips"]

MOST_FLIPS = 100
"""The number of cases whose answers are shown for each arm; those that moved furthest."""


def flips(
    changes: Sequence[CaseContrast],
    base: Callable[[], Iterator[Record]],
    new: Callable[[], Iterator[Record]],
    shown: Callable[[Record], tuple[str | None, str | None, str | None]],
) -> tuple[Flip, ...]:
    """Return an answer of both arms for the cases that moved furthest.

    `base` and `new` read the records of the two arms; `shown` returns the input of a record, its answer, and why it did
    not pass.
    """
    furthest = sorted(changes, key=lambda change: (-abs(change.drop), change.case))[:MOST_FLIPS]
    wanted = {change.case: change for change in furthest}
    # Of the arm that passes more often an answer that passed, of the other one that did not.
    before = _chosen(base(), {name: change.drop > 0 for name, change in wanted.items()})
    after = _chosen(new(), {name: change.drop < 0 for name, change in wanted.items()})
    found = []
    for change in furthest:
        one, other = before.get(change.case), after.get(change.case)
        given, answer, reason = shown(one) if one is not None else (None, None, None)
        given_now, answer_now, reason_now = shown(other) if other is not None else (None, None, None)
        found.append(Flip(change.case, given or given_now, (answer, answer_now), (reason, reason_now)))
    return tuple(found)


def _chosen(records: Iterable[Record], passed: dict[str, bool]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for record in records:
        name = record["case"]
        if name in passed and name not in found and record["passed"] == passed[name]:
            found[name] = record
    return found
