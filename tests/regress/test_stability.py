from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.regress.rules.compare_answers import compare
from runner.regress.rules.stability import modal, sample_verdict, unstable_paths
from runner.regress.snapshots.snapshot import Variation

from .support import compiled, values

NONE = compiled()


# --- the modal output -----------------------------------------------------------------------------------------


def test_the_most_frequent_output_comes_first_and_the_others_with_their_counts():
    assert modal(["a", "b", "c", "b", "c", "b"]) == ("b", (Variation(2, "c"), Variation(1, "a")))


def test_of_equally_frequent_outputs_the_one_seen_first_comes_first():
    assert modal(["b", "a", "a", "b", "c"]) == ("b", (Variation(2, "a"), Variation(1, "c")))


def test_outputs_that_are_equal_as_json_are_one():
    assert modal([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]) == ({"a": 1, "b": 2}, ())
    assert modal([1, True])[1] == (Variation(1, True),)


def test_numbers_that_no_canonical_form_holds_are_grouped_all_the_same():
    assert modal([2**64, 2**64, 2**64 + 1]) == (2**64, (Variation(1, 2**64 + 1),))


def test_no_outputs_have_no_modal_one():
    with pytest.raises(ValueError, match="no outputs"):
        modal([])


# --- the verdict ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed", "total", "approved", "min_pass", "word", "flavour"),
    [
        (1, 1, (1, 1), None, "pass", None),
        (1, 1, None, None, "pass", None),
        (0, 1, (1, 1), None, "fail", None),
        (3, 3, (2, 3), None, "pass", "recovered"),
        (2, 3, (3, 3), None, "flaky", "new-flaky"),
        (2, 3, (2, 3), None, "flaky", "known-flaky"),
        (2, 3, None, None, "flaky", None),
        (1, 3, (2, 3), None, "fail", None),
        (1, 3, (2, 3), 1, "flaky", "known-flaky"),
        (2, 3, (3, 3), 3, "fail", None),
        (4, 5, (1, 1), None, "flaky", "new-flaky"),
        (3, 5, (1, 1), None, "fail", None),
        (1, 1, (2, 3), 2, "pass", "recovered"),
    ],
)
def test_samples_pass_fail_or_are_flaky_and_how_that_compares(
    passed, total, approved, min_pass, word, flavour
):
    verdict = sample_verdict(passed, total, approved_agreement=approved, min_pass=min_pass)
    assert (verdict.word, verdict.flavour) == (word, flavour)


