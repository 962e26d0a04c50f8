"""Write a regression run as a report with every case, sent or replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from ..engine.journal.record import Record
from ..masking import json_cleaner
from ..regress.answers import declares_json, stored_value
from ..regress.gates.gate_results import GateResult
from ..regress.modes import Modes
from ..regress.results import CaseResult
from ..regress.rules.rules import Rules, compile_rules
from ..regress.snapshots.snapshot import Snapshot
from ..regress.tally import Tally
from ..report.html.entry import NOT_ASKED, Approved, ReportEntry, RunFacts, State
from ..report.html_file import ReportWriter
from ..report.question import Question
from ..report.regression.gate_lines import headline
from .load_selection import Chosen
from .questions import keys_of, messages_of
from .report_entries import compared, title_of

__all__ = ["TestReport"]


class TestReport:
    """A listener that writes a report of a regression run with every case, sent or replayed."""

    __test__ = False  # pytest would collect it because of its name

    def __init__(self, output: str, chosen: Chosen) -> None:
        models = sorted({unit.model for unit in chosen.units})
        facts = (
            ("command", "runner test"),
            ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
            ("model" if len(models) == 1 else "models", ", ".join(models)),
        )
        self._writer = ReportWriter(
            output,
            RunFacts(title_of([prompt.name for prompt in chosen.prompts]), facts, root=chosen.workspace.root),
            "--report",
        )
        self._project = chosen.workspace.project
        self._clean = json_cleaner(keys_of(chosen.workspace))
        self._rules: dict[str, Rules] = {}
        self._complete = False

    def case(self, result: CaseResult) -> None:
        """Write the entries of a case."""
        for entry in self._entries(result):
            self._writer.write(entry)

    def unreferenced(self, file: str) -> None:
        """Ignore snapshots without a case: they are not answers."""

    def gate(self, result: GateResult) -> None:
        """Add the result of a gate as a note."""
        self._writer.note(f"Gate {result.gate} of {result.name}: {headline(result)}")

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Remember whether the run is complete."""
        self._complete = complete

    def _entries(self, result: CaseResult) -> Iterator[ReportEntry]:
        basis = result.basis
        assert basis is not None, "a case of a run has a basis"
        prompt = basis.job.unit.prompt
        rules = self._rules.get(prompt.place)
        if rules is None:
            rules = self._rules[prompt.place] = compile_rules(prompt, self._project)
        state = _STATES[result.verdict]
        question = Question(messages_of(basis.job.data, self._clean))
        verdict = result.reason or None
        for record in sorted(basis.records, key=lambda each: (each["sample"], each.get("choice", 0))):
            approved = compared(rules, basis.approved, record, basis.job.unit) if basis.approved else None
            yield ReportEntry(record, state, question, approved, None, verdict, result.kind)
        if not basis.records:
            approved = Approved(stored_value(basis.approved)) if basis.approved else None
            replayed = result.verdict != "outdated"
            record = _replayed(result, basis.approved if replayed else None)
            yield ReportEntry(
                record, state, question, approved, None, verdict, result.kind, replayed=replayed
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close(complete=self._complete)


_STATES: Mapping[str, State] = {
    "pass": "passed",
    "fail": "failed",
    "flaky": "flaky",
    "pending": "pending",
    "outdated": "outdated",
    "error": "error",
}


def _replayed(result: CaseResult, approved: Snapshot | None) -> Record:
    """Return the record of a replayed answer; without `approved`, the record of a case that was not sent."""
    basis = result.basis
    assert basis is not None
    job = basis.job
    value = None if approved is None else approved.output
    is_text = not declares_json(job.unit.prompt.request)
    record: Record = {
        "prompt": result.prompt,
        "file": result.file,
        "case": result.case,
        "variant": result.variant,
        "sample": 0,
        "outcome": (result.outcome or (approved.outcome if approved else None) or "ok")
        if approved
        else NOT_ASKED,
        "passed": result.verdict == "pass",
        "output": None if is_text else value,
        "text": value if is_text and isinstance(value, str) else approved.refusal if approved else None,
        "checks": list(result.checks),
        "error": result.error,
        "detail": None,
        "model": job.unit.model,
        "served_model": approved.model if approved else None,
        "finish_reason": approved.finish_reason if approved else None,
        "usage": None,
        "cost": None,
        "latency_ms": None,
        "attempts": 0,
        "cached": False,
        "fingerprint": job.fingerprint,
        "vars": job.case.vars,
    }
    if job.case.row:
        record["row"] = job.case.row
    if approved is not None and approved.tool_calls is not None:
        record["tool_calls"] = approved.tool_calls
    return record
