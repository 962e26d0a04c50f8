"""Hold the result of importing one source: files, the outcome of each item, and endpoints for runner.yaml."""

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
    """A file to write; `name` is its path below the output folder."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """One source and the result of importing it. If it was refused, `refused` is the error, and there are no files."""

    source: str
    kind: str
    files: tuple[OutFile, ...]
    items: tuple[Item, ...]
    remarks: tuple[Remark, ...]
    refused: RunnerError | None = None
    endpoints: Mapping[str, Json] = field(default_factory=dict)

    def counts(self) -> dict[ItemKind, Counter[ItemOutcome]]:
        """Count the outcomes of each kind of item."""
        found: dict[ItemKind, Counter[ItemOutcome]] = {}
        for item in self.items:
            found.setdefault(item.kind, Counter())[item.outcome] += 1
        return found

    @property
    def lost(self) -> tuple[Item, ...]:
        """Return the items that could not be converted."""
        return tuple(item for item in self.items if item.outcome == "lost")
