from __future__ import annotations

import json

import pytest

from runner.checks.judge import Judge
from runner.errors import FormatError, Location, Problems
from runner.files.disk.tree import MemoryTree
from runner.files.model import Assertion, Case
from runner.files.prompt import load_prompt
from runner.wire.reply import Answer, Outcome

LABEL = """
model: gpt-4o
messages: [{role: user, content: hi}]
response_format:
  type: json_schema
  json_schema:
    name: label
    strict: true
    schema:
      type: object
      properties: {label: {type: string, enum: [refund, other]}, score: {type: number}}
      required: [label, score]
      additionalProperties: false
assert:
  - {type: equals, path: $.label, value: refund}
"""

TOOLS = """
model: gpt-4o
messages: [{role: user, content: hi}]
tools:
  - type: function
    function:
      name: look_up
      parameters: {type: object, properties: {id: {type: integer}}, required: [id], additionalProperties: false}
  - {type: function, function: {name: ping}}
  - {type: custom, custom: {name: shell}}
"""

TEXT = "model: gpt-4o\nmessages: [{role: user, content: hi}]\n"

HERE = Location("cases.jsonl", 3)
GOOD = {"label": "refund", "score": 1}


def judge_of(text):
    return Judge(load_prompt("p.prompt.yaml", MemoryTree({"p.prompt.yaml": text.encode()})))


def case(*specs, outcome=None, **values):
    return Case("c", values, HERE, tuple(Assertion(spec, HERE) for spec in specs), outcome)


def answered(output, outcome=Outcome.OK, **more):
    text = more.pop("text", None) or (json.dumps(output) if output is not None else None)
    return Answer(0, outcome, text=text, output=output, **more)


def call(name, arguments="{}", kind="function"):
    body = (
        {"name": name, "arguments": arguments} if kind == "function" else {"name": name, "input": arguments}
    )
    return Answer(0, Outcome.TOOL_CALL, tool_calls=({"id": "1", "type": kind, kind: body},))


def told(judgement):
    return [(check.type, check.passed, check.path) for check in judgement.checks]


def test_a_valid_answer_that_is_as_asserted_passes():
    judgement = judge_of(LABEL).judge(answered(GOOD), case())
    assert (judgement.outcome, judgement.passed, judgement.output) == (Outcome.OK, True, GOOD)
    assert told(judgement) == [("equals", True, "$.label")]


def test_an_answer_that_breaks_the_schema_is_invalid_and_every_violation_is_a_check():
    judgement = judge_of(LABEL).judge(answered({"label": "x", "more": 1}), case())
    assert judgement.outcome is Outcome.INVALID
    assert not judgement.passed
    assert told(judgement) == [
        ("json-schema", False, "$"),
        ("json-schema", False, "$"),
        ("json-schema", False, "$.label"),
    ]
    assert judgement.detail == '$: required property "score" is missing'


def test_beyond_twenty_violations_the_rest_is_counted():
    text = LABEL.replace("assert:\n  - {type: equals, path: $.label, value: refund}", "").replace(
        "{label: {type: string, enum: [refund, other]}, score: {type: number}}",
        "{label: {type: array, items: {type: string}}, score: {type: number}}",
    )
    judgement = judge_of(text).judge(answered({"label": [1] * 25, "score": 1}), case())
    assert len(judgement.checks) == 21
    assert "and 5 more" in judgement.checks[-1].message


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in {Outcome.OK, Outcome.TOOL_CALL}])
def test_an_outcome_that_is_not_expected_never_passes_and_says_why(outcome):
    judgement = judge_of(LABEL).judge(answered(None, outcome, detail="Because."), case())
    assert not judgement.passed
    (check,) = judgement.checks
    assert (check.type, check.message) == ("outcome", f"expected ok, got {outcome}: Because.")


@pytest.mark.parametrize(
    "outcome", [each.value for each in Outcome if each not in {Outcome.OK, Outcome.TOOL_CALL}]
)
def test_an_expected_outcome_passes_and_the_prompts_own_assertions_stay_out(outcome):
    judgement = judge_of(LABEL).judge(answered(None, Outcome(outcome)), case(outcome=outcome))
    assert judgement.passed
    assert told(judgement) == [("outcome", True, None)]


def test_an_expected_outcome_does_not_excuse_the_cases_own_assertions():
    refused = answered(None, Outcome.REFUSED, text="I cannot.")
    asserted = {"type": "contains", "value": "sorry"}
    judgement = judge_of(LABEL).judge(refused, case(asserted, outcome="refused"))
    assert not judgement.passed
    assert told(judgement) == [("outcome", True, None), ("contains", False, None)]


def test_a_proper_answer_where_a_refusal_is_expected_does_not_pass():
    judgement = judge_of(LABEL).judge(answered(GOOD), case(outcome="refused"))
    assert not judgement.passed
    assert judgement.checks[0].message == "expected refused, got ok"


def test_an_expected_invalid_answer_passes_without_a_failed_check():
    judgement = judge_of(LABEL).judge(answered({"label": "x", "score": 1}), case(outcome="invalid"))
    assert judgement.passed
    assert judgement.outcome is Outcome.INVALID
    assert all(check.passed for check in judgement.checks)


def test_an_invalid_answer_where_a_refusal_is_expected_tells_both():
    judgement = judge_of(LABEL).judge(answered({}), case(outcome="refused"))
    assert [check.type for check in judgement.checks] == ["outcome", "json-schema", "json-schema"]


