"""What was lost and may be wanted later: the assertions of the source, word for word, under `x-import`.

A later version, which has a counterpart for some of them, converts them from here (`version` is that of this block).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..values import Json
from .ledger import Entry
from .nodes import Node
from .secrets import scrubbed

__all__ = ["kept_assertion", "kept_block"]

VERSION = 1


def kept_assertion(node: Node, entry: Entry, case: str | None, keys: frozenset[str]) -> Json:
    """One assertion: where it stands in the source, the case that it is of, why it is lost, and what it says."""
    kept: dict[str, Json] = {"at": str(node.location)}
    if case is not None:
        kept["case"] = case
    return {**kept, "code": entry.code, "assert": scrubbed(node.value, keys)}


def kept_block(kind: str, source: str, kept: Sequence[Json]) -> Json:
    """The value of `x-import`."""
    return {"version": VERSION, "from": kind, "source": source, "lost": list(kept)}
