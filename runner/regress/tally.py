"""What a regression run found, in counts, and what the exit code is decided from."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.journal.exit_codes import ExitCounts
from .modes import Modes
from .results import CaseResult

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """What a run found, as counts: its size does not depend on the number of cases.

    `called` are the cases for which a model was asked, `calls` the answers it was asked for, `cached` those all of whose answers came from the cache.
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

    def add(self, result: CaseResult) -> None:
        """Count one case."""
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

    def facts(self, modes: Modes, *, unsent: bool = False, signal: int | None = None) -> ExitCounts:
        """What the exit code is decided from."""
        rejected = self.unreferenced if modes.unreferenced == "reject" else 0
        return ExitCounts(
            failed=self.failed,
            outdated=self.pending + self.outdated + rejected,
            unchecked=self.errors + unsent,
            selected=self.selected,
            signal=signal,
        )
