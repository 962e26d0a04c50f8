"""Draw plots as SVG without scripts: rectangles and lines that stretch, with labels in HTML beside them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...verdict.intervals import Interval
from .markup import Markup, element, joined
from .statistics import bins, quantile

__all__ = ["dumbbell", "forest_row", "histogram", "interval_plot", "meter", "share_bar", "sparkline"]


def share_bar(parts: Sequence[tuple[str, str, int]]) -> Markup:
    """Return a bar of shares; each part is (class, caption, count)."""
    total = sum(count for _, _, count in parts) or 1
    at = 0.0
    rects = []
    for kind, caption, count in parts:
        width = 1000 * count / total
        title = element("title", f"{caption}: {count:,}")
        rects.append(element("rect", title, class_=f"fill-{kind}", x=_n(at), y=0, width=_n(width), height=10))
        at += width
    label = ", ".join(f"{count:,} {caption}" for _, caption, count in parts)
    return _svg(joined(rects), label, 1000, 10, "share")


def interval_plot(share: float, interval: Interval) -> Markup:
    """Return a share and its interval on a line from 0 to 1."""
    low, at = _n(1000 * interval[0]), _n(1000 * share)
    return _svg(
        joined(
            (
                *(element("line", class_="grid", x1=x, x2=x, y1=0, y2=20) for x in (0, 250, 500, 750, 1000)),
                element("rect", class_="interval", x=low, y=6, width=_n(1000 * (interval[1] - interval[0])), height=8),
                element("line", class_="mark", x1=at, x2=at, y1=2, y2=18),
            )
        ),
        f"{share:.1%}, between {interval[0]:.1%} and {interval[1]:.1%}",
        1000,
        20,
        "interval-plot",
    )  # fmt: skip


def forest_row(low: float, middle: float, high: float, *, reach: float, margin: float) -> Markup:
    """Return a difference and its interval on a line from -reach to +reach, with lines at 0 and at the margin."""

    def place(value: float) -> float:
        return 500 + 500 * max(-reach, min(reach, value)) / reach

    return _svg(
        joined(
            (
                element("line", class_="grid", x1=0, x2=1000, y1=15, y2=15),
                element("line", class_="mark", x1=500, x2=500, y1=0, y2=30),
                element("line", class_="mark margin", x1=_n(place(-margin)), x2=_n(place(-margin)), y1=0, y2=30),
                element("rect", class_="interval", x=_n(place(low)), y=10, width=_n(place(high) - place(low)), height=10),
                _dot(place(middle), 15, "dot-new"),
            )
        ),
        f"a difference of {100 * middle:+.1f} points, between {100 * low:+.0f} and {100 * high:+.0f}",
        1000,
        30,
        "forest",
    )  # fmt: skip


def dumbbell(base: float, new: float, kind: str) -> Markup:
    """Return two rates on a line from 0 to 1, joined; `kind` is the class of the change."""
    at, to = 10 + 980 * base, 10 + 980 * new
    return _svg(
        joined(
            (
                element("line", class_="grid", x1=10, x2=990, y1=10, y2=10),
                element("line", class_=f"joint {kind}", x1=_n(at), x2=_n(to), y1=10, y2=10),
                _dot(at, 10, "dot-base"),
                _dot(to, 10, f"dot-new {kind}"),
            )
        ),
        f"from {base:.0%} to {new:.0%}",
        1000,
        20,
        "dumbbell",
    )


def _dot(x: float, y: float, kind: str) -> Markup:
    """Return a dot that stays round when the plot is stretched: the round end of a line without length."""
    return element("path", class_=kind, d=f"M{_n(x)} {y}h.01")


def histogram(values: Sequence[float], spell: Callable[[float], str], what: str) -> Markup:
    """Return the distribution of values, with lines at the median and the 95th percentile."""
    ordered = sorted(values)
    found = bins(ordered)
    most = max(each.number for each in found)
    width = 1000 / len(found)
    rects = [
        element(
            "rect",
            element("title", f"{spell(each.low)} to {spell(each.high)}: {each.number:,}"),
            class_="bar",
            x=_n(place * width + width * 0.06),
            y=_n(100 - 100 * each.number / most),
            width=_n(width * 0.88),
            height=_n(100 * each.number / most),
        )
        for place, each in enumerate(found)
        if each.number
    ]
    marks = []
    for share, kind in ((0.5, "median"), (0.95, "p95")):
        x = _place(quantile(ordered, share), [(each.low, each.high) for each in found]) * 1000
        marks.append(element("line", class_=f"mark {kind}", x1=_n(x), x2=_n(x), y1=0, y2=100))
    label = (
        f"{what} of {len(ordered):,} answers: from {spell(ordered[0])} to {spell(ordered[-1])}, "
        f"median {spell(quantile(ordered, 0.5))}, 95th percentile {spell(quantile(ordered, 0.95))}"
    )
    middle = found[len(found) // 2].low
    axis = element(
        "div", *(element("span", spell(each)) for each in (found[0].low, middle, found[-1].high)), class_="axis",
        aria_hidden="true",
    )  # fmt: skip
    return element("div", _svg(joined((*rects, *marks)), label, 1000, 100, "histogram"), axis, class_="plot")


def sparkline(values: Sequence[float]) -> Markup:
    """Return a small histogram without labels."""
    found = bins(sorted(values), 16)
    most = max(each.number for each in found)
    width = 160 / len(found)
    rects = (
        element("rect", class_="bar", x=_n(place * width), y=_n(20 - 20 * each.number / most), width=_n(width * 0.85),
                height=_n(20 * each.number / most))
        for place, each in enumerate(found)
    )  # fmt: skip
    return _svg(joined(rects), "how the values are spread", 160, 20, "spark")


def meter(share: float, kind: str = "bar") -> Markup:
    """Return a bar that is filled up to a share; its label is beside it."""
    return element(
        "svg",
        element("rect", class_="track", x=0, y=0, width=100, height=6),
        element("rect", class_=kind, x=0, y=0, width=_n(100 * share), height=6),
        class_="meter",
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def _place(value: float, edges: Sequence[tuple[float, float]]) -> float:
    """Return the position of a value, from 0 to 1, on an axis whose bins are equally wide."""
    for place, (low, high) in enumerate(edges):
        if value < high or place == len(edges) - 1:
            inside = (value - low) / (high - low) if high > low else 0.5
            return (place + min(max(inside, 0.0), 1.0)) / len(edges)
    return 0.0


def _svg(content: Markup, label: str, width: int, height: int, kind: str) -> Markup:
    return element(
        "svg",
        content,
        class_=kind,
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _n(number: float) -> str:
    """Return a number with at most two decimals, so that the same run gives the same bytes everywhere."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
