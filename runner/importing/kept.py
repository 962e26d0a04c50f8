"""Keep lost assertions of a source unchanged under `x-import`.

A later version that can convert some of them reads them from this block. `version` is the version of the block.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..values import Json, JsonObject
from .ledger import Entry
from .nodes import Node
from .secrets import scrubbed

__all__ = ["JUDGED_BY_MODEL", "kept_assertion", "kept_block"]

VERSION = 1

JUDGED_BY_MODEL = (
    "a model would have to judge the answer in a way that runner has no judge for; kept under x-import"
)
"""Why an assertion that a model judges is lost."""


def kept_assertion(
    node: Node, entry: Entry, case: str | None, keys: frozenset[str], beside: JsonObject | None = None
) -> Json:
    """Return one assertion: its location in the source, its case, the code of the loss, and its content.

    `beside` are the settings of the source, outside the assertion, that its meaning depends on.
    """
    kept: dict[str, Json] = {"at": str(node.location)}
    if case is not None:
        kept["case"] = case
    if beside:
        kept["beside"] = scrubbed(beside, keys)
    return {**kept, "code": entry.code, "assert": scrubbed(node.value, keys)}


def kept_block(kind: str, source: str, kept: Sequence[Json]) -> Json:
    """Return the value of `x-import`."""
    return {"version": VERSION, "from": kind, "source": source, "lost": list(kept)}
