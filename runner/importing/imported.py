"""What comes of one source: files, an account of its items, and what belongs in runner.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import RunnerError
from ..values import Json
from .ledger import Item, ItemKind, ItemOutcome, Remark

__all__ = ["Imported", "OutFile"]


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file to be written; `name` is its path below the output folder."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """One source and what came of it. `refused` says why nothing did; then there are no files."""

    source: str
    kind: str
    files: tuple[OutFile, ...]
    items: tuple[Item, ...]
    remarks: tuple[Remark, ...]
    refused: RunnerError | None = None
    endpoints: Mapping[str, Json] = field(default_factory=dict)

    def counts(self) -> dict[ItemKind, Counter[ItemOutcome]]:
        """Of each kind of item how many had which outcome."""
        found: dict[ItemKind, Counter[ItemOutcome]] = {}
        for item in self.items:
            found.setdefault(item.kind, Counter())[item.outcome] += 1
        return found

    @property
    def lost(self) -> tuple[Item, ...]:
        """The items without a counterpart."""
        return tuple(item for item in self.items if item.outcome == "lost")
