"""Of every assertion type: that it can pass and can fail, in both forms, and that it fails where it compares nothing.

A type that is added to the registry without its rows here fails the first test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.foregone import Ground, foregone
from runner.errors import FormatError, Location
from runner.files.assertion_types import ASSERTION_TYPES
from runner.files.formats import violations
from runner.files.model import Assertion

HERE = Location("p.prompt.yaml", 7, 5)
OUTPUT = {"word": "refund", "number": 3, "list": [1, 2], "object": {"a": 1}, "null": None, "yes": True}
JSON = AnswerView(
    "{...}", OUTPUT, parsed=True, finish_reason="stop", latency_ms=120.0, cost=0.002, vars={"v": "refund"}
)
TEXT = AnswerView("Hello, World", finish_reason="stop", latency_ms=120.0, cost=0.002, vars={"v": "World"})
NOTHING = AnswerView()

Spec = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Of one type: what it is asked with. `passing` and `failing` are pairs of answer and assertion; `unfit` compare
    nothing; `useless` can never fail or never pass, whatever the prompt; `foregone` cannot on some ground."""

    passing: list[tuple[AnswerView, Spec]]
    failing: list[tuple[AnswerView, Spec]]
    unfit: list[tuple[AnswerView, Spec]]
    useless: list[Spec]
    foregone: list[tuple[Ground, Spec, str]]


PLAIN = Ground("ok", json=False, finish_reasons=())
ANY_JSON = Ground("ok", json=True, finish_reasons=())
SCHEMA = {
    "type": "object",
    "required": ["label", "score", "tags", "more", "fixed"],
    "additionalProperties": False,
    "properties": {
        "label": {"type": "string", "enum": ["refund", "order"]},
        "score": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/tag"}},
        "more": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"note": {"type": "string"}}}]},
        "fixed": {"const": "x"},
        "open": {},
    },
    "$defs": {"tag": {"type": "string"}},
}
STRICT = Ground("ok", json=True, schema=SCHEMA, finish_reasons=())

NO_JSON = "does not require JSON"


def of_text(
    value: Any, other: Any, *, useless: list[Spec], more: list[tuple[Ground, Spec, str]] | None = None
) -> Rows:
    """A type that is asked about text: `value` fits "refund", `other` does not."""
    return Rows(
        passing=[(replace(JSON, text="refund"), {"value": value}), (JSON, {"value": value, "path": "$.word"})],
        failing=[(replace(JSON, text="refund"), {"value": other}), (JSON, {"value": other, "path": "$.word"})],
        unfit=[
            (NOTHING, {"value": value}),
            (TEXT, {"value": value, "path": "$.word"}),
            *((JSON, {"value": value, "path": f"$.{name}"}) for name in ("number", "list", "object", "null", "yes", "nope")),
            (JSON, {"value": value, "path": "$..nope"}),
        ],
        useless=[{"value": wrong} for wrong in (None, 1, True, {}, "")] + useless,
        foregone=[
            (PLAIN, {"value": value, "path": "$.label"}, NO_JSON),
            (replace(STRICT, outcome="refused"), {"value": value, "path": "$.label"}, "has no JSON output"),
            (replace(PLAIN, outcome="empty"), {"value": value}, "has no text"),
            (STRICT, {"value": value, "path": "$.lable"}, "allows nothing at $.lable"),
            (STRICT, {"value": value, "path": "$.score"}, "is of type number"),
            (STRICT, {"value": value, "path": "$.tags"}, "is of type array"),
            (STRICT, {"value": value, "path": "$.tags[2]"}, "allows nothing at $.tags[2]"),
            (STRICT, {"value": "zzz" if isinstance(value, str) else ["zzz"], "path": "$.label"}, 'allows "refund", "order"'),
            *(more or []),
        ],
    )  # fmt: skip


