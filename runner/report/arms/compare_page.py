"""Draw a comparison of arms as a page: one file without scripts that contacts no server. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from ..._version import __version__
from ...regress.arms.arm_results import ArmsComparison, ContrastResult, Flip
from ..html.charts import dumbbell, forest_row, interval_plot
from ..html.markup import Markup, element, joined, text
from ..html.overview import card, table
from ..html.page import MARK, csp_digest, report_style
from ..regression.gate_lines import small
from ..terminal.figures import count, plural
from ..terminal.metric_lines import metric_name
from .comparison_facts import ComparisonFacts
from .contrast_words import (
    case_change,
    closing,
    conclusion,
    counted,
    ends_of_arm,
    ends_of_change,
    heading,
    headline,
    level_of,
    measure_change,
    moved_by,
    reach_of,
    value_of_arm,
    word_of_contrast,
)

__all__ = ["compare_page"]

_ROWS = 100
_LONGEST = 4000

_SCALE = Markup('<span class="scale"><span>0</span><span>50%</span><span>100%</span></span>')


def compare_page(facts: ComparisonFacts) -> str:
    """Return the page."""
    style = _style()
    policy = f"default-src 'none'; style-src '{csp_digest(style)}'; img-src data:; base-uri 'none'; form-action 'none'"
    prompts = list(dict.fromkeys(comparison.prompt for comparison in facts.comparisons))
    title = (
        f"Comparison of {prompts[0]}"
        if len(prompts) == 1
        else f"Comparison of {plural(len(prompts), 'prompt')}"
    )
    captions = [*facts.facts, *_captions(facts.comparisons)]
    head = (
        element("p", "runner comparison", class_="brand"),
        element("h1", title),
        element(
            "dl",
            *(element("div", element("dt", caption), element("dd", value)) for caption, value in captions),
            class_="facts",
        ),
    )
    body = (
        element("header", *head),
        element(
            "main",
            *(element("p", note, class_="note") for note in facts.notes),
            *(_section(comparison) for comparison in facts.comparisons),
        ),
        element("footer", f"Written by runner {__version__} from stored answers. It contacts no server."),
    )
    return (
        f'{MARK.decode()}1">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{joined(body)}\n</body>\n</html>\n"
    )


def _captions(comparisons: Sequence[ArmsComparison]) -> Iterator[tuple[str, str]]:
    if not comparisons:
        return
    bound, share = comparisons[0].bound, comparisons[0].metric.is_share
    yield "margin", f"{100 * bound.max_drop:.4g} points" if share else f"{bound.max_drop:.4g}"
    yield "confidence", f"{100 * bound.confidence:.4g} % in each direction"
    yield "about", "these very cases" if bound.about == "cases" else "inputs like these"
    if (tests := max(comparison.tests for comparison in comparisons)) > 1:
        yield "comparisons", f"{tests}; p-values are adjusted (Benjamini-Hochberg)"


def _section(comparison: ArmsComparison) -> Markup:
    parts: list[object] = [element("h2", heading(comparison))]
    verdicts = [
        element(
            "li",
            f"{result.arm}: ",
            element("span", word_of_contrast(result), class_=f"word is-{result.word}"),
            headline(result, comparison).removeprefix(word_of_contrast(result)),
        )
        for result in comparison.contrasts
    ]
    parts.append(element("ul", *verdicts, class_="verdicts"))
    if (sentence := conclusion(comparison)) is not None:
        parts.append(element("p", f"{_capital(sentence)}.", class_="verdict"))
    parts += (element("p", note, class_="hint") for note in comparison.notes)
    if comparison.cases:
        parts.append(element("div", _rates(comparison), _forest(comparison), class_="cards"))
        parts += (_cases(result, comparison) for result in comparison.contrasts)
    return element("section", *parts)


def _rates(comparison: ArmsComparison) -> Markup:
    rows = []
    share = comparison.metric.is_share
    for arm in comparison.arms:
        fewest, most = arm.samples
        rows.append(
            (
                f"{'= ' if arm.level else ''}{arm.name}"
                + (f" ({', '.join(arm.models)})" if arm.models else ""),
                interval_plot(arm.rate or 0.0, (arm.low, arm.high)) if share else "",
                value_of_arm(arm, comparison.metric),
                ends_of_arm(arm, comparison.metric),
                str(most) if fewest == most else f"{fewest}–{most}",
            )
        )
    return card(
        _capital(metric_name(comparison.metric)),
        table(
            ("arm", _SCALE if share else "", "value", level_of(comparison), "samples"),
            rows,
            numbers=3,
            kind="rates",
        ),
        element("p", "=: chance could explain how far this arm is below the best one.", class_="hint"),
        kind="full",
    )


def _forest(comparison: ArmsComparison) -> Markup:
    left, right, reach = reach_of(comparison)
    ends = [left, "0", f"{right} points" if comparison.metric.is_share else right]
    scale = element("span", *(element("span", each) for each in ends), class_="scale")
    rows = [
        (
            result.arm,
            forest_row(each.low, -each.drop, each.high, reach=reach, margin=comparison.bound.margin),
            moved_by(each.drop, comparison.metric),
            ends_of_change(each.low, each.high, comparison.metric),
            small(result.p),
        )
        for result in comparison.contrasts
        if (each := result.evidence) is not None
    ]
    return card(
        f"Difference from {comparison.arms[0].name}",
        table(("arm", scale, "change", level_of(comparison), "p"), rows, numbers=3, kind="forests"),
        element(
            "p",
            f"The bar is the {level_of(comparison)} interval for inputs like these; the dashed line is the margin.",
            class_="hint",
        ),
        kind="full",
    )


def _cases(result: ContrastResult, comparison: ArmsComparison) -> Markup:
    first, share = comparison.arms[0].name, comparison.metric.is_share
    shown = sorted(result.changes, key=lambda change: (-abs(change.drop), change.case))[:_ROWS]
    shown.sort(key=lambda change: (-change.drop, change.case))
    rows = [
        (
            change.case,
            dumbbell(change.base_value, change.new_value, "worse" if change.drop > 0 else "better")
            if share
            else "",
            case_change(change, comparison.metric),
            moved_by(change.drop, comparison.metric),
            "" if change.q is None else small(change.q),
        )
        for change in shown
    ]
    parts: list[object] = [element("p", f"{counted(result)}.", class_="hint")]
    if rows:
        parts.append(
            table(
                ("case", _SCALE if share else "", "passes", "change", "q"), rows, numbers=3, kind="dumbbells"
            )
        )
        parts.append(
            element(
                "p",
                f"From {first} (grey) to {result.arm}. q: could the case's own samples differ so much by chance?",
                class_="hint",
            )
        )
    if len(result.changes) > len(shown):
        parts.append(
            element("p", f"and {count(len(result.changes) - len(shown))} more that moved less", class_="hint")
        )
    measures = [measure_change(change) for change in result.measures]
    if measures:
        parts.append(element("p", "Median of a case: " + " · ".join(measures) + "."))
    parts += (element("p", f"{_capital(each)}.", class_="hint") for each in closing(result, comparison))
    flips = comparison.flips.get(result.arm, ())
    if flips:
        moved = {change.case: change for change in result.changes}
        parts.append(element("h4", "Answers that flipped"))
        parts += (
            _flip(flip, case_change(moved[flip.case], comparison.metric), (first, result.arm))
            for flip in flips
        )
    return card(f"{result.arm}: case by case", *parts)


def _flip(flip: Flip, change: str, names: tuple[str, str]) -> Markup:
    sides = [
        element(
            "div",
            element("h4", name),
            element("pre", _short(answer)) if answer is not None else element("p", "no such answer is stored", class_="hint"),
            element("p", reason, class_="hint") if reason is not None else "",
        )
        for name, answer, reason in zip(names, flip.answers, flip.reasons, strict=True)
    ]  # fmt: skip
    return element(
        "details",
        element("summary", element("code", flip.case), f" {change}"),
        element("p", flip.input, class_="hint") if flip.input else "",
        element("div", *sides, class_="answers"),
        class_="flip",
    )


def _capital(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}"


def _short(answer: str) -> str:
    if len(answer) <= _LONGEST:
        return answer
    return f"{answer[:_LONGEST]}… (shortened; the answer has {len(answer):,} characters)"


@cache
def _style() -> Markup:
    return Markup(report_style() + Path(__file__).with_name("compare_page.css").read_text("utf-8"))
