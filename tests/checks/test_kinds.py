"""The registries of assertion types and comparators, and everything that lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

import pytest
from jsonschema import Draft202012Validator

from runner.checks.askers import ASKERS
from runner.checks.assertions import compile_assertion
from runner.checks.predicates import BUILDERS, Builder
from runner.errors import Location
from runner.files.assertion_types import (
    ASSERTION_TYPES,
    AssertionType,
    assertion_names,
    assertion_schema,
    assertion_type,
)
from runner.files.comparator_types import COMPARATORS, ComparatorName
from runner.files.formats import schema
from runner.files.model import Assertion
from runner.files.violations import FOREIGN_ASSERTIONS
from runner.regress.rules.compare_answers import compare
from runner.regress.rules.normalise import NAMES

from ..regress.support import compiled

DOCS = Path(__file__).resolve().parents[2] / "docs"


# --- assertion types --------------------------------------------------------------------------------------------


def test_the_schema_of_prompt_files_lists_the_types_plain_and_negated() -> None:
    branches = schema("prompt")["$defs"]["assertion"]["then"]["allOf"]
    described = [name for branch in branches for name in branch["if"]["properties"]["type"]["enum"]]
    listed = schema("prompt")["$defs"]["assertion"]["properties"]["type"]["enum"]
    assert listed == assertion_names()
    assert sorted(described) == sorted(listed)


def test_every_type_has_a_builder_and_every_builder_a_type() -> None:
    assert BUILDERS.keys() | ASKERS.keys() == ASSERTION_TYPES.keys()
    assert list(ASKERS) == [name for name, each in ASSERTION_TYPES.items() if each.asks]


def test_a_type_that_the_registry_gains_can_be_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added = AssertionType(
        "near",
        "text",
        {"type": "string"},
        "the text is near `value`",
        "string",
        keys={"most": {"type": "integer"}},
        negatable=False,
    )
    monkeypatch.setitem(cast("dict[str, AssertionType]", ASSERTION_TYPES), "near", added)
    monkeypatch.setitem(cast("dict[str, Builder]", BUILDERS), "near", BUILDERS["contains"])
    written = Draft202012Validator(assertion_schema()).is_valid
    assert written({"type": "near", "value": "a", "most": 3, "path": "$.a"})
    assert not written({"type": "near", "value": "a", "most": "3"})
    assert not written({"type": "not-near", "value": "a"})
    assert not written({"type": "contains", "value": "a", "most": 3})
    spec = {"type": "near", "value": "a", "most": 3}
    assert compile_assertion(Assertion(spec, Location("p"))).name == "near"


def test_a_negated_name_is_the_type_itself_turned_round() -> None:
    for name, each in ASSERTION_TYPES.items():
        assert assertion_type(name) == (each, False)
        assert assertion_type(f"not-{name}") == ((each, True) if each.negatable else None)
    assert assertion_type("not-not-equals") is None
    assert assertion_type("nope") is None


def test_a_hint_for_the_name_of_another_tool_is_for_no_type_of_ours() -> None:
    assert not FOREIGN_ASSERTIONS.keys() & ASSERTION_TYPES.keys()


def test_the_page_about_prompt_files_has_a_row_for_every_type() -> None:
    rows = _table("prompt-file.md", "| type | ")
    assert rows == [f"| `{each.name}` | {each.takes} | {each.holds} |" for each in ASSERTION_TYPES.values()]


# --- comparators ------------------------------------------------------------------------------------------------


def test_the_registry_has_every_comparator_that_the_code_can_name() -> None:
    assert tuple(COMPARATORS) == get_args(ComparatorName)


def test_the_schema_of_prompt_files_lists_the_comparators() -> None:
    rule = schema("prompt")["$defs"]["rule"]
    assert rule["properties"]["compare"]["enum"] == list(COMPARATORS)
    described = [branch["if"].get("properties", {}).get("compare") for branch in rule["else"]["allOf"]]
    assert [each["const"] for each in described if each] == list(COMPARATORS)


def test_the_schema_lists_the_normalisers_that_texts_are_compared_with() -> None:
    listed = COMPARATORS["text"].keys["normalise"]["items"]
    assert isinstance(listed, dict)
    assert sorted(listed["enum"]) == sorted(NAMES)


def test_the_page_about_rules_has_a_row_for_every_comparator() -> None:
    rows = [row for row in _table("regression-rules.md", "| rule | ") if row.startswith("| `compare: ")]
    assert rows == [
        f"| `compare: {each.name}` | {each.about} | {each.equal} |" for each in COMPARATORS.values()
    ]


# Of each comparator: a rule without its path, what it takes for equal to the approved value, and what not.
COMPARED: dict[str, tuple[str, Any, Any, Any]] = {
    "exact": ("", 1, 1.0, 2),
    "text": ("", "a b", "a  b", "a c"),
    "number": (", abs: 0.5", 1, 1.5, 2),
    "set": ("", [1, 2], [2, 1, 1], [1, 3]),
    "unordered": ("", [1, 2], [2, 1], [2, 1, 1]),
    "keyed": (", key: id", [{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 1}], [{"id": 1}, {"id": 3}]),
    "regex": (", pattern: 'a+'", "b", "aa", "ab"),
    "seen": ("", "a", "a", "b"),
    "similar": (", min: 0.5", "a b c", "a b d", "x y z"),
}


def test_every_comparator_has_its_row() -> None:
    assert list(COMPARED) == list(COMPARATORS)


@pytest.mark.parametrize("name", COMPARED)
def test_every_comparator_finds_equal_what_it_allows_and_different_what_it_does_not(name: str) -> None:
    keys, approved, alike, other = COMPARED[name]
    rules = compiled(f"{{path: $.a, compare: {name}{keys}}}")
    assert all(field.equal for field in compare(rules, {"a": approved}, {"a": alike}).fields)
    assert not all(field.equal for field in compare(rules, {"a": approved}, {"a": other}).fields)


@pytest.mark.parametrize("name", COMPARATORS)
def test_a_comparator_says_something_about_the_types_it_is_for_and_about_no_other(
    name: ComparatorName,
) -> None:
    rule = compiled(f"{{path: $.a, compare: {name}{COMPARED[name][0]}}}").rules[0]
    values = {"string": "a", "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
    types = COMPARATORS[name].types or values.keys()
    assert {each for each, value in values.items() if rule.fits(value)} == set(types) - {"integer"}


# --- documentation -----------------------------------------------------------------------------------------------


def _table(page: str, head: str) -> list[str]:
    """The rows of the first table of a page whose first row begins with `head`."""
    lines = iter((DOCS / page).read_text(encoding="utf-8").splitlines())
    assert any(line.startswith(head) for line in lines)
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows
