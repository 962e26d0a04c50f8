"""Labels, numbers and sets: compared as the schema types them, refused where no answer can be right, recorded either way."""

from __future__ import annotations

import json

import pytest

from runner.checks.judge import Judge
from runner.errors import Location, Problems, RunnerError
from runner.files.disk.tree import MemoryTree
from runner.files.model import Case
from runner.files.prompt import load_prompt
from runner.wire.reply import Answer, Outcome

SCHEMA = """
response_format:
  type: json_schema
  json_schema:
    name: t
    strict: true
    schema:
      type: object
      additionalProperties: false
      required: [topic, level, amount, tags]
      properties:
        topic: {type: string, enum: [bug, login, payment]}
        level: {type: integer, enum: [1, 2, 3]}
        amount: {type: number}
        tags: {type: array, items: {type: string, enum: [red, green]}}
"""
HEAD = "model: m\nmessages: [{role: user, content: hi}]\n"
GOOD = {"topic": "bug", "level": 2, "amount": 10.0, "tags": ["red"]}


def judge_of(declared: str, schema: str = SCHEMA) -> Judge:
    return Judge(
        load_prompt(
            "p.prompt.yaml", MemoryTree({"p.prompt.yaml": (HEAD + declared + "\n" + schema).encode()})
        )
    )


def case(outcome=None, **expected) -> Case:
    return Case(
        "c", {}, Location("r.csv", 2), outcome=outcome,
        expected={kind: (value, ("r.csv", 2, 9)) for kind, value in expected.items()},
    )  # fmt: skip


def judged(declared: str, expected: dict, output=GOOD, schema: str = SCHEMA, outcome=Outcome.OK, text=None):
    judge = judge_of(declared, schema)
    this = case(**expected)
    judge.prepare(this)
    said = text if text is not None else json.dumps(output)
    return judge.judge(Answer(0, outcome, text=said, output=output if schema else None), this)


def refused(act) -> str:
    with pytest.raises(RunnerError) as caught:
        act()
    error = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    return f"{error.location}: {error.message}" + (f" ({error.hint})" if error.hint else "")


def test_a_right_label_passes_and_is_recorded():
    judgement = judged("labels: {path: $.topic}", {"labels": "bug"})
    assert judgement.passed
    assert judgement.measured == {"labels": {"path": "$.topic", "expected": "bug", "got": "bug"}}


def test_a_wrong_label_fails_like_equals():
    judgement = judged("labels: {path: $.topic}", {"labels": "login"})
    assert not judgement.passed
    assert [(check.type, check.path, check.message) for check in judgement.checks] == [
        ("labels", "$.topic", 'expected "login", got "bug"')
    ]


def test_text_of_a_cell_is_read_as_the_type_that_the_schema_has_there():
    assert judged("labels: {path: $.level}", {"labels": "2"}).passed
    assert not judged("labels: {path: $.level}", {"labels": "3"}).passed


def test_an_answer_that_is_not_ok_has_an_expected_label_and_none_that_came():
    judgement = judged("labels: {path: $.topic}", {"labels": "bug"}, None, outcome=Outcome.REFUSED, text="no")
    assert not judgement.passed
    assert judgement.measured == {"labels": {"path": "$.topic", "expected": "bug"}}


def test_without_json_the_text_is_the_label_without_surrounding_white_space():
    assert judged("labels: {}", {"labels": "bug"}, schema="", text=" bug\n").passed
    assert not judged("labels: {}", {"labels": "bug"}, schema="", text="bug.").passed


def test_without_json_a_number_is_the_whole_text():
    assert judged("numbers: {within: {abs: 0.5}}", {"numbers": "42"}, schema="", text="42.5\n").passed
    judgement = judged("numbers: {within: {abs: 1}}", {"numbers": 42}, schema="", text="about 42")
    assert not judgement.passed
    assert judgement.measured == {"numbers": {"path": None, "expected": 42}}


@pytest.mark.parametrize(
    ("within", "wanted", "passes"),
    [("abs: 0", 10, True), ("abs: 0.5", 10.5, True), ("abs: 0.5", 10.6, False), ("rel: 0.1", 11, True), ("rel: 0.1", 12, False),
     ("rel: 0.1", -10, False), ("abs: 0.1", 9.9, True)],
)  # fmt: skip
def test_a_number_is_right_within_its_tolerance(within, wanted, passes):
    judgement = judged(f"numbers: {{path: $.amount, within: {{{within}}}}}", {"numbers": wanted})
    assert judgement.passed is passes
    assert judgement.measured is not None
    assert judgement.measured["numbers"]["within"] is passes