TABLE: dict[str, Rows] = {
    "equals": Rows(
        passing=[(JSON, {"value": OUTPUT}), (JSON, {"value": None, "path": "$.null"}), (TEXT, {"value": "Hello, World"})],
        failing=[(JSON, {"value": {}}), (JSON, {"value": 1, "path": "$.yes"}), (TEXT, {"value": "hello, World"})],
        unfit=[(NOTHING, {"value": "a"}), (TEXT, {"value": 1, "path": "$.a"}), (JSON, {"value": None, "path": "$.nope"})],
        useless=[],
        foregone=[
            (PLAIN, {"value": 3}, "never equals 3"),
            (PLAIN, {"value": None}, "never equals null"),
            (PLAIN, {"value": {"a": 1}}, "never equals {"),
            (PLAIN, {"value": " "}, "fails anyway"),
            (PLAIN, {"value": "a", "path": "$.a"}, NO_JSON),
            (replace(PLAIN, outcome="empty"), {"value": ""}, "has no text"),
            (STRICT, {"value": {}}, "never allows {} at the output"),
            (STRICT, {"value": "refnd", "path": "$.label"}, 'never allows "refnd" at $.label'),
            (STRICT, {"value": "3", "path": "$.score"}, 'never allows "3"'),
            (STRICT, {"value": -1, "path": "$.score"}, "never allows -1"),
            (STRICT, {"value": True, "path": "$.score"}, "never allows true"),
            (STRICT, {"value": 1, "path": "$.tags[0]"}, "never allows 1"),
            (STRICT, {"value": 1, "path": "$.tags[*]"}, "never allows 1"),
            (STRICT, {"value": 1, "path": "$.more.note"}, "never allows 1"),
            (STRICT, {"value": 1, "path": "/score/0"}, "allows nothing at /score/0"),
            (STRICT, {"value": "x", "path": "$.fixed"}, "can never"),
            (STRICT, {"value": 1, "path": "$.label.a"}, "allows nothing at $.label.a"),
        ],
    ),
    "contains": of_text("fun", "world", useless=[]),
    "icontains": of_text("FUN", "world", useless=[]),
    "contains-any": of_text(["x", "fun"], ["x"], useless=[{"value": "fun"}, {"value": []}, {"value": ["a", ""]}]),
    "contains-all": of_text(["re", "fun"], ["re", "x"], useless=[{"value": "fun"}, {"value": []}, {"value": ["a", ""]}]),
    "icontains-any": of_text(["x", "FUN"], ["x"], useless=[{"value": "fun"}, {"value": []}, {"value": ["a", ""]}]),
    "icontains-all": of_text(["RE", "fun"], ["re", "x"], useless=[{"value": "fun"}, {"value": []}, {"value": ["a", ""]}]),
    "starts-with": of_text("re", "fund", useless=[]),
    "ends-with": of_text("fund", "re", useless=[]),
    "istarts-with": of_text("RE", "fund", useless=[]),
    "iends-with": of_text("FUND", "re", useless=[]),
    "regex": of_text(
        "^re.*d$",
        "^fund",
        useless=[
            *({"value": f"{always}"} for always in (".*", "a*", "^", "$", "(x)?", "^a*", "a|", "(?i)x*", "[^a]*", "(?s).*")),
            *({"value": f"{always}"} for always in (r"\s*$", "(?!x)", "x{0,3}", r"\Z", "(?m)^", r"(a)*\1?")),
            *({"value": f"{always}"} for always in (r"^(\+?!x)?", r"(\+?<=x)?$", r"^(a*\$+)?", r"(\\b)*", r"^[^$]*", r"^[]$]*", r"[\]^]*$")),
            {"value": "("},
        ],
        more=[
            (PLAIN, {"value": ".+"}, "matches every text"),
            (PLAIN, {"value": r"\S"}, "matches every text"),
            (PLAIN, {"value": "(?s)^.*$"}, "matches every text"),
            (STRICT, {"value": "^(refund|order)$", "path": "$.label"}, "can never"),
        ],
    ),
    "json-schema": Rows(
        passing=[(JSON, {"value": {"required": ["word"]}}), (JSON, {"value": {"type": "string"}, "path": "$.word"})],
        failing=[(JSON, {"value": {"required": ["x"]}}), (JSON, {"value": {"type": "number"}, "path": "$.word"})],
        unfit=[(TEXT, {"value": {"type": "string"}}), (JSON, {"value": {"type": "string"}, "path": "$.nope"})],
        useless=[{"value": wrong} for wrong in (None, {}, True, "a", [], {"type": "strnig"})],
        foregone=[
            (PLAIN, {"value": {"type": "string"}}, NO_JSON),
            (replace(ANY_JSON, outcome="truncated"), {"value": {"type": "string"}}, "has no JSON output"),
            (STRICT, {"value": {"type": "string"}, "path": "$.lable"}, "allows nothing"),
            (STRICT, {"value": {"type": "number"}, "path": "$.label"}, 'allows "refund", "order"'),
        ],
    ),
    "is-json": Rows(
        passing=[
            (replace(TEXT, text='{"a": 1}'), {}),
            (replace(TEXT, text=" [1]\n"), {}),
            (replace(TEXT, text='{"a": 1}'), {"value": {"required": ["a"]}}),
        ],
        failing=[
            (TEXT, {}),
            (replace(TEXT, text='```json\n{"a": 1}\n```'), {}),
            (replace(TEXT, text='{"a": 1, "a": 2}'), {}),
            (replace(TEXT, text="NaN"), {}),
            (replace(TEXT, text='{"a": 1}'), {"value": {"required": ["b"]}}),
            (TEXT, {"value": {"required": ["b"]}}),
        ],
        unfit=[(NOTHING, {}), (TEXT, {"path": "$.word"}), (JSON, {"path": "$.number"})],
        useless=[{"value": wrong} for wrong in (None, {}, True, "a", [], {"type": "strnig"})],
        foregone=[
            (ANY_JSON, {}, "requires JSON"),
            (PLAIN, {"path": "$.a"}, NO_JSON),
            (replace(PLAIN, outcome="empty"), {}, "has no text"),
        ],
    ),
    "contains-json": Rows(
        passing=[
            (replace(TEXT, text='Here: {"a": 1}.'), {}),
            (replace(TEXT, text='{no} ```json\n{"a": {"b": 1}}\n```'), {"value": {"required": ["a"]}}),
            (replace(TEXT, text='{"b": 1} {"a": 1}'), {"value": {"required": ["a"]}}),
        ],
        failing=[
            (TEXT, {}),
            (replace(TEXT, text="{a: 1} [1, 2] {"), {}),
            (replace(TEXT, text='{"b": 1}'), {"value": {"required": ["a"]}}),
            (replace(TEXT, text='{"b": {"a": 1}}'), {"value": {"required": ["a"]}}),
        ],
        unfit=[(NOTHING, {}), (TEXT, {"path": "$.word"}), (JSON, {"path": "$.number"})],
        useless=[{"value": wrong} for wrong in (None, {}, True, "a", [], {"type": "strnig"})],
        foregone=[(PLAIN, {"path": "$.a"}, NO_JSON), (replace(PLAIN, outcome="empty"), {}, "has no text")],
    ),
    "word-count": Rows(
        passing=[(TEXT, {"value": 2}), (TEXT, {"value": {"max": 2}}), (JSON, {"value": {"min": 1}, "path": "$.word"})],
        failing=[(TEXT, {"value": 3}), (TEXT, {"value": {"min": 3}}), (JSON, {"value": 2, "path": "$.word"})],
        unfit=[(NOTHING, {"value": 3}), (JSON, {"value": 1, "path": "$.list"}), (JSON, {"value": 1, "path": "$.nope"})],
        useless=[
            *({"value": wrong} for wrong in (None, "3", -1, 1.5, True, [], {}, {"mim": 1}, {"min": 0})),
            {"value": {"min": 3, "max": 2}},
        ],
        foregone=[
            (PLAIN, {"value": {"min": 1}}, "fails anyway"),
            (PLAIN, {"value": 0}, "fails anyway"),
            (PLAIN, {"value": 3, "path": "$.a"}, NO_JSON),
            (STRICT, {"value": {"min": 2}, "path": "$.label"}, 'allows "refund", "order"'),
        ],
    ),
    "levenshtein": Rows(
        passing=[
            (TEXT, {"value": "Hello World!"}),
            (TEXT, {"value": "Hello, World", "threshold": 0}),
            (JSON, {"value": "refunds", "threshold": 1, "path": "$.word"}),
        ],
        failing=[(TEXT, {"value": "Good bye, World"}), (TEXT, {"value": "Hello, World!", "threshold": 0})],
        unfit=[(NOTHING, {"value": "abcdefg"}), (JSON, {"value": "abcdefg", "path": "$.number"})],
        useless=[
            *({"value": wrong} for wrong in (None, 1, "", "short", [])),
            {"value": "abc", "threshold": 3},
            {"value": "abcdefg", "threshold": -1},
            {"value": "abcdefg", "threshold": 1.5},
        ],
        foregone=[(PLAIN, {"value": "abcdefg", "path": "$.a"}, NO_JSON)],
    ),
    "length": Rows(
        passing=[(TEXT, {"value": 12}), (JSON, {"value": {"max": 6}}), (JSON, {"value": 2, "path": "$.list"})],
        failing=[(TEXT, {"value": 11}), (JSON, {"value": {"min": 7}}), (JSON, {"value": {"max": 1}, "path": "$.list"})],
        unfit=[
            (NOTHING, {"value": 3}),
            *((JSON, {"value": 1, "path": f"$.{name}"}) for name in ("number", "null", "yes", "nope")),
        ],
        useless=[
            *({"value": wrong} for wrong in (None, "3", -1, 1.5, True, [], {}, {"min": None}, {"mim": 1})),
            {"value": {"min": 0}},
            {"value": {"min": 3, "max": 2}},
            {"value": {"min": -1}},
            {"value": {"max": -1}},
        ],
        foregone=[
            (PLAIN, {"value": {"min": 1}}, "fails anyway"),
            (PLAIN, {"value": 0}, "fails anyway"),
            (PLAIN, {"value": {"max": 0}}, "fails anyway"),
            (PLAIN, {"value": 3, "path": "$.a"}, NO_JSON),
            (STRICT, {"value": 3, "path": "$.score"}, "is of type number"),
            (STRICT, {"value": {"min": 20}, "path": "$.label"}, 'allows "refund", "order"'),
            (STRICT, {"value": {"max": 6}, "path": "$.label"}, "can never"),
        ],
    ),
    "cost": Rows(
        passing=[(TEXT, {"threshold": 0.002}), (replace(TEXT, cost=0.0), {"threshold": 0})],
        failing=[(TEXT, {"threshold": 0.001}), (TEXT, {"threshold": 0})],
        unfit=[(NOTHING, {"threshold": 1}), (replace(TEXT, cost=None), {"threshold": 1})],
        useless=[{"threshold": wrong} for wrong in (None, -1, -0.001, True, "1", float("nan"), float("inf"))]
        + [{}, {"value": 1}, {"threshold": 1, "path": "$.a"}],
        foregone=[],
    ),
    "latency": Rows(
        passing=[(TEXT, {"threshold": 120})],
        failing=[(TEXT, {"threshold": 119.9})],
        unfit=[(NOTHING, {"threshold": 1000})],
        useless=[{"threshold": wrong} for wrong in (None, -1, 0, 0.0, True, "1", float("nan"), float("inf"))]
        + [{}, {"value": 1}, {"threshold": 1, "path": "$.a"}],
        foregone=[],
    ),
    "finish-reason": Rows(
        passing=[(TEXT, {"value": "stop"})],
        failing=[(TEXT, {"value": "length"}), (TEXT, {"value": "Stop"})],
        unfit=[(NOTHING, {"value": "stop"})],
        useless=[{"value": wrong} for wrong in (None, 1, "", [])] + [{"value": "stop", "path": "$.a"}],
        foregone=[
            (PLAIN, {"value": "length"}, 'finish_reason "length" is never ok'),
            (PLAIN, {"value": "MAX_TOKENS"}, "is never ok"),
            (PLAIN, {"value": "content_filter"}, "is never ok"),
            (PLAIN, {"value": "tool_calls"}, "is never ok"),
            (PLAIN, {"value": "stpo"}, "is not a known finish_reason"),
            (replace(PLAIN, outcome="truncated"), {"value": "stop"}, "is never truncated"),
        ],
    ),
    "expr": Rows(
        passing=[(TEXT, {"value": "vars.v in text"}), (JSON, {"value": "output.word == vars.v"})],
        failing=[(TEXT, {"value": "text == ''"}), (JSON, {"value": "output.number > 3"})],
        unfit=[
            (NOTHING, {"value": "'a' in text"}),
            *(
                (JSON, {"value": value})
                for value in (
                    "output.nope == 1", "output.number > 'a'", "output.word", "text", "output.number", "output.null",
                    "output.list", "1 / (output.number - 3) > 1", "text * 10 ** 9 == text", "output['word'].nope",
                )
            ),
        ],
        useless=[{"value": wrong} for wrong in (None, 1, True, "", "true", "false", "1 == 1", "'a'", "range(3) | list == []")]
        + [{"value": "text ==="}, {"value": "answer == 1"}, {"value": "text == ''", "path": "$.a"}],
        foregone=[
            (PLAIN, {"value": "output.word == 'a'"}, "output is always null"),
            (replace(ANY_JSON, outcome="refused"), {"value": "output is none"}, "output is always null"),
        ],
    ),
}  # fmt: skip


