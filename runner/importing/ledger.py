"""The account of an import: everything that the source declares is an item, and each item has exactly one outcome.

Items are counted where they are read, so that what was converted, implied, dropped and lost adds up by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import FormatError, Location

__all__ = ["Entry", "Item", "ItemKind", "ItemOutcome", "Ledger", "RefusedSourceError", "Remark"]

ItemKind = Literal["key", "provider", "prompt", "message", "test", "assertion"]
ItemOutcome = Literal["converted", "implied", "dropped", "lost"]

_RANK: dict[ItemOutcome, int] = {"converted": 0, "implied": 1, "dropped": 2, "lost": 3}


class RefusedSourceError(FormatError):
    """A source that cannot be imported at all; nothing is written for it."""

    def __init__(self, code: str, message: str, *, location: Location, hint: str | None = None) -> None:
        super().__init__(message, location=location, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a source and what became of it.

    `converted`: it is in the result, and means the same. `implied`: the result promises it anyway. `dropped`: it concerns
    the other tool only, neither requests nor verdicts. `lost`: there is no counterpart; `code` and `why` say more.
    """

    kind: ItemKind
    location: Location
    what: str
    outcome: ItemOutcome
    code: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know of a source that is no loss."""

    location: Location
    code: str
    what: str
    why: str


class Entry:
    """An item whose outcome is still open; until told otherwise it is converted. The worst outcome stays."""

    __slots__ = ("code", "kind", "location", "outcome", "what", "why")

    def __init__(self, kind: ItemKind, location: Location, what: str) -> None:
        self.kind: ItemKind = kind
        self.location = location
        self.what = what
        self.outcome: ItemOutcome = "converted"
        self.code: str | None = None
        self.why: str | None = None

    @property
    def lost(self) -> bool:
        """Whether it has no counterpart in the result."""
        return self.outcome == "lost"

    def lose(self, code: str, why: str) -> None:
        """It has no counterpart."""
        self._become("lost", code, why)

    def drop(self, code: str, why: str) -> None:
        """It concerns the other tool only."""
        self._become("dropped", code, why)

    def imply(self, code: str, why: str) -> None:
        """The result promises it anyway."""
        self._become("implied", code, why)

    def _become(self, outcome: ItemOutcome, code: str, why: str) -> None:
        if _RANK[outcome] > _RANK[self.outcome]:
            self.outcome, self.code, self.why = outcome, code, why

    def item(self) -> Item:
        """What became of it."""
        return Item(self.kind, self.location, self.what, self.outcome, self.code, self.why)


class Ledger:
    """The items of one source, in the order in which they were read. Lives for one import."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._remarks: dict[Remark, None] = {}

    def take(self, kind: ItemKind, location: Location, what: str) -> Entry:
        """Count one more item."""
        entry = Entry(kind, location, what)
        self._entries.append(entry)
        return entry

    def remark(self, location: Location, code: str, what: str, why: str) -> None:
        """Something to know that is no loss; the same remark is kept once."""
        self._remarks[Remark(location, code, what, why)] = None

    def lose_all(self, code: str, why: str) -> None:
        """Nothing is written for the source: all of its items are lost."""
        for entry in self._entries:
            entry.outcome, entry.code, entry.why = "lost", code, why

    def items(self) -> Iterator[Item]:
        """What became of each item."""
        return (entry.item() for entry in self._entries)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What else there is to know."""
        return tuple(self._remarks)
