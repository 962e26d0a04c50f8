"""What the samples of one case come to, against what is approved or without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.engine.plan.job import Job
from runner.regress.evaluate import Evaluation, evaluate
from runner.regress.rules.compare_answers import FieldVerdict
from runner.regress.snapshots.snapshot import Snapshot, Variation

from .support import compiled, project_with

JSON_ASKED = {"response_format": {"type": "json_object"}}
ERROR = {"code": "timeout", "message": "No answer came in time.", "status": None, "type": None, "hint": None}


def job(request: dict[str, Any] | None = None) -> Job:
    prompt = SimpleNamespace(name="hello", path="prompts/hello.prompt.yaml", request=request or {})
    unit = SimpleNamespace(prompt=prompt, variant="v")
    case = SimpleNamespace(id="ada", must_pass=False)
    return cast("Job", SimpleNamespace(unit=unit, case=case, fingerprint="sha256:ab", parts={}))


def record(text: str | None = "hi", **changes: Any) -> Any:
    return {
        "sample": 0,
        "outcome": "ok",
        "passed": True,
        "output": None,
        "text": text,
        "checks": [],
        "error": None,
        "detail": None,
        "served_model": "m-2026",
        "finish_reason": "stop",
        "cost": 0.5,
        "latency_ms": 100.0,
        "cached": False,
        **changes,
    }


def samples(*texts: str, **changes: Any) -> list[Any]:
    return [record(text, sample=index, **changes) for index, text in enumerate(texts)]


def check(passed: bool, message: str = "expected x", path: str | None = None) -> dict[str, Any]:
    return {"type": "contains", "passed": passed, "path": path, "message": message}


def failing(text: str = "hi", sample: int = 0, *checks: Any, **changes: Any) -> Any:
    return record(text, sample=sample, passed=False, checks=list(checks), **changes)


def approved(output: Any = "hi", **changes: Any) -> Snapshot:
    return Snapshot("sha256:ab", {}, output, **changes)


def evaluated(
    *records: Any,
    against: Snapshot | None = None,
    rules: Any = None,
    of: Job | None = None,
    status: Any = None,
) -> Evaluation:
    return evaluate(
        of or job(),
        records,
        status=status or ("missing" if against is None else "current"),
        approved=against,
        rules=rules or compiled(),
        snapshot_file="a.snap.yaml",
    )


def told(evaluation: Evaluation) -> tuple[Any, ...]:
    result = evaluation.result
    return result.verdict, result.kind, result.flavour, result.passed_samples, result.samples


# --- what a result says of the case, whatever its verdict --------------------------------------------------------


def test_a_result_names_its_case_and_its_snapshot() -> None:
    result = evaluated(record(), against=approved()).result
    assert (result.prompt, result.file, result.case) == ("hello", "prompts/hello.prompt.yaml", "ada")
    assert (result.variant, result.status, result.snapshot) == ("v", "current", "a.snap.yaml")
    assert result.written is False


def test_what_was_asked_and_paid_now_is_told_apart_from_what_the_cache_gave() -> None:
    cached = record(sample=1, cached=True, cost=9.0, latency_ms=900.0)
    result = evaluated(record(cost=0.25, latency_ms=80.0), cached, record(sample=2, latency_ms=120.0)).result
    assert (result.called, result.cached, result.samples) == (True, 1, 3)
    assert (result.cost, result.latency_ms) == (0.75, 120.0)


def test_the_cost_of_a_case_includes_failed_attempts_that_were_billed() -> None:
    assert evaluated(record(cost=0.25, retries_cost=0.5), record(sample=1, cost=0.25)).result.cost == 1.0


def test_a_case_that_the_cache_answered_alone_was_not_asked_and_has_no_cost() -> None:
    result = evaluated(record(cached=True)).result
    assert (result.called, result.cached, result.cost, result.latency_ms) == (False, 1, None, None)


def test_the_cost_of_an_exchange_is_counted_once_for_all_its_choices() -> None:
    assert evaluated(record(choice=0, cost=0.5), record(choice=1, cost=0.5)).result.cost == 0.5


def test_what_costs_nothing_costs_0_and_a_cost_that_is_unknown_is_none() -> None:
    assert evaluated(record(cost=0.0)).result.cost == 0.0
    assert evaluated(record(cost=None)).result.cost is None
    assert evaluated(record(cost=None), record(sample=1, cost=0.5)).result.cost == 0.5


def test_a_latency_that_is_unknown_is_none_and_does_not_count_beside_one_that_is_known() -> None:
    result = evaluated(record(latency_ms=None), record(sample=1, latency_ms=0.25)).result
    assert result.latency_ms == 0.25
    assert evaluated(record(latency_ms=None)).result.latency_ms is None


# --- no answer ---------------------------------------------------------------------------------------------------


def test_an_error_of_one_sample_is_an_error_of_the_case() -> None:
    evaluation = evaluated(record(), failing("", 1, outcome="error", error=ERROR), against=approved())
    result = evaluation.result
    assert (result.verdict, result.outcome, result.error) == ("error", "error", ERROR)
    assert result.reason == "No answer came in time."
    assert evaluation.proposal is None


def test_an_error_without_a_reason_says_that_no_answer_came() -> None:
    assert evaluated(failing(outcome="error")).result.reason == "no answer arrived"


def test_an_error_that_the_case_expects_is_an_answer_like_others() -> None:
    evaluation = evaluated(record(None, outcome="error", error=ERROR))
    assert (evaluation.result.verdict, evaluation.result.outcome) == ("pending", "error")
    assert evaluation.proposal is not None
    assert (evaluation.proposal.outcome, evaluation.proposal.output) == ("error", None)


# --- nothing approved ----------------------------------------------------------------------------------------------


def test_a_new_answer_waits_for_approval() -> None:
    evaluation = evaluated(record())
    assert told(evaluation) == ("pending", "new", None, 1, 1)
    assert (evaluation.result.reason, evaluation.result.outcome) == ("no approved snapshot", "ok")
    assert evaluation.proposal is not None
    assert (evaluation.proposal.output, evaluation.proposal.samples) == ("hi", 1)
    assert (evaluation.proposal.request, evaluation.proposal.model) == ("sha256:ab", "m-2026")


def test_an_answer_to_a_merge_conflict_is_a_change_and_not_a_new_case() -> None:
    evaluation = evaluated(record(), status="conflict")
    assert told(evaluation) == ("pending", "changed", None, 1, 1)
    assert "merge conflict" in evaluation.result.reason
    assert evaluation.proposal is not None


@pytest.mark.parametrize("against", [None, approved()])
def test_an_answer_that_did_not_pass_by_itself_is_never_proposed(against: Snapshot | None) -> None:
    evaluation = evaluated(failing("hi", 0, check(False)), against=against)
    assert told(evaluation) == ("fail", None, None, 0, 1)
    assert evaluation.proposal is None


def test_a_failure_tells_the_first_check_that_failed_at_its_place() -> None:
    checks = [check(True, "fine"), check(False, "expected x", "$.a"), check(False, "expected y")]
    result = evaluated(failing("hi", 0, *checks)).result
    assert result.reason == "$.a: expected x"
    assert result.checks == (checks[1], checks[2])
    assert result.outcome == "ok"


def test_a_failure_without_a_place_tells_its_check_alone() -> None:
    assert evaluated(failing("hi", 0, check(False, "expected x"))).result.reason == "expected x"


@pytest.mark.parametrize(("detail", "reason"), [("Because.", "Because."), (None, "refused")])
def test_a_failure_without_a_check_tells_why_else_its_outcome(detail: str | None, reason: str) -> None:
    result = evaluated(failing(outcome="refused", detail=detail)).result
    assert (result.reason, result.outcome, result.checks) == (reason, "refused", ())


def test_of_several_samples_the_failure_tells_how_many_passed_and_the_first_that_did_not() -> None:
    result = evaluated(
        failing("c", 2, check(False, "third")), failing("b", 1, check(False, "second")), record("a")
    ).result
    assert (result.verdict, result.reason) == ("fail", "1 of 3 samples passed; second")
    assert result.passed_samples == 1


def test_of_several_choices_the_first_failure_is_told() -> None:
    result = evaluated(
        failing("b", 0, check(False, "second"), choice=1), failing("a", 0, check(False, "first"), choice=0)
    ).result
    assert result.reason == "0 of 2 samples passed; first"


def test_enough_samples_of_a_new_case_make_it_pending() -> None:
    evaluation = evaluated(*samples("a", "a"), failing("b", 2, check(False)))
    assert told(evaluation) == ("pending", "new", None, 2, 3)
    assert evaluation.proposal is not None
    assert (evaluation.proposal.output, evaluation.proposal.samples) == ("a", 3)


def test_agreement_is_out_of_all_samples_that_were_asked_for() -> None:
    evaluation = evaluated(*samples("a", "a", "b"), failing("c", 3), rules=compiled(samples=4, min_pass=3))
    assert evaluation.proposal is not None
    assert (evaluation.proposal.agreement, evaluation.proposal.samples, evaluation.proposal.failed) == (
        2,
        4,
        1,
    )


def test_a_case_of_which_a_sample_failed_when_it_was_approved_is_known_to_be_flaky() -> None:
    evaluation = evaluated(*samples("hi", "no", "hi"), against=approved(samples=3, failed=1))
    assert told(evaluation) == ("flaky", None, "known-flaky", 2, 3)
    assert evaluation.result.agreement == (2, 3)


def test_calls_are_counted_and_not_their_choices() -> None:
    records = [record(sample=0), record(sample=0, choice=1, choices=2), record(sample=1, cached=True)]
    result = evaluated(*records).result
    assert (result.calls, result.called, result.cached) == (1, True, 1)


def test_how_many_must_pass_is_what_the_prompt_says() -> None:
    rules = compiled(samples=3, min_pass=3)
    assert evaluated(*samples("a", "a"), failing("b", 2, check(False)), rules=rules).result.verdict == "fail"


# --- the proposal --------------------------------------------------------------------------------------------------


def test_the_most_frequent_answer_is_proposed_and_the_others_are_its_variants() -> None:
    evaluation = evaluated(
        record("a", served_model="m-1"),
        record("b", sample=1, served_model="m-2"),
        record("b", sample=2, served_model="m-3"),
    )
    assert evaluation.proposal is not None
    assert (evaluation.proposal.output, evaluation.proposal.samples) == ("b", 3)
    assert evaluation.proposal.variants == (Variation(1, "a"),)
    assert evaluation.proposal.model == "m-2"


def test_what_is_stored_beside_the_most_frequent_answer_is_of_a_sample_that_gave_it() -> None:
    records = [
        record(None, sample=index, output=output, served_model=f"m-{index}")
        for index, output in enumerate([{"a": True}, {"a": 1}, {"a": 1}])
    ]
    proposal = evaluated(*records, of=job(JSON_ASKED)).proposal
    assert proposal is not None
    assert (proposal.output, proposal.model) == ({"a": 1}, "m-1")


def test_where_the_answers_vary_is_told_with_a_rule_for_it() -> None:
    records = [record(None, sample=index, output={"a": index, "b": 1}) for index in range(3)]
    evaluation = evaluated(*records, of=job(JSON_ASKED))
    assert evaluation.proposal is not None
    assert evaluation.proposal.unstable == ("$.a",)
    (note,) = evaluation.result.notes
    assert note.startswith("$.a varied (3 different): consider the rule {path: $.a")


def test_answers_that_do_not_vary_are_told_without_a_note() -> None:
    evaluation = evaluated(*samples("a", "a"))
    assert evaluation.proposal is not None
    assert (evaluation.proposal.unstable, evaluation.proposal.variants) == ((), ())
    assert evaluation.result.notes == ()


def test_what_the_rules_cover_does_not_count_as_varying() -> None:
    records = [record(None, sample=index, output={"a": index}) for index in range(2)]
    evaluation = evaluated(*records, of=job(JSON_ASKED), rules=compiled("{path: $.a, ignore: true}"))
    assert evaluation.proposal is not None
    assert evaluation.proposal.unstable == ()
    assert len(evaluation.proposal.variants) == 1


# --- against what is approved ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["current", "moved"])
def test_the_approved_answer_passes(status: Any) -> None:
    evaluation = evaluated(record(), against=approved(), status=status)
    assert told(evaluation) == ("pass", None, None, 1, 1)
    assert (evaluation.result.fields, evaluation.result.agreement) == ((), (1, 1))
    assert (evaluation.result.outcome, evaluation.result.reason) == ("ok", "")


def test_the_approved_answer_to_another_request_is_a_renewal() -> None:
    evaluation = evaluated(record(), against=approved(), status="stale")
    assert told(evaluation) == ("pending", "refreshed", None, 1, 1)
    assert evaluation.result.reason == "the request changed, the answer did not"
    assert evaluation.proposal is not None
    assert evaluation.proposal.request == "sha256:ab"


def test_another_answer_fails_as_a_change_to_be_approved() -> None:
    evaluation = evaluated(record("hello"), against=approved())
    assert told(evaluation) == ("fail", "changed", None, 0, 1)
    assert evaluation.result.reason == "differs from the approved answer at $"
    assert evaluation.result.fields == (FieldVerdict("$", "hi", "hello", "exact", equal=False),)
    assert evaluation.proposal is not None
    assert evaluation.proposal.output == "hello"


def test_up_to_three_places_are_named_and_the_others_counted() -> None:
    def reason(places: int) -> str:
        old, new = ({f"p{index}": side for index in range(places)} for side in (1, 2))
        return evaluated(record(None, output=new), against=approved(old), of=job(JSON_ASKED)).result.reason

    assert reason(3) == "differs from the approved answer at $.p0, $.p1, $.p2"
    assert reason(4) == "differs from the approved answer at $.p0, $.p1, $.p2 and 1 more"
    assert reason(5) == "differs from the approved answer at $.p0, $.p1, $.p2 and 2 more"


def test_a_place_that_a_rule_lets_differ_is_not_named() -> None:
    evaluation = evaluated(
        record(None, output={"a": 2, "b": 2}),
        against=approved({"a": 1, "b": 1}),
        of=job(JSON_ASKED),
        rules=compiled("{path: $.a, ignore: true}"),
    )
    assert evaluation.result.reason == "differs from the approved answer at $.b"
    assert [field.path for field in evaluation.result.fields] == ["$.a", "$.b"]


def test_of_several_samples_it_is_told_how_many_are_as_approved_and_one_that_is_not_is_shown() -> None:
    evaluation = evaluated(*samples("hi", "no", "well"), against=approved(samples=3))
    assert told(evaluation) == ("fail", "changed", None, 1, 3)
    assert evaluation.result.reason == (
        "differs from the approved answer at $ (1 of 3 samples match the approved answer)"
    )
    assert [field.new for field in evaluation.result.fields] == ["no"]
    evaluation = evaluated(*samples("hi", "no"), against=approved())
    assert evaluation.result.reason.endswith(" (1 of 2 samples match the approved answer)")


def test_where_all_samples_are_as_approved_what_the_rules_let_differ_is_shown_of_the_first() -> None:
    records = [record(None, sample=index, output={"a": index}) for index in (1, 2)]
    rules = compiled("{path: $.a, ignore: true}")
    evaluation = evaluated(*records, against=approved({"a": 0}), of=job(JSON_ASKED), rules=rules)
    assert evaluation.result.verdict == "pass"
    assert [field.new for field in evaluation.result.fields] == [1]


@pytest.mark.parametrize(
    ("variants", "flavour", "agreement"),
    [((), "new-flaky", (3, 3)), ((Variation(1, "x"),), "known-flaky", (2, 3))],
)
def test_a_case_of_which_some_samples_differ_is_flaky(variants: Any, flavour: str, agreement: Any) -> None:
    against = approved(samples=3, variants=variants)
    evaluation = evaluated(*samples("hi", "no", "hi"), against=against)
    assert told(evaluation) == ("flaky", None, flavour, 2, 3)
    assert evaluation.result.agreement == agreement
    assert [field.new for field in evaluation.result.fields] == ["no"]


def test_a_case_whose_approved_samples_differed_and_these_do_not_is_recovered() -> None:
    against = approved(samples=3, variants=(Variation(1, "x"),))
    assert told(evaluated(*samples("hi", "hi", "hi"), against=against)) == ("pass", None, "recovered", 3, 3)


def test_a_sample_that_failed_by_itself_counts_as_one_that_is_not_as_approved() -> None:
    evaluation = evaluated(*samples("hi", "hi"), failing("hi", 2, check(False)), against=approved(samples=3))
    assert told(evaluation) == ("flaky", None, "new-flaky", 2, 3)


def test_where_too_few_pass_by_themselves_their_failure_is_told_and_nothing_proposed() -> None:
    evaluation = evaluated(
        record("hi"), failing("hi", 1, check(False)), failing("hi", 2, check(False)), against=approved()
    )
    assert told(evaluation) == ("fail", None, None, 1, 3)
    assert evaluation.result.reason == "1 of 3 samples passed; expected x"
    assert evaluation.proposal is None


def test_another_outcome_than_the_approved_one_is_a_change() -> None:
    evaluation = evaluated(record(None, outcome="refused"), against=approved())
    assert told(evaluation) == ("fail", "changed", None, 0, 1)
    assert evaluation.result.fields == (FieldVerdict("outcome", "ok", "refused", "exact", equal=False),)
    assert evaluation.result.outcome == "refused"


def test_an_approved_refusal_is_compared_by_its_outcome_alone() -> None:
    refused = record("I cannot.", outcome="refused")
    against = approved(None, outcome="refused", refusal="No.")
    assert evaluated(refused, against=against).result.verdict == "pass"
    assert evaluated(record("hi"), against=against).result.verdict == "fail"


@pytest.mark.parametrize("arguments", ["[" * 100_000, '{"a": NaN}', '{"a": 1, "a": 2}', "{"])
def test_arguments_that_are_not_json_are_compared_as_they_were_written(arguments: str) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    against = approved(None, outcome="tool_call", tool_calls=[{"name": "f", "arguments": arguments}])
    called = record(None, outcome="tool_call", tool_calls=[call])
    assert evaluated(called, against=against).result.verdict == "pass"


def test_tool_calls_are_compared_with_the_approved_ones() -> None:
    call = {"type": "function", "id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}
    against = approved(None, outcome="tool_call", tool_calls=[{"name": "f", "arguments": {"a": 1}}])
    called = record(None, outcome="tool_call", tool_calls=[call])
    assert evaluated(called, against=against).result.verdict == "pass"
    other = replace(against, tool_calls=[{"name": "g", "arguments": {"a": 1}}])
    assert evaluated(called, against=other).result.verdict == "fail"


def test_a_value_that_an_approved_sample_had_is_seen() -> None:
    against = approved("hi", samples=3, variants=(Variation(1, "hello"),))
    rules = compiled("{path: $, compare: seen}")
    assert evaluated(record("hello"), against=against, rules=rules).result.verdict == "pass"
    assert evaluated(record("no"), against=against, rules=rules).result.verdict == "fail"


def test_what_is_redacted_is_neither_compared_nor_proposed(tmp_path: Path) -> None:
    rules = compiled(project=project_with(tmp_path, r"{regex: 'id-\d+', replace: ID}"))
    evaluation = evaluated(record("id-77"), against=approved("id-1"), rules=rules)
    assert evaluation.result.verdict == "pass"
    assert evaluation.proposal is not None
    assert "77" not in str(evaluation.proposal.output)


# --- answers that calls have judged --------------------------------------------------------------------------------

CALL: dict[str, Any] = {"sha256:cd": {"verdict": "pass"}}


def judged(
    monkeypatch: pytest.MonkeyPatch,
    *,
    unjudged: str | None = None,
    calls: dict[str, Any] = CALL,
    request: str = "sha256:ab",
) -> Evaluation:
    """The evaluation of an answer that did not change, with what calls found, after the snapshot became stale."""
    monkeypatch.setattr("runner.regress.evaluate.judged_in", lambda unit, case, snapshot, answers: calls)
    monkeypatch.setattr(
        "runner.regress.evaluate.replay", lambda unit, case, snapshot: SimpleNamespace(unjudged=unjudged)
    )
    of = job()
    cast("Any", of).fingerprints = lambda: iter((request,))
    return evaluated(record(), against=approved(), status="stale", of=of)


def test_an_answer_that_was_judged_again_is_refreshed_with_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluation = judged(monkeypatch)
    result = evaluation.result
    assert (result.verdict, result.kind) == ("pending", "refreshed")
    assert result.reason == "it was judged again, the answer did not change"
    assert evaluation.proposal is not None
    assert evaluation.proposal.judged == CALL


def test_a_request_that_changed_is_named_before_its_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    result = judged(monkeypatch, request="sha256:99").result
    assert (result.kind, result.reason) == ("refreshed", "the request changed, the answer did not")


def test_an_approved_answer_that_no_call_has_judged_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    result = judged(monkeypatch, unjudged="no call has judged it").result
    assert (result.verdict, result.kind) == ("pending", "changed")
    assert result.reason == "the answer changed within the rules, and only the new one has been judged"


def test_without_calls_nothing_is_stored_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = judged(monkeypatch, calls={}, unjudged="not asked")
    assert evaluation.result.reason == "the request changed, the answer did not"
    assert evaluation.proposal is not None
    assert evaluation.proposal.judged == approved().judged