@pytest.mark.parametrize(("total", "needed"), [(1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (10, 8), (11, 9)])
def test_by_default_about_four_in_five_must_pass(total, needed):
    assert sample_verdict(total, total, approved_agreement=None, min_pass=None).needed == needed


def test_a_flaky_case_has_enough_passes_and_is_still_not_a_pass():
    verdict = sample_verdict(2, 3, approved_agreement=None, min_pass=None)
    assert verdict.passed >= verdict.needed
    assert verdict.word != "pass"


@pytest.mark.parametrize(("passed", "total"), [(0, 0), (2, 1), (-1, 3)])
def test_impossible_counts_are_refused(passed, total):
    with pytest.raises(ValueError, match="cannot have passed"):
        sample_verdict(passed, total, approved_agreement=None, min_pass=None)


# --- unstable places ------------------------------------------------------------------------------------------

LATE = "The customer asks for a refund because the parcel came late."
PROPOSALS = {
    "spread": ([0.92, 0.86, 0.9], "{path: $, compare: number, abs: 0.08}"),
    "integers": ([3, 4], "{path: $, compare: number, abs: 2}"),
    "labels": (["refund", "exchange", "refund"], "{path: $, compare: seen}"),
    "booleans": ([True, False], "{path: $, compare: seen}"),
    "sometimes null": (["refund", None], "{path: $, compare: seen}"),
    "ids": (["req_8a1", "req_9b2", "req_7c3"], "{path: $, ignore: true}"),
    "white space": (["a  b", "a b"], "{path: $, compare: text, normalise: [whitespace, unicode]}"),
    "case": (["Yes please do", "yes please do"], "{path: $, compare: text, normalise: [whitespace, unicode, case]}"),
    "wording": ([LATE, LATE.replace("asks for", "wants")], "{path: $, compare: similar, min: 0.85}"),
    "other texts": ([LATE, "Please send it back to us at no cost."], "{path: $, ignore: true}"),
    "order": ([["a", "b"], ["b", "a"]], "{path: $, compare: unordered}"),
    "repetition": ([["a", "b"], ["b", "a", "a"]], "{path: $, compare: set}"),
    "length": ([["a"], ["a", "b", "c"]], "{path: $, length: {abs: 2}}"),
    "other items": ([["a"], ["b", "c"]], "{path: $, ignore: true}"),
    "other types": (["a", ["a"]], "{path: $, ignore: true}"),
    "missing": ([{}, {"a": 1}], "{path: $.a, presence: optional}"),
    "missing and other": ([{}, {"a": 1}, {"a": 2}], "{path: $.a, ignore: true}"),
    "odd key": ([{"a b": 1}, {"a b": 2}], "{path: \"$['a b']\", compare: number, abs: 2}"),
    "one item": ([[1, 5], [1, 6]], '{path: "$[1]", compare: number, abs: 2}'),
    "several items": ([[1, 5], [2, 8]], '{path: "$[*]", compare: number, abs: 4}'),
}  # fmt: skip


@pytest.mark.parametrize(("outputs", "proposal"), PROPOSALS.values(), ids=PROPOSALS)
def test_the_tightest_rule_that_takes_all_samples_is_proposed(outputs, proposal):
    assert [each.proposal for each in unstable_paths(NONE, outputs)] == [proposal]


def test_an_unstable_place_comes_with_its_path_and_its_values():
    [found] = unstable_paths(NONE, [{"a": {"b": value}} for value in ("x", "y", "x", "z")])
    assert (found.path, found.distinct, found.values) == ("$.a.b", 3, ("x", "y", "z"))


def test_items_that_come_in_another_order_are_paired_by_a_key_and_compared_inside():
    outputs = [
        {"items": [{"id": 1, "p": 2}, {"id": 2, "p": 3}]},
        {"items": [{"id": 2, "p": 3}, {"id": 1, "p": 4}]},
    ]
    assert [each.proposal for each in unstable_paths(NONE, outputs)] == [
        "{path: $.items, compare: keyed, key: id}",
        '{path: "$.items[*].p", compare: number, abs: 3}',
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "{path: $.a, ignore: true}",
        "{path: $.a, compare: exact}",
        "{path: $.a, compare: number, abs: 0.01}",
        "{path: $.a, compare: seen}",
        "{path: $.*, compare: seen}",
    ],
)
def test_a_place_that_a_rule_covers_is_the_rules_business(rule):
    assert unstable_paths(compiled(rule), [{"a": 1}, {"a": 2}]) == ()


def test_samples_that_agree_are_stable():
    assert unstable_paths(NONE, [{"a": [1, "x\r\n"]}, {"a": [1.0, "x\n"]}]) == ()


def test_of_many_values_five_are_shown():
    [found] = unstable_paths(NONE, [{"a": f"x{number} y"} for number in range(7)])
    assert (found.distinct, found.values) == (7, ("x0 y", "x1 y", "x2 y", "x3 y", "x4 y"))


def test_inside_items_that_a_rule_pairs_by_a_key_differences_are_found():
    rules = compiled("{path: $.items, compare: keyed, key: id}")
    outputs = [
        {"items": [{"id": 1, "p": 2}, {"id": 2, "p": 3}]},
        {"items": [{"id": 2, "p": 3}, {"id": 1, "p": 4}]},
    ]
    assert [each.proposal for each in unstable_paths(rules, outputs)] == [
        '{path: "$.items[*].p", compare: number, abs: 3}'
    ]


def test_what_may_be_absent_may_still_be_so_under_the_rule_that_is_proposed():
    rules = compiled("{path: $.a, presence: optional}")
    [found] = unstable_paths(rules, [{}, {"a": 1}, {"a": 2}])
    assert found.proposal == "{path: $.a, compare: number, abs: 2, presence: optional}"


def proposals(outputs, *rules, **more):
    return [each.proposal for each in unstable_paths(compiled(*rules, **more), outputs)]


def test_below_what_is_to_be_ignored_nothing_is_proposed_and_beside_it_all_is():
    outputs = [
        {"l": [LATE, {"a": 1}, [1]], "lm": 1, "z": 1},
        {"l": ["Please send it back to us at no cost.", {"a": 2}, [2]], "lm": 2, "z": 2},
    ]
    assert proposals(outputs) == [
        '{path: "$.l[*]", ignore: true}',
        "{path: $.lm, compare: number, abs: 2}",
        "{path: $.z, compare: number, abs: 2}",
    ]


@pytest.mark.parametrize("inner", [[{"a": 1}, {"a": 2}], [[1], [2]]])
def test_an_item_below_whose_neighbours_something_is_proposed_is_told_with_all_items(inner):
    one, two = inner
    found = unstable_paths(NONE, [{"l": ["a", one]}, {"l": ["b", two]}])
    assert found[0].path == "$.l[*]"


