"""Format the metrics of labelled answers, numbers, sets and named scores as lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .figures import count, plural
from .painting import BOLD, DIM, Line
from .table import format_table
from .terminal_text import one_line, packed, shorten, visible, wrapped

if TYPE_CHECKING:
    from ...engine.measured import MeasuredKey
    from ...verdict.metrics import Metric
    from ...verdict.suite_figures import Figures, MetricFigure

__all__ = [
    "LABEL_HEADERS",
    "interval_text",
    "label_cells",
    "label_text",
    "metric_lines",
    "metric_name",
    "metric_properties",
    "remarks_on",
    "value_text",
]

LABEL_HEADERS = ("label", "cases", "given", "precision", "recall", "recall 95 %", "F1")

_LABELS = 30
"""At most so many labels are listed; the others are counted."""

_NAMES = {
    "pass_rate": "pass rate",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "micro_f1": "micro F1",
    "f1": "F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "jaccard": "Jaccard",
}

_SHARES = frozenset({"pass_rate", "accuracy", "precision", "recall", "within"})


def metric_name(metric: Metric) -> str:
    """Return the name of a metric for people: `macro F1`, `recall of bug`."""
    name = _NAMES.get(metric.name, metric.name)
    return name if metric.label is None else f"{name} of {label_text(metric.label)}"


def label_text(label: str) -> str:
    """Return a label for people: a string without its quotes, unless it could be mistaken for something else."""
    if not label.startswith('"'):
        return label
    inside = str(json.loads(label))
    plain = inside.strip() == inside and inside and not inside[0].isdigit() and inside[0] not in '("'
    return one_line(inside) if plain and inside not in ("true", "false", "null") else one_line(label)


def value_text(metric: Metric, value: float | None) -> str:
    """Return a value: a share in percent, another score with two decimals, an error with three digits; `-` if undefined."""
    if value is None:
        return "-"
    if metric.lower_is_better:
        return f"{value:.3g}"
    return f"{100 * value:.1f} %" if metric.name in _SHARES else f"{value:.2f}"


def interval_text(figure: MetricFigure) -> str:
    """Return the 95 % interval: `52 … 78`."""
    low, high = figure.interval
    if figure.metric.lower_is_better:
        return f"{low:.3g} … {high:.3g}"
    if figure.metric.name in _SHARES:
        return f"{100 * low:.0f} … {100 * high:.0f}"
    return f"{low:.2f} … {high:.2f}"


def metric_lines(units: Mapping[MeasuredKey, Figures], width: int | None) -> Iterator[Line]:
    """Yield, for each prompt in each variant, its metrics, a table of its labels, and what is remarkable."""
    several = len(units) > 1
    for (prompt, variant), figures in units.items():
        name = visible(prompt if variant is None else f"{prompt}@{variant}")
        parts = [
            f"{metric_name(each.metric)} {value_text(each.metric, each.value)} ({interval_text(each)})"
            for each in figures.metrics
        ]
        cases = {each.cases for each in figures.metrics}
        parts.append(f"95 % intervals over {plural(max(cases), 'case')}")
        if several:
            yield Line(name, BOLD)
        indent = "  " if several else ""
        for line in packed(parts, " · ", None if width is None else width - len(indent)):
            yield Line(indent + line)
        rows = list(label_cells(figures))
        if rows:
            shown = [(shorten(row[0], 30), *row[1:]) for row in rows[:_LABELS]]
            table = format_table(LABEL_HEADERS, shown, right=LABEL_HEADERS[1:], width=width and width - 4)
            for number, line in enumerate(table.split("\n")):
                yield Line(f"{indent}  {line}", DIM if number == 0 else "")
            if len(rows) > _LABELS:
                yield Line(f"{indent}  and {plural(len(rows) - _LABELS, 'label')} more", DIM)
        for remark in remarks_on(figures):
            for line in wrapped(remark, None if width is None else width - 4):
                yield Line(f"{indent}  {line}", DIM)


def metric_properties(units: Mapping[MeasuredKey, Figures]) -> Iterator[tuple[str, str, str]]:
    """Yield the metrics for programs: the prompt, a name (`accuracy`, `accuracy.low`, `recall.bug`), and the value."""
    for (prompt, variant), figures in units.items():
        start = "" if variant is None else f"{variant}."
        for each in figures.metrics:
            if each.value is not None:
                yield prompt, start + each.metric.name, f"{each.value:.6g}"
                yield prompt, f"{start}{each.metric.name}.low", f"{each.interval[0]:.6g}"
                yield prompt, f"{start}{each.metric.name}.high", f"{each.interval[1]:.6g}"
        for row in figures.labels:
            label = label_text(row.label)
            numbers = (
                ("precision", row.figures.precision),
                ("recall", row.figures.recall),
                ("f1", row.figures.f1),
                ("support", row.figures.support),
            )
            for name, number in numbers:
                if number is not None:
                    yield prompt, f"{start}{name}.{label}", f"{number:.6g}"


def label_cells(figures: Figures) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table of labels, as in LABEL_HEADERS."""
    for row in figures.labels:
        each = row.figures
        low, high = row.recall
        yield (
            label_text(each.label),
            _amount(each.support),
            _amount(each.predicted),
            _percent(each.precision),
            _percent(each.recall),
            f"{100 * low:.0f} … {100 * high:.0f}",
            "-" if each.f1 is None else f"{each.f1:.2f}",
        )


def remarks_on(figures: Figures) -> Iterator[str]:
    """Yield what else is to be said: the most frequent confusion, answers without a label, labels that no case has."""
    if (most := figures.confused) is not None:
        expected, came, number = most
        whole = sum(times for (each, _), times in figures.confusion.items() if each == expected)
        yield (
            f"most often confused: {label_text(came)} instead of {label_text(expected)}, in {count(number)} of"
            f" {plural(whole, 'answer')}"
        )
    if figures.instead:
        yield f"no label, and so wrong: {_counts(figures.instead)}"
    if figures.without_support:
        labels = {label_text(label): number for label, number in figures.without_support.items()}
        yield f"in no case, and left out of macro F1: {_counts(labels)}"
    if figures.numberless:
        yield f"no number, and so not within: {plural(figures.numberless, 'answer')}, which MAE and RMSE leave out"


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    shown = ", ".join(f"{name} {count(number)}" for name, number in ordered[:10])
    return shown if len(ordered) <= 10 else f"{shown} and {count(len(ordered) - 10)} more"


def _amount(cases: float) -> str:
    return count(round(cases)) if abs(cases - round(cases)) < 1e-6 else f"{cases:,.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
