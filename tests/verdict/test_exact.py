"""Exact tests: equal to counting all possibilities by hand, and never better for a suite that got worse."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.verdict.exact import benjamini_hochberg, drop, rate, sign_flip, stratified_exact

from .support import arms

Arm = list[tuple[int, int]]


def permuted(base: Arm, new: Arm) -> Fraction:
    """The share of all ways to deal each case's samples out to the two arms that leave `new` so few passes."""
    ways: list[tuple[int, int]] = [(0, 1)]
    for (k1, n1), (k2, n2) in zip(base, new, strict=True):
        samples = [1] * (k1 + k2) + [0] * (n1 + n2 - k1 - k2)
        dealt = [sum(samples[at] for at in chosen) for chosen in itertools.combinations(range(n1 + n2), n2)]
        ways = [(so_far + passed, count) for so_far, count in ways for passed in dealt]
    seen = sum(passed for passed, _ in new)
    return Fraction(sum(passed <= seen for passed, _ in ways), len(ways))


def flipped(base: Arm, new: Arm) -> Fraction:
    """The share of all signs of the differences with a sum as low as that of the real ones."""
    differences = [Fraction(k2, n2) - Fraction(k1, n1) for (k1, n1), (k2, n2) in zip(base, new, strict=True)]
    sums = [
        sum(sign * each for sign, each in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return Fraction(sum(each <= sum(differences) for each in sums), len(sums))


@given(arms(cases=3, most=3))
def test_the_stratified_test_equals_dealing_all_samples_out_in_every_way(both: tuple[Arm, Arm]) -> None:
    assert stratified_exact(*both) == pytest.approx(float(permuted(*both)), abs=1e-12)


@given(arms(cases=8))
def test_the_sign_flip_equals_flipping_every_sign(both: tuple[Arm, Arm]) -> None:
    informative = [pair for pair in zip(*both, strict=True) if Fraction(*pair[0]) != Fraction(*pair[1])]
    expected = 1.0 if not informative else float(flipped(*map(list, zip(*informative, strict=True))))
    assert sign_flip(*both) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("test", [stratified_exact, sign_flip])
@given(both=arms(), order=st.randoms())
def test_the_order_of_the_cases_does_not_matter(
    test: object, both: tuple[Arm, Arm], order: random.Random
) -> None:
    pairs = list(zip(*both, strict=True))
    order.shuffle(pairs)
    base, new = map(list, zip(*pairs, strict=True))
    assert test(base, new) == pytest.approx(test(*both), abs=1e-12)  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("test", [stratified_exact, sign_flip])
@given(both=arms(), case=st.integers(0, 7))
def test_one_pass_less_never_looks_better(test: object, both: tuple[Arm, Arm], case: int) -> None:
    base, new = both
    case %= len(new)
    passed, total = new[case]
    worse = [*new[:case], (max(passed - 1, 0), total), *new[case + 1 :]]
    if test is stratified_exact:
        # What is given is each case's total: the sample that failed passes in the other arm instead.
        k1, n1 = base[case]
        base_too = [*base[:case], (min(k1 + (passed > 0), n1), n1), *base[case + 1 :]]
        if k1 == n1:
            return
        assert stratified_exact(base_too, worse) <= stratified_exact(base, new) + 1e-12
    elif sign_flip(base, new) < 0.5:
        assert drop(base, worse) >= drop(base, new)


@given(arms(cases=5, most=4))
def test_better_and_worse_are_mirror_images(both: tuple[Arm, Arm]) -> None:
    """P(at most what came) and P(at least it) share the chance of exactly it."""
    base, new = both
    failed = lambda arm: [(total - passed, total) for passed, total in arm]  # noqa: E731
    assert stratified_exact(base, new) + stratified_exact(failed(base), failed(new)) >= 1 - 1e-12
    assert stratified_exact(base, new) == pytest.approx(
        stratified_exact(failed(new), failed(base)), abs=1e-12
    )


def test_with_one_sample_each_both_are_the_sign_test() -> None:
    base = [(1, 1)] * 8 + [(0, 1)] * 2
    new = [(0, 1)] * 6 + [(1, 1)] * 3 + [(0, 1)]
    by_hand = sum(math.comb(7, ups) for ups in (0, 1)) / 2**7
    assert stratified_exact(base, new) == pytest.approx(by_hand)
    assert sign_flip(base, new) == by_hand


def test_where_nothing_differs_there_is_no_evidence() -> None:
    for arm in ([(5, 5)] * 20, [(0, 3)] * 4, []):
        assert stratified_exact(arm, arm) == 1.0
        assert sign_flip(arm, arm) == 1.0


def worse_arms(seed: int, cases: int, samples: tuple[int, ...]) -> tuple[Arm, Arm]:
    """Two arms of which the new one is a little worse, so that p is neither 0 nor 1."""
    draw = random.Random(seed)
    totals = [(draw.choice(samples), draw.choice(samples)) for _ in range(cases)]
    base = [(draw.randint(0, n1), n1) for n1, _ in totals]
    new = [
        (sum(draw.random() < k / n1 - 0.03 for _ in range(n2)), n2)
        for (k, n1), (_, n2) in zip(base, totals, strict=True)
    ]
    return base, new


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("test", "samples", "cases"),
    [(stratified_exact, (1, 2, 3, 4), 40), (stratified_exact, (1, 2), 160), (sign_flip, (3,), 160)],
)
def test_the_normal_law_is_near_where_it_takes_over(
    monkeypatch: pytest.MonkeyPatch, test: object, samples: tuple[int, ...], cases: int, seed: int
) -> None:
    base, new = worse_arms(seed, cases, samples)
    exact = test(base, new)  # type: ignore[operator]
    monkeypatch.setattr("runner.verdict.exact._MANY", 10)
    near = test(base, new)  # type: ignore[operator]
    assert near == pytest.approx(exact, abs=0.0015)


BY_HAND: list[tuple[Arm, Arm]] = [
    ([(0, 3), (0, 5)], [(2, 3), (4, 5)]),
    ([(2, 3), (4, 5)], [(0, 3), (0, 5)]),
    ([(2, 2), (1, 2)], [(0, 2), (0, 2)]),
    ([(0, 2), (0, 2), (2, 2)], [(2, 2), (1, 2), (1, 2)]),
    ([(3, 3), (1, 1), (2, 4)], [(1, 2), (1, 1), (4, 4)]),
    ([(3, 3)], [(0, 2)]),
    ([(1, 5), (4, 5)], [(3, 3), (1, 3)]),
]


@pytest.mark.parametrize(("base", "new"), BY_HAND)
def test_small_suites_by_hand(base: Arm, new: Arm) -> None:
    assert stratified_exact(base, new) == pytest.approx(float(permuted(base, new)), abs=1e-12)
    differing = [pair for pair in zip(base, new, strict=True) if Fraction(*pair[0]) != Fraction(*pair[1])]
    expected = flipped([old for old, _ in differing], [now for _, now in differing])
    assert sign_flip(base, new) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize("test", [stratified_exact, sign_flip])
def test_arms_have_the_same_cases(test: object) -> None:
    with pytest.raises(ValueError, match="shorter"):
        test([(1, 1), (0, 1)], [(1, 1)])  # type: ignore[operator]


@given(st.lists(st.floats(0, 1), max_size=20))
def test_p_values_of_several_tests_only_grow_and_keep_their_order(ps: list[float]) -> None:
    adjusted = benjamini_hochberg(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, adjusted, strict=True))
    for (p, q), (r, s) in itertools.product(zip(ps, adjusted, strict=True), repeat=2):
        assert p > r or q <= s