def test_what_is_ignored_by_default_is_stable():
    for outputs in ([1, 2], [{"a": 1}, {}], [{"l": [1, 2]}, {"l": [1]}], ["a", ["a"]]):
        assert proposals(outputs, default="ignore") == []
        assert proposals(outputs, '{path: "$.l[1]", compare: exact}', default="ignore") == []


@pytest.mark.parametrize("rule", ["ignore: true", "compare: exact", "compare: text"])
def test_a_rule_for_all_that_lies_below_covers_it(rule):
    outputs = [{"m": {"a": 1, "l": [1]}, "z": 1}, {"m": {"a": 2, "l": []}, "z": 2}]
    assert proposals(outputs, f"{{path: $.m, {rule}}}") == ["{path: $.z, compare: number, abs: 2}"]


def test_what_is_to_be_ignored_needs_no_leave_to_be_absent():
    outputs = [{"a": LATE}, {"a": "Please send it back to us at no cost."}, {}]
    assert proposals(outputs, "{path: $.a, presence: optional}") == ["{path: $.a, ignore: true}"]


def test_lists_among_other_values_are_looked_at_as_a_whole():
    assert proposals([["a"], ["b"], "x"]) == ["{path: $, ignore: true}"]


def test_under_a_rule_of_its_length_the_items_of_a_list_are_looked_at_as_far_as_all_have_them():
    rule = "{path: $.l, length: {abs: 2}}"
    assert proposals([{"l": [1, 2, 3]}, {"l": [1]}, {"l": [1, 2]}], rule) == []
    assert proposals([{"l": [1, 2, 3]}, {"l": [5]}], rule) == ['{path: "$.l[0]", compare: number, abs: 5}']


def test_a_list_that_may_be_absent_may_still_need_a_rule_for_its_length():
    assert proposals([{"l": [1]}, {"l": [1, 2]}], "{path: $.l, presence: optional}") == [
        "{path: $.l, length: {abs: 1}, presence: optional}"
    ]


def test_the_lengths_of_all_samples_count():
    assert proposals([["a"], ["a"], ["a", "b"]]) == ["{path: $, length: {abs: 1}}"]


def test_texts_that_the_default_calls_equal_are_stable_and_others_are_not():
    assert proposals(["a b", "a  b", "a b "], default="text") == []
    for texts in (["a b", "a c"], ["a b", "a  b", "a c"], ["a c", "a b", "a  b"], ["a b", "a c", "a b"]):
        assert proposals(texts, default="text") == ["{path: $, compare: seen}"]


def test_a_rule_of_the_last_item_covers_it():
    outputs = [[1, {"a": 1}], [1, {"a": 2}]]
    assert proposals(outputs, '{path: "$[-1].a", ignore: true}') == []
    assert proposals(outputs, '{path: "$[-2].a", ignore: true}') != []


def test_of_items_with_keys_the_last_one_is_that_of_the_first_sample():
    outputs = [
        [{"id": 1, "p": 1}, {"id": 2, "p": 1}],
        [{"id": 3, "p": 1}, {"id": 2, "p": 2}, {"id": 1, "p": 1}],
    ]
    rules = ("{path: $, compare: keyed, key: id}", '{path: "$[-1]", ignore: true}')
    paths = [each.path for each in unstable_paths(compiled(*rules), outputs)]
    assert "$[*].p" not in paths


samples = st.lists(values, min_size=2, max_size=4)
alike = st.lists(
    st.fixed_dictionaries(
        {"n": st.floats(0, 1).map(lambda number: round(number, 3)), "l": st.sampled_from(["a", "B", "b "])},
        optional={
            "i": st.lists(
                st.fixed_dictionaries({"id": st.integers(0, 3), "p": st.integers(0, 50)}), max_size=3
            )
        },
    ),
    min_size=2,
    max_size=4,
)


@given(samples | alike)
def test_under_the_proposed_rules_all_samples_count_as_equal(outputs):
    approved, variants = modal(outputs)
    rules = compiled(*(each.proposal for each in unstable_paths(NONE, outputs)))
    seen = [variation.output for variation in variants]
    for output in outputs:
        assert [
            field for field in compare(rules, approved, output, seen=seen).fields if not field.equal
        ] == []


@given(samples | alike)
def test_under_the_proposed_rules_nothing_is_left_to_propose(outputs):
    rules = compiled(*(each.proposal for each in unstable_paths(NONE, outputs)))
    assert unstable_paths(rules, outputs) == ()
