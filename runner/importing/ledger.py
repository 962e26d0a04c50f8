"""Account for an import: everything that a source declares is an item, and each item has exactly one outcome.

Items are counted when they are read, so that the numbers of converted, implied, dropped and lost items always add up.
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
    """A source that cannot be imported; nothing is written for it."""

    def __init__(self, code: str, message: str, *, location: Location, hint: str | None = None) -> None:
        super().__init__(message, location=location, hint=hint)
        self.code = code


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a source and its outcome.

    `converted`: it is in the result, with the same meaning. `implied`: the result guarantees it anyway. `dropped`: it
    affects only the other tool, neither requests nor verdicts. `lost`: it has no equivalent. `code` and `why` explain it.
    """

    kind: ItemKind
    location: Location
    what: str
    outcome: ItemOutcome
    code: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A note about a source that is not a loss."""

    location: Location
    code: str
    what: str
    why: str


class Entry:
    """An item whose outcome may still change. It is converted unless a worse outcome is set; the worst outcome wins."""

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
        """Return whether the item has no equivalent in the result."""
        return self.outcome == "lost"

    def lose(self, code: str, why: str) -> None:
        """Record that the item has no equivalent."""
        self._become("lost", code, why)

    def drop(self, code: str, why: str) -> None:
        """Record that the item affects only the other tool."""
        self._become("dropped", code, why)

    def imply(self, code: str, why: str) -> None:
        """Record that the result guarantees the item anyway."""
        self._become("implied", code, why)

    def _become(self, outcome: ItemOutcome, code: str, why: str) -> None:
        if _RANK[outcome] > _RANK[self.outcome]:
            self.outcome, self.code, self.why = outcome, code, why

    def item(self) -> Item:
        """Return the item with its outcome."""
        return Item(self.kind, self.location, self.what, self.outcome, self.code, self.why)


class Ledger:
    """The items of one source, in the order in which they were read. Used for one import."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._remarks: dict[Remark, None] = {}

    def add(self, kind: ItemKind, location: Location, what: str) -> Entry:
        """Add an item, and return its entry."""
        entry = Entry(kind, location, what)
        self._entries.append(entry)
        return entry

    def remark(self, location: Location, code: str, what: str, why: str) -> None:
        """Add a note that is not a loss. The same note is kept once."""
        self._remarks[Remark(location, code, what, why)] = None

    def lose_all(self, code: str, why: str) -> None:
        """Mark all items as lost, because nothing is written for the source."""
        for entry in self._entries:
            entry.outcome, entry.code, entry.why = "lost", code, why

    def items(self) -> Iterator[Item]:
        """Yield each item with its outcome."""
        return (entry.item() for entry in self._entries)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Return the notes."""
        return tuple(self._remarks)
