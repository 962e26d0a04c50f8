"""Rules that no answer can violate, or that never apply, are reported at their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.files.disk.tree import MemoryTree
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.regress.rules.rules import compile_rules
from runner.regress.vacuous import compares_nothing, redactions_that_hide_all, vacuous_rules
from runner.values import Json

HEAD = "model: m\nmessages: [{role: user, content: hi}]\n"
SCHEMA = """response_format:
  type: json_schema
  json_schema:
    name: a
    schema:
      type: object
      properties:
        label: {type: string}
        score: {type: number, minimum: 0, maximum: 1}
        items: {type: array, items: {type: object, properties: {sku: {type: string}}, additionalProperties: false}}
      additionalProperties: false
"""


def remarks(regression: str, schema: str = "") -> list[str]:
    text = f"{HEAD}regression: {regression}\n{schema}"
    tree = MemoryTree({"p.prompt.yaml": text.encode()})
    prompt = load_prompt("p.prompt.yaml", tree)
    project = load_project_from(tree, tree_root(), environ={})
    return [
        f"{each.location}: {each.message}" for each in vacuous_rules(prompt, compile_rules(prompt, project))
    ]


def tree_root() -> Path:
    return Path("/nowhere")


NOTHING = "no part of an answer is compared: everything is ignored, so no change can be found"


@pytest.mark.parametrize(
    ("regression", "said"),
    [
        ("{default: ignore}", NOTHING),
        ("{rules: [{path: $, ignore: true}]}", NOTHING),
        ("{default: ignore, rules: [{path: $.a, presence: optional}]}", NOTHING),
        ("{default: ignore, rules: [{path: $.a, ignore: true}]}", NOTHING),
        (
            "{rules: [{path: $.a, compare: number, rel: 1}]}",
            "rel 1 treats any two numbers of the same sign, and 0",
        ),
        ("{rules: [{path: $.a, compare: number, rel: 5}]}", "rel 5 treats any two numbers as equal"),
        ("{rules: [{path: $.a, compare: regex, pattern: '.*'}]}", '".*" matches any text'),
        ("{rules: [{path: $.a, compare: regex, pattern: '[\\s\\S]*'}]}", "matches any text"),
        ("{rules: [{path: $.a, compare: regex, pattern: '(?s).*|x'}]}", "matches any text"),
        (
            "{rules: [{path: $.a, compare: keyed, key: k}, {path: '$.a[*]', ignore: true}]}",
            "the items of $.a are ignored, so nothing is compared",
        ),
        (
            "{rules: [{path: $.a, compare: set}, {path: '$.a[*]', ignore: true}]}",
            "so only whether there are any is compared",
        ),
        ("{rules: [{path: $.a, compare: seen}]}", "with one sample, only the approved value"),
        (
            "{rules: [{path: $.a, ignore: true}, {path: $.a, compare: text}]}",
            "a later rule has the same path $.a, so this one never applies",
        ),
    ],
)
def test_a_rule_that_compares_nothing_is_told_at_its_line(regression: str, said: str) -> None:
    [remark] = remarks(regression)
    assert remark.startswith("p.prompt.yaml:3:")
    assert said in remark


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{path: $.labl, compare: text}", "no answer has a $.labl: the schema does not allow it"),
        (
            "{path: $.label, compare: number, abs: 1}",
            "never applies: the schema allows only string at $.label",
        ),
        ("{path: $.score, compare: set}", "set never applies: the schema allows only number at $.score"),
        ("{path: $.label, length: {abs: 1}}", "never applies: the schema allows only string"),
        (
            "{path: $.score, compare: number, abs: 1}",
            "treats any two numbers as equal: the schema allows 0 to 1",
        ),
        ("{path: '$.items[*].price', compare: number, abs: 1}", "no answer has a $.items[*].price"),
    ],
)
def test_a_rule_to_which_the_schema_leaves_nothing_is_told(rule: str, said: str) -> None:
    [remark] = remarks(f"{{rules: [{rule}]}}", SCHEMA)
    assert said in remark


@pytest.mark.parametrize(
    "regression",
    [
        "{}",
        "{default: text}",
        "{default: ignore, rules: [{path: $.label, compare: exact}]}",
        "{default: ignore, rules: [{path: $.items, length: {abs: 1}}]}",
        "{default: ignore, rules: [{path: $, compare: exact}]}",
        "{rules: [{path: $, ignore: true}, {path: $.label, compare: text}]}",
        "{rules: [{path: $.score, compare: number, abs: 0.05, rel: 0.5}]}",
        "{rules: [{path: $.label, compare: regex, pattern: '[a-z]+'}]}",
        "{samples: 3, rules: [{path: $.label, compare: seen}]}",
        "{rules: [{path: $.items, compare: keyed, key: sku}, {path: '$.items[*].sku', ignore: true}]}",
        "{rules: [{path: '$.items[*].sku', compare: similar, min: 0.1}, {path: $..sku, compare: text}]}",
    ],
)
def test_rules_that_leave_something_to_compare_are_not_remarked_on(regression: str) -> None:
    assert remarks(regression, SCHEMA) == []


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [({"a": 1}, True), ({"a": [1, {"b": 2}]}, True), ({"a": 1, "c": 2}, False), ("x", False)],
)
def test_an_answer_all_of_whose_parts_are_ignored_compares_nothing(answer: Json, nothing: bool) -> None:
    text = f"{HEAD}regression: {{rules: [{{path: $.a, ignore: true}}]}}\n"
    tree = MemoryTree({"p.prompt.yaml": text.encode()})
    prompt = load_prompt("p.prompt.yaml", tree)
    rules = compile_rules(prompt, load_project_from(tree, tree_root(), environ={}))
    assert compares_nothing(rules, answer) is nothing


@pytest.mark.parametrize(
    ("entry", "hides"),
    [
        ("{path: $}", True),
        ("{regex: '.+'}", True),
        ("{path: $, regex: '[\\s\\S]+'}", True),
        ("{path: $.name}", False),
        ("{regex: '[a-z]+@[a-z.]+'}", False),
    ],
)
def test_a_redaction_of_whole_answers_is_told(entry: str, hides: bool) -> None:
    tree = MemoryTree({"runner.yaml": f"redact:\n  - {entry}\n".encode()})
    found = list(redactions_that_hide_all(load_project_from(tree, tree_root(), environ={})))
    assert [str(each.location) for each in found] == (["runner.yaml:2:5"] if hides else [])


@pytest.mark.parametrize("value", ["1e999", ".inf", ".nan"])
def test_a_tolerance_that_is_no_number_is_refused(value: str) -> None:
    from runner.errors import RunnerError

    with pytest.raises(RunnerError) as caught:
        remarks(f"{{rules: [{{path: $.a, compare: number, abs: {value}}}]}}")
    assert "p.prompt.yaml:3:" in str(caught.value)
