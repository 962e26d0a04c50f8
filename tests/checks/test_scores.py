"""Scores: `metric`, `weight` and `when` on any assertion, `threshold` on a case."""

from __future__ import annotations

import pytest

from runner.checks.judge import Judge
from runner.errors import FormatError, Location, Problems, RunnerError
from runner.files.assertion_types import ASSERTION_TYPES
from runner.files.disk.tree import MemoryTree
from runner.files.gate_schema import LIMITS, METRICS
from runner.files.model import Assertion, Case
from runner.files.prompt import load_prompt
from runner.verdict.metrics import METRICS as COMPUTED
from runner.wire.reply import Answer, Outcome

HERE = Location("cases.jsonl", 3)
TEXT = "model: m\nmessages: [{role: user, content: hi}]\n"


def judge_of(text: str = TEXT) -> Judge:
    return Judge(load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": text.encode()})))


def contains(value: str, **keys: object) -> dict:
    return {"type": "contains", "value": value, **keys}


def judged(
    *specs: dict, text: str = "red green", threshold: float | None = None, outcome=Outcome.OK, **values
):
    case = Case("c", values, HERE, tuple(Assertion(spec, HERE) for spec in specs), threshold=threshold)
    judge = judge_of()
    judge.prepare(case)
    return judge.judge(Answer(0, outcome, text=text), case)


def test_without_scores_nothing_is_scored():
    judgement = judged(contains("red"))
    assert (judgement.score, judgement.scores) == (None, None)


def test_a_score_is_the_share_that_holds_by_weight():
    judgement = judged(contains("red", weight=3), contains("blue"))
    assert judgement.score == 0.75
    assert not judgement.passed


def test_a_named_score_counts_only_its_own_assertions():
    judgement = judged(
        contains("red", metric="tone"), contains("blue", metric="tone"), contains("green", metric="fit")
    )
    assert judgement.scores == {"tone": 0.5, "fit": 1.0}


@pytest.mark.parametrize(("threshold", "passes"), [(0.5, True), (0.75, True), (0.76, False), (1, False)])
def test_a_case_with_a_threshold_passes_when_its_score_reaches_it(threshold, passes):
    judgement = judged(contains("red", weight=3), contains("blue"), threshold=threshold)
    assert judgement.passed is passes
    assert judgement.checks[-1].type == "threshold"
    assert judgement.checks[-1].message == f"a score of 0.75, and {threshold} is needed"


def test_thirds_reach_a_threshold_of_two_thirds():
    specs = (contains("red"), contains("green"), contains("blue"))
    assert judged(*specs, threshold=2 / 3).passed


def test_an_assertion_whose_when_is_false_neither_passes_nor_fails():
    judgement = judged(contains("blue", when="vars.lang == 'de'", metric="tone"), contains("red"), lang="en")
    absent = judgement.checks[0]
    assert judgement.passed
    assert not absent.applies
    assert not absent.passed
    assert absent.message == "not applicable: vars.lang == 'de' is false"
    assert judgement.scores == {}


def test_an_assertion_whose_when_is_true_is_checked():
    assert not judged(contains("blue", when="'red' in text")).passed
    assert judged(contains("blue", when="'black' in text")).passed


def test_a_when_that_cannot_be_evaluated_fails():
    judgement = judged(contains("red", when="text"))
    assert not judgement.passed
    assert judgement.checks[0].message.startswith("when: ")


def test_an_answer_that_is_not_ok_scores_nothing():
    specs = (contains("red", metric="tone"), contains("red", metric="fit", when="vars.lang == 'de'"),
             contains("red", metric="form", when="'x' in text"))  # fmt: skip
    judgement = judged(*specs, outcome=Outcome.REFUSED, lang="en")
    assert judgement.score == 0.0
    assert judgement.scores == {"tone": 0.0, "form": 0.0}


def test_a_threshold_does_not_excuse_an_answer_that_is_not_ok():
    assert not judged(contains("red"), threshold=0.1, outcome=Outcome.TRUNCATED).passed


@pytest.mark.parametrize(
    "kind", [kind for kind in ASSERTION_TYPES.values() if not kind.asks], ids=lambda kind: kind.name
)
def test_every_type_takes_the_common_keys(kind):
    examples = {"word-count": {"max": 3}, "length": {"max": 30}, "json-schema": {"type": "object"}, "cost": 1, "latency": 5,
                "contains-any": ["a"], "contains-all": ["a"], "icontains-any": ["a"], "icontains-all": ["a"],
                "expr": "text != ''", "levenshtein": "abcdefgh", "is-json": {"type": "object", "required": ["a"]},
                "contains-json": {"type": "object", "required": ["a"]}, "finish-reason": "stop"}  # fmt: skip
    value = examples.get(kind.name, "abc")
    spec = {"type": kind.name, kind.argument: value, "metric": "tone", "weight": 2, "when": "text != 'x'"}
    import json

    schema = "" if kind.subject != "json" else "response_format: {type: json_object}\n"
    judge = judge_of(f"{TEXT}{schema}assert: [{json.dumps(spec)}]\n")
    this = Case("c", {}, HERE)
    judge.prepare(this)
    judgement = judge.judge(Answer(0, Outcome.OK, text="{}", output={}), this)
    assert set(judgement.scores or ()) == {"tone"}
    assert judgement.checks[0].weight == 2


def refused(*specs: dict, threshold: float | None = None) -> str:
    with pytest.raises(RunnerError) as caught:
        judged(*specs, threshold=threshold)
    error = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    assert isinstance(error, FormatError | RunnerError)
    return error.message


def test_the_name_of_a_computed_metric_is_no_name_for_a_score():
    assert refused(contains("red", metric="accuracy")) == (
        "metric: accuracy is the name of a metric that runner computes"
    )


def test_the_names_that_are_taken_are_those_of_the_metrics():
    assert set(METRICS) == {*COMPUTED, *LIMITS}


def test_an_expression_that_only_applies_where_it_holds_can_never_fail():
    assert "only applies where it holds" in refused(
        {"type": "expr", "value": "text == 'x'", "when": "text == 'x'"}
    )


def test_a_when_is_no_template():
    assert refused(contains("red", when="{{ vars.x }}")).startswith("an expression is not a template")


def test_a_threshold_without_assertions_is_refused():
    assert refused(threshold=0.5) == "the case has a threshold but no assertions, so there is no score"


def test_opposite_assertions_may_have_different_conditions():
    judged(
        contains("red", when="vars.a == 1"),
        {"type": "not-contains", "value": "red", "when": "vars.a == 2"},
        a=1,
    )


def test_a_variable_that_only_a_when_reads_must_have_a_value():
    assert refused(contains("red", when="vars.lang == 'de'")) == "contains: variable 'lang' has no value"


def test_a_variable_of_a_when_that_is_not_declared_is_refused_at_the_when():
    text = (
        TEXT
        + "inputs: {a: {type: string}}\nassert: [{type: contains, value: red, when: \"vars.b == 'x'\"}]\n"
    )
    with pytest.raises(RunnerError) as caught:
        judge_of(text)
    error = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    assert error.message == "contains: variable 'b' is not declared in `inputs`"
    assert (error.location.line, error.location.column) == (4, 45)
