"""Going through the answers that wait: which one is shown, which place is highlighted, what was decided. No I/O.

Decisions are collected, not carried out: whoever leaves in the middle has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .results import FieldChange, PendingEntry

__all__ = ["Decision", "Review", "View"]

Decision: TypeAlias = Literal["accept", "reject", "skip"]

View: TypeAlias = Literal["fields", "diff", "info"]
"""What is shown of an entry: its differences, the diff of the whole answer, or where it came from."""

_DECISIONS: Mapping[str, Decision] = {"a": "accept", "r": "reject", "s": "skip"}
_MOVES = {"j": 1, "\x1b[B": 1, "\x1bOB": 1, "\xe0P": 1, "k": -1, "\x1b[A": -1, "\x1bOA": -1, "\xe0H": -1}
_VIEWS: Mapping[str, View] = {"d": "diff", "i": "info"}


@dataclass(slots=True)
class Review:
    """The state of a review of `entries`, of which there is at least one.

    `at` is the entry that is shown and `line` the highlighted difference, or the first line shown in the other views.
    `decisions` has one for each entry before `at`. `propose` writes a rule for a place and says what it did.
    """

    entries: Sequence[PendingEntry]
    propose: Callable[[PendingEntry, FieldChange], str]
    at: int = 0
    line: int = 0
    view: View = "fields"
    message: str = ""
    decisions: list[Decision] = field(default_factory=list)
    left: bool = False

    @property
    def done(self) -> bool:
        """Whether there is nothing more to show."""
        return self.left or self.at == len(self.entries)

    @property
    def entry(self) -> PendingEntry:
        """The entry that is shown."""
        return self.entries[self.at]

    def press(self, key: str) -> None:
        """Take in a key. One that means nothing, such as Enter, does nothing."""
        self.message = ""
        if key in _DECISIONS:
            self._decide(_DECISIONS[key], 1)
        elif key.lower() in _DECISIONS and len(key) == 1:
            self._decide(_DECISIONS[key.lower()], len(self.entries) - self.at)
        elif key in _VIEWS:
            self.view, self.line = ("fields" if self.view == _VIEWS[key] else _VIEWS[key]), 0
        elif key in _MOVES:
            self._move(_MOVES[key])
        elif key == "e":
            self._add_rule()
        elif key == "q":
            self.left = True

    def decided(self, decision: Decision) -> list[PendingEntry]:
        """The entries that this was decided of."""
        return [entry for entry, each in zip(self.entries, self.decisions, strict=False) if each == decision]

    def _decide(self, decision: Decision, number: int) -> None:
        self.decisions += [decision] * number
        self.at += number
        self.line, self.view = 0, "fields"

    def _move(self, step: int) -> None:
        last = len(self.entry.fields) - 1 if self.view == "fields" else self.line + 1
        self.line = max(0, min(self.line + step, last))

    def _add_rule(self) -> None:
        if self.view != "fields" or not self.entry.fields:
            self.message = "a rule is for a place where two answers differ; j and k choose it"
        else:
            self.message = self.propose(self.entry, self.entry.fields[self.line])
