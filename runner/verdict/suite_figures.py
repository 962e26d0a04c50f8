"""Summarise the metrics of a suite: their values and intervals, the figures of each label, what was confused with what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .intervals import Interval
from .labels import LabelFigures, Labelled, confused, confusion, is_label, label_figures
from .metrics import LABELS, NUMBERS, OF_A_LABEL, SETS, Metric, Sample, statistic, values

__all__ = ["Figures", "LabelRow", "MetricFigure", "as_json", "figures_of"]


@dataclass(frozen=True, slots=True)
class MetricFigure:
    """The value of a metric with its 95 % interval, over so many cases. `value` is None if it is not defined."""

    metric: Metric
    value: float | None
    interval: Interval
    cases: int


@dataclass(frozen=True, slots=True)
class LabelRow:
    """The figures of one label, with the interval of its recall."""

    figures: LabelFigures
    recall: Interval

    @property
    def label(self) -> str:
        """Return the label, as JSON."""
        return self.figures.label


@dataclass(frozen=True, slots=True)
class Figures:
    """The metrics of a suite.

    `labels` are the labels that cases have; `without_support` counts the answers with other labels, `instead` what came
    instead of a label. `numberless` is the number of answers without a number.
    """

    metrics: tuple[MetricFigure, ...]
    labels: tuple[LabelRow, ...] = ()
    confusion: Mapping[Labelled, int] = field(default_factory=dict)
    without_support: Mapping[str, int] = field(default_factory=dict)
    instead: Mapping[str, int] = field(default_factory=dict)
    numberless: int = 0

    @property
    def confused(self) -> tuple[str, str, int] | None:
        """Return the most frequent confusion of two labels: the expected one, the one that came, how often."""
        return confused(self.confusion)

    def of(self, name: str) -> MetricFigure | None:
        """Return a metric that is not about a label."""
        return next((each for each in self.metrics if each.metric == (name, None)), None)


def figures_of(cases: Mapping[str, Sequence[Sample]], groups: Mapping[str, str] | None = None) -> Figures:
    """Return the metrics of the samples of each case. `groups` has the groups of cases that belong together."""
    every = [sample for samples in cases.values() for sample in samples]
    names = [
        *(name for name in LABELS if name not in OF_A_LABEL and any(sample.label for sample in every)),
        *(name for name in NUMBERS if any(sample.within is not None for sample in every)),
        *(name for name in SETS if any(sample.match for sample in every)),
        *dict.fromkeys(name for sample in every for name in sample.scores),
    ]
    metrics = [figure for name in names if (figure := _figure(Metric(name), cases, groups)) is not None]
    labelled = [pairs for samples in cases.values() if (pairs := [s.label for s in samples if s.label])]
    counts = confusion(labelled)
    found = label_figures(labelled)
    rows = []
    for label, figures in found.items():
        if figures.support:
            recall = _figure(Metric("recall", label), cases, groups)
            assert recall is not None, "a case has the label"
            rows.append(LabelRow(figures, recall.interval))
    came: Counter[str] = Counter()
    for (_, each), number in counts.items():
        came[each] += number
    supported = {row.label for row in rows}
    return Figures(
        tuple(metrics),
        tuple(rows),
        counts,
        {label: number for label, number in came.items() if is_label(label) and label not in supported},
        {word: number for word, number in came.items() if not is_label(word)},
        sum(sample.within is not None and sample.error is None for sample in every),
    )


def _figure(
    metric: Metric, cases: Mapping[str, Sequence[Sample]], groups: Mapping[str, str] | None
) -> MetricFigure | None:
    found = {case: value for case in sorted(cases) if (value := values(metric, cases[case])) is not None}
    if not found:
        return None
    ids, arm = list(found), list(found.values())
    measured = statistic(metric, ids, None if groups is None else [groups.get(case, case) for case in ids])
    value, (low, high) = measured.value(arm), measured.interval(arm)
    if metric.lower_is_better and value is not None:
        value, low, high = -value, -high, -low
    return MetricFigure(metric, value, (low, high), len(ids))


def as_json(figures: Figures) -> dict[str, Any]:
    """Return the metrics as they are written to `run.json`."""
    metrics = {
        each.metric.name: {
            "value": each.value,
            "low": each.interval[0],
            "high": each.interval[1],
            "cases": each.cases,
        }
        for each in figures.metrics
    }
    if not figures.labels:
        return {"metrics": metrics}
    labels = {
        row.label: {
            "precision": row.figures.precision,
            "recall": row.figures.recall,
            "f1": row.figures.f1,
            "support": row.figures.support,
            "predicted": row.figures.predicted,
        }
        for row in figures.labels
    }
    table: dict[str, dict[str, int]] = {}
    for (expected, came), number in sorted(figures.confusion.items()):
        table.setdefault(expected, {})[came] = number
    return {"metrics": metrics, "labels": labels, "confusion": table}
