"""Summarise a run for its report, entry by entry. Pure; memory is bounded, except for three numbers per answer."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field

from ...engine.journal.counters import measured_with
from ...engine.journal.record import paid
from ...engine.measured import MeasuredSuites
from ...wire.usage import token_count
from ..terminal.record_words import failed_checks
from .entry import ReportEntry
from .fields import Fields

__all__ = ["Group", "Reason", "RunComparison", "Summary"]

_REASONS = 2000
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Reason:
    """Why answers did not pass: the check, the place (the same for all items of a list), and the message."""

    prompt: str
    kind: str
    path: str
    message: str


@dataclass(slots=True)
class Group:
    """The answers of one prompt in one variant."""

    states: Counter[str] = field(default_factory=Counter)
    latencies: array[float] = field(default_factory=lambda: array("d"))
    outputs: array[float] = field(default_factory=lambda: array("d"))
    cost: float | None = None
    priced: int = 0

    @property
    def total(self) -> int:
        """Return the number of answers."""
        return self.states.total()

    @property
    def passed(self) -> int:
        """Return how many of them passed."""
        return self.states["passed"]


@dataclass(slots=True)
class RunComparison:
    """The comparison with another run: the number of cases for each kind of change.

    `groups` has, for a prompt in a variant, the number of cases that passed before, that pass now, and that both runs
    have. `latency` are ratios.
    """

    changes: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, str | None], list[int]] = field(default_factory=dict)
    latency: array[float] = field(default_factory=lambda: array("d"))
    cost: float = 0.0
    priced: int = 0


@dataclass(slots=True)
class Summary:
    """Receives every entry. `compares`: the entries include those of another run. `measured` has what metrics are made of."""

    compares: bool = False
    groups: dict[tuple[str, str | None], Group] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    cached: int = 0
    replayed: int = 0
    retries: int = 0
    reasons: dict[Reason, list[int]] = field(default_factory=dict)
    fields: dict[str, Fields] = field(default_factory=dict)
    comparison: RunComparison = field(default_factory=RunComparison)
    measured: MeasuredSuites | None = None

    @property
    def total(self) -> int:
        """Return the number of answers."""
        return self.states.total()

    def add(self, entry: ReportEntry) -> tuple[int | None, str | None]:
        """Add one entry; return the number of its reason among `reasons`, and its change from the other run."""
        record = entry.record
        group = self.groups.setdefault((record["prompt"], record["variant"]), Group())
        group.states[entry.state] += 1
        self.states[entry.state] += 1
        self.outcomes[record["outcome"]] += 1
        self.cached += record["cached"]
        self.replayed += entry.replayed
        self.retries += max(record["attempts"] - 1, 0)
        if not record["cached"] and not entry.replayed and not record.get("choice"):
            self._measure(entry, group)
        self.fields.setdefault(record["prompt"], Fields()).add(entry)
        if not entry.replayed:
            self.measured = measured_with(record, self.measured)
        return self._reason(entry), self._compare(entry)

    def _measure(self, entry: ReportEntry, group: Group) -> None:
        """Add the answer's latency, tokens and cost; those from the cache have none now."""
        record = entry.record
        if (latency := record["latency_ms"]) is not None:
            group.latencies.append(latency)
        self.prompt_tokens += token_count(record["usage"], "prompt_tokens") or 0
        came = token_count(record["usage"], "completion_tokens")
        if came is not None:
            self.completion_tokens += came
            group.outputs.append(came)
        if (cost := paid(record)) is not None:
            group.cost, self.cost = (group.cost or 0.0) + cost, (self.cost or 0.0) + cost
            group.priced += 1

    def _reason(self, entry: ReportEntry) -> int | None:
        if entry.state == "passed":
            return None
        reason = _reason_of(entry)
        known = self.reasons.get(reason)
        if known is None:
            if len(self.reasons) >= _REASONS:
                reason = Reason("", "other", "", "for other reasons, all different")
            known = self.reasons.setdefault(reason, [len(self.reasons), 0])
        known[1] += 1
        return known[0]

    def _compare(self, entry: ReportEntry) -> str | None:
        earlier = entry.earlier
        if earlier is None:
            return "new" if self.compares else None
        good, was = entry.state == "passed", earlier.state == "passed"
        change = "fixed" if good and not was else "regressed" if was and not good else "same"
        comparison = self.comparison
        before, now = earlier.record, entry.record
        if change == "same" and (before["output"], before["text"]) != (now["output"], now["text"]):
            change = "answer"
        comparison.changes[change] += 1
        passed = comparison.groups.setdefault((now["prompt"], now["variant"]), [0, 0, 0])
        passed[0] += was
        passed[1] += good
        passed[2] += 1
        if before["latency_ms"] and now["latency_ms"] and not before["cached"] and not now["cached"]:
            comparison.latency.append(now["latency_ms"] / before["latency_ms"])
        if before["cost"] is not None and now["cost"] is not None:
            comparison.cost += now["cost"] - before["cost"]
            comparison.priced += 1
        return change


def _reason_of(entry: ReportEntry) -> Reason:
    record = entry.record
    error = record["error"]
    if error is not None:
        return Reason(record["prompt"], "error", "", _short(f"{error['code']}: {_alike(error['message'])}"))
    if entry.approved is not None and (changed := [each for each in entry.approved.fields if not each.equal]):
        first = changed[0]
        return Reason(
            record["prompt"],
            "differs",
            _items(first.path),
            f"from the approved answer, according to the rule {first.rule}",
        )
    for check in failed_checks(record):
        return Reason(record["prompt"], check["type"], _items(check["path"] or ""), _short(check["message"]))
    if entry.verdict:
        return Reason(record["prompt"], entry.kind or entry.state, "", _short(entry.verdict))
    return Reason(record["prompt"], record["outcome"], "", _short(record["detail"] or record["outcome"]))


def _items(path: str) -> str:
    return re.sub(r"\[[0-9]+\]", "[*]", path)


def _alike(message: str) -> str:
    """Return an error's message without the parts that differ from request to request: long identifiers and numbers."""
    return re.sub(r"\b(?=\w*[0-9])[\w-]{12,}\b|\b[0-9]+(?:\.[0-9]+)?\b", "…", message)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
