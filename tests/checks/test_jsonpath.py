from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError

from runner.checks.jsonpath import Path, PathError, parse
from runner.schema import json_path

names = st.text(max_size=6)
steps = st.lists(st.one_of(names, st.integers(0, 9)), max_size=6).map(tuple)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("abc"), children, max_size=3)
    ),
    max_leaves=12,
)
selectors = st.one_of(
    st.sampled_from(
        [".a", ".b", "[*]", ".*", "[0]", "[-1]", "['c']", "..a", "..*", "..[*]", "..[0]", '..["b"]']
    )
)
paths = st.lists(selectors, max_size=4).map(lambda parts: "$" + "".join(parts))

ORDER = {
    "items": [{"sku": "A", "price": 1}, {"sku": "B", "price": 2}],
    "price": 3,
    "a b": {"it's": True},
    "0": "zero",
    "list": [[1, 2], [3]],
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$", [((), ORDER)]),
        ("$.price", [(("price",), 3)]),
        ("$['price']", [(("price",), 3)]),
        ('$["a b"]["it\'s"]', [(("a b", "it's"), True)]),
        (r"$['a b']['it\'s']", [(("a b", "it's"), True)]),
        ("$.items[0].sku", [(("items", 0, "sku"), "A")]),
        ("$.items[-1].sku", [(("items", 1, "sku"), "B")]),
        ("$.items[*].price", [(("items", 0, "price"), 1), (("items", 1, "price"), 2)]),
        ("$..price", [(("price",), 3), (("items", 0, "price"), 1), (("items", 1, "price"), 2)]),
        ("$.list..[0]", [(("list", 0), [1, 2]), (("list", 0, 0), 1), (("list", 1, 0), 3)]),
        (
            "$.list..[*]",
            [
                (("list", 0), [1, 2]),
                (("list", 1), [3]),
                (("list", 0, 0), 1),
                (("list", 0, 1), 2),
                (("list", 1, 0), 3),
            ],
        ),
        ("$.items.*.sku", [(("items", 0, "sku"), "A"), (("items", 1, "sku"), "B")]),
        ("$.nope", []),
        ("$.items[2]", []),
        ("$.items[-3]", []),
        ("$.items.0", None),
        ("$.price[0]", []),
        ("$['0']", [(("0",), "zero")]),
        ("$[0]", []),
        ("/price", [(("price",), 3)]),
        ("/items/1/sku", [(("items", 1, "sku"), "B")]),
        ("/0", [(("0",), "zero")]),
        ("/items/-", []),
        ("/items/01", []),
    ],
)
def test_a_path_selects_exactly_these_places_in_document_order(text, found):
    if found is None:
        with pytest.raises(PathError):
            parse(text)
    else:
        assert parse(text).find(ORDER) == found


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "starts with"),
        ("price", 1, "starts with"),
        ("$.", 3, "the path ends"),
        ("$..", 4, "the path ends"),
        ("$.items[", 9, "the path ends"),
        ("$.items[0", 10, "the path ends"),
        ("$.items[01]", 10, 'expected "]"'),
        ("$.items['a'", 12, "the path ends"),
        ("$['a", 3, "expected an index"),
        (r"$['a\x']", 5, r"unknown escape '\\x'"),
        ("$.a b", 4, 'expected "." or "["'),
        ("$[?(@.a)]", 3, "filters"),
        ("$[0:2]", 4, "slices"),
        ("$[:2]", 3, "slices"),
        ("$['a','b']", 6, "unions"),
        ("$[(@.length-1)]", 3, "scripts"),
        ("$.[0]", 3, "expected a name"),
        ("/a~2", 3, "JSON Pointer"),
    ],
)
def test_a_text_that_is_no_path_is_refused_with_column_and_reason(text, column, reason):
    with pytest.raises(PathError, match="column") as caught:
        parse(text)
    assert caught.value.column == column
    assert reason in caught.value.reason


@given(st.text(alphabet="$.*[]'\"\\/~-019abu é\n?", max_size=12))
def test_any_text_is_a_path_that_reads_back_as_itself_or_a_value_error(text):
    try:
        path = parse(text)
    except ValueError:
        return
    assert parse(str(path)) == path


@given(paths)
def test_the_spelling_of_a_path_reads_back_as_the_path(text):
    assert parse(str(parse(text))) == parse(text)


@given(steps)
def test_the_json_path_of_a_place_selects_that_place_alone(place):
    value: object = "here"
    for step in reversed(place):
        value = {"other": 1, step: value} if isinstance(step, str) else [*range(step), value, "other"]
    assert parse(json_path(place)).find(value) == [(place, "here")]


@given(steps)
def test_the_jsonschema_librarys_own_spelling_reads_back_as_the_same_place(place):
    # Its pattern for plain names lets one final newline through unquoted, which is not JSONPath.
    spelled = ValidationError("", path=place).json_path
    if not any(isinstance(step, str) and step.endswith("\n") for step in place):
        assert tuple(segment.selector for segment in parse(spelled).segments) == place


def test_a_repeated_descent_into_a_deep_value_ends_soon():
    value: object = 1
    for _ in range(300):
        value = {"a": value}
    assert len(parse("$" + "..a" * 6).find(value)) == 295


