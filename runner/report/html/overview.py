"""Show an overview of the run: the states of its cases at a glance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ...verdict.intervals import wilson
from ..terminal.figures import count, dollars, duration, plural
from ..terminal.metric_lines import interval_text, metric_name, value_text
from .charts import histogram, interval_plot, meter, share_bar
from .entry import STATES
from .markup import Markup, element, joined
from .statistics import quantile
from .summary import Group, Summary

__all__ = ["link", "overview", "percent", "table", "tile"]

_ROWS = 60
_REASONS = 25

WORDS = {
    "passed": "passed",
    "flaky": "flaky",
    "pending": "pending",
    "outdated": "out of date",
    "failed": "failed",
    "error": "errors",
}


def overview(summary: Summary) -> Markup:
    """Return tiles, plots and tables."""
    if not summary.total:
        return element("p", "This run has no answers.", class_="note")
    return joined(
        (
            _tiles(summary),
            _states(summary),
            element(
                "div",
                _reasons(summary),
                _rates(summary),
                _metrics(summary),
                _heat(summary),
                _latency(summary),
                _tokens(summary),
                _cost(summary),
                class_="cards",
            ),
        )
    )


def tile(caption: str, figure: object, below: object = "", kind: str = "") -> Markup:
    """Return a figure with its caption."""
    return element(
        "div",
        element("dt", caption),
        element("dd", figure, class_="figure"),
        element("dd", below, class_="below") if below else "",
        class_=f"tile {kind}".strip(),
    )


def percent(part: int, whole: int) -> str:
    """Return a percentage such as `72.0%`; 0 and 100 only if they are exact."""
    if not whole:
        return "–"
    share = 100 * part / whole
    shown = f"{share:.1f}"
    if shown in ("100.0", "0.0"):
        return (
            {True: "100%", False: ">99.9%"}[part == whole]
            if share > 50
            else {True: "0%", False: "<0.1%"}[part == 0]
        )
    return f"{shown}%"


def link(words: object, **filters: str | int | None) -> Markup:
    """Return a link to the list of cases, filtered."""
    query = "&".join(
        f"{name}={quote(str(each), safe='', errors='surrogatepass')}"
        for name, each in filters.items()
        if each is not None
    )
    return element("a", words, href=f"#cases?{query}")


def table(
    heads: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: int = 0, kind: str = ""
) -> Markup:
    """Return a table; the last `numbers` columns are numbers. A table that is wider than the page scrolls by itself."""
    first = len(heads) - numbers

    def cells(name: str, row: Sequence[object], **scope: str) -> Markup:
        return joined(
            element(name if place or name == "th" else "th", each, class_="number" if place >= first else None,
                    scope=scope.get("scope") or (None if place else "row"))
            for place, each in enumerate(row)
        )  # fmt: skip

    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", cells("th", heads, scope="col"))),
            element("tbody", *(element("tr", cells("td", row)) for row in rows)),
            class_=kind or None,
        ),
        class_="wide",
        tabindex=0,
        role="region",
        aria_label="Table",
    )


def card(title: str, *content: object, kind: str = "") -> Markup:
    """Return a section with a heading."""
    return element("section", element("h3", title), *content, class_=f"card {kind}".strip())


def _tiles(summary: Summary) -> Markup:
    passed, total = summary.states["passed"], summary.total
    low, high = wilson(passed, total)
    share = f"{count(passed)} of {count(total)} · 95%: {100 * low:.1f}–{100 * high:.1f}"
    tiles = [tile("Pass rate", percent(passed, total), share, "main")]
    tiles += (
        tile(
            WORDS[state].capitalize(),
            link(count(summary.states[state]), state=state),
            percent(summary.states[state], total),
            f"is-{state}" if summary.states[state] else "",
        )
        for state in STATES[1:]
        if summary.states[state] or state == "failed"
    )
    latencies = sorted(each for group in summary.groups.values() for each in group.latencies)
    if latencies:
        p50, p95 = (duration(quantile(latencies, share) / 1000) for share in (0.5, 0.95))
        tiles.append(tile("Latency, median", p50, f"95th percentile {p95}"))
    if summary.prompt_tokens or summary.completion_tokens:
        tiles.append(
            tile("Tokens", _short_count(summary.prompt_tokens + summary.completion_tokens),
                 f"{count(summary.prompt_tokens)} in, {count(summary.completion_tokens)} out")
        )  # fmt: skip
    if summary.cost is not None:
        priced = sum(group.priced for group in summary.groups.values())
        tiles.append(
            tile("Cost", dollars(summary.cost), f"{dollars(1000 * summary.cost / priced)} per 1,000")
        )
    return element("dl", *tiles, class_="tiles")


def _states(summary: Summary) -> Markup:
    shown = [(state, WORDS[state], summary.states[state]) for state in STATES if summary.states[state]]
    legend = (
        element("li", element("span", class_=f"dot fill-{state}", aria_hidden="true"),
                link(f"{count(number)} {words}", state=state), f" {percent(number, summary.total)}")
        for state, words, number in shown
    )  # fmt: skip
    outcomes = [
        (name, number)
        for name, number in sorted(summary.outcomes.items(), key=lambda each: (-each[1], each[0]))
    ]
    listed = joined(
        joined((", " if place else "", link(f"{name} {count(number)}", outcome=name)))
        for place, (name, number) in enumerate(outcomes)
    )
    facts = [element("p", "Outcomes: ", listed, class_="hint")]
    if summary.cached or summary.replayed:
        parts = [f"{count(summary.cached)} came from the cache"] if summary.cached else []
        parts += (
            [f"{count(summary.replayed)} were replayed from approved answers"] if summary.replayed else []
        )
        facts.append(
            element(
                "p", " and ".join(parts), "; they are in no figure of latency, tokens or cost.", class_="hint"
            )
        )
    return card("Results", share_bar(shown), element("ul", *legend, class_="legend"), *facts, kind="full")


def _reasons(summary: Summary) -> Markup:
    if not summary.reasons:
        return Markup("")
    ordered = sorted(summary.reasons.items(), key=lambda each: (-each[1][1], each[1][0]))
    most = ordered[0][1][1]
    several = len({each.prompt for each in summary.reasons}) > 1
    rows = [
        (
            joined((element("span", f"{each.kind} {each.path}".strip(), class_="kind"), " ", each.message,
                    element("span", f" in {each.prompt}", class_="hint") if several and each.prompt else "")),
            meter(number / most, "fill-failed"),
            link(count(number), why=index),
        )
        for each, (index, number) in ordered[:_REASONS]
    ]  # fmt: skip
    more = len(ordered) - _REASONS
    rest = element("p", f"and {plural(more, 'other reason')}", class_="hint") if more > 0 else ""
    heads = ("why", Markup('<span class="only-read">share</span>'), "answers")
    return card("Why they did not pass", table(heads, rows, numbers=1, kind="reasons"), rest, kind="full")


def _name(prompt: str, variant: str | None, *, several: bool) -> str:
    return prompt if variant is None else f"{prompt} @ {variant}" if several else variant


def _named(summary: Summary) -> list[tuple[str, str, str | None, Group]]:
    several = len({prompt for prompt, _ in summary.groups}) > 1
    return [
        (_name(prompt, variant, several=several), prompt, variant, group)
        for (prompt, variant), group in sorted(
            summary.groups.items(), key=lambda each: (each[0][0], each[0][1] or "")
        )
    ]


def _rates(summary: Summary) -> Markup:
    rows = []
    for name, prompt, variant, group in _named(summary)[:_ROWS]:
        low, high = interval = wilson(group.passed, group.total)
        rows.append(
            (
                link(name, prompt=prompt, variant=variant),
                interval_plot(group.passed / group.total, interval),
                percent(group.passed, group.total),
                f"{low:.1%} – {high:.1%}",
                f"{count(group.passed)} / {count(group.total)}",
            )
        )
    heads = (
        "prompt",
        Markup('<span class="scale"><span>0</span><span>50%</span><span>100%</span></span>'),
        "rate",
        "95% interval",
        "passed",
    )
    return card(
        "Pass rate",
        table(heads, rows, numbers=3, kind="rates"),
        _rest(summary),
        element("p", "The bar is Wilson's interval: where the true rate lies with 95% confidence, if the cases are a sample.", class_="hint"),
        kind="full",
    )  # fmt: skip


def _metrics(summary: Summary) -> Markup:
    """Return the metrics of labels, numbers, sets and named scores."""
    if summary.measured is None:
        return Markup("")
    units = summary.measured.figures()
    several = len({prompt for prompt, _ in units}) > 1
    rows = []
    for (prompt, variant), figures in units.items():
        name = prompt if variant is None else _name(prompt, variant, several=several)
        rows += [
            (
                joined((link(name, prompt=prompt, variant=variant), f" {metric_name(each.metric)}")),
                interval_plot(each.value or 0.0, each.interval) if each.metric.is_share else "",
                value_text(each.metric, each.value),
                interval_text(each),
                count(each.cases),
            )
            for each in figures.metrics
        ]
    heads = (
        "metric",
        Markup('<span class="scale"><span>0</span><span>50%</span><span>100%</span></span>'),
        "value",
        "95% interval",
        "cases",
    )
    more = len(rows) - _METRICS
    return card(
        "Metrics",
        table(heads, rows[:_METRICS], numbers=3, kind="rates"),
        element("p", f"and {count(more)} more", class_="hint") if more > 0 else "",
        element("p", "The unit of an interval is the case, however many samples it has.", class_="hint"),
        kind="full",
    )


_METRICS = 100


def _rest(summary: Summary) -> Markup:
    more = len(summary.groups) - _ROWS
    return element("p", f"and {count(more)} more", class_="hint") if more > 0 else Markup("")


def _heat(summary: Summary) -> Markup:
    """Return a table with prompts as rows and variants as columns."""
    prompts = sorted({prompt for prompt, _ in summary.groups})
    variants = sorted({variant for _, variant in summary.groups}, key=lambda each: each or "")
    if len(variants) < 2 or len(prompts) < 2 or len(variants) > 20:
        return Markup("")
    rows = []
    for prompt in prompts[:_ROWS]:
        cells: list[object] = [prompt]
        for variant in variants:
            group = summary.groups.get((prompt, variant))
            if group is None:
                cells.append("–")
                continue
            step = min(int(10 * group.passed / group.total), 10)
            words = link(percent(group.passed, group.total), prompt=prompt, variant=variant)
            title = f"{group.passed:,} of {group.total:,} passed"
            cells.append(element("div", words, class_=f"cell heat-{step}", title=title))
        rows.append(cells)
    heads = ["prompt", *(variant or "(as declared)" for variant in variants)]
    return card(
        "Pass rate by prompt and variant", table(heads, rows, numbers=len(variants), kind="heat"), kind="full"
    )


def _latency(summary: Summary) -> Markup:
    values = [each for group in summary.groups.values() for each in group.latencies]
    if not values:
        return Markup("")
    return card(
        "Latency",
        histogram(values, _milliseconds, "Latency"),
        _LINES,
        _by_group(summary, "latencies", _milliseconds),
    )


def _tokens(summary: Summary) -> Markup:
    values = [each for group in summary.groups.values() for each in group.outputs]
    if not values:
        return Markup("")
    return card(
        "Tokens of an answer",
        histogram(values, _whole, "Tokens"),
        _LINES,
        _by_group(summary, "outputs", _whole),
    )


_LINES = Markup(
    '<p class="hint"><span class="key median"></span> median <span class="key p95"></span> 95th percentile</p>'
)


def _by_group(summary: Summary, name: str, spell: object) -> Markup:
    assert callable(spell)
    if len(summary.groups) < 2:
        return Markup("")
    rows = []
    for words, _, _, group in _named(summary)[:_ROWS]:
        ordered = sorted(getattr(group, name))
        if ordered:
            rows.append(
                (words, spell(quantile(ordered, 0.5)), spell(quantile(ordered, 0.95)), spell(ordered[-1]))
            )
    return table(("prompt", "median", "95th", "most"), rows, numbers=3)


def _cost(summary: Summary) -> Markup:
    priced = [(words, group) for words, _, _, group in _named(summary) if group.cost is not None]
    if not priced:
        return Markup("")
    most = max(group.cost or 0 for _, group in priced)
    rows = [
        (words, meter((group.cost or 0) / most if most else 0), dollars(group.cost or 0),
         dollars(1000 * (group.cost or 0) / group.priced))
        for words, group in priced[:_ROWS]
    ]  # fmt: skip
    heads = ("prompt", Markup('<span class="only-read">share</span>'), "cost", "per 1,000")
    return card("Cost", table(heads, rows, numbers=2, kind="reasons"), _rest(summary))


def _milliseconds(value: float) -> str:
    return (
        duration(value / 1000) if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"
    )


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 10 else f"{value:,.1f}"


def _short_count(number: int) -> str:
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.1f} {letter}"
    return count(number)
