"""The quick "valid" of jsonschema-rs beside the answer of `Validator` without it: never another one."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.schema import SchemaProblem, Validator, shortcut
from runner.schema.shortcut import CHECKS_BEFORE, Shortcut, is_plain

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("jsonschema_rs") is None, reason="jsonschema-rs (extra 'fast') is not installed"
)

TICKET = {
    "type": "object",
    "properties": {
        "category": {"enum": ["a", "b"]},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["category", "reasons"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had checked a great deal already."""
    monkeypatch.setattr(Shortcut, "checks", CHECKS_BEFORE)


def without(schema: Any) -> Callable[[Any], bool]:
    """Whether a value is valid, by the way that is always there."""
    validator = Validator(schema)
    validator._shortcut._decided = True  # and knows nothing
    return lambda value: validator.check(value) == ()


VALID_TICKET = without(TICKET)


# --- schemas and values that have much to do with each other ---------------------------------------------------

NAMES = st.sampled_from(["a", "b", "é", "😀", "$ref", "type"])
TEXTS = st.sampled_from(["", "a", "ab", "é", "e\u0301", "😀", "😀😀", "a\x00", "true", "1"])
NUMBERS = st.one_of(
    st.sampled_from(
        [
            0,
            -0.0,
            1,
            1.0,
            1.5,
            -1,
            2**53,
            2.0**53,
            2**53 + 1,
            2**63,
            2**64,
            2**70,
            -(2**70),
            10**400,
            1e16,
            1e300,
            0.1,
        ]
    ),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
)
ODD = st.sampled_from([float("nan"), float("inf"), -float("inf"), "\ud800", "\ud83d\ude00"])
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
        max_leaves=6,
    )


TYPES = st.sampled_from(["string", "number", "integer", "boolean", "object", "array", "null"])
SIZES = st.integers(0, 3)
LIMITS = st.one_of(st.integers(-5, 5), st.sampled_from([2**53 - 1, 0.1, 1.5, 1e16, 1e300, -0.0]))


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=2, unique=True)),
            "enum": st.lists(st.one_of(TEXTS, st.none(), st.booleans(), NUMBERS), min_size=1, max_size=3, unique=True),
            "const": SCALARS,
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
            **dict.fromkeys(sorted(shortcut._SIZES), SIZES),
            **dict.fromkeys(sorted(shortcut._BOUNDS), LIMITS),
            # What is not agreed on; a schema with one of these must not take the shortcut.
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "uniqueItems": st.booleans(),
            "multipleOf": st.sampled_from([1, 0.1, 2]),
            "pattern": st.sampled_from(["^a$", r"\d", "é"]),
        },
    )  # fmt: skip


INNER = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=5)
SCHEMAS = st.builds(
    lambda schema, a, b: {**schema, "$defs": {"a": a, "b": b}}, keywords(INNER), keywords(INNER), INNER
)


