"""Agreement of a judge with labels, and pass rates corrected for its errors: against other readings and by simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from runner.verdict.agreement import Cells, Preferences, kappa, prediction_powered, rogan_gladen, trust_in

CELLS = st.builds(Cells, *(st.integers(1, 200) for _ in range(4)))


@given(CELLS)
def test_kappa_is_the_share_of_agreement_beyond_chance_and_its_error_the_published_one(cells: Cells) -> None:
    found = kappa(cells)
    assert found is not None
    table = np.array(
        [[cells.failed_right, cells.failed_wrong], [cells.passed_wrong, cells.passed_right]], float
    )
    share = table / table.sum()
    rows, columns = share.sum(1), share.sum(0)
    chance = float(rows @ columns)
    expected = (float(np.trace(share)) - chance) / (1 - chance)
    assert math.isclose(found[0], expected, abs_tol=1e-12)
    # Fleiss, Cohen and Everitt, formula 13, written with matrices.
    q = 1 - chance
    first = sum(share[i, i] * (q - (rows[i] + columns[i]) * (1 - np.trace(share))) ** 2 for i in (0, 1))
    second = (1 - np.trace(share)) ** 2 * sum(
        share[i, j] * (columns[i] + rows[j]) ** 2 for i in (0, 1) for j in (0, 1) if i != j
    )
    third = (np.trace(share) * chance - 2 * chance + np.trace(share)) ** 2
    assert math.isclose(found[1] ** 2, max(0.0, first + second - third) / q**4 / table.sum(), abs_tol=1e-9)


def test_kappa_of_a_judge_that_always_says_pass_to_passing_answers_is_unknown() -> None:
    assert kappa(Cells(40, 0, 0, 0)) is None


@given(CELLS, st.integers(2, 400), st.data())
def test_the_prediction_powered_rate_is_that_of_its_definition(
    cells: Cells, judged: int, data: st.DataObject
) -> None:
    passed = data.draw(st.integers(0, judged))
    labels = [1.0] * cells.passing + [0.0] * cells.failing
    verdicts = (
        [1.0] * cells.passed_right
        + [0.0] * cells.passed_wrong
        + [0.0] * cells.failed_right
        + [1.0] * cells.failed_wrong
    )
    others = [1.0] * passed + [0.0] * (judged - passed)
    pooled = float(np.var(verdicts + others, ddof=1))
    weight = (
        min(1.0, max(0.0, float(np.cov(labels, verdicts)[0, 1]) / pooled / (1 + len(labels) / judged)))
        if pooled
        else 0.0
    )
    rate = float(np.mean(labels)) + weight * (float(np.mean(others)) - float(np.mean(verdicts)))
    left = np.array(labels) - weight * np.array(verdicts)
    half = stats.t.ppf(0.975, len(labels) - 1) * math.sqrt(
        weight**2 * float(np.var(others, ddof=1)) / judged + float(np.var(left, ddof=1)) / len(labels)
    )
    found = prediction_powered(cells, passed, judged)
    assert math.isclose(found.rate, min(1.0, max(0.0, rate)), abs_tol=1e-9)
    assert math.isclose(found.low, min(1.0, max(0.0, rate - half)), abs_tol=1e-6)
    assert math.isclose(found.high, min(1.0, max(0.0, rate + half)), abs_tol=1e-6)


def judged_by(
    generator: random.Random, truths: list[bool], sensitivity: float, specificity: float
) -> Iterator[bool]:
    for truth in truths:
        yield generator.random() < (sensitivity if truth else 1 - specificity)


def cells_of(labels: list[bool], verdicts: list[bool]) -> Cells:
    pairs = list(zip(labels, verdicts, strict=True))
    return Cells(
        *(pairs.count(pair) for pair in ((True, True), (True, False), (False, False), (False, True)))
    )


@pytest.mark.parametrize(
    ("truth", "sensitivity", "specificity"), [(0.9, 0.9, 0.7), (0.7, 0.9, 0.7), (0.5, 0.95, 0.5)]
)
def test_corrected_rates_cover_the_truth_and_the_raw_rate_does_not(
    truth: float, sensitivity: float, specificity: float
) -> None:
    generator = random.Random(17)
    runs, covered = 400, {"own": 0, "elsewhere": 0, "raw": 0}
    for _ in range(runs):
        labels = [generator.random() < truth for _ in range(200)]
        cells = cells_of(labels, list(judged_by(generator, labels, sensitivity, specificity)))
        others = [generator.random() < truth for _ in range(500)]
        passed = sum(judged_by(generator, others, sensitivity, specificity))
        own, elsewhere = prediction_powered(cells, passed, 500), rogan_gladen(passed, 500, cells)
        assert elsewhere is not None
        covered["own"] += own.low <= truth <= own.high
        covered["elsewhere"] += elsewhere.low <= truth <= elsewhere.high
        covered["raw"] += abs(passed / 500 - truth) <= 1.96 * math.sqrt(
            passed / 500 * (1 - passed / 500) / 500
        )
    assert covered["own"] / runs >= 0.92
    assert covered["elsewhere"] / runs >= 0.92
    assert covered["raw"] / runs < (0.9 if truth == 0.7 else 0.6)  # there its errors nearly cancel


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    assert rogan_gladen(60, 100, Cells(20, 20, 20, 20)) is None


@given(CELLS, st.integers(1, 300), st.data())
def test_a_corrected_rate_is_in_its_interval_which_is_never_empty(
    cells: Cells, judged: int, data: st.DataObject
) -> None:
    passed = data.draw(st.integers(0, judged))
    found = prediction_powered(cells, passed, max(2, judged))
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert found.low < found.high
    if (corrected := rogan_gladen(passed, judged, cells)) is not None:
        assert 0 <= corrected.low <= corrected.high <= 1


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        (Cells(95, 5, 95, 5), "good"),
        (Cells(95, 5, 85, 15), "usable with correction"),
        (Cells(28, 2, 28, 2), "usable with correction"),
        (Cells(60, 40, 60, 40), "do not use"),
        (Cells(2, 46, 48, 0), "do not use"),
        (Cells(50, 0, 0, 50), "do not use"),
        (Cells(0, 50, 50, 0), "do not use"),
    ],
)
def test_the_word_depends_on_what_is_sure(cells: Cells, word: str) -> None:
    assert trust_in(cells) == word


def test_a_pair_is_won_only_in_both_orders_and_a_seat_that_always_wins_is_a_bias() -> None:
    seat = Preferences.of([("first", "first")] * 50)
    assert (seat.wins, seat.losses, seat.ties, seat.p) == (0, 0, 50, 1.0)
    assert seat.first_seat is not None
    assert seat.first_seat[0] == 1.0
    better = Preferences.of(
        [("first", "second")] * 20 + [("second", "first")] * 5 + [("tie", "first"), ("unsure", "second")]
    )
    assert (better.wins, better.losses, better.ties) == (20, 5, 2)
    assert math.isclose(better.p, stats.binomtest(20, 25).pvalue, rel_tol=1e-9)


def test_a_judge_that_prefers_a_seat_seldom_declares_a_winner_of_two_equals() -> None:
    generator = random.Random(5)
    false = 0
    for _ in range(1000):
        verdicts = [
            (
                "first" if generator.random() < 0.7 else "second",
                "first" if generator.random() < 0.7 else "second",
            )
            for _ in range(50)
        ]
        false += Preferences.of(verdicts).p <= 0.05
    assert false / 1000 <= 0.04
