"""The state of a review: which answer is shown, how far it was scrolled, and what was decided. No I/O.

Decisions are collected and applied by the caller at the end: leaving in the middle with Ctrl-C changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .results import FieldChange, PendingEntry

__all__ = ["Decision", "Extent", "Proposed", "Review", "View"]

Decision: TypeAlias = Literal["accept", "reject", "skip"]

View: TypeAlias = Literal["whole", "diff", "info", "help"]
"""What is shown: the whole answer with its question, the changed lines only, where the answer came from, or the keys."""

_DECISIONS: Mapping[str, Decision] = {"a": "accept", "r": "reject", "s": "skip"}
_DONE: Mapping[Decision, str] = {"accept": "accepted", "reject": "rejected", "skip": "skipped"}
_VIEWS: Mapping[str, View] = {"d": "diff", "i": "info", "?": "help"}
# What a key sends: the letter, then the arrow or page key of a POSIX terminal (in both of its modes) and of Windows.
_DOWN = frozenset({"j", "\x1b[B", "\x1bOB", "\xe0P"})
_UP = frozenset({"k", "\x1b[A", "\x1bOA", "\xe0H"})
_PAGE_DOWN = frozenset({" ", "f", "\x1b[6~", "\xe0Q"})
_PAGE_UP = frozenset({"b", "\x1b[5~", "\xe0I"})
_TOP = frozenset({"g", "\x1b[H", "\x1bOH", "\x1b[1~", "\xe0G"})
_END = frozenset({"G", "\x1b[F", "\x1bOF", "\x1b[4~", "\xe0O"})
_PREVIOUS = frozenset({"p", "\x1b[D", "\x1bOD", "\xe0K"})
_NEXT = frozenset({"n", "\x1b[C", "\x1bOC", "\xe0M"})

UNSEEN = "The end of this answer has not been shown yet, so it cannot be accepted: scroll down with space, or G for the end."


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of what is shown, in lines of the screen.

    `lines` is its length, `room` how many lines fit at once, and `needed` how many of the first lines an approval covers. `rows`
    are the numbers of the lines that hold the differences.
    """

    lines: int
    room: int
    needed: int
    rows: tuple[int, ...] = ()

    @property
    def last_top(self) -> int:
        """The first line shown when the end is."""
        return max(self.lines - self.room, 0)


@dataclass(frozen=True, slots=True)
class Proposed:
    """The result of proposing a rule: a message, and a function that undoes it (None: nothing was prepared)."""

    message: str
    undo: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class _Action:
    """Something that can be undone: what it was, the entry where it happened, and how to undo it."""

    name: str
    at: int
    undo: Callable[[], None]


