from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.equality import difference
from runner.regress.rules.compare_answers import FieldVerdict, compare
from runner.regress.rules.normalise import NAMES, normalise
from runner.regress.rules.similar import similarity

from .support import compiled, scalars, values

EXACT = compiled()


def verdicts(rules, approved, new, **more):
    """What was found, as (path, rule, equal)."""
    return [(each.path, each.rule, each.equal) for each in compare(rules, approved, new, **more).fields]


def equal(rule, approved, new, **more):
    return compare(compiled(rule), {"a": approved}, {"a": new}, **more).equal


# --- without rules --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approved", "new"),
    [
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}),
        ("a\r\nb", "a\nb"),
        ({"a": ["x\r\n"]}, {"a": ["x\n"]}),
        ([], []),
    ],
)
def test_the_same_json_is_equal_without_a_word(approved, new):
    assert compare(EXACT, approved, new) == compare(EXACT, None, None)


@pytest.mark.parametrize(
    ("approved", "new", "field"),
    [
        ("refund", "exchange", FieldVerdict("$", "refund", "exchange", "exact", equal=False)),
        ({"a": 1}, {"a": "1"}, FieldVerdict("$.a", 1, "1", "exact", False, "was a number, is a string")),
        ({"a": 1}, {"a": True}, FieldVerdict("$.a", 1, True, "exact", False, "was a number, is a boolean")),
        ({"a": None}, {}, FieldVerdict("$.a", None, None, "exact", False, None, new_missing=True)),
        (
            {},
            {"a b": None},
            FieldVerdict("$['a b']", None, None, "exact", False, None, approved_missing=True),
        ),
        ([1], [1, 2], FieldVerdict("$[1]", None, 2, "exact", False, None, approved_missing=True)),
        ({"a": {}}, {"a": []}, FieldVerdict("$.a", {}, [], "exact", False, "was an object, is a list")),
    ],
)
def test_a_difference_is_told_at_its_place(approved, new, field):
    assert compare(EXACT, approved, new).fields == (field,)


def test_every_difference_is_told_in_document_order():
    approved = {"z": 1, "a": [{"p": 1}, {"p": 2}], "m": "x"}
    new = {"a": [{"p": 0}, {"p": 3}], "z": 2, "m": "x", "n": 1}
    assert [field.path for field in compare(EXACT, approved, new).fields] == [
        "$.z",
        "$.a[0].p",
        "$.a[1].p",
        "$.n",
    ]


def test_equal_answers_are_told_so_without_asking_a_comparator():
    # The approved date breaks the rule; it was approved all the same.
    assert equal("{path: $.a, compare: regex, pattern: 'x+'}", "2024", "2024")


# --- the kinds of rules ---------------------------------------------------------------------------------------

