"""How often each case passed, and what its answers took: the evidence that a gate decides by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.engine.plan.job import Job, Unit
from runner.regress.gates.counted import CaseCount, Counted
from tests.engine.journal_lines import line

UNIT = cast("Unit", SimpleNamespace(name="one"))
ERROR = {"outcome": "error", "passed": False}
WRONG = {"outcome": "invalid", "passed": False}


def job(case: str = "ada", *, of: Unit = UNIT, fingerprint: str = "sha256:ab") -> Job:
    facts = SimpleNamespace(
        unit=of, case=SimpleNamespace(id=case, tags=("x",), group=None), fingerprint=fingerprint
    )
    return cast("Job", facts)


def counted(*records: dict[str, Any]) -> Counted:
    """Each record is a job of its own."""
    found = Counted()
    for record in records:
        found.take(job(record["case"]), [cast("Any", record)])
    return found


def test_a_case_counts_what_passed_what_failed_and_what_did_not_arrive() -> None:
    unit = counted(line(), line(**WRONG), line(), line(**ERROR), line(), line("bob", **ERROR)).of(UNIT)
    assert unit.cases == {
        "ada": CaseCount("sha256:ab", ("x",), passed=3, answered=4, missing=1),
        "bob": CaseCount("sha256:ab", ("x",), passed=0, answered=0, missing=1),
    }
    assert (unit.calls, unit.missing) == (6, 2)


def test_nothing_is_counted_before_the_first_answer() -> None:
    unit = Counted().of(UNIT)
    assert unit.unit is UNIT
    assert (unit.calls, unit.missing, unit.cases, unit.outcomes) == (0, 0, {}, {})
    assert CaseCount("sha256:ab", ()) == CaseCount("sha256:ab", (), passed=0, answered=0, missing=0)


def test_an_error_that_the_checks_expected_is_an_answer() -> None:
    unit = counted(line(outcome="error", passed=True)).of(UNIT)
    assert unit.cases["ada"] == CaseCount("sha256:ab", ("x",), passed=1, answered=1)


def test_each_choice_is_a_sample() -> None:
    found = Counted()
    found.take(
        job(), [cast("Any", each) for each in (line(choice=0), line(choice=1, **WRONG), line(**ERROR))]
    )
    assert found.of(UNIT).cases["ada"] == CaseCount("sha256:ab", ("x",), passed=1, answered=2, missing=1)


def test_each_unit_has_its_own_counts_and_the_request_of_its_first_job() -> None:
    other = cast("Unit", SimpleNamespace(name="two"))
    found = Counted()
    for each in (job(), job(of=other, fingerprint="sha256:cd"), job(fingerprint="sha256:ef")):
        found.take(each, [cast("Any", line())])
    assert found.of(UNIT).cases["ada"] == CaseCount("sha256:ab", ("x",), passed=2, answered=2)
    assert found.of(other).cases["ada"] == CaseCount("sha256:cd", ("x",), passed=1, answered=1)


def test_the_outcomes_of_answers_that_could_not_be_judged_are_told() -> None:
    records = [line(**WRONG), line(**WRONG), line(outcome="refused", passed=False)]
    ended = [line(passed=False), line(outcome="refused", passed=True), line(), line(**ERROR)]
    assert counted(*records, *ended).of(UNIT).outcomes == {"invalid": 2, "refused": 1}


def test_the_models_that_answered_are_told() -> None:
    records = [line(served_model="m-1"), line(served_model="m-2"), line(served_model="m-1")]
    unit = counted(*records, line(served_model=None), line(served_model="none", **ERROR)).of(UNIT)
    assert unit.served == {"m-1", "m-2"}


def test_what_a_call_took_is_told_once_a_job() -> None:
    took = {"cost": 0.25, "usage": {"total_tokens": 7}, "latency_ms": 3.5}
    found = counted(line(**took), line(cost=0.5, usage=None, latency_ms=None), line(**took, **ERROR))
    found.take(job(), [cast("Any", line(**took, choice=0)), cast("Any", line(**took, choice=1))])
    unit = found.of(UNIT)
    assert (unit.costs, unit.tokens, unit.latencies) == ([0.25, 0.5, 0.25], [7, 7], [3.5, 3.5])


@pytest.mark.parametrize("first", [ERROR, {}], ids=["the first choice broke", "the second choice broke"])
def test_a_call_took_what_it_took_whichever_of_its_choices_broke(first: dict[str, Any]) -> None:
    second = {} if first else ERROR
    found = Counted()
    records = [line(cost=0.25, choice=0, **first), line(cost=0.25, choice=1, **second)]
    found.take(job(), [cast("Any", each) for each in records])
    assert found.of(UNIT).costs == [0.25]
    assert found.of(UNIT).cases["ada"] == CaseCount("sha256:ab", ("x",), passed=1, answered=1, missing=1)


@pytest.mark.parametrize("count", [None, "7", True, -1])
def test_what_is_no_count_of_tokens_is_not_taken_for_one(count: Any) -> None:
    assert counted(line(usage={"total_tokens": count})).of(UNIT).tokens == []