def compiled(kind: str, spec: Spec, *, negated: bool = False):
    return compile_assertion(Assertion({"type": f"not-{kind}" if negated else kind, **spec}, HERE))


def each(field: str) -> list[Any]:
    return [(kind, row) for kind, rows in TABLE.items() for row in getattr(rows, field)]


def test_every_type_of_the_registry_has_its_rows():
    assert list(TABLE) == [name for name, each in ASSERTION_TYPES.items() if not each.asks]
    for rows in TABLE.values():
        assert rows.passing
        assert rows.failing
        assert rows.unfit
        assert rows.useless or rows.foregone


@pytest.mark.parametrize(("kind", "row"), each("passing"))
def test_what_holds_passes_and_fails_the_not_form(kind, row):
    answer, spec = row
    results = [compiled(kind, spec, negated=negated).check(answer) for negated in (False, True)]
    assert [result.passed for result in results] == [True, False]
    assert [result.code for result in results] == [None, None]


@pytest.mark.parametrize(("kind", "row"), each("failing"))
def test_what_does_not_hold_fails_and_passes_the_not_form(kind, row):
    answer, spec = row
    results = [compiled(kind, spec, negated=negated).check(answer) for negated in (False, True)]
    assert [result.passed for result in results] == [False, True]


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("kind", "row"), each("unfit"))
def test_what_compares_nothing_fails_in_both_forms_with_a_reason(kind, row, negated):
    answer, spec = row
    result = compiled(kind, spec, negated=negated).check(answer)
    assert (result.passed, result.code) == (False, "unknown")
    assert result.message


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("kind", "spec"), each("useless"))
def test_what_can_never_fail_or_never_pass_is_refused_in_both_forms(kind, spec, negated):
    written = {"type": f"not-{kind}" if negated else kind, **spec}
    if not violations(written, "prompt", "assertion"):
        with pytest.raises(FormatError):
            compiled(kind, spec, negated=negated)


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("kind", "row"), each("foregone"))
def test_what_can_never_fail_or_never_pass_for_this_prompt_is_known_in_both_forms(kind, row, negated):
    ground, spec, reason = row
    found = foregone(compiled(kind, spec, negated=negated), ground)
    assert found is not None
    assert reason in found.message


