"""The comparison of two arms in both directions, and which arms are level with the best one."""

from __future__ import annotations

import pytest
from hypothesis import given

from runner.verdict.contrast import Contrast, adjusted, level_with_the_best
from runner.verdict.exact import benjamini_hochberg, stratified_exact
from runner.verdict.gate import Bound
from runner.verdict.looks import AUTO, Looks

from .support import arms

ONE = Looks((1,))
GOOD, BAD = [(8, 8)] * 10, [(0, 8)] * 3 + [(8, 8)] * 7


def contrast(base: list[tuple[int, int]], new: list[tuple[int, int]], bound: Bound | None = None) -> Contrast:
    found = Contrast(bound or Bound(looks=ONE))
    assert found.look(base, new, samples=8, tests=1) is True
    return found


def word(base: list[tuple[int, int]], new: list[tuple[int, int]], bound: Bound | None = None) -> str:
    found = contrast(base, new, bound)
    return found.word(*adjusted([found])[0])


def test_each_direction_has_its_word() -> None:
    assert word(GOOD, BAD) == "worse"
    assert word(BAD, GOOD) == "better"
    assert word(GOOD, GOOD) == "held"


def test_a_difference_beyond_the_margin_that_chance_explains_is_inconclusive_in_both_directions() -> None:
    base, new = [(1, 1)] * 10, [(0, 1)] + [(1, 1)] * 9
    assert word(base, new) == "inconclusive"
    assert word(new, base) == "inconclusive"


def test_counts_that_can_decide_nothing_hold_nothing() -> None:
    assert word([(1, 1)], [(1, 1)]) == "inconclusive"
    assert word([(0, 1)] * 3, [(0, 1)] * 3) == "inconclusive"


def test_equal_counts_hold_if_they_could_have_shown_a_difference() -> None:
    assert word([(4, 8)] * 10, [(4, 8)] * 10) == "held"


def test_a_look_decides_only_if_both_directions_are_decided() -> None:
    found = Contrast(Bound(looks=AUTO))
    # A rise of 10 points after two samples: there is no fall, but is there a rise?
    base, new = [(1, 2)] * 2 + [(2, 2)] * 8, [(2, 2)] * 10
    assert found.look(base, new, samples=2, tests=1) is False
    assert found.look([(5, 5)] * 10, [(5, 5)] * 10, samples=5, tests=1) is True


@pytest.mark.slow
@given(arms())
def test_the_directions_mirror_each_other(pair: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
    base, new = pair
    mirrored = {"worse": "better", "better": "worse"}
    there, back = word(base, new), word(new, base)
    assert mirrored.get(there, there) == back


def test_p_values_are_adjusted_in_each_direction() -> None:
    found = [contrast(GOOD, BAD), contrast(GOOD, GOOD), contrast(BAD, GOOD)]
    falls = benjamini_hochberg([each.fall.p for each in found])
    rises = benjamini_hochberg([each.rise.p for each in found])
    assert adjusted(found) == list(zip(falls, rises, strict=True))
    assert adjusted([]) == []


def test_arms_that_chance_may_explain_are_level_with_the_best() -> None:
    middle = [(7, 8)] + [(8, 8)] * 9
    assert level_with_the_best([BAD, GOOD, middle], Bound()) == [False, True, True]
    assert level_with_the_best([GOOD], Bound()) == [True]


def test_the_best_is_compared_with_the_others_at_the_confidence() -> None:
    some = [(4, 8)] + [(8, 8)] * 9
    p = stratified_exact(GOOD, some)
    assert level_with_the_best([GOOD, some], Bound(confidence=1 - 1.01 * p)) == [True, False]
    assert level_with_the_best([GOOD, some], Bound(confidence=1 - 0.99 * p)) == [True, True]
    assert p == pytest.approx(0.0385, abs=1e-3)
