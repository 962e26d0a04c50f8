"""What a test run counts, and the counts that its exit code is decided from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from runner.engine.journal.exit_codes import ExitCounts
from runner.regress.gates.gate_results import GateResult
from runner.regress.modes import Modes
from runner.regress.results import CaseResult, Verdict
from runner.regress.tally import Tally

MODES = Modes()


def result(verdict: Verdict = "pass", **found: Any) -> CaseResult:
    return CaseResult("p", "p.prompt.yaml", "c", None, "current", verdict, None, "", "p.snap.yaml", **found)


def tally(*results: CaseResult) -> Tally:
    counts = Tally()
    for each in results:
        counts.add(each)
    return counts


def gate(outcome: str) -> GateResult:
    return cast("GateResult", SimpleNamespace(outcome=outcome))


COUNT = {
    "pass": "passed",
    "fail": "failed",
    "flaky": "flaky",
    "pending": "pending",
    "outdated": "outdated",
    "error": "errors",
}


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_each_verdict_has_its_count(verdict: Verdict) -> None:
    found = tally(result(verdict), result(verdict))
    assert {name for name in COUNT.values() if getattr(found, name)} == {COUNT[verdict]}
    assert getattr(found, COUNT[verdict]) == found.selected == 2
    assert not found.excused.total()


def test_calls_cached_answers_and_written_snapshots_are_counted() -> None:
    found = tally(
        result(calls=3),
        result(calls=2, cached=1),
        result(cached=4),
        result(cached=1),
        result(written=True),
        result(),
    )
    assert (found.called, found.calls, found.cached, found.written) == (2, 5, 2, 1)


def test_nothing_is_counted_at_first() -> None:
    assert Tally().exit_counts(Modes(unreferenced="reject")) == ExitCounts()
    assert Tally().further_cost is None


def test_calls_of_later_rounds_and_what_they_cost() -> None:
    found = Tally(calls=1)
    found.further(2, None)
    assert (found.calls, found.further_cost) == (3, None)
    found.further(3, 0.25)
    found.further(1, 0.5)
    assert (found.calls, found.further_cost) == (7, 0.75)


def test_the_exit_code_is_decided_from_what_failed_waits_or_is_not_known() -> None:
    results = [
        *[result("pass")] * 2,
        *[result("fail")] * 3,
        *[result("flaky")] * 4,
        *[result("pending")] * 5,
        *[result("outdated")] * 6,
        *[result("error")] * 7,
    ]
    assert tally(*results).exit_counts(MODES) == ExitCounts(failed=3, outdated=11, unchecked=7, selected=27)


def test_cases_whose_gate_decides_are_told_and_fail_nothing() -> None:
    verdicts: tuple[Verdict, ...] = get_args(Verdict)
    found = tally(*[result(verdict, gated=True) for verdict in verdicts])
    assert found.exit_counts(MODES) == ExitCounts(selected=len(verdicts))
    assert found.excused == dict.fromkeys(verdicts, 1)
    assert (found.failed, found.errors, found.pending, found.outdated) == (1, 1, 1, 1)


def test_cases_with_and_without_a_gate_are_told_apart() -> None:
    found = tally(
        *[result("fail", gated=gated) for gated in (True, True, False)],
        *[result("pending", gated=gated) for gated in (True, False, False)],
        *[result("outdated", gated=gated) for gated in (True, False, False)],
        *[result("error", gated=gated) for gated in (True, True, False, False)],
    )
    assert found.exit_counts(MODES) == ExitCounts(failed=1, outdated=4, unchecked=2, selected=13)


def test_a_gate_fails_the_run_or_leaves_it_unchecked() -> None:
    found = tally(result())
    for outcome in ("ok", "failed", "failed", "failed", "unchecked"):
        found.gate(gate(outcome))
    assert (found.gates_failed, found.gates_unchecked) == (3, 1)
    assert found.exit_counts(MODES) == ExitCounts(failed=3, unchecked=1, selected=1)


@pytest.mark.parametrize(("mode", "outdated"), [("ignore", 0), ("warn", 0), ("reject", 2)])
def test_snapshots_without_a_case_count_where_they_are_rejected(mode: Any, outdated: int) -> None:
    found = tally(result())
    found.unreferenced = 2
    assert found.exit_counts(Modes(unreferenced=mode)).outdated == outdated


def test_what_was_not_sent_is_not_checked_and_a_signal_is_told() -> None:
    assert tally(result()).exit_counts(MODES, unsent=True, signal=2) == ExitCounts(
        unchecked=1, selected=1, signal=2
    )
