from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.documents import parse_document
from runner.regress.rules.rule_edit import with_rule

RULE = {"compare": "number", "abs": 0.1}
BLOCK = "regression:\n  rules:\n    - path: $.a\n      compare: regex\n      pattern: |\n        x\n"
SPELT = "{path: $.c, compare: number, abs: 0.1}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: x\n", f"name: x\nregression:\n  rules:\n    - {SPELT}\n"),
        ("name: x", f"name: x\nregression:\n  rules:\n    - {SPELT}\n"),
        ("name: x\n...\n", f"name: x\nregression:\n  rules:\n    - {SPELT}\n...\n"),
        ("regression: {} # c\n", f"regression: {{rules: [{SPELT}]}} # c\n"),
        ("regression: {samples: 3} # c\n", f"regression: {{samples: 3, rules: [{SPELT}]}} # c\n"),
        ("regression: {rules: []}\n", f"regression: {{rules: [{SPELT}]}}\n"),
        (
            "regression:\n  rules: [{path: $.a, ignore: true}]\n",
            f"regression:\n  rules: [{{path: $.a, ignore: true}}, {SPELT}]\n",
        ),
        (
            "regression:\n  # why\n  samples: 3 # often\n\nname: x\n",
            f"regression:\n  # why\n  samples: 3 # often\n  rules:\n    - {SPELT}\n\nname: x\n",
        ),
        (
            "regression:\n  rules:\n  - path: $.a\n    ignore: true # id\n  # end\nname: x\n",
            f"regression:\n  rules:\n  - path: $.a\n    ignore: true # id\n  - {SPELT}\n  # end\nname: x\n",
        ),
        (f"{BLOCK}\nname: x\n", f"{BLOCK}    - {SPELT}\n\nname: x\n"),
    ],
)
def test_the_rule_becomes_the_last_one_and_nothing_else_changes(before: str, after: str) -> None:
    assert with_rule(before, "$.c", RULE) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n",
        "{name: x}\n",
        "name: [\n",
        "name: x\nregression:\n",
        "name: x\nregression: {rules: 3}\n",
        "a: &r [{path: $.a, ignore: true}]\nregression: {rules: *r}\n",
        "name: x\nnote: |\n  without a line end",
    ],
)
def test_what_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    assert with_rule(text, "$.c", RULE) is None


values = st.recursive(
    st.sampled_from(["1", "x", "'y'", "|\n    z", "# c\n    3"]), lambda inner: st.just("[a, {b: c}]") | inner
)


@given(
    st.lists(st.tuples(st.sampled_from(["samples", "default", "min_pass", "x-a"]), values), max_size=4),
    values,
)
def test_an_edited_file_says_the_same_and_the_rule(pairs: list[tuple[str, str]], other: str) -> None:
    keys = "".join(f"  {key}: {value}\n" for key, value in dict(pairs).items())
    text = f"name: {other}\n" + (f"regression:\n{keys}" if keys else "") + "# the end\n"
    edited = with_rule(text, "$.c", RULE)
    if edited is not None:
        old = parse_document(text.encode(), "x").value
        new = parse_document(edited.encode(), "x").value
        assert isinstance(old, dict)
        assert isinstance(new, dict)
        assert new["regression"].pop("rules") == [{"path": "$.c", **RULE}]
        assert new["regression"] == old.get("regression", {})
        assert [line for line in text.splitlines() if line not in edited.splitlines()] == []
