"""Compare a run with another one, case by case. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..terminal.figures import count, dollars, plural
from .markup import Markup, element, joined
from .overview import card, link, percent, table, tile
from .statistics import mcnemar, quantile
from .summary import Summary

__all__ = ["comparison_section"]

_NAMES = 50
_SURE = 0.05


def comparison_section(against: str, summary: Summary, missing: Sequence[str]) -> Markup:
    """Return the section of the page that compares; `missing` are the names of cases that only the other run has."""
    comparison = summary.comparison
    changes = comparison.changes
    both = changes.total()
    only_here = summary.total - both
    fixed, regressed = changes["fixed"], changes["regressed"]
    tiles = [
        tile("Regressed", link(count(regressed), change="regressed"), "passed before, not now", "is-failed" if regressed else ""),
        tile("Fixed", link(count(fixed), change="fixed"), "passes now, not before", "is-passed" if fixed else ""),
        tile("Another answer", link(count(changes["answer"]), change="answer"), "the same state"),
        tile("Same", link(count(changes["same"]), change="same"), "the same answer"),
    ]  # fmt: skip
    if only_here:
        tiles.append(tile("Only in this run", link(count(only_here), change="new"), "not in the other"))
    if missing:
        tiles.append(tile("Only in the other", count(len(missing)), "not in this run"))
    parts: list[object] = [element("dl", *tiles, class_="tiles")]
    if both:
        parts.append(element("p", _verdict(fixed, regressed), class_="verdict"))
        parts.append(_rates(summary))
    if comparison.latency:
        ratios = sorted(comparison.latency)
        parts.append(
            element("p", f"Latency: the median answer took {quantile(ratios, 0.5):.2f} times as long as in the other run "
                    f"({plural(len(ratios), 'answer')} that neither run took from the cache).")
        )  # fmt: skip
    if comparison.priced:
        sign = "more" if comparison.cost >= 0 else "less"
        parts.append(
            element(
                "p",
                f"Cost: {dollars(abs(comparison.cost))} {sign}, over {plural(comparison.priced, 'answer')}.",
            )
        )
    if missing:
        names = joined(element("li", element("code", name)) for name in missing[:_NAMES])
        more = len(missing) - _NAMES
        rest = element("li", f"and {count(more)} more") if more > 0 else ""
        parts.append(card("Only in the other run", element("ul", names, rest, class_="names"), kind="full"))
    return element(
        "section",
        element("h2", "Compare", id="compare-title"),
        element("p", "This run compared with ", element("code", against), ", case by case.", class_="hint"),
        *parts,
        id="compare",
        aria_labelledby="compare-title",
    )  # fmt: skip


def _verdict(fixed: int, regressed: int) -> Markup:
    if not fixed + regressed:
        return Markup("No case changed between passing and not passing.")
    p = mcnemar(fixed, regressed)
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    if p >= _SURE:
        return joined(
            (
                f"{fixed:,} fixed against {regressed:,} regressed may be chance ({shown}, McNemar's exact test).",
            )
        )
    better = "better" if fixed > regressed else "worse"
    why = f": {fixed:,} fixed against {regressed:,} regressed is more than chance explains ({shown}, McNemar's exact test)."
    return joined(("This run is ", element("strong", better), why))


def _rates(summary: Summary) -> Markup:
    rows = []
    for (prompt, variant), (before, now, total) in sorted(
        summary.comparison.groups.items(), key=lambda each: (each[0][0], each[0][1] or "")
    ):
        difference = 100 * (now - before) / total
        rows.append(
            (
                link(prompt if variant is None else f"{prompt} @ {variant}", prompt=prompt, variant=variant),
                count(total),
                percent(before, total),
                percent(now, total),
                f"{difference:+.1f} points".replace("-", "−") if difference else "–",
            )
        )
    return card(
        "Pass rate",
        table(("prompt", "in both", "other run", "this run", "change"), rows, numbers=4),
        kind="full",
    )
