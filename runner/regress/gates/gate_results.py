"""The result of a gate, and how much each case changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...errors import Location
from ...verdict.gate import Bound, Evidence
from ...verdict.metrics import Metric

__all__ = ["CaseChange", "GateResult", "GateWord"]

GateWord: TypeAlias = Literal["held", "worse", "inconclusive", "unchecked", "skipped"]
"""The result of a gate: `unchecked` should have been judged but could not be; `skipped` is not judged in such runs."""


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One case in both arms: the number of samples that passed or are right (or the sum of their scores), and of all."""

    case: str
    base: tuple[float, int]
    new: tuple[float, int]

    @property
    def drop(self) -> float:
        """Return by how much the pass rate of the case fell."""
        return self.base[0] / self.base[1] - self.new[0] / self.new[1]


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of a gate. `reason` explains why it is not judged, or why it is inconclusive whatever was measured.

    `location` is the gate's place in its file. `p` is adjusted for all
    gates of the run. `changes` are the cases that fell furthest; `worse` and `better` count all that fell and rose.
    `value` is the measured value of a plain limit. `finds` is the smallest drop that a suite of this size finds 4 times
    in 5. `saved` counts the calls that were not needed.
    """

    prompt: str
    variant: str | None
    label: str
    metric: Metric
    location: Location
    word: GateWord
    tag: str | None = None
    reason: str = ""
    bound: Bound | None = None
    evidence: Evidence | None = None
    p: float | None = None
    value: float | None = None
    limit: float | None = None
    changes: tuple[CaseChange, ...] = ()
    worse: int = 0
    better: int = 0
    calls: int = 0
    saved: int = 0
    finds: float | None = None
    notes: tuple[str, ...] = ()
    unsure_fails: bool = False

    @property
    def name(self) -> str:
        """Return the name of the prompt with its variant."""
        return self.prompt if self.variant is None else f"{self.prompt}@{self.variant}"

    @property
    def gate(self) -> str:
        """Return the label of the gate, with the tag whose cases it judges."""
        return self.label if self.tag is None else f"{self.label} [{self.tag}]"

    @property
    def outcome(self) -> Literal["ok", "failed", "unchecked"]:
        """Return what the result means for the exit code."""
        if self.word == "worse":
            return "failed"
        return (
            "unchecked"
            if self.word == "unchecked" or (self.word == "inconclusive" and self.unsure_fails)
            else "ok"
        )
