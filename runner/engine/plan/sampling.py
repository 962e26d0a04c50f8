"""Select some of the cases: those that match an expression, or a random sample."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...errors import CaseError, UsageError
from ...files.model import Case
from ...render.sandbox import IN_PROCESS, Expression, Sandbox
from ...schema import show

__all__ = ["Condition", "Draw"]


@dataclass(frozen=True, slots=True)
class Condition:
    """`--where`: an expression over `vars`, `row`, `id` and `tags` of a case, evaluated in the sandbox of the templates."""

    source: str
    _expression: Expression = field(repr=False)

    @classmethod
    def of(cls, source: str, sandbox: Sandbox = IN_PROCESS) -> Condition:
        """Compile an expression, to run in `sandbox`. Raises UsageError if it is not valid."""
        try:
            return cls(source, sandbox.expression(source, names=frozenset({"vars", "row", "id", "tags"})))
        except ValueError as error:
            raise UsageError(
                f"--where {source!r}: {error}", hint="for instance --where 'vars.lang == \"de\"'"
            ) from None

    def holds(self, case: Case) -> bool:
        """Return whether a case matches. Raises CaseError if the expression fails or its value is not a boolean."""
        try:
            value = self._expression.evaluate(
                vars=case.vars, row=case.row or {}, id=case.id, tags=list(case.tags)
            )
        except ValueError as error:
            raise CaseError(f"--where {self.source!r}: {error}", location=case.location) from None
        if not isinstance(value, bool):
            raise CaseError(
                f"--where {self.source!r} gives {show(value)} here",
                location=case.location,
                hint="it must be true or false: compare with ==, or use `is defined`",
            )
        return value


@dataclass(frozen=True, slots=True)
class Draw:
    """`--sample N --seed S`: the N cases whose ids hash lowest under the seed.

    So the same cases are drawn in any order, and rows that are added later displace few of them. Between the two passes
    only the N lowest hashes are kept.
    """

    count: int
    seed: int
    _bounds: dict[str, bytes] = field(default_factory=dict, repr=False)

    def of(self, name: str, cases: Iterable[Case]) -> None:
        """Go through all cases of the prompt `name` once, to determine which ones `drawn` selects."""
        if name not in self._bounds:
            lowest = heapq.nsmallest(self.count, (self._rank(case) for case in cases))
            self._bounds[name] = lowest[-1] if lowest else b""

    def drawn(self, name: str, cases: Iterable[Case]) -> Iterator[Case]:
        """Return the prompt's cases that were drawn, in their own order."""
        bound = self._bounds[name]
        return (case for case in cases if self._rank(case) <= bound)

    def _rank(self, case: Case) -> bytes:
        return hashlib.sha256(f"{self.seed}\n{case.id}".encode()).digest()
