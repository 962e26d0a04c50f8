"""Write JUnit XML for a regression run: one testcase per case.

A flaky case passes and is marked as Maven's Surefire marks it (`<flakyFailure>` in its report schema). A pending or
outdated case is a failure whose `type` says which: the run is red until somebody has reviewed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ...regress.gates.gate_results import GateResult
from ...regress.modes import Modes
from ...regress.results import CaseResult, FieldChange
from ...regress.tally import Tally
from ..file_writer import FileWriter
from ..run.junit import JUnitFormat, quoted, text_of
from ..terminal.figures import plural
from ..terminal.metric_lines import metric_properties
from .gate_lines import details, headline
from .regression_digest import facts_of, reason_of, sort_of
from .review_table import value_text

__all__ = ["JUnitReport"]

_WIDE = 200


class SuiteProperty(NamedTuple):
    """A property of the suite of a prompt."""

    prompt: str
    name: str
    value: str


class JUnitReport(FileWriter[CaseResult | GateResult | SuiteProperty | str]):
    """Writes the cases of a regression run to a .xml file, and snapshots without a case if they fail the run.

    `finish` completes the file. As a context manager it closes itself: as complete, unless an exception passes through.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        super().__init__(path, {".xml": _Cases}, force=force)
        self._unreferenced: list[str] = []

    def case(self, result: CaseResult) -> None:
        """Add one case. Raises StorageError if the disk refuses it."""
        self.write(result)

    def unreferenced(self, file: str) -> None:
        """Add a snapshot that no case refers to."""
        self._unreferenced.append(file)

    def gate(self, result: GateResult) -> None:
        """Add one gate. Raises StorageError if the disk refuses it."""
        self.write(result)

    def finish(self, tally: Tally, *, modes: Modes, seconds: float, complete: bool = True) -> None:
        """Move the file to its destination. Raises StorageError."""
        if modes.unreferenced == "reject":
            for file in self._unreferenced:
                self.write(file)
        if tally.measured is not None:
            for each in metric_properties(tally.measured.figures()):
                self.write(SuiteProperty(*each))
        self.close(complete=complete)


class _Cases:
    """Formats case results; a string is the name of a snapshot that no case refers to."""

    def __init__(self, file: BinaryIO) -> None:
        self._junit = JUnitFormat(file)

    def add(self, thing: CaseResult | GateResult | SuiteProperty | str) -> None:
        if isinstance(thing, SuiteProperty):
            self._junit.add_property(*thing)
            return
        if isinstance(thing, str):
            outcome = _outcome(
                "failure", "orphan", "no case refers to this snapshot", "runner prune deletes it"
            )
            case = _testcase("runner", thing, 0.0, "orphan", outcome)
            self._junit.add_case("runner", case, failed=True, errored=False, seconds=0.0)
            return
        if isinstance(thing, GateResult):
            failed, errored = thing.outcome == "failed", thing.outcome == "unchecked"
            self._junit.add_case(thing.prompt, _gate(thing), failed=failed, errored=errored, seconds=0.0)
            return
        name = thing.case if thing.variant is None else f"{thing.case}@{thing.variant}"
        seconds = (thing.latency_ms or 0.0) / 1000
        self._junit.add_case(
            thing.prompt,
            _testcase(thing.prompt, name, seconds, thing.status, _outcome_of(thing), calls=thing.calls),
            failed=thing.verdict in ("fail", "pending", "outdated") and not thing.gated,
            errored=thing.verdict == "error" and not thing.gated,
            seconds=seconds,
        )

    def end(self, *, complete: bool) -> None:
        self._junit.end(complete=complete)


def _testcase(prompt: str, name: str, seconds: float, status: str, outcome: str, *, calls: int = 0) -> str:
    asked = f'<property name="calls" value="{calls}"/>' if calls else ""
    return (
        f'<testcase classname={quoted(prompt)} name={quoted(name)} time="{seconds:.3f}">\n'
        f'<properties><property name="status" value={quoted(status)}/>{asked}</properties>\n{outcome}</testcase>\n'
    )


def _gate(result: GateResult) -> str:
    """Return a testcase for a gate; a gate that is not judged in this run is skipped."""
    properties: dict[str, object] = {"status": result.word, "calls": result.calls}
    if (seen := result.evidence) is not None:
        properties |= {
            "drop": f"{seen.drop:.6g}",
            "low": f"{seen.low:.6g}",
            "high": f"{seen.high:.6g}",
            "p": f"{result.p:.6g}",
            "samples": seen.samples,
        }
    if result.value is not None:
        properties["value"] = f"{result.value:.6g}"
    listed = "".join(
        f"<property name={quoted(name)} value={quoted(str(value))}/>" for name, value in properties.items()
    )
    outcome = ""
    if result.word == "skipped":
        outcome = f"<skipped message={quoted(result.reason)}/>\n"
    elif result.outcome != "ok":
        tag = "failure" if result.outcome == "failed" else "error"
        outcome = _outcome(tag, result.word, headline(result), "\n".join(details(result)))
    return (
        f'<testcase classname={quoted(result.name)} name={quoted(f"gate/{result.name}/{result.gate}")} time="0.000">\n'
        f"<properties>{listed}</properties>\n{outcome}</testcase>\n"
    )


def _outcome_of(result: CaseResult) -> str:
    if result.verdict == "pass":
        return ""
    if result.gated:
        return f"<system-out>{text_of(f'{sort_of(result)}: {reason_of(result)}')}</system-out>\n"
    details = "\n".join(_details(result))
    message = reason_of(result)
    if result.verdict == "flaky":
        message = message or f"{result.passed_samples} of {plural(result.samples, 'sample')} passed"
        return (
            f"<flakyFailure type={quoted(sort_of(result))} message={quoted(message)}>"
            f"<stackTrace>{text_of(details)}</stackTrace></flakyFailure>\n"
        )
    return _outcome("error" if result.verdict == "error" else "failure", _type(result), message, details)


def _outcome(tag: str, type_: str, message: str, details: str) -> str:
    return f"<{tag} type={quoted(type_)} message={quoted(message)}>{text_of(details)}</{tag}>\n"


def _type(result: CaseResult) -> str:
    if result.error is not None:
        return result.error["code"]
    if result.verdict == "fail" and result.kind is None:
        return result.outcome if result.outcome not in (None, "ok") else "assertion"
    return sort_of(result)


def _details(result: CaseResult) -> Iterator[str]:
    for change in result.fields:
        if not change.equal:
            yield _change(change)
    yield from facts_of(result)
    yield f"snapshot: {result.snapshot}"


def _change(change: FieldChange) -> str:
    approved = value_text(change.approved, missing=change.approved_missing, width=_WIDE)
    new = value_text(change.new, missing=change.new_missing, width=_WIDE)
    note = f", {change.note}" if change.note else ""
    return f"{change.path}: approved {approved}, new {new} ({change.rule}{note})"
