"""Count the results of a regression run; the exit code is derived from these counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..engine.journal.exit_codes import ExitCounts
from .modes import Modes
from .results import CaseResult

if TYPE_CHECKING:
    from ..engine.measured import MeasuredSuites
    from .gates.gate_results import GateResult

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """The results of a run as counts; the size of a tally does not depend on the number of cases.

    `called` counts the cases for which requests were sent, `calls` the requested answers, `cached` the cases all of
    whose answers came from the cache. `further_cost` is the cost of the calls of later rounds, in US dollars. `excused`
    counts, by verdict, the cases of prompts whose gates decide: they are reported and do not fail the run by
    themselves. `measured` has the answers with a right label, number or set, or with a named score.
    """

    selected: int = 0
    passed: int = 0
    failed: int = 0
    flaky: int = 0
    pending: int = 0
    outdated: int = 0
    errors: int = 0
    called: int = 0
    calls: int = 0
    cached: int = 0
    written: int = 0
    unreferenced: int = 0
    further_cost: float | None = None
    gates_failed: int = 0
    gates_unchecked: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    measured: MeasuredSuites | None = None

    def gate(self, result: GateResult) -> None:
        """Count the result of a gate."""
        self.gates_failed += result.outcome == "failed"
        self.gates_unchecked += result.outcome == "unchecked"

    def further(self, calls: int, cost: float | None) -> None:
        """Count the calls that gates requested after the cases were decided."""
        self.calls += calls
        if cost is not None:
            self.further_cost = (self.further_cost or 0.0) + cost

    def add(self, result: CaseResult) -> None:
        """Count one case."""
        if result.gated:
            self.excused[result.verdict] += 1
        self.selected += 1
        self.called += result.called
        self.calls += result.calls
        self.cached += bool(result.cached) and not result.called
        self.written += result.written
        match result.verdict:
            case "pass":
                self.passed += 1
            case "fail":
                self.failed += 1
            case "flaky":
                self.flaky += 1
            case "pending":
                self.pending += 1
            case "outdated":
                self.outdated += 1
            case "error":
                self.errors += 1

    def exit_counts(self, modes: Modes, *, unsent: bool = False, signal: int | None = None) -> ExitCounts:
        """Return the counts that decide the exit code."""
        rejected = self.unreferenced if modes.unreferenced == "reject" else 0
        excused = self.excused
        outdated = self.pending + self.outdated - excused["pending"] - excused["outdated"]
        return ExitCounts(
            failed=self.failed - excused["fail"] + self.gates_failed,
            outdated=outdated + rejected,
            unchecked=self.errors - excused["error"] + self.gates_unchecked + unsent,
            selected=self.selected,
            signal=signal,
        )
