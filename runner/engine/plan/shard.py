"""Shard I of N of a run's cases: the same on every machine, in any order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

__all__ = ["Shard"]


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `index` (from 1) of `count`. The hash of a case decides its shard, so all samples of a case stay together."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, file: str, case: str, variant: str | None) -> bool:
        """Return whether this shard has the case of the prompt `file` (from its project's root) in a variant."""
        digest = hashlib.sha256("\n".join((file, case, str(variant))).encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1