YES_AND_NO = [
    ("{path: $.a, ignore: true}", [(1, "x"), (None, {"b": 1})], []),
    ("{path: $.a, compare: number, abs: 0.05}", [(0.92, 0.87), (0.87, 0.92), (1, 1.05)], [(0.92, 0.8699), (1, "1"), (1, None), (0, False)]),
    ("{path: $.a, compare: number, rel: 0.01}", [(100, 99), (99, 100), (-100, -101)], [(100, 98.9), (0, 0.001)]),
    ("{path: $.a, compare: number, abs: 1, rel: 0.01}", [(1000, 1010), (1, 2)], [(1000, 1011), (1, 2.5)]),
    ("{path: $.a, compare: number, abs: 1}", [(10**400, 10**400 + 1)], [(10**400, 0), (1, 1e308)]),
    ("{path: $.a, compare: set}", [([1, 2], [2, 1, 1.0]), ([], [])], [([1], [1, 2]), ([1, 2], [1]), ([1], [True]), ([1], 1)]),
    ("{path: $.a, compare: unordered}", [([1, 2, 2], [2, 1, 2]), ([{"x": 1}, "a\r\n"], ["a\n", {"x": 1.0}])], [([1, 2], [2, 1, 1]), ([1, 1, 2], [1, 2, 2])]),
    ("{path: $.a, compare: keyed, key: id}", [([{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 1.0}])], [([{"id": 1}], [{"id": 2}]), ([{"id": 1, "p": 1}], [{"id": 1, "p": 2}]), ([{"id": 1}], [])]),
    ("{path: $.a, compare: regex, pattern: '\\d{4}'}", [("2024", "2025"), ("x", "2025")], [("2024", "20255"), ("2024", "x"), ("2024", 2025)]),
    ("{path: $.a, compare: text}", [("a  b\n", "a b"), ("e\u0301", "\u00e9")], [("a b", "A b"), ("a", None)]),
    ("{path: $.a, compare: text, normalise: [case]}", [("STRASSE", "straße")], [("a b", "a  b")]),
    ("{path: $.a, compare: text, normalise: [punctuation]}", [("Don’t – stop!", "Dont, stop"), ("well-known", "well known")], [("it costs -5", "it costs 5"), ("3.14", "314"), ("a", "A")]),
    ("{path: $.a, compare: text, normalise: [markdown]}", [("# Title\n- **a** [b](http://c)", "Title\na b"), ("`x`", "x")], [("snake_case", "snakecase"), ("a", "b")]),
    ("{path: $.a, compare: similar, min: 0.7}", [("The customer asks for a refund.", "the customer wants a refund"), ("你好世界", "你好世")], [("The customer asks for a refund.", "Send a new parcel."), ("", "x")]),
    ("{path: $.a, length: {abs: 1}}", [([1, 2], [1, 2, 3]), ([1, 2], [1])], [([1, 2], [1, 2, 3, 4]), ([1, 2], [1, 3, 3]), ([1], 1)]),
]  # fmt: skip
CASES = [
    (rule, approved, new, is_equal)
    for rule, yes, no in YES_AND_NO
    for pairs, is_equal in ((yes, True), (no, False))
    for approved, new in pairs
]


@pytest.mark.parametrize(("rule", "approved", "new", "is_equal"), CASES)
def test_a_rule_calls_equal_what_it_says_and_nothing_else(rule, approved, new, is_equal):
    assert equal(rule, approved, new) is is_equal


def test_seen_takes_any_value_of_the_approved_samples_and_absence_if_it_was_seen():
    rule = "{path: $.a, compare: seen}"
    seen = [{"a": "exchange"}, {"a": None}, {}]
    assert equal(rule, "refund", "exchange", seen=seen)
    assert equal(rule, "refund", None, seen=seen)
    assert compare(compiled(rule), {"a": "refund"}, {}, seen=seen).equal
    assert not equal(rule, "refund", "other", seen=seen)
    assert not compare(compiled(rule), {"a": "refund"}, {}, seen=seen[:2]).equal


def test_seen_takes_a_value_that_is_equal_as_json():
    rules = compiled("{path: $.a, compare: seen}")
    for seen, new in (({"x": 1}, {"x": 1.0}), ([1], [1]), (1, 1.0)):
        assert compare(rules, {"a": "x"}, {"a": new}, seen=[{"a": seen}]).equal
    assert not compare(rules, {"a": "x"}, {"a": True}, seen=[{"a": 1}]).equal


def test_what_was_seen_of_an_item_is_what_the_item_of_its_key_had():
    rules = compiled("{path: $.items, compare: keyed, key: id}", '{path: "$.items[*].p", compare: seen}')
    approved = {"items": [{"id": 1, "p": 1}, {"id": 2, "p": 2}]}
    seen = [
        {"items": [{"id": 2, "p": 7}, {"id": 1, "p": 5}]},
        {"items": "none"},
        {"items": [{"no": "id"}]},
        {"items": [{"id": 3, "p": 9}]},
    ]

    def is_equal(first, second):
        return compare(
            rules, approved, {"items": [{"id": 1, "p": first}, {"id": 2, "p": second}]}, seen=seen
        ).equal

    assert is_equal(5, 7)
    assert not is_equal(7, 5)
    assert not is_equal(9, 7)