def test_an_answer_without_declared_schema_passes_by_its_outcome():
    assert judge_of(TEXT).judge(answered(None, text="hello"), case()).passed


@pytest.mark.parametrize(
    ("answer", "outcome", "passed", "message"),
    [
        (call("look_up", '{"id": 3}'), Outcome.TOOL_CALL, True, None),
        (call("ping"), Outcome.TOOL_CALL, True, None),
        (call("shell", "ls", kind="custom"), Outcome.TOOL_CALL, True, None),
        (call("look_up", '{"id": "3"}'), Outcome.INVALID, False, "expected integer"),
        (call("look_up", "{}"), Outcome.INVALID, False, '"id" is missing'),
        (call("look_up", '{"id": 3'), Outcome.INVALID, False, "are not JSON"),
        (call("look_up", '{"id": NaN}'), Outcome.INVALID, False, "are not JSON"),
        (
            call("look_up", '{"id": 3, "id": 4}'),
            Outcome.INVALID,
            False,
            'the arguments of look_up are not JSON (the key "id" appears twice (line 1, column 11))',
        ),
        (call("look_up", '{"id": 3, "more": 1e999}'), Outcome.INVALID, False, "1e999 is too large"),
        (call("look_up", "[" * 100_000), Outcome.INVALID, False, "are not JSON"),
        (call("look_up", None), Outcome.INVALID, False, "are not a string"),
        (call("delete"), Outcome.INVALID, False, "not declared (declared: look_up, ping, shell)"),
        (Answer(0, Outcome.TOOL_CALL), Outcome.INVALID, False, "without making one"),
        (
            Answer(0, Outcome.TOOL_CALL, tool_calls=({"type": "function"},)),
            Outcome.INVALID,
            False,
            "not declared",
        ),
    ],
)
def test_a_tool_call_passes_only_with_a_declared_name_and_fitting_arguments(answer, outcome, passed, message):
    judgement = judge_of(TOOLS).judge(answer, case())
    assert (judgement.outcome, judgement.passed) == (outcome, passed)
    assert message is None or message in judgement.checks[0].message


def test_the_deprecated_functions_are_declared_tools_too():
    judge = judge_of(TEXT + "functions: [{name: f, parameters: {type: object, required: [a]}}]")
    assert judge.judge(call("f", '{"a": 1}'), case()).passed
    assert not judge.judge(call("f", "{}"), case()).passed


def test_a_tool_call_does_not_pass_where_the_case_says_ok():
    assert not judge_of(TOOLS).judge(call("ping"), case(outcome="ok")).passed


@pytest.mark.parametrize("outcome", [None, "ok", "tool_call"])
def test_a_tool_call_without_declared_tools_never_passes(outcome):
    judgement = judge_of(TEXT).judge(call("ping"), case(outcome=outcome))
    assert (judgement.outcome, judgement.passed) == (Outcome.TOOL_CALL, False)
    assert judgement.checks
    assert not any(check.passed for check in judgement.checks)


def test_assertions_see_cost_latency_finish_reason_and_vars():
    specs = (
        {"type": "cost", "threshold": 0.01},
        {"type": "latency", "threshold": 100},
        {"type": "finish-reason", "value": "stop"},
        {"type": "expr", "value": "text == vars.word"},
    )
    answer = answered(None, text="hello", finish_reason="stop")
    judgement = judge_of(TEXT).judge(answer, case(*specs, word="hello"), latency_ms=99, cost=0.01)
    assert judgement.passed, judgement.checks


def test_an_unknown_price_is_no_pass_and_names_the_model():
    judgement = judge_of(TEXT).judge(answered(None, text="a"), case({"type": "cost", "threshold": 1}))
    assert not judgement.passed
    assert judgement.checks[0].code == "unknown"
    assert "gpt-4o" in judgement.checks[0].message


def test_a_broken_assertion_of_the_prompt_or_its_tests_is_told_at_its_line_when_the_judge_is_built():
    text = (
        TEXT
        + "assert:\n  - {type: regex, value: '('}\ntests:\n  - {id: a, assert: [{type: equals, path: x, value: 1}]}\n"
    )
    with pytest.raises(Problems) as caught:
        judge_of(text)
    assert [error.location.line for error in caught.value.errors] == [4, 6]


def test_a_broken_assertion_of_a_row_is_told_before_anything_is_asked():
    with pytest.raises(FormatError) as caught:
        judge_of(TEXT).prepare(case({"type": "regex", "value": "("}))
    assert caught.value.location == HERE


def test_the_same_assertion_in_many_rows_is_compiled_once(monkeypatch):
    judge = judge_of(TEXT)
    judge.prepare(case({"type": "contains", "value": "a"}))
    monkeypatch.setattr("runner.checks.judge.compile_assertion", None)
    assert judge.judge(answered(None, text="a"), case({"type": "contains", "value": "a"})).passed


def test_assertions_that_differ_only_in_true_and_one_are_not_confused():
    judge = judge_of(LABEL.replace("assert:\n  - {type: equals, path: $.label, value: refund}", ""))
    one, true = ({"type": "equals", "path": "$.score", "value": value} for value in (1, True))
    assert judge.judge(answered(GOOD), case(one)).passed
    assert not judge.judge(answered(GOOD), case(true)).passed


def test_the_memory_of_compiled_assertions_is_bounded():
    judge = judge_of(TEXT)
    for number in range(3000):
        judge.prepare(case({"type": "equals", "value": str(number)}))
    assert len(judge._cache) <= 1024