@dataclass(slots=True)
class Review:
    """The state of a review of `entries`, of which there is at least one.

    `at` is the entry that is shown, `row` the highlighted difference and `top` the first line shown. `complete` holds
    the entries whose end was on the screen: only these can be accepted. `propose` prepares a rule for a difference;
    `fits` tells whether the screen can show an entry at once.
    """

    entries: Sequence[PendingEntry]
    propose: Callable[[PendingEntry, FieldChange], Proposed]
    fits: Callable[[PendingEntry], bool]
    at: int = 0
    row: int = 0
    top: int = 0
    view: View = "whole"
    message: str = ""
    decisions: dict[int, Decision] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)
    left: bool = False
    _history: list[_Action] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether there is nothing more to show."""
        return self.left or len(self.decisions) == len(self.entries)

    @property
    def entry(self) -> PendingEntry:
        """The entry that is shown."""
        return self.entries[self.at]

    @property
    def decision(self) -> str | None:
        """What was decided about the entry that is shown, as a past participle."""
        made = self.decisions.get(self.at)
        return None if made is None else _DONE[made]

    def show(self, extent: Extent) -> None:
        """Note that the lines from `top` on are on the screen; `top` is first corrected to lie within the page."""
        self.top = max(0, min(self.top, extent.last_top))
        if self.view == "whole" and self.top + extent.room >= extent.needed:
            self.complete.add(self.at)

    def press(self, key: str, extent: Extent) -> None:
        """Apply a key. `extent` is that of what is on the screen. A key without a meaning, such as Enter, does nothing."""
        self.message = ""
        if self.view == "help":
            self._open("whole")  # any key leaves the help, and does nothing else
        elif key in _DECISIONS:
            self._decide(_DECISIONS[key])
        elif len(key) == 1 and key.lower() in _DECISIONS:
            self._decide_rest(_DECISIONS[key.lower()])
        elif key in _VIEWS:
            self._open("whole" if self.view == _VIEWS[key] else _VIEWS[key])
        elif key == "\x1b":
            self._open("whole")
        elif key == "u":
            self._undo()
        elif key == "e":
            self._add_rule(extent)
        elif key == "q":
            self.left = True
        elif key in _PREVIOUS or key in _NEXT:
            self._turn(-1 if key in _PREVIOUS else 1)
        else:
            self._scroll(key, extent)

    def decided(self, decision: Decision) -> list[PendingEntry]:
        """Return the entries with this decision, in their order."""
        return [self.entries[at] for at in sorted(self.decisions) if self.decisions[at] == decision]

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _decide(self, decision: Decision) -> None:
        if decision == "accept" and self.at not in self.complete:
            self.view, self.message = "whole", UNSEEN
            return
        name = self.entry.case
        self._remember(f"{name} is no longer {_DONE[decision]}")
        self.decisions[self.at] = decision
        self._go_on()

    def _decide_rest(self, decision: Decision) -> None:
        """Decide about everything that is left. Accepting stops at an answer that the screen cannot show at once."""
        rest = [at for at in range(len(self.entries)) if at not in self.decisions]
        unseen = None
        if decision == "accept":
            unseen = next(
                (at for at in rest if at not in self.complete and not self.fits(self.entries[at])), None
            )
        chosen = rest if unseen is None else rest[: rest.index(unseen)]
        if chosen:
            self._remember(f"{len(chosen)} answer{'s' * (len(chosen) != 1)} no longer {_DONE[decision]}")
        for at in chosen:
            self.decisions[at] = decision
        if unseen is None:
            return
        self._go_to(unseen)
        self.message = f"{len(chosen)} accepted. {UNSEEN}" if chosen else UNSEEN

    def _go_on(self) -> None:
        """Show the next entry without a decision, the earlier ones after the later ones."""
        order = [*range(self.at + 1, len(self.entries)), *range(self.at)]
        following = next((at for at in order if at not in self.decisions), None)
        if following is not None:
            self._go_to(following)

    def _turn(self, step: int) -> None:
        at = self.at + step
        if 0 <= at < len(self.entries):
            self._go_to(at)
        else:
            self.message = "This is the first answer." if at < 0 else "This is the last answer."

    def _go_to(self, at: int) -> None:
        self.at = at
        self._open("whole")
        self.row = 0

    def _open(self, view: View) -> None:
        self.view, self.top = view, 0

    # --- undoing ----------------------------------------------------------------------------------------------------

    def _remember(self, name: str) -> None:
        before = dict(self.decisions)

        def undo() -> None:
            self.decisions = before

        self._history.append(_Action(name, self.at, undo))

    def _undo(self) -> None:
        if not self._history:
            self.message = "There is nothing to undo."
            return
        action = self._history.pop()
        action.undo()
        self._go_to(action.at)
        self.message = f"Undone: {action.name}."

    # --- moving and rules -------------------------------------------------------------------------------------------

    def _scroll(self, key: str, extent: Extent) -> None:
        page = max(extent.room - 1, 1)
        rows = extent.rows
        if key in _PAGE_DOWN:
            self.top = min(self.top + page, extent.last_top)
        elif key in _PAGE_UP:
            self.top = max(self.top - page, 0)
        elif key in _TOP:
            self.top, self.row = 0, 0
        elif key in _END:
            self.top = extent.last_top
        elif key in _DOWN and self.row + 1 < len(rows):
            self.row += 1
            self._reveal(extent)
        elif key in _DOWN:
            self.top = min(self.top + 1, extent.last_top)
        elif key in _UP and (not rows or rows[self.row] < self.top or self.row == 0):
            self.top = max(self.top - 1, 0)
        elif key in _UP:
            self.row -= 1
            self._reveal(extent)

    def _reveal(self, extent: Extent) -> None:
        """Scroll as little as shows the highlighted difference."""
        line = extent.rows[self.row]
        self.top = min(self.top, line)
        self.top = max(self.top, line - extent.room + 1)

    def _add_rule(self, extent: Extent) -> None:
        if not self.entry.fields:
            self.message = "A rule is for a difference between two answers; there is none here."
            return
        if not extent.rows:
            self.message = "A rule is for the highlighted difference: go back to the table first (Esc)."
            return
        self._reveal(extent)
        proposed = self.propose(self.entry, self.entry.fields[self.row])
        self.message = proposed.message
        if proposed.undo is not None:
            path = self.entry.fields[self.row].path
            self._history.append(_Action(f"the rule for {path} is not added", self.at, proposed.undo))