def test_an_item_that_was_seen_to_be_absent_may_be_so():
    rules = compiled("{path: $, compare: keyed, key: id}", '{path: "$[*]", compare: seen}')
    approved, new = [{"id": 1}, {"id": 2}], [{"id": 1}]
    assert compare(rules, approved, new, seen=[[{"id": 1}]]).equal
    assert not compare(rules, approved, new, seen=[[{"id": 2}]]).equal


def test_of_lists_without_order_any_item_of_an_approved_sample_was_seen():
    rules = compiled("{path: $, compare: unordered}", '{path: "$[*]", compare: seen}')
    assert compare(rules, ["a"], ["x"], seen=["none", ["y", "x"]]).equal
    assert not compare(rules, ["a"], ["x"], seen=["x", ["y"]]).equal


def test_optional_takes_absence_on_either_side_and_nothing_more():
    rules = compiled("{path: $.a, presence: optional}")
    assert compare(rules, {"a": 1}, {}).equal
    assert compare(rules, {}, {"a": None}).equal
    assert not compare(rules, {"a": 1}, {"a": 2}).equal


def test_a_missing_value_is_a_change_under_every_other_rule():
    assert verdicts(compiled("{path: $.a, compare: number, abs: 9}"), {"a": 1}, {}) == [
        ("$.a", "number abs 9", False)
    ]


@pytest.mark.parametrize(
    ("rule", "approved", "new", "note"),
    [
        ("{path: $, compare: number, abs: 0.05}", 0.92, 0.85, "differs by 0.07"),
        ("{path: $, compare: similar, min: 0.85}", "a b c d e f", "a b c d e x", "score 0.833 < 0.85"),
        ("{path: $, compare: similar, min: 0.8}", "a b c d e f", "a b c d e x", "score 0.833 >= 0.8"),
        ("{path: $, compare: regex, pattern: x}", "x", "y", "does not match"),
        ("{path: $, compare: seen}", "x", "y", "not seen in the approved samples"),
        ("{path: $, compare: keyed, key: id}", [{"id": 1}], [{"id": 1}, {"id": 1}], 'new: two items have "id" 1'),
        ("{path: $, compare: keyed, key: id}", [{"id": 1}], [{}, 1], 'new: item 0 has no "id"'),
        ("{path: $, compare: keyed, key: id}", [{"id": 1}, 1], [{"id": []}], 'approved: item 1 has no "id"; new: the "id" of item 0 is neither a string nor a number'),
        ("{path: $, length: {abs: 1}}", [], [1, 2], "0 items approved, 2 new"),
        ("{path: $, compare: set}", list(range(200)), list(range(200, 400)), "more than 10,000 pairs of unequal items to try; use `compare: keyed` to pair them by a key"),
    ],
)  # fmt: skip
def test_the_note_says_by_how_much_or_why(rule, approved, new, note):
    [field] = compare(compiled(rule), approved, new).fields
    assert field.note == note


@pytest.mark.parametrize(
    ("rule", "approved", "new"),
    [
        ("{path: $, compare: keyed, key: id}", [{"id": 1}], [{"id": 1}, {"id": 1}]),
        ("{path: $, compare: keyed, key: id}", [{"id": 1}], [{}]),
        ("{path: $, compare: set}", list(range(200)), list(range(200, 400))),
        ("{path: $, compare: unordered}", list(range(200)), list(range(200, 400))),
    ],
)
def test_lists_that_cannot_be_compared_as_the_rule_says_are_a_change(rule, approved, new):
    assert not compare(compiled(rule), approved, new).equal


def test_a_value_of_another_type_is_a_change_under_the_rule_of_its_place():
    rules = compiled("{path: $.a, compare: number, abs: 1}")
    for approved, new in ((1, "x"), ("x", 1)):
        assert verdicts(rules, {"a": approved}, {"a": new}) == [("$.a", "number abs 1", False)]


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_rule_of_the_last_item_holds_for_the_last_item_of_any_list_and_for_no_other(length):
    rules = compiled('{path: "$..[-1]", compare: number, abs: 1}')
    for lists in ([1] * length, [[1], [1] * length]):
        approved = {"a": lists, "b": [1] * length}
        for place in range(length):
            new = {**approved, "b": [1.5 if index == place else 1 for index in range(length)]}
            assert compare(rules, approved, new).equal is (place == length - 1)


