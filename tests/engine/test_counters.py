"""What a run counts, and the errors at which it stops."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from runner.engine.journal.counters import Counters, Verdicts, is_new
from runner.engine.journal.error_limit import ErrorLimit
from runner.engine.journal.exit_codes import ExitCounts
from runner.engine.journal.record import Record

from .journal_lines import line

ERROR = {"outcome": "error", "passed": False}
WRONG = {"outcome": "invalid", "passed": False}


def counted(*records: dict[str, Any], total: int | None = None) -> Counters:
    counters = Counters(total=total)
    for record in records:
        counters.add(cast("Record", record))
    return counters


def test_a_record_passed_failed_or_is_an_error() -> None:
    counters = counted(line(), line(), line(), line(**WRONG), line(**WRONG), line(**ERROR))
    assert (counters.passed, counters.failed, counters.errors, counters.done) == (3, 2, 1, 6)
    assert counters.outcomes == {"ok": 3, "invalid": 2, "error": 1}


def test_an_error_that_its_checks_expected_passed() -> None:
    counters = counted(line(outcome="error", passed=True))
    assert (counters.passed, counters.errors) == (1, 0)


def test_the_exit_code_is_decided_from_failures_and_all_that_was_not_checked() -> None:
    counters = counted(line(), line(**WRONG), line(**ERROR))
    assert counters.exit_counts() == ExitCounts(failed=1, unchecked=1, selected=3)
    assert counters.exit_counts(lacking=2, signal=15) == ExitCounts(
        failed=1, unchecked=3, selected=3, signal=15
    )


def test_nothing_is_counted_before_the_first_record() -> None:
    counters = Counters()
    assert (counters.passed, counters.failed, counters.errors, counters.cost) == (0, 0, 0, None)
    assert (counters.done, counters.cached, counters.retries, counters.total) == (0, 0, 0, None)
    assert (counters.prompt_tokens, counters.completion_tokens, counters.unfinished) == (0, 0, 0)


def test_failed_attempts_that_were_billed_add_to_the_costs() -> None:
    assert counted(line(cost=0.25, retries_cost=0.5)).cost == 0.75
    assert counted(line(retries_cost=0.5), line()).cost == 0.5


def test_costs_add_up_and_an_unknown_cost_is_none() -> None:
    assert counted(line(cost=0.25), line(), line(cost=0.5)).cost == 0.75
    assert counted(line()).cost is None
    assert counted(line(cost=0.0)).cost == 0.0


USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


@pytest.mark.parametrize("paid_before", [{"cached": True}, {"choice": 1, "choices": 2}], ids=str)
def test_an_answer_from_the_cache_and_a_further_choice_cost_nothing(paid_before: dict[str, Any]) -> None:
    record = line(cost=0.25, usage=USAGE, **paid_before)
    counters = counted(line(cost=0.5, usage=USAGE), record)
    assert (counters.cost, counters.prompt_tokens, counters.completion_tokens) == (0.5, 7, 3)
    assert not is_new(cast("Record", record))
    assert counters.done == 2


def test_the_first_choice_costs_what_the_answer_cost() -> None:
    first = line(cost=0.25, choice=0, choices=2)
    assert is_new(cast("Record", first))
    assert counted(first).cost == 0.25


def test_tokens_add_up_and_absent_ones_count_as_none() -> None:
    counters = counted(
        line(usage=USAGE), line(usage={"prompt_tokens": 2}), line(usage={"completion_tokens": -5}), line()
    )
    assert (counters.prompt_tokens, counters.completion_tokens) == (9, 3)


def test_answers_of_the_cache_and_retries_are_counted() -> None:
    counters = counted(
        line(attempts=1), line(attempts=3), line(attempts=2), line(attempts=0, cached=True), line()
    )
    assert (counters.retries, counters.cached) == (3, 1)


@pytest.mark.parametrize(("total", "unfinished"), [(None, 0), (5, 3), (2, 0), (1, 0)])
def test_what_is_unfinished_is_what_is_expected_less_what_is_done(total: int | None, unfinished: int) -> None:
    assert counted(line(), line(), total=total).unfinished == unfinished


def test_the_totals_have_the_names_that_stand_in_run_json() -> None:
    assert counted(line(cost=0.5, usage=USAGE), line(**WRONG), total=3).totals() == {
        "passed": 1,
        "failed": 1,
        "errors": 0,
        "cost": 0.5,
        "total": 3,
        "done": 2,
        "cached": 0,
        "retries": 0,
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "outcomes": {"ok": 1, "invalid": 1},
    }


def test_verdicts_alone_count_the_same() -> None:
    verdicts = Verdicts()
    for record in (line(cost=0.5), line(**WRONG), line(**ERROR)):
        verdicts.add(cast("Record", record))
    assert verdicts == Verdicts(passed=1, failed=1, errors=1, cost=0.5)


@pytest.mark.parametrize(
    ("limit", "errors", "done", "stops"),
    [
        (ErrorLimit(number=0), 0, 40, False),
        (ErrorLimit(number=0), 1, 1, True),
        (ErrorLimit(number=3), 3, 3, False),
        (ErrorLimit(number=3), 4, 4, True),
        (ErrorLimit(share=0.1), 19, 19, False),
        (ErrorLimit(share=0.1), 3, 20, True),
        (ErrorLimit(share=0.1), 2, 20, False),
        (ErrorLimit(share=0.1), 3, 30, False),
        (ErrorLimit(share=0.1), 4, 30, True),
        (ErrorLimit(), 40, 40, False),
    ],
)
def test_a_run_stops_beyond_the_errors_that_are_allowed(
    limit: ErrorLimit, errors: int, done: int, stops: bool
) -> None:
    counters = counted(*[line(**ERROR)] * errors, *[line()] * (done - errors))
    reason = limit.reached(counters)
    assert (reason is not None) is stops
    if reason is not None:
        assert reason.startswith("--max-errors ")
        assert str(errors) in reason


LABELLED = {"measured": {"labels": {"expected": "bug", "got": "bug"}}}


def test_measured_answers_are_in_the_totals() -> None:
    counters = counted(line(**LABELLED), line(**LABELLED), line(scores={"tone": 0.5}), line())
    metrics = counters.totals()["metrics"]
    assert (
        metrics == counted(line(**LABELLED), line(**LABELLED), line(scores={"tone": 0.5})).totals()["metrics"]
    )
    assert "accuracy" in json.dumps(metrics)
    assert "tone" in json.dumps(metrics)


@pytest.mark.parametrize("measured", [LABELLED, {"scores": {"tone": 0.5}}])
def test_labels_or_scores_alone_are_measured(measured: dict[str, Any]) -> None:
    assert "metrics" in counted(line(**measured)).totals()
    assert "metrics" not in counted(line()).totals()
