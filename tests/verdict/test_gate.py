"""The verdict of a gate: what each word means at its edges, how often it is wrong, and how few samples it takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from runner.verdict.exact import sign_flip, stratified_exact
from runner.verdict.gate import Bound, Trial, Word, as_one_sample, can_be_worse
from runner.verdict.intervals import difference_interval, rate_interval
from runner.verdict.looks import AUTO, Looks

ONE = Bound()
Arm = list[tuple[int, int]]


def verdict(bound: Bound, base: Arm, new: Arm, *, tests: int = 1, adjusted: float | None = None) -> Word:
    """Of one look, or of the first of several."""
    trial = Trial(bound)
    trial.look(base, new, samples=bound.looks.samples[0], tests=tests)
    return trial.word(trial.p if adjusted is None else adjusted)


def test_a_suite_that_falls_beyond_the_margin_with_evidence_is_worse() -> None:
    assert verdict(ONE, [(10, 10)] * 20, [(0, 1)] * 3 + [(1, 1)] * 17) == "worse"


def test_a_drop_without_evidence_is_inconclusive() -> None:
    assert verdict(ONE, [(1, 1)] * 20, [(0, 1)] * 2 + [(1, 1)] * 18) == "inconclusive"


def test_a_drop_within_the_margin_has_held_whatever_the_evidence() -> None:
    base, new = [(100, 100)] * 20, [(0, 100)] + [(100, 100)] * 19
    trial = Trial(ONE)
    trial.look(base, new, samples=100, tests=1)
    assert trial.p < 1e-9
    assert trial.word(trial.p) == "held"
    assert verdict(replace(ONE, max_drop=0.04), base, new) == "worse"


def test_what_holds_for_one_gate_alone_need_not_hold_among_many() -> None:
    base, new = [(1, 1)] * 20, [(0, 1)] * 6 + [(1, 1)] * 14
    assert verdict(ONE, base, new) == "worse"
    assert verdict(ONE, base, new, adjusted=0.3) == "inconclusive"


def test_nothing_that_differs_has_held_and_the_interval_has_a_width() -> None:
    trial = Trial(ONE)
    trial.look([(1, 1)] * 20, [(1, 1)] * 20, samples=1, tests=1)
    assert trial.evidence is not None
    assert (trial.word(trial.p), trial.p, trial.evidence.drop) == ("held", 1.0, 0.0)
    assert trial.evidence.low < 0 < trial.evidence.high


def test_to_prove_takes_the_near_end_of_the_interval() -> None:
    bound = replace(ONE, prove=True)
    assert verdict(bound, [(5, 5)] * 20, [(5, 5)] * 20) == "inconclusive"
    assert verdict(bound, [(5, 5)] * 200, [(5, 5)] * 200) == "held"
    assert verdict(bound, [(5, 5)] * 20, [(0, 5)] * 20) == "worse"


@pytest.mark.parametrize(("passed", "word"), [(20, "held"), (16, "held"), (15, "inconclusive"), (5, "worse")])
def test_a_least_rate_is_held_against_the_interval(passed: int, word: Word) -> None:
    bound = replace(ONE, least=0.8)
    assert verdict(bound, [], [(1, 1)] * passed + [(0, 1)] * (20 - passed)) == word


def test_a_least_rate_is_proven_by_the_near_end() -> None:
    bound = replace(ONE, least=0.8, prove=True)
    assert verdict(bound, [], [(1, 1)] * 19 + [(0, 1)]) == "inconclusive"
    assert verdict(bound, [], [(1, 1)] * 100) == "held"


@pytest.mark.parametrize(
    ("bound", "base", "can"),
    [
        (ONE, [(10, 10)] * 20, True),
        (ONE, [(0, 10)] * 20, False),
        (ONE, [(1, 1)] * 3, False),
        (ONE, [(1, 1)] * 6, True),
        (ONE, [(10, 10)], False),
        (replace(ONE, looks=AUTO), [(10, 10)], True),
        (replace(ONE, about="inputs"), [(10, 10)] * 5, False),
        (replace(ONE, about="inputs"), [(10, 10)] * 6, True),
        (replace(ONE, about="inputs", looks=AUTO), [(10, 10)] * 6, False),
        (replace(ONE, about="inputs", looks=AUTO), [(10, 10)] * 7, True),
        (replace(ONE, least=0.9), [(1, 1)] * 20, True),
        (replace(ONE, least=0.01), [(1, 1)] * 3, False),
        (replace(ONE, least=0.0), [(1, 1)] * 30, False),
    ],
)
def test_a_gate_that_can_never_fail_is_known(bound: Bound, base: Arm, *, can: bool) -> None:
    assert can_be_worse(bound, base) is can


def test_copies_of_one_sample_count_once() -> None:
    assert as_one_sample([(5, 5), (0, 5), (1, 1)]) == [(1, 1), (0, 1), (1, 1)]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_looks_spend_what_there_is_and_the_later_ones_more(count: int) -> None:
    shares = Looks(tuple(range(1, count + 1))).shares
    assert sum(shares) == pytest.approx(1)
    assert list(shares) == sorted(shares)
    assert len(shares) == count


@pytest.mark.parametrize(
    ("count", "shares"),
    [
        (1, [1]),
        (2, [0.2, 0.8]),
        (3, [0.15, 0.35, 0.5]),
        (4, [0.1, 0.2, 0.3, 0.4]),
        (5, [0.05, 0.1, 0.2, 0.3, 0.35]),
        (6, [1 / 21, 2 / 21, 3 / 21, 4 / 21, 5 / 21, 6 / 21]),
    ],
)
def test_each_look_spends_its_share(count: int, shares: list[float]) -> None:
    assert list(Looks(tuple(range(1, count + 1))).shares) == pytest.approx(shares, abs=1e-15)


def test_after_a_look_comes_the_next_and_after_the_last_none() -> None:
    assert [AUTO.after(samples) for samples in (0, 2, 3, 5, 10)] == [2, 5, 5, 10, None]
    assert AUTO.last == 10


def in_turn(
    bound: Bound, base: Arm, samples: Sequence[Sequence[bool]], *, tests: int = 1
) -> tuple[Word, int]:
    """The verdict on a suite whose samples come look by look, and how many of a case it took."""
    trial = Trial(bound)
    for look in bound.looks.samples:
        if trial.look(base, [(sum(case[:look]), look) for case in samples], samples=look, tests=tests):
            break
    return trial.word(trial.p), look


AUTOMATIC = replace(ONE, looks=AUTO)


def test_what_is_clearly_worse_takes_one_look() -> None:
    assert in_turn(AUTOMATIC, [(10, 10)] * 20, [[False] * 10] * 20) == ("worse", 2)


def test_what_is_clearly_the_same_takes_one_look() -> None:
    assert in_turn(AUTOMATIC, [(10, 10)] * 20, [[True] * 10] * 20) == ("held", 2)


def test_a_small_drop_takes_another_look_and_has_held_within_the_margin() -> None:
    samples = [[False, *[True] * 9]] * 2 + [[True] * 10] * 18
    assert in_turn(AUTOMATIC, [(10, 10)] * 20, samples) == ("held", 5)


def test_a_drop_that_is_neither_small_nor_certain_is_followed_to_the_last_look() -> None:
    samples: list[list[bool]] = [[] for _ in range(20)]
    for asked, passed in ((2, 17), (3, 26), (5, 43)):
        places = [(case, number) for number in range(asked) for case in range(20)]
        for index, (case, _) in enumerate(places):
            samples[case].append(index < passed)
    assert in_turn(AUTOMATIC, [(5, 10)] * 20, samples) == ("inconclusive", 10)


def test_the_p_of_all_looks_is_the_least_of_theirs_each_by_its_share() -> None:
    trial = Trial(AUTOMATIC)
    base, first, second = [(5, 10)] * 20, [(1, 2)] * 12 + [(0, 2)] * 8, [(2, 5)] * 14 + [(1, 5)] * 6
    assert not trial.look(base, first, samples=2, tests=1)
    assert trial.p == pytest.approx(min(1, stratified_exact(base, first) / 0.15))
    assert not trial.look(base, second, samples=5, tests=1000)
    expected = min(stratified_exact(base, first) / 0.15, stratified_exact(base, second) / 0.35)
    assert trial.p == pytest.approx(expected) != 1
    assert trial.look(base, [(4, 10)] * 20, samples=10, tests=1000)
    assert trial.looked == 3


def test_a_p_is_at_most_1() -> None:
    trial = Trial(AUTOMATIC)
    trial.look([(5, 10)] * 20, [(1, 2)] * 20, samples=2, tests=1)
    assert trial.p == 1.0


def looked(bound: Bound, base: Arm, *news: Arm) -> list[bool]:
    """Whether each of several looks decided it, among so many gates that none is worse at once."""
    trial = Trial(bound)
    return [
        trial.look(base, new, samples=look, tests=10**9)
        for look, new in zip(bound.looks.samples, news, strict=False)
    ]


def failing(count: int, of: int, cases: int) -> Arm:
    """So many cases, of which the first ones failed all their samples."""
    return [(0, of)] * count + [(of, of)] * (cases - count)


def test_at_the_first_look_two_of_five_points_are_slack_and_at_the_next_all_five() -> None:
    base = [(10, 10)] * 100
    assert looked(AUTOMATIC, base, failing(2, 2, 100)) == [True]
    half = [(1, 2)] * 5 + [(2, 2)] * 95
    assert looked(AUTOMATIC, [(5, 10)] * 5 + base[5:], half) == [True]
    few = [(9, 10)] * 100
    assert looked(AUTOMATIC, few, [(1, 2)] * 25 + [(2, 2)] * 75) == [False]
    assert looked(AUTOMATIC, few, [(1, 2)] * 25 + [(2, 2)] * 75, [(4, 5)] * 75 + [(5, 5)] * 25) == [
        False,
        True,
    ]
    assert looked(AUTOMATIC, few, [(1, 2)] * 25 + [(2, 2)] * 75, [(4, 5)] * 76 + [(5, 5)] * 24) == [
        False,
        False,
    ]


def test_a_drop_of_exactly_the_margin_is_not_beyond_it_whatever_the_evidence() -> None:
    trial = Trial(AUTOMATIC)
    assert not trial.look([(100, 100)] * 20, failing(1, 2, 20), samples=2, tests=1)
    assert not can_be_worse(ONE, [(100, 100)] + [(0, 100)] * 19)
    assert can_be_worse(ONE, [(100, 100)] * 2 + [(0, 100)] * 18)


LEAST = replace(AUTOMATIC, least=0.8)


def test_a_least_rate_has_held_early_with_room_and_later_without() -> None:
    assert looked(LEAST, [], failing(17, 2, 100)) == [True]
    assert looked(LEAST, [], failing(18, 2, 100)) == [False]
    assert looked(LEAST, [], failing(18, 2, 100), failing(20, 5, 100)) == [False, True]
    assert looked(LEAST, [], failing(18, 2, 100), failing(21, 5, 100)) == [False, False]


def test_the_evidence_has_the_interval_of_the_gate_s_confidence() -> None:
    base, new = [(9, 10)] * 20, [(3, 5)] * 20
    for confidence, two_sided in ((0.975, 0.95), (0.9, 0.8)):
        trial = Trial(replace(ONE, confidence=confidence))
        trial.look(base, new, samples=5, tests=1)
        assert trial.evidence is not None
        ends = (trial.evidence.low, trial.evidence.high)
        assert ends == pytest.approx(difference_interval(base, new, two_sided))
        assert trial.evidence.p_inputs == sign_flip(base, new)


def test_to_prove_at_an_early_look_takes_its_share_of_the_error() -> None:
    bound = replace(AUTOMATIC, prove=True)
    proven = []
    for cases in range(30, 120):
        arm = [(2, 2)] * cases
        trial = Trial(bound)
        done = trial.look(arm, arm, samples=2, tests=1)
        assert done is trial.proven is (difference_interval(arm, arm, 1 - 0.05 * 0.15)[0] > -0.05)
        proven.append(done)
    assert len(set(proven)) == 2


def test_the_p_of_a_least_rate_is_where_its_interval_ends_there() -> None:
    trial = Trial(replace(ONE, least=0.8))
    new = [(1, 1)] * 10 + [(0, 1)] * 10
    trial.look([], new, samples=1, tests=1)
    assert trial.evidence is not None
    assert rate_interval(new, 1 - 2 * trial.evidence.p)[1] == pytest.approx(0.8, abs=1e-6)
    trial = Trial(replace(ONE, least=0.8))
    trial.look([], failing(4, 1, 20), samples=1, tests=1)
    assert trial.evidence is not None
    assert trial.evidence.p == 0.5


def test_among_many_gates_one_look_has_to_say_more() -> None:
    base, samples = [(10, 10)] * 20, [[False] * 10] * 2 + [[True] * 10] * 18
    assert in_turn(AUTOMATIC, base, samples) == ("worse", 2)
    word, looked = in_turn(AUTOMATIC, base, samples, tests=1000)
    assert (word, looked) == ("worse", 5)


def population(kind: str, cases: int, draw: random.Random) -> list[float]:
    if kind == "noisy":
        return [draw.betavariate(8, 1) for _ in range(cases)]
    if kind == "hard":
        return [draw.betavariate(2, 1) for _ in range(cases)]
    return [1.0 if draw.random() < 0.8 else draw.betavariate(6, 2) for _ in range(cases)]


def shares(kind: str, cases: int, change: str, suites: int) -> tuple[float, float]:
    """How many of so many suites are called worse, and how many samples of a case that took."""
    draw, worse, taken = random.Random(f"{kind}{cases}{change}"), 0, 0
    for _ in range(suites):
        rates = population(kind, cases, draw)
        base = [(sum(draw.random() < p for _ in range(10)), 10) for p in rates]
        if change == "spread":
            rates = [max(0.0, p - 0.15) for p in rates]
        elif change == "broken":
            left = 0.15 * cases
            for index in draw.sample(range(cases), cases):
                lost = min(left, rates[index])
                rates[index] -= lost
                left -= lost
        samples = [[draw.random() < p for _ in range(10)] for p in rates]
        word, looked = in_turn(AUTOMATIC, base, samples)
        worse += word == "worse"
        taken += looked
    return worse / suites, taken / suites


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["noisy", "stable", "hard"])
def test_a_suite_that_did_not_change_is_seldom_worse_and_takes_few_samples(kind: str) -> None:
    worse, taken = shares(kind, 20, "none", 300)
    assert worse <= 0.03
    assert taken <= 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["noisy", "stable", "hard"])
@pytest.mark.parametrize(
    ("cases", "change"), [(20, "spread"), (20, "broken"), (48, "spread"), (48, "broken")]
)
def test_fifteen_points_are_found(kind: str, cases: int, change: str) -> None:
    worse, _ = shares(kind, cases, change, 150)
    assert worse >= (0.8 if cases == 20 else 0.95)