def test_one_p_value_stays_and_the_least_of_many_is_multiplied() -> None:
    assert benjamini_hochberg([0.01]) == [0.01]
    assert benjamini_hochberg([0.01, 1.0, 1.0, 1.0]) == [0.04, 1.0, 1.0, 1.0]
    assert benjamini_hochberg([0.01, 0.02]) == [0.02, 0.02]


def test_the_rate_is_that_of_the_cases_and_not_of_the_samples() -> None:
    assert rate([(1, 1), (0, 9)]) == 0.5
    assert drop([(1, 1)], [(3, 4)]) == 0.25


@settings(max_examples=25)
@given(arms(cases=40, most=10))
def test_p_is_a_chance(both: tuple[Arm, Arm]) -> None:
    assert 0 < stratified_exact(*both) <= 1
    assert 0 < sign_flip(*both) <= 1


def test_the_statistics_import_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import runner.verdict.gate; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["runner"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("abcd")), min_size=1, max_size=7)
)
def test_the_differences_of_a_group_are_flipped_as_one(cases: list[tuple[int, int, str]]) -> None:
    base, new = [(before, 3) for before, _, _ in cases], [(after, 3) for _, after, _ in cases]
    groups = [group for _, _, group in cases]
    sums = [
        sum(after - before for before, after, group in cases if group == name)
        for name in dict.fromkeys(groups)
    ]
    moved = [each for each in sums if each]
    flips = list(itertools.product((1, -1), repeat=len(moved)))
    fallen = sum(sum(a * abs(b) for a, b in zip(flip, moved, strict=True)) <= sum(moved) for flip in flips)
    expected = fallen / len(flips) if moved else 1.0
    assert sign_flip(base, new, groups) == pytest.approx(expected)


def test_each_case_has_a_group() -> None:
    with pytest.raises(ValueError, match="longer"):
        sign_flip([(1, 1), (0, 1)], [(0, 1), (0, 1)], ["a"])
