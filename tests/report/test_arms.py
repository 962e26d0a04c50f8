"""What a comparison of arms reads like: on a terminal, in Markdown, as JSON, as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from runner.engine.journal.record import Record
from runner.errors import StorageError
from runner.regress.arms.arm import ComparedArm
from runner.regress.arms.arm_results import ArmsComparison
from runner.regress.arms.contrasts import conclude, lineup, look
from runner.regress.arms.flips import flips
from runner.report.arms.compare_json import compare_json
from runner.report.arms.compare_markdown import compare_markdown
from runner.report.arms.compare_page import compare_page
from runner.report.arms.compare_text import compare_lines, forest_bar
from runner.report.arms.comparison_facts import ComparisonFacts
from runner.report.terminal.record_words import answer, input_text, reason
from runner.verdict.gate import Bound
from runner.verdict.looks import Looks
from runner.verdict.metrics import Metric
from tests.golden_files import assert_golden

from .hostile import HOSTILE
from .records import HELD, WRONG_CATEGORY, record

BOUND = Bound(looks=Looks((1,)))


def arm(name: str, passed: Mapping[str, int], *, samples: int = 8, cost: float = 0.001) -> ComparedArm:
    """An arm of which so many samples of each case pass; no two answers are the same."""
    found = ComparedArm(name, "triage", "prompts/triage.prompt.yaml", started="2026-11-27T09:15:00+00:00")
    for each in records(passed, samples=samples, cost=cost):
        found.take(each)
    return found


def records(passed: Mapping[str, int], *, samples: int = 8, cost: float = 0.001) -> list[Record]:
    return [
        record(
            case=case,
            sample=sample,
            passed=sample < right,
            output={"category": "refund" if sample < right else "other", "sample": sample},
            text=f"{case} {sample} {sample < right}",
            checks=[HELD if sample < right else WRONG_CATEGORY],
            cost=cost,
            latency_ms=400.0 + sample,
            vars={"ticket": f"about {case}"},
        )
        for case, right in passed.items()
        for sample in range(samples)
    ]


GOOD = {f"case-{case:02d}": 8 if case % 4 else 7 for case in range(16)}
BAD = {**GOOD, "case-03": 0, "case-05": 1, "case-07": 5}
FAIR = {**GOOD, "case-02": 7, "case-08": 8}


def compared(*arms: ComparedArm, bound: Bound = BOUND) -> list[ArmsComparison]:
    lineups = [lineup(arms, bound, by_id=False)]
    look(lineups)
    return conclude(lineups)


def three() -> list[ArmsComparison]:
    return compared(arm("luna", GOOD), arm("sol", BAD, cost=0.003), arm("terra", FAIR))


def with_flips(comparisons: list[ArmsComparison]) -> list[ArmsComparison]:
    def shown(each: Record) -> tuple[str | None, str | None, str | None]:
        return input_text(each["vars"]), answer(each), None if each["passed"] else reason(each)

    [comparison] = comparisons
    [contrast, *_] = comparison.contrasts
    found = flips(contrast.changes, lambda: iter(records(GOOD)), lambda: iter(records(BAD)), shown)
    comparison.flips[contrast.arm] = found
    return comparisons


def said(comparisons: list[ArmsComparison], width: int | None) -> str:
    return "".join(
        f"{line.text}\n" for line in compare_lines(comparisons, ["a remark about all"], width=width)
    )


@pytest.mark.parametrize("width", [None, 80])
def test_on_a_terminal_it_reads_like_this(width: int | None) -> None:
    assert_golden(f"report/arms-{width or 'wide'}.txt", said(three(), width))


def test_no_line_is_wider_than_the_terminal() -> None:
    lines = said(three(), 80).splitlines()
    assert max(map(len, lines)) <= 80


def test_in_markdown_it_reads_like_this() -> None:
    assert_golden("report/arms.md", compare_markdown(three(), ["a remark about all"]))


def test_as_json_it_reads_like_this() -> None:
    assert_golden("report/arms.json", compare_json(three(), ["a remark about all"]) + "\n")


def test_as_a_page_it_reads_like_this() -> None:
    page = compare_page(ComparisonFacts(with_flips(three()), (), ["a remark about all"]))
    page = re.sub(r"<style>.*?</style>", "<style>…</style>", page, flags=re.DOTALL)
    page = re.sub(r"sha256-[A-Za-z0-9+/]{43}=", "sha256-…", page)
    page = re.sub(r"runner \d[\w.]*(?= from)", "runner VERSION", page)
    page = re.sub(r"(</(?:div|tr|section|li|p|h\d|dl|thead|table|details|svg)>)", r"\1\n", page)
    assert_golden("report/arms.html.txt", page)


def test_a_case_that_flipped_shows_an_answer_of_each_kind() -> None:
    [comparison] = with_flips(three())
    worst = comparison.flips["sol"][0]
    assert worst.case == "case-03"
    assert [json.loads(each or "")["category"] for each in worst.answers] == ["refund", "other"]
    assert worst.reasons[0] is None
    assert "expected" in (worst.reasons[1] or "")


def test_latency_tokens_and_cost_are_medians_over_the_cases() -> None:
    [comparison] = three()
    measures = {each.measure: each for each in comparison.contrasts[0].measures}
    assert measures["cost"].base == pytest.approx(0.001)
    assert measures["cost"].ratio == pytest.approx(3.0)
    assert measures["latency"].base == pytest.approx(403.5)


def test_an_interval_is_drawn_between_its_ends() -> None:
    bar = forest_bar(-0.26, -0.14, -0.01, reach=0.5, margin=0.05, size=41)
    assert bar == "          ├───●───╎─┤" + " " * 20
    assert len(forest_bar(-3, -2, 5, reach=1, margin=0.05)) == 41


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_record_has_an_effect(text: str) -> None:
    counts = {f"a{text}": 8, **GOOD}
    worse = {**counts, f"a{text}": 0}
    comparisons = compared(arm(f"one {text}", counts), arm(f"two {text}", worse))
    page = compare_page(ComparisonFacts(comparisons, (), [text]))
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("<img") == 0
    shown = said(comparisons, 80)
    assert "\x1b" not in shown
    assert not any(line.startswith("::") for line in shown.splitlines())
    assert "\x1b" not in compare_markdown(comparisons, [text])
    assert json.loads(compare_json(comparisons, []))["comparisons"]


@pytest.mark.parametrize("score", ["high", True, float("nan"), None, [1]])
def test_scores_that_are_no_numbers_are_refused(score: object) -> None:
    found = ComparedArm("one", "triage", "p", metric=Metric("tone"))
    with pytest.raises(StorageError, match="not those of runner"):
        found.take(record(scores={"tone": score}))


def test_costs_that_are_no_numbers_are_in_no_median() -> None:
    odd = arm("odd", GOOD, cost=float("nan"))
    [comparison] = compared(arm("one", GOOD), odd)
    assert {each.measure for each in comparison.contrasts[0].measures} == {"latency", "tokens"}