@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(
    ("ground", "kind", "spec"),
    [
        (PLAIN, "equals", {"value": "a"}),
        (PLAIN, "contains", {"value": " "}),
        (PLAIN, "length", {"value": {"min": 2}}),
        (PLAIN, "regex", {"value": "^.*$"}),
        (PLAIN, "regex", {"value": "^(?!.*secret)"}),
        (PLAIN, "finish-reason", {"value": "eos"}),
        (replace(PLAIN, tools=True), "finish-reason", {"value": "tool_calls"}),
        (replace(PLAIN, finish_reasons=({"done": "stop"}, {})), "finish-reason", {"value": "done"}),
        (replace(PLAIN, finish_reasons=None), "finish-reason", {"value": "done"}),
        (replace(PLAIN, outcome="refused"), "contains", {"value": "sorry"}),
        (ANY_JSON, "equals", {"value": 3}),
        (ANY_JSON, "equals", {"value": 3, "path": "$.a"}),
        (ANY_JSON, "length", {"value": {"min": 1}}),
        (STRICT, "equals", {"value": "refund", "path": "$.label"}),
        (STRICT, "equals", {"value": 3.0, "path": "$.score"}),
        (STRICT, "equals", {"value": "a", "path": "$.tags[1]"}),
        (STRICT, "equals", {"value": "a", "path": "$..note"}),
        (STRICT, "equals", {"value": None, "path": "$.more"}),
        (STRICT, "equals", {"value": [], "path": "$.open"}),
        (STRICT, "equals", {"value": 1, "path": "$.more.other"}),
        (STRICT, "contains", {"value": "und", "path": "$.label"}),
        (STRICT, "contains", {"value": "a", "path": "$.more.note"}),
        (STRICT, "length", {"value": 2, "path": "$.tags"}),
        (replace(STRICT, outcome="invalid"), "equals", {"value": "other", "path": "$.label"}),
        (STRICT, "expr", {"value": "output.label == 'refund'"}),
    ],
)
def test_what_can_both_pass_and_fail_is_left_alone(ground, kind, spec, negated):
    assert foregone(compiled(kind, spec, negated=negated), ground) is None