def test_a_set_is_right_in_any_order():
    output = {**GOOD, "tags": ["green", "red"]}
    assert judged("sets: {path: $.tags}", {"sets": ["red", "green"]}, output).passed
    assert judged("sets: {path: $.tags, separator: ';'}", {"sets": "red; green"}, output).passed
    assert judged("sets: {path: $.tags}", {"sets": '["green", "red"]'}, output).passed
    assert not judged("sets: {path: $.tags}", {"sets": ["red"]}, output).passed


def test_a_label_that_the_schema_never_allows_is_refused_at_its_cell():
    told = refused(lambda: judged("labels: {path: $.topic}", {"labels": "bugs"}))
    assert told == (
        'r.csv:2:9: label: the schema of response_format never allows "bugs" at $.topic (did you mean "bug"?)'
    )
    assert refused(lambda: judged("labels: {path: $.topic}", {"labels": "weather"})).endswith(
        '(it allows "bug", "login", "payment")'
    )
    assert 'did you mean "green"?' in refused(lambda: judged("sets: {path: $.tags}", {"sets": ["gren"]}))


@pytest.mark.parametrize(
    ("declared", "expected", "why"),
    [("labels: {path: $.level}", {"labels": "high"}, "expected a number, got"),
     ("numbers: {path: $.amount, within: {abs: 1}}", {"numbers": "ten"}, "expected a number"),
     ("numbers: {path: $.amount, within: {abs: 1}}", {"numbers": float("inf")}, "not a finite number"),
     ("numbers: {path: $.amount, within: {abs: 1}}", {"numbers": 10**400}, "not a finite number"),
     ("sets: {path: $.tags}", {"sets": "red, green"}, "expected a list as JSON"),
     ("sets: {path: $.tags}", {"sets": ["red", "red"]}, "an item twice")],
)  # fmt: skip
def test_a_right_value_that_no_answer_can_have_is_refused(declared, expected, why):
    told = refused(lambda: judged(declared, expected))
    assert told.startswith("r.csv:2:9: ")
    assert why in told


def test_a_case_that_expects_a_refusal_has_no_label():
    judge = judge_of("labels: {path: $.topic}")
    assert "expects the outcome refused has no label" in refused(
        lambda: judge.prepare(case("refused", labels="bug"))
    )


@pytest.mark.parametrize(
    ("declared", "schema", "why"),
    [("labels: {path: $.topik}", SCHEMA, 'allows nothing at $.topik (did you mean "topic"?)'),
     ("labels: {path: $.tags}", SCHEMA, "$.tags is of type array"),
     ("numbers: {path: $.topic, within: {abs: 1}}", SCHEMA, "$.topic is of type string"),
     ("sets: {path: $.topic}", SCHEMA, "$.topic is of type string"),
     ("labels: {path: '$.tags[*]'}", SCHEMA, "may select several values"),
     ("labels: {path: topic}", SCHEMA, '"topic" is not a path'),
     ("labels: {path: $.topic}", "", "does not require JSON"),
     ("sets: {}", "", "does not require JSON")],
)  # fmt: skip
def test_a_target_that_no_answer_can_reach_is_refused_at_its_line(declared, schema, why):
    told = refused(lambda: judge_of(declared, schema))
    assert told.startswith("p.prompt.yaml:3:")
    assert why in told


def remarks(*labels) -> list[str]:
    judge = judge_of("labels: {path: $.topic}")
    for number, label in enumerate(labels):
        judge.prepare(Case(f"c{number}", {}, Location("r.csv", 2 + number),
                           expected=None if label is None else {"labels": (label, ("r.csv", 2, 1))}))  # fmt: skip
    return [f"{remark.code} {remark.message}" for remark in judge.remarks]


def test_labels_of_one_kind_are_remarked_on():
    assert remarks("bug", "bug") == [
        'W031 all 2 labels are "bug": a prompt that always answers that is always right'
    ]
    assert remarks("bug", "login") == []


def test_cases_without_a_label_are_remarked_on():
    assert remarks("bug", None, "login", None) == ["W030 2 of 4 cases have no label: c1, c3"]
