"""What is said of the places of a path holds for every value that matches the schema."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.foregone import Ground, foregone
from runner.checks.jsonpath import parse
from runner.checks.places import declared_fields, places
from runner.errors import FormatError, Location
from runner.files.model import Assertion
from runner.schema import SchemaProblem, Validator
from runner.values import Json

scalars = st.sampled_from([None, True, False, 0, 1, 2.5, "", "a", "b"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
names = st.sampled_from(["string", "number", "integer", "boolean", "null", "array", "object"])


def schemas_of(inner):
    return st.fixed_dictionaries(
        {},
        optional={
            "type": names | st.lists(names, min_size=1, max_size=2, unique=True),
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "minLength": st.integers(0, 1),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "patternProperties": st.fixed_dictionaries({"^a": inner}),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "title": st.just("t"),
        },
    )


leaf = st.booleans() | st.builds(lambda name: {"type": name}, names) | st.just({"$ref": "#/$defs/d"})
schema = st.recursive(
    leaf,
    lambda inner: (
        schemas_of(inner)
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=2))
        | st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=6,
)
roots = st.builds(
    lambda root, shared: {**(root if isinstance(root, dict) else {"allOf": [root]}), "$defs": {"d": shared}},
    schema,
    schemas_of(leaf.filter(lambda each: each != {"$ref": "#/$defs/d"})),
)
paths = st.lists(st.sampled_from([".a", ".b", "[0]", "[1]", "[-1]", "[*]"]), max_size=3).map(
    lambda steps: "$" + "".join(steps)
) | st.sampled_from(["/a", "/0", "/a/0", "$..a"])


@pytest.mark.slow
@given(roots, values, paths)
@settings(max_examples=300)
def test_what_stands_at_a_place_of_a_valid_value_was_said_to_be_possible(root, value, path):
    try:
        validator = Validator(root)
    except SchemaProblem:
        assume(False)
    assume(not validator.check(value))
    said = places(root, parse(path))
    found = parse(path).find(value)
    if said is None:
        return
    for _, part in found:
        assert said.allows(part)
        assert said.values is None or part in said.values
    if said.certain and said.schemas:
        assert found


@pytest.mark.slow
@given(
    roots,
    values,
    paths,
    st.sampled_from(["equals", "contains", "starts-with", "length", "regex"]),
    st.booleans(),
    st.data(),
)
@settings(max_examples=300)
def test_an_assertion_is_refused_only_where_no_valid_answer_changes_its_result(
    root, value, path, kind, negated, data
):
    expected = {"equals": values, "length": st.integers(0, 2)}.get(kind, st.sampled_from(["a", "b", "x"]))
    spec = {"type": f"not-{kind}" if negated else kind, "value": data.draw(expected), "path": path}
    try:
        validator = Validator(root)
        assertion = compile_assertion(Assertion(spec, Location("p")))
    except (SchemaProblem, FormatError):
        assume(False)
    assume(not validator.check(value))
    found = foregone(assertion, Ground("ok", json=True, schema=root))
    if found is None:
        return
    passed = assertion.check(AnswerView("{}", value, parsed=True)).passed
    if "never pass" in found.message:
        assert not passed
    elif parse(path).find(value):
        assert passed


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ({"type": "object", "properties": {"b": {}, "a": {"properties": {"deep": {}}}}}, ("b", "a")),
        (
            {"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {}}}, "y": {"properties": {"b": {}}}}},
            ("a",),
        ),
        (
            {"anyOf": [{"properties": {"a": {}}}, {"type": "null"}, {"properties": {"b": {}, "a": {}}}]},
            ("a", "b"),
        ),
        (
            {"properties": {"a": {}}, "allOf": [{"properties": {"b": {}}}], "oneOf": [{"$ref": "#"}]},
            ("a", "b"),
        ),
        ({"$ref": "#"}, ()),
        ({"type": "array", "items": {"properties": {"a": {}}}}, ()),
        ({"type": "string"}, ()),
        (True, ()),
    ],
)
def test_the_declared_fields_are_those_of_the_root_in_all_its_branches(
    schema: Json, fields: tuple[str, ...]
) -> None:
    assert tuple(declared_fields(schema)) == fields