def test_a_rule_calls_back_the_last_item_of_a_list_that_only_one_answer_has():
    rules = compiled('{path: "$.a[-1]", compare: exact}', default="ignore")
    assert compare(rules, {}, {}).equal
    assert verdicts(rules, {"a": [1, 2]}, {}) == [("$.a[0]", "ignore", True), ("$.a[1]", "exact", False)]
    assert verdicts(rules, {}, {"a": [1, 2]}) == [("$.a[0]", "ignore", True), ("$.a[1]", "exact", False)]


def test_items_with_keys_are_in_another_order_only_where_those_on_both_sides_are():
    rules = compiled("{path: $, compare: keyed, key: id}")

    def told(*ids):
        new = [{"id": each} for each in ids]
        return verdicts(rules, [{"id": "a"}, {"id": "b"}, {"id": "d"}], new)

    assert told("a", "b", "c") == [("$[2]", "keyed id", False), ("$[2]", "keyed id", False)]
    assert told("c", "a", "b", "d") == [("$[0]", "keyed id", False)]
    assert told("b", "a", "d") == [("$", "keyed id", True)]
    assert told("b", "a") == [("$", "keyed id", True), ("$[2]", "keyed id", False)]


# --- rules inside rules ---------------------------------------------------------------------------------------


def test_items_paired_by_their_key_are_compared_by_the_rules_inside():
    rules = compiled(
        "{path: $.items, compare: keyed, key: sku}", '{path: "$.items[*].price", compare: number, rel: 0.01}'
    )
    approved = {"items": [{"sku": "A", "price": 100}, {"sku": "B", "price": 10}]}
    new = {"items": [{"sku": "B", "price": 11}, {"sku": "A", "price": 101}, {"sku": "C"}]}
    assert verdicts(rules, approved, new) == [
        ("$.items", "keyed sku", True),
        ("$.items[0].price", "number rel 0.01", True),
        ("$.items[1].price", "number rel 0.01", False),
        ("$.items[2]", "keyed sku", False),
    ]


def test_items_without_order_find_partners_under_the_rules_inside():
    # The first number fits both others, the second only the first of them: greedy pairing would fail.
    rules = compiled("{path: $, compare: unordered}", '{path: "$[*]", compare: number, abs: 1}')
    assert verdicts(rules, [5, 6], [5.5, 4.5]) == [
        ("$", "unordered", True),
        ("$[0]", "number abs 1", True),
        ("$[1]", "number abs 1", True),
    ]


def test_items_of_a_set_are_equal_under_the_rules_inside():
    rules = compiled("{path: $, compare: set}", '{path: "$[*]", compare: text, normalise: [case]}')
    assert compare(rules, ["Late", "parcel"], ["PARCEL", "late", "Late"]).equal


def test_a_lonely_item_is_told_under_the_rule_of_its_list():
    assert verdicts(compiled("{path: $.tags, compare: set}"), {"tags": ["a", "b"]}, {"tags": ["c", "b"]}) == [
        ("$.tags[0]", "set", False),
        ("$.tags[0]", "set", False),
    ]


def test_an_optional_item_may_be_lonely():
    rules = compiled("{path: $, compare: unordered}", '{path: "$[*]", presence: optional}')
    assert compare(rules, [1, 2], [2]).equal


# --- what holds below -----------------------------------------------------------------------------------------


def test_ignore_holds_for_everything_below_and_is_told_once():
    rules = compiled("{path: $.meta, ignore: true}")
    assert verdicts(rules, {"meta": {"a": 1, "b": [1]}}, {"meta": {"b": []}}) == [("$.meta", "ignore", True)]


def test_what_is_ignored_may_be_missing_on_either_side():
    rules = compiled("{path: $.meta, ignore: true}")
    assert verdicts(rules, {"meta": 1}, {}) == [("$.meta", "ignore", True)]
    assert verdicts(rules, {}, {"meta": {"a": 1}}) == [("$.meta", "ignore", True)]


