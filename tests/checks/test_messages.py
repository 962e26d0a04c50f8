"""What each assertion type says of an answer, word for word: what was expected and what came, and at which place."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.assertions import AnswerView, compile_assertion
from runner.errors import Location
from runner.files.model import Assertion

HERE = Location("p.prompt.yaml", 7)
OUTPUT: Any = {"a": {"b": [1, 2, 3]}, "l": [1, 2], "s": "abc", "n": None, "x": [{"v": 1}, {"v": 2}, {"v": 3}]}
JSON = AnswerView(
    "{...}",
    OUTPUT,
    parsed=True,
    finish_reason="stop",
    latency_ms=1234.5,
    cost=0.0021,
    model="m",
    vars={"v": "z"},
)
TEXT = AnswerView("Hello, World", finish_reason="stop", latency_ms=120.0, cost=0.002, vars={"v": "World"})
NOTHING = AnswerView()

ROWS: list[tuple[AnswerView, dict[str, Any], bool, str | None, str | None, str]] = [
    (TEXT, {'type': 'equals', 'value': 'Hello'}, False, None, None, 'expected "Hello", got "Hello, World"'),
    (TEXT, {'type': 'not-equals', 'value': 'Hello, World'}, False, None, None, 'expected anything but "Hello, World", got "Hello, World"'),
    (JSON, {'type': 'equals', 'path': '$.a', 'value': {'b': [1, 2, 4]}}, False, '$.a.b[2]', None, 'expected 4, got 3'),
    (JSON, {'type': 'equals', 'path': '$.a', 'value': {'b': [1, 2]}}, False, '$.a.b', None, 'expected [1, 2] (2 items), got [1, 2, 3] (3 items)'),
    (JSON, {'type': 'equals', 'path': '$.a', 'value': {'c': 1}}, False, '$.a.c', None, 'expected 1, got no such key'),
    (JSON, {'type': 'equals', 'path': '$.l', 'value': [1, 2]}, True, '$.l', None, 'as expected: [1, 2]'),
    (JSON, {'type': 'equals', 'path': '$.x[*].v', 'value': 1}, False, '$.x[1].v', None, 'expected 1, got 2 (and 1 more of 3 places)'),
    (JSON, {'type': 'equals', 'path': '$.x[*].v', 'value': 2}, False, '$.x[0].v', None, 'expected 2, got 1 (and 1 more of 3 places)'),
    (JSON, {'type': 'not-equals', 'path': '$.x[*].v', 'value': 2}, False, '$.x[1].v', None, 'expected anything but 2, got 2'),
    (JSON, {'type': 'equals', 'path': '$.none', 'value': 2}, False, '$.none', 'unknown', '$.none selects nothing in the output'),
    (TEXT, {'type': 'equals', 'path': '$.none', 'value': 2}, False, '$.none', 'unknown', "a path needs JSON output, but the prompt's response_format does not require JSON"),
    (TEXT, {'type': 'contains', 'value': 'World'}, True, None, None, 'as expected: text that contains "World"'),
    (TEXT, {'type': 'contains', 'value': 'x'}, False, None, None, 'expected text that contains "x", got "Hello, World"'),
    (TEXT, {'type': 'not-contains', 'value': 'World'}, False, None, None, 'expected text that does not contain "World", got "Hello, World"'),
    (JSON, {'type': 'contains', 'path': '$.l', 'value': 'x'}, False, '$.l', 'unknown', 'expected text that contains "x", but [1, 2] is not text'),
    (JSON, {'type': 'contains', 'path': '$.s', 'value': 'b'}, True, '$.s', None, 'as expected: text that contains "b"'),
    (TEXT, {'type': 'icontains', 'value': 'WORLD'}, True, None, None, 'as expected: text that contains "WORLD" (in any case)'),
    (TEXT, {'type': 'icontains', 'value': 'x'}, False, None, None, 'expected text that contains "x" (in any case), got "Hello, World"'),
    (TEXT, {'type': 'contains-any', 'value': ['x', 'World']}, True, None, None, 'as expected: text that contains one of "x", "World"'),
    (TEXT, {'type': 'contains-any', 'value': ['x', 'y']}, False, None, None, 'expected text that contains one of "x", "y", got "Hello, World"'),
    (TEXT, {'type': 'contains-any', 'value': [*'abcfgijkmn']}, False, None, None, 'expected text that contains one of "a", "b", "c", "f", "g", "i", "j", "k", "m", "n", got "Hello, World"'),
    (TEXT, {'type': 'contains-any', 'value': [*'abcfgijkmnp']}, False, None, None, 'expected text that contains one of "a", "b", "c", "f", "g", "i", "j", "k", "m", "n" and 1 more, got "Hello, World"'),
    (TEXT, {'type': 'contains-any', 'value': [*'abcfgijkmnpq']}, False, None, None, 'expected text that contains one of "a", "b", "c", "f", "g", "i", "j", "k", "m", "n" and 2 more, got "Hello, World"'),
    (TEXT, {'type': 'contains-all', 'value': ['x', 'World', 'y']}, False, None, None, 'expected text that contains all of "x", "World", "y", "x", "y" is missing from "Hello, World"'),
    (TEXT, {'type': 'not-contains-all', 'value': ['Hello', 'World']}, False, None, None, 'expected text that does not contain all of "Hello", "World", got "Hello, World"'),
    (TEXT, {'type': 'icontains-all', 'value': ['x', 'WORLD', 'Y']}, False, None, None, 'expected text that contains all of "x", "WORLD", "Y" (in any case), "x", "Y" is missing from "Hello, World"'),
    (TEXT, {'type': 'icontains-any', 'value': ['X', 'Y']}, False, None, None, 'expected text that contains one of "X", "Y" (in any case), got "Hello, World"'),
    (TEXT, {'type': 'starts-with', 'value': 'x'}, False, None, None, 'expected text that starts with "x", got "Hello, World"'),
    (TEXT, {'type': 'istarts-with', 'value': 'HELLO'}, True, None, None, 'as expected: text that starts with "HELLO" (in any case)'),
    (TEXT, {'type': 'ends-with', 'value': 'x'}, False, None, None, 'expected text that ends with "x", got "Hello, World"'),
    (TEXT, {'type': 'iends-with', 'value': 'WORLD'}, True, None, None, 'as expected: text that ends with "WORLD" (in any case)'),
    (TEXT, {'type': 'regex', 'value': 'W\\w+d'}, True, None, None, 'as expected: text that matches "W\\\\w+d"'),
    (TEXT, {'type': 'regex', 'value': 'x'}, False, None, None, 'expected text that matches "x", got "Hello, World"'),
    (TEXT, {'type': 'not-regex', 'value': 'W'}, False, None, None, 'expected text that does not match "W", got "Hello, World"'),
    (TEXT, {'type': 'is-json'}, False, None, None, 'expected text that is JSON, is not JSON: Expecting value at line 1, column 1: "Hello, World"'),
    (AnswerView('{"a": 1}'), {'type': 'is-json'}, True, None, None, 'as expected: text that is JSON'),
    (AnswerView('{"a": 1}'), {'type': 'is-json', 'value': {'type': 'object', 'required': ['b']}}, False, None, None, 'expected text that is JSON that matches the schema, required property "b" is missing: "{\\"a\\": 1}"'),
    (AnswerView('{"a": 1}'), {'type': 'not-is-json', 'value': {'type': 'object', 'required': ['a']}}, False, None, None, 'expected text that is not JSON that matches the schema, got "{\\"a\\": 1}"'),
    (AnswerView('{"a": 1}'), {'type': 'is-json', 'value': {'type': 'object', 'required': ['b', 'c']}}, False, None, None, 'expected text that is JSON that matches the schema, required property "b" is missing: "{\\"a\\": 1}"'),
    (AnswerView('{"a": 1}'), {'type': 'not-is-json'}, False, None, None, 'expected text that is not JSON, got "{\\"a\\": 1}"'),
    (AnswerView('x {"a": 1} y'), {'type': 'contains-json'}, True, None, None, 'as expected: text that contains a JSON object'),
    (TEXT, {'type': 'contains-json'}, False, None, None, 'expected text that contains a JSON object, got "Hello, World"'),
    (AnswerView('x {"a": 1} y'), {'type': 'contains-json', 'value': {'type': 'object', 'required': ['b']}}, False, None, None, 'expected text that contains a JSON object that matches the schema, got "x {\\"a\\": 1} y"'),
    (AnswerView('x {"a": 1} y'), {'type': 'not-contains-json'}, False, None, None, 'expected text that contains no JSON object, got "x {\\"a\\": 1} y"'),
    (JSON, {'type': 'json-schema', 'path': '$.a', 'value': {'type': 'object', 'required': ['c', 'd']}}, False, '$.a', None, 'required property "c" is missing (and 1 more)'),
    (JSON, {'type': 'json-schema', 'value': {'type': 'object', 'required': ['s']}}, True, None, None, 'as expected: a value that matches the schema'),
    (JSON, {'type': 'not-json-schema', 'value': {'type': 'object', 'required': ['s']}}, False, None, None, 'expected a value that does not match the schema, got {"a": {"b": [1, 2, 3]}, "l": [1, 2], "s": "abc", "n": null, "x": [{"v": 1}, {"v": 2}, {"v": 3}]}'),
    (JSON, {'type': 'json-schema', 'path': '$.a', 'value': {'type': 'object', 'required': ['c']}}, False, '$.a', None, 'required property "c" is missing'),
    (TEXT, {'type': 'word-count', 'value': 2}, True, None, None, 'as expected: text that has 2 words'),
    (TEXT, {'type': 'word-count', 'value': 3}, False, None, None, 'expected text that has 3 words, got 2'),
    (TEXT, {'type': 'word-count', 'value': {'min': 3}}, False, None, None, 'expected text that has at least 3 words, got 2'),
    (TEXT, {'type': 'word-count', 'value': {'max': 1}}, False, None, None, 'expected text that has at most 1 words, got 2'),
    (TEXT, {'type': 'word-count', 'value': {'min': 3, 'max': 5}}, False, None, None, 'expected text that has 3 to 5 words, got 2'),
    (TEXT, {'type': 'not-word-count', 'value': {'min': 1, 'max': 5}}, False, None, None, 'expected text that does not have 1 to 5 words, got 2'),
    (TEXT, {'type': 'length', 'value': 12}, True, None, None, 'as expected: a length of 12'),
    (TEXT, {'type': 'length', 'value': {'max': 11}}, False, None, None, 'expected a length of at most 11, got 12 characters'),
    (TEXT, {'type': 'length', 'value': {'min': 13}}, False, None, None, 'expected a length of at least 13, got 12 characters'),
    (TEXT, {'type': 'length', 'value': {'min': 1, 'max': 3}}, False, None, None, 'expected a length of 1 to 3, got 12 characters'),
    (TEXT, {'type': 'not-length', 'value': {'min': 1, 'max': 30}}, False, None, None, 'expected anything but a length of 1 to 30, got 12 characters'),
    (JSON, {'type': 'length', 'path': '$.l', 'value': 3}, False, '$.l', None, 'expected a length of 3, got 2 items'),
    (JSON, {'type': 'length', 'path': '$.a', 'value': 3}, False, '$.a', None, 'expected a length of 3, got 1 keys'),
    (JSON, {'type': 'length', 'path': '$.n', 'value': 3}, False, '$.n', 'unknown', 'expected a length of 3, but null has none'),
    (TEXT, {'type': 'levenshtein', 'value': 'Hello World'}, True, None, None, 'as expected: text that is at most 5 characters from "Hello World"'),
    (TEXT, {'type': 'levenshtein', 'value': 'Goodbye, Moon', 'threshold': 2}, False, None, None, 'expected text that is at most 2 characters from "Goodbye, Moon", got "Hello, World"'),
    (TEXT, {'type': 'cost', 'threshold': 0.001}, False, None, None, 'expected a cost of at most $0.001, got $0.002'),
    (TEXT, {'type': 'cost', 'threshold': 0.002}, True, None, None, 'as expected: a cost of at most $0.002'),
    (JSON, {'type': 'cost', 'threshold': 1e-07}, False, None, None, 'expected a cost of at most $0.0000001, got $0.0021'),
    (AnswerView(cost=12), {'type': 'cost', 'threshold': 10}, False, None, None, 'expected a cost of at most $10, got $12'),
    (AnswerView(cost=0), {'type': 'not-cost', 'threshold': 10}, False, None, None, 'expected a cost above $10, got $0'),
    (NOTHING, {'type': 'cost', 'threshold': 1}, False, None, 'unknown', 'no price is known for this model: add one under models: in runner.yaml'),
    (AnswerView(model='m'), {'type': 'cost', 'threshold': 1}, False, None, 'unknown', 'no price is known for model m: add one under models: in runner.yaml'),
    (JSON, {'type': 'latency', 'threshold': 1000}, False, None, None, 'expected an answer within 1,000 ms, got 1,234 ms'),
    (TEXT, {'type': 'latency', 'threshold': 120}, True, None, None, 'as expected: an answer within 120 ms'),
    (NOTHING, {'type': 'latency', 'threshold': 120}, False, None, 'unknown', 'the duration of this answer is unknown'),
    (TEXT, {'type': 'finish-reason', 'value': 'length'}, False, None, None, 'expected finish_reason "length", got "stop"'),
    (TEXT, {'type': 'finish-reason', 'value': 'stop'}, True, None, None, 'as expected: finish_reason "stop"'),
    (TEXT, {'type': 'not-finish-reason', 'value': 'stop'}, False, None, None, 'expected any finish_reason but "stop", got "stop"'),
    (NOTHING, {'type': 'finish-reason', 'value': 'stop'}, False, None, 'unknown', 'the answer has no finish_reason'),
    (NOTHING, {'type': 'contains', 'value': 'x'}, False, None, 'unknown', 'the answer has no text'),
    (TEXT, {'type': 'json-schema', 'value': {'type': 'string', 'minLength': 1}}, False, None, 'unknown', "there is no JSON output: the prompt's response_format does not require JSON"),
    (TEXT, {'type': 'expr', 'value': 'text == vars.v'}, False, None, None, 'expected text == vars.v to be true, but text is "Hello, World" and vars.v is "World"'),
    (JSON, {'type': 'expr', 'value': 'output.s == vars.v'}, False, None, None, 'expected output.s == vars.v to be true, but output.s is "abc" and vars.v is "z"'),
    (JSON, {'type': 'not-expr', 'value': "output.s == 'abc'"}, False, None, None, "expected output.s == 'abc' to be false, but output.s is \"abc\""),
    (JSON, {'type': 'expr', 'value': "output.s == 'abc'"}, True, None, None, "as expected: output.s == 'abc' to be true"),
    (JSON, {'type': 'expr', 'value': 'vars | length == 2'}, False, None, None, 'expected vars | length == 2 to be true, but vars is {"v": "z"}'),
    (TEXT, {'type': 'expr', 'value': 'output is defined and output.a is defined'}, False, None, None, 'expected output is defined and output.a is defined to be true, but output is null'),
    (JSON, {'type': 'expr', 'value': 'output.s'}, False, None, 'unknown', '"output.s" must be true or false, but is "abc"'),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "spec", "passed", "path", "code", "message"), ROWS)
def test_a_check_says_what_was_expected_and_what_came_at_which_place(
    answer: AnswerView, spec: dict[str, Any], passed: bool, path: str | None, code: str | None, message: str
) -> None:
    result = compile_assertion(Assertion(spec, HERE)).check(answer)
    assert (result.type, result.passed, result.path, result.code) == (spec["type"], passed, path, code)
    assert result.message == message
