"""Decide the exit code of every command in one function (docs/outcomes.md)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ExitCounts", "exit_code"]


@dataclass(frozen=True, slots=True)
class ExitCounts:
    """The counts that determine the exit code, and the number of the signal that ended the run, if any."""

    mistakes: int = 0
    failed: int = 0
    outdated: int = 0
    unchecked: int = 0
    selected: int = 0
    signal: int | None = None


def exit_code(facts: ExitCounts) -> int:
    """Return 0 ok, 1 failed, 2 usage or file, 3 could not check, 4 not up to date, 5 nothing selected, or 128 + signal.

    The precedence is 2 > 1 > 4 > 3 > 5; a signal takes precedence over all of them.
    """
    if facts.signal is not None:
        return 128 + facts.signal
    for count, code in ((facts.mistakes, 2), (facts.failed, 1), (facts.outdated, 4), (facts.unchecked, 3)):
        if count:
            return code
    return 0 if facts.selected else 5