def test_what_is_ignored_above_a_rule_may_be_of_another_type_or_value():
    rules = compiled("{path: $.meta, ignore: true}", "{path: $.meta.version, compare: exact}")
    for approved, new in (("x", "y"), ("x", 1), (1, {"a": 1}), ([1], {"a": 1})):
        assert verdicts(rules, {"meta": approved}, {"meta": new}) == [("$.meta", "ignore", True)]


def test_a_lonely_item_is_told_under_the_rule_of_its_list_unless_it_has_another_of_its_own():
    keyed = "{path: $, compare: keyed, key: id}"
    for rules, label in (
        ([], "keyed id"),
        (['{path: "$[*]", compare: exact}'], "keyed id"),
        (['{path: "$[*]", compare: seen}'], "seen"),
    ):
        assert verdicts(compiled(keyed, *rules), [{"id": 1}, {"id": 2}], [{"id": 1}]) == [
            ("$[1]", label, False)
        ]


def test_a_rule_that_only_allows_another_length_ignores_absence_like_its_surroundings():
    assert compare(compiled("{path: $.a, length: {abs: 1}}", default="ignore"), {"a": [1]}, {}).equal
    assert not compare(compiled("{path: $.a, length: {abs: 1}}"), {"a": [1]}, {}).equal


def test_a_rule_below_calls_back_what_is_ignored_above():
    rules = compiled("{path: $.meta, ignore: true}", "{path: $.meta.version, compare: exact}")
    assert verdicts(rules, {"meta": {"id": 1, "version": 1}}, {"meta": {"id": 2, "version": 2}}) == [
        ("$.meta.id", "ignore", True),
        ("$.meta.version", "exact", False),
    ]


def test_with_default_ignore_only_places_with_a_rule_are_compared():
    rules = compiled('{path: "$.items[*].sku", compare: exact}', default="ignore")
    assert compare(rules, {"items": [{"sku": "A", "n": 1}], "x": 1}, {"items": [{"sku": "A"}], "y": 2}).equal
    assert verdicts(rules, {"items": [{"sku": "A"}, {"sku": "B"}]}, {"items": [{"sku": "A"}]}) == [
        ("$.items[1].sku", "exact", False)
    ]


def test_with_default_text_white_space_counts_nowhere_but_where_a_rule_says_so():
    rules = compiled("{path: $.code, compare: exact}", default="text")
    assert verdicts(
        rules, {"note": "a  b", "code": "a  b", "n": 1}, {"note": "a b", "code": "a b", "n": 2}
    ) == [
        ("$.note", "text unicode whitespace", True),
        ("$.code", "exact", False),
        ("$.n", "text unicode whitespace", False),
    ]


def test_a_rule_that_only_allows_absence_compares_like_its_surroundings():
    assert compare(compiled("{path: $.a, presence: optional}", default="text"), {"a": "x "}, {"a": "x"}).equal


# --- unused rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "approved", "new", "is_unused"),
    [
        ("{path: $.a, compare: number, abs: 1}", {"a": 1}, {"a": 1}, False),
        ("{path: $.a, compare: number, abs: 1}", {"a": 1}, {"a": "x"}, False),
        ("{path: $.a, compare: number, abs: 1}", {"a": "1"}, {"a": "2"}, True),
        ("{path: $.a, compare: number, abs: 1}", {"a": "1"}, {"a": "1"}, True),
        ("{path: $.a, compare: number, abs: 1}", {"a": True}, {"a": False}, True),
        ("{path: $.b, compare: number, abs: 1}", {"a": 1}, {"a": 1}, True),
        ("{path: $.a.b, ignore: true}", {"a": 1}, {"a": {"b": 1}}, False),
        ("{path: $.a, compare: set}", {"a": {"b": 1}}, {"a": {}}, True),
        ("{path: $.a, compare: text}", {"a": ["b"]}, {"a": ["b"]}, False),
        ("{path: $.a, length: {abs: 1}}", {"a": "bc"}, {"a": "b"}, True),
        ('{path: "$.a[*].b", ignore: true}', {"a": []}, {"a": []}, True),
    ],
)
def test_a_rule_with_nothing_of_its_type_at_its_path_is_told(rule, approved, new, is_unused):
    rules = compiled(rule)
    assert compare(rules, approved, new).unused == ((rules.rules[0].name,) if is_unused else ())


