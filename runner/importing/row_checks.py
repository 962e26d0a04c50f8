"""Convert the checks that a source applies to each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..values import Json, JsonObject
from .drafts import CaseDraft, Draft, Mapped
from .kept import kept_assertion, kept_block
from .ledger import Entry
from .nodes import Node
from .soundness import INCOMPLETE, mark

__all__ = ["put_row_checks"]

Convert = Callable[[Node, Entry, JsonObject | None], JsonObject | None]


def put_row_checks(
    draft: Draft,
    kind: str,
    cases: Sequence[tuple[CaseDraft, JsonObject]],
    checks: Sequence[tuple[Node, Entry]],
    convert: Convert,
) -> None:
    """Write the cases, each with the values of its row, and the checks: into each case, or once if there are no rows.

    `convert` returns the assertion for a check and the values of a row; None if it is lost. `kind` is the kind of source.
    """
    for case, values in cases:
        for node, entry in checks:
            spec = convert(node, entry, values)
            if spec is not None:
                case.asserts.append(Mapped(spec, entry))
            if entry.lost:
                mark(case)
        draft.tests.append(case)
    kept: list[Json] = []
    for node, entry in checks:
        if not cases:
            spec = convert(node, entry, None)
            if spec is not None:
                draft.asserts.append(Mapped(spec, entry))
        if entry.lost:
            kept.append(kept_assertion(node, entry, None, frozenset()))
    if kept:
        if not cases:
            draft.put("tags", [INCOMPLETE])
        draft.put("x-import", kept_block(kind, draft.entry.location.path, kept))
