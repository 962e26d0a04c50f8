"""Count the right values of the cases of a prompt, to find labels that say nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from ..errors import Diagnostic, Location
from ..files.expected_values import CASE_KEYS
from ..files.model import Case
from ..schema import show
from ..values import Json
from .json_key import identity

__all__ = ["TargetCount"]

_NAMED = 3


@dataclass(slots=True)
class TargetCount:
    """The right values of the cases seen so far: how many have one, the first cases without one, two different values."""

    location: Location
    known: int = 0
    unknown: int = 0
    without: list[str] = field(default_factory=list)
    different: dict[Hashable, Json] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def add(self, case: Case, expected: Json) -> None:
        """Count one case, once for all variants; `expected` is None if it has no right value."""
        if hash(case.id) in self._seen:
            return
        self._seen.add(hash(case.id))
        if expected is None:
            self.unknown += 1
            if len(self.without) < _NAMED:
                self.without.append(case.id)
            return
        self.known += 1
        if len(self.different) < 2:
            self.different.setdefault(identity(expected), expected)

    def remarks(self, kind: str) -> Iterator[Diagnostic]:
        """Yield W030 for cases without a right value, and W031 if all labels are the same."""
        one = CASE_KEYS[kind]  # type: ignore[index]
        if self.unknown:
            named = ", ".join(self.without) + (", ..." if self.unknown > _NAMED else "")
            whole = self.known + self.unknown
            yield Diagnostic(
                "warning",
                "W030",
                f"{self.unknown} of {whole} {'case has' if whole == 1 else 'cases have'} no {one}: {named}",
                self.location,
                f"they are left out of the metrics; give each a {one}, or expect another outcome",
            )
        if kind == "labels" and self.known > 1 and len(self.different) == 1:
            [label] = self.different.values()
            yield Diagnostic(
                "warning",
                "W031",
                f"all {self.known} labels are {show(label)}: a prompt that always answers that is always right",
                self.location,
                "add cases with other labels",
            )
