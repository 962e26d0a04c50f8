"""What is said of an assertion whose result is known before anything is asked, word for word, and where it is said."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from runner.checks.assertions import compile_assertion
from runner.checks.foregone import Foregone, Ground, foregone
from runner.errors import Location
from runner.files.model import Assertion
from runner.values import JsonPath

PLAIN = Ground("ok", json=False, finish_reasons=())
ANY_JSON = Ground("ok", json=True, finish_reasons=())
REFUSED = replace(ANY_JSON, outcome="refused")
EMPTY = replace(PLAIN, outcome="empty")
TRUNCATED = replace(PLAIN, outcome="truncated")
UNKNOWN_WORDS = replace(PLAIN, finish_reasons=None)


def with_schema(**properties: Any) -> Ground:
    schema = {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
    return replace(ANY_JSON, schema=schema)


STRICT = with_schema(
    label={"type": "string", "enum": ["refund", "order"]},
    score={"type": "integer"},
    fixed={"const": "x"},
    open={},
)
MANY = with_schema(word={"enum": [f"w{number}" for number in range(12)]})
MIXED = with_schema(v={"enum": ["a", "ab", 1]})

# (ground, type, assertion, what follows the type, whether that is turned round for `not-`, hint, the part of it)
ROWS = [
    (PLAIN, 'json-schema', {'value': {'type': 'string'}}, " can never pass: the prompt's response_format does not require JSON", False, 'declare a response_format, or assert something about the text', ('value',)),
    (PLAIN, 'contains', {'value': 'a', 'path': '$.a'}, " can never pass: the prompt's response_format does not require JSON", False, 'declare a response_format, or assert something about the text', ('path',)),
    (REFUSED, 'json-schema', {'value': {'type': 'string'}}, ' can never pass: an answer that is refused has no JSON output', False, 'assert something about its text', ('value',)),
    (EMPTY, 'contains', {'value': 'a'}, ' checks nothing: an answer that is empty has no text', False, 'leave the assertion out', ()),
    (PLAIN, 'equals', {'value': 3}, ' can never pass: the answer is text, which never equals 3', True, 'declare a response_format, or put the value in quotes', ('value',)),
    (PLAIN, 'equals', {'value': ' '}, ' can never pass: an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (ANY_JSON, 'is-json', {}, " can never fail: the prompt's response_format requires JSON, and any other answer fails anyway", True, 'leave the assertion out', ('value',)),
    (PLAIN, 'length', {'value': {'min': 1}}, ' can never fail: an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (PLAIN, 'length', {'value': {'max': 0}}, ' can never pass: an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (PLAIN, 'word-count', {'value': {'min': 1}}, ' can never fail: an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (PLAIN, 'word-count', {'value': 0}, ' can never pass: an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (PLAIN, 'regex', {'value': '.+'}, ' can never fail: ".+" matches every text; an answer without text is empty, which fails anyway', True, 'for a case that expects no text, write `outcome: empty`', ('value',)),
    (PLAIN, 'expr', {'value': 'output.a == 1'}, ": output is always null: the prompt's response_format does not require JSON", False, 'declare a response_format, or assert something about the text', ('value',)),
    (REFUSED, 'expr', {'value': 'output is none'}, ': output is always null: an answer that is refused has no JSON output', False, 'assert something about its text', ('value',)),
    (STRICT, 'contains', {'value': 'a', 'path': '$.lable'}, ' can never pass: the schema of response_format allows nothing at $.lable', False, 'did you mean "label"?', ('path',)),
    (STRICT, 'contains', {'value': 'a', 'path': '$.score'}, ' can never pass: $.score is of type number according to the schema of response_format', False, 'compare it with equals', ('path',)),
    (STRICT, 'length', {'value': 3, 'path': '$.score'}, ' can never pass: $.score is of type number according to the schema of response_format', False, None, ('path',)),
    (STRICT, 'equals', {'value': 'refnd', 'path': '$.label'}, ' can never pass: the schema of response_format never allows "refnd" at $.label', True, 'it allows "refund", "order"', ('value',)),
    (STRICT, 'equals', {'value': {}}, ' can never pass: the schema of response_format never allows {} at the output', True, None, ('value',)),
    (STRICT, 'equals', {'value': 'x', 'path': '$.fixed'}, ' can never fail: the schema of response_format allows "x" at $.fixed', True, None, ('value',)),
    (STRICT, 'contains', {'value': 'zzz', 'path': '$.label'}, ' can never pass: the schema of response_format allows "refund", "order" at $.label', True, None, ('value',)),
    (STRICT, 'regex', {'value': '^(refund|order)$', 'path': '$.label'}, ' can never fail: the schema of response_format allows "refund", "order" at $.label', True, None, ('value',)),
    (MANY, 'equals', {'value': 'zzz', 'path': '$.word'}, ' can never pass: the schema of response_format never allows "zzz" at $.word', True, 'it allows "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9" and 2 more', ('value',)),
    (MANY, 'contains', {'value': 'zzz', 'path': '$.word'}, ' can never pass: the schema of response_format allows "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9" and 2 more at $.word', True, None, ('value',)),
    (PLAIN, 'finish-reason', {'value': 'length'}, ' can never pass: an answer with finish_reason "length" is never ok', True, 'write `outcome: truncated` on the case', ('value',)),
    (PLAIN, 'finish-reason', {'value': 'content_filter'}, ' can never pass: an answer with finish_reason "content_filter" is never ok', True, 'write `outcome: filtered` on the case', ('value',)),
    (PLAIN, 'finish-reason', {'value': 'tool_calls'}, ' can never pass: an answer with finish_reason "tool_calls" is never ok', True, None, ('value',)),
    (PLAIN, 'finish-reason', {'value': 'stpo'}, ' can never pass: "stpo" is not a known finish_reason', True, "declare an endpoint's own words under its finish_reasons", ('value',)),
    (UNKNOWN_WORDS, 'finish-reason', {'value': 'length'}, ' can never pass: an answer with finish_reason "length" is never ok', True, 'write `outcome: truncated` on the case', ('value',)),
    (UNKNOWN_WORDS, 'finish-reason', {'value': 'tool_calls'}, ' can never pass: an answer with finish_reason "tool_calls" is never ok', True, None, ('value',)),
    (TRUNCATED, 'finish-reason', {'value': 'stop'}, ' can never pass: an answer with finish_reason "stop" is never truncated', True, 'write `outcome: ok` on the case', ('value',)),
    (REFUSED, 'finish-reason', {'value': 'length'}, ' can never pass: an answer with finish_reason "length" is never refused', True, 'write `outcome: truncated` on the case', ('value',)),
]  # fmt: skip
FREE = [
    (ANY_JSON, 'is-json', {'value': {'required': ['a']}}),
    (PLAIN, 'is-json', {}),
    (PLAIN, 'length', {'value': {'min': 2}}),
    (PLAIN, 'length', {'value': {'min': 1, 'max': 2}}),
    (PLAIN, 'length', {'value': {'max': 1}}),
    (PLAIN, 'contains', {'value': '.+'}),
    (ANY_JSON, 'expr', {'value': 'output.a == 1'}),
    (STRICT, 'length', {'value': 3}),
    (STRICT, 'contains', {'value': 'und', 'path': '$.label'}),
    (STRICT, 'contains', {'value': 'und'}),
    (UNKNOWN_WORDS, 'finish-reason', {'value': 'stpo'}),
]  # fmt: skip


def found(ground: Ground, kind: str, spec: dict[str, Any]) -> Foregone | None:
    return foregone(compile_assertion(Assertion({"type": kind, **spec}, Location("p"))), ground)


def turned(words: str) -> str:
    one, other = ("never pass", "never fail") if "never pass" in words else ("never fail", "never pass")
    return words.replace(one, other)


@pytest.mark.parametrize(("ground", "kind", "spec", "words", "turns", "hint", "at"), ROWS)
def test_an_assertion_that_is_decided_beforehand_is_told_with_a_hint_at_its_part(
    ground: Ground, kind: str, spec: dict[str, Any], words: str, turns: bool, hint: str | None, at: JsonPath
) -> None:
    assert found(ground, kind, spec) == Foregone(f"{kind}{words}", hint, at)
    negated = turned(words) if turns else words
    assert found(ground, f"not-{kind}", spec) == Foregone(f"not-{kind}{negated}", hint, at)


@pytest.mark.parametrize("negation", ["", "not-"])
@pytest.mark.parametrize(("ground", "kind", "spec"), FREE)
def test_of_an_assertion_that_answers_decide_nothing_is_told(
    ground: Ground, kind: str, spec: dict[str, Any], negation: str
) -> None:
    assert found(ground, negation + kind, spec) is None


def test_a_value_that_cannot_be_compared_passes_neither_form() -> None:
    """Of "a", "ab" and 1 the first two contain "a", and 1 is no text."""
    assert found(MIXED, "contains", {"value": "a", "path": "$.v"}) is None
    told = found(MIXED, "not-contains", {"value": "a", "path": "$.v"})
    assert told
    assert told.message == (
        'not-contains can never pass: the schema of response_format allows "a", "ab", 1 at $.v'
    )
    assert found(MIXED, "contains", {"value": "zzz", "path": "$.v"})
    assert found(MIXED, "not-contains", {"value": "zzz", "path": "$.v"}) is None


@pytest.mark.parametrize(
    ("outcome", "possible"),
    [
        ("ok", {"stop"}),
        ("truncated", {"length"}),
        ("filtered", {"content_filter"}),
        ("refused", {"stop", "tool_calls", "refusal"}),
        ("empty", {"stop"}),
        ("unparsable", {"stop"}),
        ("invalid", {"stop", "tool_calls"}),
        ("tool_call", {"stop", "tool_calls"}),
        ("error", {"stop", "length", "content_filter", "tool_calls", "refusal"}),
    ],
)
def test_each_outcome_has_its_finish_reasons(outcome: str, possible: set[str]) -> None:
    words = {"stop", "length", "content_filter", "tool_calls", "refusal"}
    ground = replace(PLAIN, outcome=outcome)
    assert {word for word in words if found(ground, "finish-reason", {"value": word}) is None} == possible


def test_an_answer_that_is_ok_may_end_with_a_call_where_there_are_tools() -> None:
    assert found(replace(PLAIN, tools=True), "finish-reason", {"value": "tool_calls"}) is None
    assert found(replace(TRUNCATED, tools=True), "finish-reason", {"value": "tool_calls"}) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        ".", ".+", ".+?", r"\S", r"\S+", r"[\s\S]", r"[\s\S]+", r"(.|\n)+", "(?s).", "(?s).+", "(?s)^.+$", "(?s)^.*$",
        r"^[\s\S]+$", r"^[\s\S]*$", r"^(.|\n)+$", r"^(.|\n)*$", r"(?s)\A.+\Z", r"(?s)\A.*\Z",
    ],
)  # fmt: skip
def test_a_pattern_that_every_text_with_anything_in_it_matches_decides_nothing(pattern: str) -> None:
    assert all(re.search(pattern, text) for text in ("a", " a\n", "\n\na\n\nb", "é"))
    told = found(PLAIN, "regex", {"value": pattern})
    assert told
    assert told.message.startswith("regex can never fail: ")
