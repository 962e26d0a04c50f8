"""The registry of assertion types, and everything that lists them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from runner.checks.predicates import KINDS
from runner.files.formats import schema
from runner.files.violations import FOREIGN_ASSERTIONS
from runner.regress.rules.rules import Kind

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_schema_of_prompt_files_lists_the_types_of_the_registry_plain_and_negated() -> None:
    listed = schema("prompt")["$defs"]["assertion"]["properties"]["type"]["enum"]
    assert listed == [*KINDS, *(f"not-{name}" for name in KINDS)]


def test_a_hint_for_the_name_of_another_tool_is_for_no_type_of_ours() -> None:
    assert not FOREIGN_ASSERTIONS.keys() & KINDS.keys()


def test_every_type_is_documented() -> None:
    page = (REPOSITORY / "docs" / "prompt-file.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in page] == []


def test_the_schema_lists_the_comparators_that_rules_know() -> None:
    rule = schema("prompt")["$defs"]["rule"]
    # Without `compare` a rule is plain; `ignore` is a key of its own.
    assert set(rule["properties"]["compare"]["enum"]) == set(get_args(Kind)) - {"plain", "ignore"}
    described = [
        branch["if"]["properties"]["compare"]
        for branch in rule["else"]["allOf"]
        if "properties" in branch["if"]
    ]
    names = [name for each in described for name in each.get("enum", [each.get("const")])]
    assert sorted(names) == sorted(rule["properties"]["compare"]["enum"])