@pytest.mark.parametrize(
    ("pattern", "other"),
    [
        ("^$", "a"),
        (r"\A\Z", "a"),
        ("(?<!a)(?!a)", "a"),
        ("(?<=^)(?=$)", "a"),
        (r"^(a*+)\1", "a"),
        (r"^((?>a*))\1", "a"),
        (r"^(a)?+(?(1)b)", "a"),
        (r"^[^a$]*$", "a"),
        (r"\B", "a"),
        (r"^\$*$", "a"),
    ],
)
def test_a_pattern_that_the_empty_text_matches_and_another_does_not_is_a_check(pattern, other):
    for negated in (False, True):
        assert (
            compiled("regex", {"value": pattern}, negated=negated).check(AnswerView(other)).passed is negated
        )


# --- properties -------------------------------------------------------------------------------------------------

texts = st.text("ab\n é", max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0]) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
some_text = st.text("ab\n é", min_size=1, max_size=3)
lengths = (
    st.integers(0, 6)
    | st.fixed_dictionaries({"max": st.integers(0, 6)})
    | st.builds(lambda least, more: {"min": least, "max": least + more}, st.integers(0, 3), st.integers(0, 3))
)
SPECS: dict[str, st.SearchStrategy[Any]] = {
    "equals": values,
    **dict.fromkeys(
        ("contains", "icontains", "starts-with", "ends-with", "istarts-with", "iends-with"), some_text
    ),
    **dict.fromkeys(("contains-any", "contains-all"), st.lists(some_text, min_size=1, max_size=3)),
    "regex": st.sampled_from(["a+", "^b", "b$", "[^a]b", r"\s", "(?i)É"]),
    "json-schema": st.sampled_from(
        [{"type": "string"}, {"minLength": 2}, {"maxItems": 1}, {"required": ["a"]}]
    ),
    "length": lengths,
}