@pytest.mark.slow
@needs_library
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, st.data())
def test_it_says_valid_for_what_is_valid_and_nothing_else(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    try:
        is_valid = without(schema)
    except SchemaProblem:
        return  # refers to itself endlessly
    Shortcut.checks = CHECKS_BEFORE
    shortcut = Shortcut(schema)
    for value in data.draw(st.lists(nested(SCALARS), min_size=1, max_size=4)):
        known, valid = shortcut.knows_valid(value), is_valid(value)
        assert known == (valid and is_plain(schema)), json.dumps([schema, value])
    for value in data.draw(st.lists(nested(SCALARS | ODD), max_size=3)):
        assert is_valid(value) or not shortcut.knows_valid(value), repr((schema, value))


@needs_library
@settings(max_examples=200)
@given(st.data())
def test_it_says_the_same_of_answers_that_nearly_fit(data: st.DataObject) -> None:
    """Where most values are valid, as answers are."""
    value = {
        "category": data.draw(st.sampled_from(["a", "b", "c", "A"])),
        "reasons": data.draw(
            st.lists(st.one_of(TEXTS, st.just("x"), st.sampled_from([1, None])), max_size=3)
        ),
        **data.draw(st.dictionaries(NAMES, SCALARS, max_size=1)),
    }
    Shortcut.checks = CHECKS_BEFORE
    assert Shortcut(TICKET).knows_valid(value) is VALID_TICKET(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"format": "email"},
        {"pattern": "^a$"},
        {"patternProperties": {"^a": {}}},
        {"multipleOf": 0.01},
        {"uniqueItems": True},
        {"not": {}},
        {"oneOf": [{}]},
        {"if": {}, "then": {}},
        {"contains": {}},
        {"prefixItems": [{}]},
        {"items": {"format": "email"}},
        {"properties": {"a": {"not": {}}}},
        {"anyOf": [{"pattern": "a"}]},
        {"$defs": {"a": {"pattern": "a"}}},
        {"enum": [1]},
        {"const": 1.0},
        {"const": {}},
        {"maximum": 1},
        {"type": "number", "maximum": 2**53},
        {"minLength": 1.0},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$id": "https://example.org/a"},
        {"$defs": {"a": {"$id": "https://example.org/a"}}},
        {"$defs": {"a": {"$anchor": "here"}}, "$ref": "#here"},
        {"properties": {"next": {"$ref": "#"}}},
        {"$defs": {"a": {"properties": {"next": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"},
        {"x-note": 1},
    ],
)
def test_a_keyword_that_is_not_agreed_on_takes_the_long_way(schema: dict[str, Any]) -> None:
    assert not is_plain(schema)
    assert not Shortcut(schema).knows_valid({})


def test_what_strict_schemas_are_made_of_is_agreed_on() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ticket",
        "description": "with a word on each part",
        "$defs": {"step": {"type": "object", "properties": {"why": {"type": ["string", "null"]}}}},
        "type": "object",
        "properties": {
            "pattern": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "null"}]},
            "score": {"type": "number", "minimum": 0, "maximum": 1.0},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
        },
        "required": ["pattern", "score", "tags"],
        "additionalProperties": False,
    }
    assert is_plain(schema)


def test_schemas_that_refer_to_one_another_many_times_are_read_once() -> None:
    names = [f"d{number}" for number in range(30)]
    defs: dict[str, Any] = {
        name: {"anyOf": [{"$ref": f"#/$defs/{after}"}] * 2} for name, after in itertools.pairwise(names)
    }
    assert not is_plain({"$defs": {**defs, names[-1]: {"type": "null"}}, "$ref": "#/$defs/d0"})  # too deep
    few = dict(list(defs.items())[-12:])
    assert is_plain({"$defs": {**few, names[-1]: {"type": "null"}}, "$ref": f"#/$defs/{names[-13]}"})


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Shortcut, "checks", 0)
    yield


@needs_library
@pytest.mark.usefixtures("cold")
def test_the_library_is_not_worth_loading_for_a_few_checks() -> None:
    code = (
        "import sys; from runner.schema import Validator; v = Validator({'type': 'string'})\n"
        "for n in range({}): assert v.check('a') == ()\n"
        "print('jsonschema_rs' in sys.modules)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code.replace("{}", str(count))], capture_output=True, text=True, check=True
        ).stdout.strip()
        for count in (CHECKS_BEFORE, CHECKS_BEFORE + 1)
    ]
    assert told == ["False", "True"]


def test_without_the_library_everything_goes_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not Shortcut(TICKET).knows_valid({"category": "a", "reasons": []})
    assert Validator(TICKET).check({"category": "a", "reasons": []}) == ()


def test_a_tuple_is_an_array_either_way() -> None:
    assert without({"type": "array"})(("a",))
    assert Validator({"type": "array"}).check(("a",)) == ()


@needs_library
def test_values_without_bottom_are_no_trouble() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    schema = {"type": "array", "items": {"type": "array"}}
    assert Shortcut(schema).knows_valid(value)
    assert without(schema)(value)
