"""Labelled answers: the figures of each label, what is left out, and intervals that always have a width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.verdict.labels import Labelled, confused, confusion, label_figures
from runner.verdict.metrics import Metric, Sample, SetMatch, statistic, values

LABELS = ('"bug"', '"login"', '"payment"')

pairs = st.tuples(st.sampled_from(LABELS), st.sampled_from((*LABELS, "(refused)", '"unknown"')))


def suite(draw_case: st.SearchStrategy[list[Labelled]]) -> st.SearchStrategy[list[list[Labelled]]]:
    return st.lists(draw_case, min_size=1, max_size=12)


cases = suite(
    st.sampled_from(LABELS).flatmap(
        lambda label: st.lists(pairs.map(lambda pair: (label, pair[1])), min_size=1, max_size=4)
    )
)


def value(name: str, arm: list[list[Labelled]], label: str | None = None) -> float | None:
    samples = [[Sample(passed=pair[0] == pair[1], label=pair) for pair in case] for case in arm]
    metric = Metric(name, label)
    found = [each for case in samples if (each := values(metric, case)) is not None]
    return statistic(metric, list(map(str, range(len(found))))).value(found)


def test_an_answer_without_a_label_is_wrong_and_gives_no_label() -> None:
    figures = label_figures([[('"bug"', "(refused)")], [('"bug"', '"bug"')], [('"login"', '"bug"')]])
    assert (figures['"bug"'].support, figures['"bug"'].predicted, figures['"bug"'].right) == (2, 2, 1)
    assert figures['"bug"'].precision == 0.5
    assert figures['"bug"'].recall == 0.5
    assert "(refused)" not in figures


def test_the_precision_of_a_label_that_was_never_given_is_not_zero_but_undefined() -> None:
    figures = label_figures([[('"bug"', '"login"')]])
    assert figures['"bug"'].precision is None
    assert figures['"bug"'].recall == 0.0
    assert figures['"bug"'].f1 == 0.0
    assert value("precision", [[('"bug"', '"login"')]], '"bug"') is None


def test_labels_that_no_case_has_are_left_out_of_macro_f1() -> None:
    arm = [[('"bug"', '"bug"')], [('"bug"', '"other"')]]
    assert label_figures(arm)['"other"'].support == 0
    assert label_figures(arm)['"other"'].recall is None
    assert value("macro_f1", arm) == pytest.approx(2 / 3)


def test_a_case_weighs_the_same_however_many_samples_it_has() -> None:
    arm = [[('"bug"', '"bug"')] * 9 + [('"bug"', '"login"')], [('"login"', '"login"')]]
    assert value("accuracy", arm) == pytest.approx((0.9 + 1) / 2)
    assert label_figures(arm)['"login"'].predicted == pytest.approx(1.1)


def test_the_most_frequent_confusion_is_of_two_labels() -> None:
    counts = confusion([[('"a"', "(refused)")] * 5, [('"a"', '"b"')] * 2, [('"b"', '"b"')] * 9])
    assert confused(counts) == ('"a"', '"b"', 2)
    assert confused(confusion([[('"a"', '"a"')]])) is None


@pytest.mark.slow
@given(cases)
def test_accuracy_is_the_mean_recall_weighted_by_support(arm: list[list[Labelled]]) -> None:
    figures = label_figures(arm).values()
    whole = sum(each.support for each in figures)
    assert whole == pytest.approx(len(arm))
    assert value("accuracy", arm) == pytest.approx(
        sum(each.support * (each.recall or 0) for each in figures) / whole
    )


@pytest.mark.slow
@given(cases)
def test_every_score_is_inside_its_interval_and_no_interval_is_empty(arm: list[list[Labelled]]) -> None:
    ids = [f"c{place}" for place in range(len(arm))]
    for metric in (Metric("macro_f1"), Metric("weighted_f1"), Metric("f1", arm[0][0][0])):
        measured = statistic(metric, ids)
        low, high = measured.interval(arm)
        seen = measured.value(arm)
        assert seen is not None
        assert 0 <= low <= seen <= high <= 1
        assert low < high


def test_the_same_cases_give_the_same_interval_in_any_order() -> None:
    arm = [[('"bug"', '"bug"')], [('"login"', '"bug"')], [('"payment"', '"payment"')], [('"bug"', '"login"')]]
    ids = ["a", "b", "c", "d"]
    first = statistic(Metric("macro_f1"), ids).interval(arm)
    assert statistic(Metric("macro_f1"), ids).interval(arm) == first
    assert statistic(Metric("macro_f1"), ["e", *ids[1:]]).interval(arm) != first


def test_a_case_without_a_label_is_no_part_of_accuracy() -> None:
    assert values(Metric("accuracy"), [Sample(passed=True)]) is None
    assert values(Metric("recall", '"bug"'), [Sample(passed=True, label=('"login"', '"login"'))]) is None
    assert values(Metric("tone"), [Sample(passed=True)]) is None


def test_a_number_that_did_not_come_is_not_within_and_has_no_error() -> None:
    samples = [Sample(passed=True, error=0.5, within=True), Sample(passed=False, within=False)]
    assert values(Metric("within"), samples) == (1, 2)
    assert values(Metric("mae"), samples) == [0.5]


def test_mae_and_rmse_are_negative_so_that_more_is_better() -> None:
    assert statistic(Metric("mae"), ["a", "b"]).value([[3.0], [1.0]]) == -2
    assert statistic(Metric("rmse"), ["a", "b"]).value([[1.0], [7.0]]) == -5
    assert statistic(Metric("mae"), ["a", "b"]).p_below([[3.0], [1.0]], -4.0) == 0.5


def test_sets_are_measured_by_what_they_share() -> None:
    arm = [[SetMatch(1, 1, 0)], [SetMatch(2, 0, 0)]]
    assert statistic(Metric("micro_f1"), ["a", "b"]).value(arm) == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert statistic(Metric("jaccard"), ["a", "b"]).value(arm) == pytest.approx(0.75)
    assert statistic(Metric("jaccard"), ["a"]).value([[SetMatch(0, 0, 0)]]) == 1.0
    assert statistic(Metric("micro_f1"), ["a"]).value([[SetMatch(0, 0, 0)]]) is None


@pytest.mark.slow
def test_a_worse_macro_f1_is_found_and_an_equal_one_is_not() -> None:
    ids = [f"c{place}" for place in range(30)]
    good = [[(LABELS[place % 3], LABELS[place % 3])] * 5 for place in range(30)]
    bad = [
        [(pair[0], LABELS[0])] * 5 if place % 2 else case
        for place, case in enumerate(good)
        for pair in case[:1]
    ]
    measured = statistic(Metric("macro_f1"), ids)
    for about in ("cases", "inputs"):
        assert measured.p_drop(good, bad, about) < 0.001  # type: ignore[arg-type]
        assert measured.p_drop(good, good, about) == 1.0  # type: ignore[arg-type]
        assert measured.p_drop(bad, good, about) > 0.5  # type: ignore[arg-type]


def test_groups_are_flipped_and_counted_as_one() -> None:
    ids = ["a", "b", "c", "d"]
    base, new = [(1, 1)] * 4, [(0, 1)] * 4
    assert statistic(Metric("pass_rate"), ids).p_drop(base, new, "inputs") == 1 / 16
    assert statistic(Metric("pass_rate"), ids, ["x", "x", "y", "y"]).p_drop(base, new, "inputs") == 1 / 4
    narrow = statistic(Metric("pass_rate"), ids).interval(base)
    wide = statistic(Metric("pass_rate"), ids, ["x", "x", "y", "y"]).interval(base)
    assert wide[0] < narrow[0]