@given(
    st.data(), st.sampled_from(sorted(SPECS)), values, st.sampled_from([None, "$", "$.a", "$[0]", "$[-1]"])
)
def test_one_of_the_two_forms_passes_where_something_is_compared_and_neither_where_not(
    data, kind, output, path
):
    spec = {"value": data.draw(SPECS[kind]), **({} if path is None else {"path": path})}
    answer = AnswerView("ab", output, parsed=True)
    plain, turned = (compiled(kind, spec, negated=negated).check(answer) for negated in (False, True))
    assert (plain.code == "unknown") is (turned.code == "unknown")
    assert plain.passed + turned.passed == (plain.code != "unknown")


@pytest.mark.slow
@given(st.data(), st.sampled_from(sorted(SPECS)), st.lists(values, max_size=3))
def test_of_several_places_both_forms_pass_never_and_each_only_where_it_passes_at_every_place(
    data, kind, output
):
    value = data.draw(SPECS[kind])
    several = AnswerView("ab", output, parsed=True)
    for negated in (False, True):
        whole = compiled(kind, {"value": value, "path": "$[*]"}, negated=negated).check(several)
        one_by_one = [
            compiled(kind, {"value": value, "path": "$"}, negated=negated).check(
                AnswerView("ab", item, parsed=True)
            )
            for item in output
        ]
        assert whole.passed == (bool(output) and all(result.passed for result in one_by_one))


@given(st.text("a^$*+?|()[]\\b.{}1,=!<>:x\n", max_size=8), st.text("ab\nx 1", max_size=6))
def test_a_pattern_that_is_refused_for_matching_everything_does(source, text):
    try:
        compiled("regex", {"value": source})
    except FormatError as error:
        if "matches every text" in error.message:
            import re

            assert re.search(source, text)