def test_a_rule_that_a_later_one_replaces_is_told():
    rules = compiled("{path: $.a, ignore: true}", "{path: \"$['a']\", compare: set}")
    assert compare(rules, {"a": []}, {"a": []}).unused == ("$.a ignore",)


def test_a_rule_of_the_wrong_type_leaves_its_place_to_the_default():
    rules = compiled("{path: $.a, compare: number, abs: 1}")
    assert verdicts(rules, {"a": "x"}, {"a": "y"}) == [("$.a", "exact", False)]


# --- what always holds ----------------------------------------------------------------------------------------

ALL = compiled(
    "{path: $.a, compare: unordered}",
    "{path: $.b, compare: keyed, key: id}",
    '{path: "$[*]", compare: number, abs: 0.5}',
    "{path: $..id, compare: seen}",
    '{path: "$..[1]", compare: similar, min: 0.5}',
    '{path: "$..[0]", compare: set}',
    '{path: "$.a[*].b", compare: text, normalise: [case, punctuation, markdown], presence: optional}',
    "{path: $.a.b, length: {abs: 1}}",
    "{path: $.id.id, ignore: true}",
)
SYMMETRIC = compiled(
    *(
        f"{{path: $..{name}, compare: {rule}}}"
        for name, rule in [("a", "set"), ("b", "number, abs: 1"), ("id", "unordered")]
    )
)


@pytest.mark.slow
@given(values, values, st.lists(values, max_size=2))
def test_any_two_values_can_be_compared(approved, new, seen):
    found = compare(ALL, approved, new, seen=seen)
    assert found.equal is all(field.equal for field in found.fields)


@given(values)
def test_a_value_equals_itself_under_any_rules(value):
    assert compare(ALL, value, value).fields == ()


@pytest.mark.slow
@given(values, values)
def test_without_rules_equal_means_equal_json(approved, new):
    assert compare(EXACT, approved, new).equal is (difference(unix(approved), unix(new)) is None)


def unix(value):
    if isinstance(value, dict):
        return {key: unix(each) for key, each in value.items()}
    if isinstance(value, list):
        return [unix(each) for each in value]
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


@given(values, values)
def test_which_of_two_answers_was_approved_makes_no_difference(one, two):
    assert compare(SYMMETRIC, one, two).equal is compare(SYMMETRIC, two, one).equal


@given(values, values)
def test_ignoring_everything_is_always_equal(approved, new):
    assert compare(compiled(default="ignore"), approved, new).equal


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", ["{path: $..*, compare: unordered}", "{path: $..a, ignore: true}", "{path: $, compare: set}"]
)
def test_no_depth_of_nesting_is_too_much(rule):
    one, two = 1, 2
    for _ in range(1200):
        one, two = [one], [two]
    assert not compare(compiled(rule), one, two).equal


# --- the scorer and the normalisers ---------------------------------------------------------------------------

words = st.lists(st.sampled_from(["a", "b", "c", "é", "好"]), max_size=80).map(" ".join)


@given(words, words)
def test_similarity_is_the_longest_common_subsequence_of_words(one, two):
    first, second = one.split(), two.split()
    row = [0] * (len(second) + 1)
    for word in first:
        before = row
        row = [0]
        for at, other in enumerate(second):
            row.append(before[at] + 1 if word == other else max(before[at + 1], row[at]))
    expected = 2 * row[-1] / (len(first) + len(second)) if first or second else 1
    assert similarity(one, two) == similarity(two, one) == pytest.approx(expected)


@given(st.text(), st.text())
def test_similarity_is_a_share(one, two):
    assert 0 <= similarity(one, two) <= 1
    assert similarity(one, one) == 1


@given(st.text() | st.text(st.sampled_from("*_#`->[]() a\n.'5-")), st.sets(st.sampled_from(NAMES)))
def test_normalising_never_fails(text, names):
    assert isinstance(normalise(text, names), str)


@given(scalars)
def test_type_changes_are_changes(value):
    other = [value]
    assert not compare(SYMMETRIC, value, other).equal