def test_the_more_specific_of_two_rules_ranks_higher():
    texts = [
        "$..*",
        "$..price",
        "$..items[*].price",
        "$[*]",
        "$[0]",
        "$.a",
        "$[*][0]",
        "$.a[*]",
        "$.a[0]",
        "$.a.b",
    ]
    ranks = [parse(text).specificity for text in texts]
    assert ranks == sorted(set(ranks))


def test_a_path_is_a_value_that_can_be_shared():
    assert parse("$.a") == parse("$['a']")
    assert isinstance(parse("$.a"), Path)
    assert str(parse("$['a']")) == "$.a"
    assert str(parse("/a~1b/0")) == "/a~1b/0"


# --- against the words of RFC 9535, section 2 -------------------------------------------------------------------


def _children(node):
    path, value = node
    if isinstance(value, dict):
        return [((*path, name), child) for name, child in value.items()]
    if isinstance(value, list):
        return [((*path, index), child) for index, child in enumerate(value)]
    return []


def _descendants(node):
    return [node, *(below for child in _children(node) for below in _descendants(child))]


def _selected(node, selector):
    path, value = node
    if selector == "*":
        return _children(node)
    if isinstance(selector, str):
        return [((*path, selector), value[selector])] if isinstance(value, dict) and selector in value else []
    if isinstance(value, list):
        index = selector if selector >= 0 else len(value) + selector
        return [((*path, index), value[index])] if 0 <= index < len(value) else []
    return []


rfc_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "0", "é 'x"]), inner, max_size=3)
    ),
    max_leaves=10,
)
rfc_segments = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["*", "a", "b", "0", "é 'x", 0, 1, -1, -2, 5, -9])), max_size=4
)


def _spelt(segments, quote):
    text = "$"
    for descendant, selector in segments:
        if selector == "*" or isinstance(selector, int):
            inside = str(selector)
        else:
            escaped = selector.replace("\\", "\\\\").replace(quote, f"\\{quote}")
            inside = f"{quote}{escaped}{quote}"
        text += f"{'..' if descendant else ''}[{inside}]"
    return text


@given(rfc_values, rfc_segments, st.sampled_from("'\""))
def test_a_path_selects_the_nodes_that_the_rfc_says(value, segments, quote):
    nodes = [((), value)]
    for descendant, selector in segments:
        starts = [below for node in nodes for below in _descendants(node)] if descendant else nodes
        nodes = [found for start in starts for found in _selected(start, selector)]
    found = parse(_spelt(segments, quote)).find(value)
    places = [path for path, _ in found]
    assert len(set(places)) == len(places)
    assert set(places) == {path for path, _ in nodes}
    assert {path: json.dumps(part) for path, part in found} == {
        path: json.dumps(part) for path, part in nodes
    }


@pytest.mark.parametrize(
    ("escape", "character"),
    [
        (r"\b", "\b"),
        (r"\f", "\f"),
        (r"\n", "\n"),
        (r"\r", "\r"),
        (r"\t", "\t"),
        (r"\/", "/"),
        (r"\\", "\\"),
        (r"\'", "'"),
        (r"\"", '"'),
        (r"\u0041", "A"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d", "\ud83d"),
        (r"\ude00\ud83d", "\ude00\ud83d"),
    ],
)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_quoted_name_may_escape_characters_as_json_does(escape: str, character: str, quote: str) -> None:
    name = f"a{character}b"
    assert parse(f"$[{quote}a{escape}b{quote}]").find({name: 7, "ab": 8}) == [((name,), 7)]


@pytest.mark.parametrize(("digits", "is_path"), [(15, True), (16, True), (17, False)])
def test_an_index_has_at_most_sixteen_digits(digits: int, is_path: bool) -> None:
    for sign in ("", "-"):
        text = f"$[{sign}{'9' * digits}]"
        if is_path:
            assert str(parse(text)) == text
        else:
            with pytest.raises(PathError):
                parse(text)
    assert parse(f"/{'9' * digits}").find([0]) == []


@pytest.mark.parametrize("text", ["$[-0]", "$[00]", "$[1.0]", "$[+1]", "$[ 1]"])
def test_an_index_has_one_spelling(text: str) -> None:
    with pytest.raises(PathError):
        parse(text)


def test_the_name_of_a_pointer_escapes_its_own_two_characters() -> None:
    path = parse("/a~1b~0c/~01")
    assert path.find({"a/b~c": {"~1": 7}}) == [(("a/b~c", "~1"), 7)]
    assert str(path) == "/a~1b~0c/~01"


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("$..a", "$.a"),
        ("$..a..b", "$..b"),
        ("$.a", "$.a.b"),
        ("$.a[*]", "$.a[0]"),
        ("$.*", "$.a"),
        ("$[0][0]", "$[0].a"),
        ("$..a.b.c", "$.*"),
    ],
)
def test_fewer_descents_then_more_steps_then_fewer_stars_then_more_names(weaker: str, stronger: str) -> None:
    assert parse(weaker).specificity < parse(stronger).specificity


def test_an_index_from_the_end_reaches_the_first_item_and_no_further() -> None:
    assert parse("$[-2]").find(["a", "b"]) == [((0,), "a")]
    assert parse("$[-3]").find(["a", "b"]) == []


def test_descents_from_several_places_are_in_document_order() -> None:
    assert parse("$[*]..a").find([{"a": 1}, {"b": {"a": 2}}, {"a": 3}]) == [
        ((0, "a"), 1),
        ((1, "b", "a"), 2),
        ((2, "a"), 3),
    ]
