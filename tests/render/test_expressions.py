"""Expressions of `assert: [{type: expr}]`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .support import compile_expression

NAMES = frozenset({"output", "text", "vars"})
VALUES: dict[str, Any] = {
    "output": {"label": "refund", "items": [1, 2]},
    "text": "Hello",
    "vars": {"lang": "en"},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("output.label == 'refund'", True),
        ("output['items'] | length > 2", False),
        ("output.items | sum", 3),
        ("text | lower ~ '!'", "hello!"),
        ("vars.lang in ['en', 'de'] and text is string", True),
        ("output.missing is defined", False),
        ("output.missing | default(none)", None),
        ("output.items | map('string') | list", ["1", "2"]),
        ("'a' if output else 'b'", "a"),
        ("2 + 3 * 4", 14),
        ("text is search('^h', )", False),
        ("text is search('(?i)^h.*o$')", True),
        ("text is not search('x')", True),
        ("'{\"a\": [1]}' | fromjson", {"a": [1]}),
        ("('{\"a\": 1}' | fromjson)['a'] == 1", True),
    ],
)
def test_an_expression_has_the_value_it_says(source: str, value: Any) -> None:
    assert compile_expression(source, names=NAMES).evaluate(**VALUES) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("outptu.label", 'did you mean "output"'),
        ("zzz == 1", "an expression can read 'output', 'text', 'vars'"),
        ("output.label ==", "."),
        ("output | nope", "there is no filter 'nope'"),
        ("1 2", "more text follows after the end"),
        ("", "."),
        ("a" + ".b" * 5000, "nested too deeply"),
        ("{% set x = 1 %}", "."),
    ],
)
def test_an_expression_that_cannot_work_is_refused_when_it_is_compiled(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("output.lable", 'did you mean "label"'),
        ("output.label > 1", "does not work with these values"),
        ("1 / 0", "division by zero"),
        ("text.__class__", "not accessible"),
        ("text.upper", "call it"),
        ("output.items | map('string')", "add `| list`"),
        ("text * 10 ** 9", "longer than"),
        ("output.items.append(3)", "."),
    ],
)
def test_an_expression_that_fails_says_why(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES).evaluate(**VALUES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("[each.n for each in output.list if each.n > 1]", [2, 3]),
        ("[each.n * 2 for each in output.list]", [2, 4, 6]),
        ("[[each.n, n] | sum for each in output.list]", [11, 12, 13]),
        ("[[m for m in [each.n]] for each in output.list]", [[1], [2], [3]]),
        ("any(each.n == 2 for each in output.list)", True),
        ("all(each.n == 2 for each in output.list)", False),
        ("all(each.n == 2 for each in output.list if each.n == 2)", True),
        ("any(each for each in [])", False),
        ("first(each.n for each in output.list if each.n > 1)", 2),
        ("first(each for each in []) is defined", False),
        ("[each for each in [1, 2]] | length", 2),
        ("any(1 // each.n for each in output.list if each.n or missing)", True),
        ("[each if each else 0 for each in [none, 2]]", [0, 2]),
    ],
)
def test_a_comprehension_has_the_value_that_it_has_in_python(source, value):
    names = frozenset({"output", "n", "missing"})
    given = {"output": {"list": [{"n": 1}, {"n": 2}, {"n": 3}]}, "n": 10, "missing": None}
    assert compile_expression(source, names=names).evaluate(**given) == value


def test_any_and_first_of_a_comprehension_stop_at_the_first_item_that_decides():
    for source in ("any(each.n > 0 for each in output)", "first(each.n for each in output) == 1"):
        assert (
            compile_expression(source, names=NAMES).evaluate(**{**VALUES, "output": [{"n": 1}, {}]}) is True
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[each for each in text]", "iterates over lists, but this is a string"),
        ("[each for each in {'a': 1}]", "iterates over lists, but this is an object"),
        ("[each for each in output.gone]", "has no key 'gone'"),
        ("[each.gone + 1 for each in [{}]]", "has no key 'gone'"),
        ("[[b for b in range(100000)] for a in range(100000)]", "does too much"),
    ],
)
def test_a_comprehension_that_cannot_be_computed_is_an_error(source, message):
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES).evaluate(**{**VALUES, "output": {}})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[text for text in [1]]", "'text' cannot be the name of an item"),
        ("any(output)", r"any\(\) is written any\(value for item in list\)"),
        ("[each for other in [1]]", "there is no variable 'each'"),
        ("[1, each for each in [1]]", "expected"),
        ("[each for each in]", "."),
        ("[each for 1 in [1]]", "expected token 'name'"),
    ],
)
def test_a_comprehension_that_is_none_is_refused_when_it_is_compiled(source, message):
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('"a1b22" | regex_findall("[0-9]+")', ["1", "22"]),
        ('"a1b22" | regex_findall("([a-z])[0-9]")', ["a1", "b2"]),
        ('"a1b22" | regex_search("[0-9]{2}")', "22"),
        ('"a1b22" | regex_search("([a-z])[0-9]{2}", 1)', "b"),
        ('"a1b22" | regex_search("c")', None),
        ('"a1b22" | regex_search("a(c)?", 1)', None),
        ('"a1b22" | regex_replace("[0-9]", "")', "ab"),
        ('"a1b22" | regex_replace("([a-z])([0-9])", "\\\\2\\\\1")', "1a2b2"),
        ('"a1b22" | regex_replace("[0-9]", "#", 1)', "a#b22"),
        ('"a1b22" | regex_replace("x*", "-")', "-a-1-b-2-2-"),
        ('"a, b;c" | regex_split("[,;] *")', ["a", "b", "c"]),
        ('"" | regex_split(",")', [""]),
    ],
)
def test_regular_expressions_give_the_parts_that_they_match(source, value):
    assert compile_expression(source, names=NAMES).evaluate(**VALUES) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('1 | regex_findall("a")', "regex_findall needs a string, but this is a number"),
        ('text | regex_findall("(")', "is not a regular expression"),
        ('text | regex_split("a*")', "matches the empty text"),
        ('text | regex_replace("a|", "\\\\1")', "has no group"),
        ('text | regex_replace("a", 1)', "needs a string to insert"),
        ('"a" | regex_search("a", 1)', "has no group 1"),
        ('("a" * 5000) | regex_replace("a", "a" * 5000)', "longer than"),
    ],
)
def test_what_a_regular_expression_cannot_do_is_an_error(source, message):
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES).evaluate(**VALUES)


@pytest.mark.parametrize(
    "source",
    [
        "text != 3",
        "3 == text",
        "text == -3",
        "text == none",
        "text > 1",
        "1 in text",
        "[1] == text",
        "'a' < text < 3",
    ],
)
def test_a_comparison_of_the_text_that_always_has_the_same_result_is_refused(source: str) -> None:
    with pytest.raises(
        ValueError, match=r"text is a string, so comparing it with .* always has the same result"
    ):
        compile_expression(source, names=frozenset({"text"}))


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("text == '3'", True),
        ("text in ['3', 4]", True),
        ("text | int == 3", True),
        ("'1' < text < '4'", True),
    ],
)
def test_the_text_is_compared_with_strings(source: str, result: bool) -> None:
    assert compile_expression(source, names=frozenset({"text"})).evaluate(text="3") is result


@pytest.mark.parametrize(
    "source", ["part in text", "part not in text", "'' in text", "text != 'b' and part in text"]
)
def test_the_empty_text_is_not_looked_for(source: str) -> None:
    expression = compile_expression(source, names=frozenset({"text", "part"}))
    with pytest.raises(ValueError, match="every text contains the empty text"):
        expression.evaluate(text="a", part="")


def test_the_empty_text_may_be_an_item_of_a_list_or_a_key() -> None:
    expression = compile_expression(
        "part in items and part in keys", names=frozenset({"part", "items", "keys"})
    )
    assert expression.evaluate(part="", items=[""], keys={"": 1}) is True


@pytest.mark.slow
@given(st.text("ab", max_size=3), st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3))
def test_containment_has_the_result_of_python(text: str, parts: list[str]) -> None:
    first, last = parts[0], parts[-1]
    names = frozenset({"first", "last", "text", "parts"})
    source = "[first in text, last not in text, first in parts, first in last in parts]"
    values = compile_expression(source, names=names).evaluate(
        first=first, last=last, text=text, parts=list(parts)
    )
    assert values == [first in text, last not in text, first in parts, first in last in parts]
