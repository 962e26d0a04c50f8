"""Measure labelled answers: precision, recall and F1 of each label, their means, and the confusion matrix.

A label is written as JSON (`"refund"`, `3`, `true`). What came instead of a label is a word in parentheses, such as
`(refused)`, which no JSON text can be: it is a column of its own, and always wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .resampling import Portion, Sums, total_of

__all__ = [
    "LabelFigures",
    "Labelled",
    "confused",
    "confusion",
    "is_label",
    "label_figures",
    "label_part",
    "label_score",
    "pseudo_labels",
]

Labelled: TypeAlias = tuple[str, str]
"""One sample: the expected label, and what came."""

_SUPPORT, _PREDICTED, _RIGHT = "support ", "predicted ", "right "


def is_label(came: str) -> bool:
    """Return whether a label came, and not a word for what came instead of one."""
    return not came.startswith("(")


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label: how many cases have it, how many were given it, and how many of those are right.

    A case counts as 1, and each of its samples as an equal part of that.
    """

    label: str
    support: float = 0.0
    predicted: float = 0.0
    right: float = 0.0

    @property
    def precision(self) -> float | None:
        """Return which share of the answers with this label is right; None if there are none."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Return which share of the cases with this label were given it; None if there are none."""
        return self.right / self.support if self.support else None

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of precision and recall; None if no case has the label and none was given it."""
        whole = self.support + self.predicted
        return 2 * self.right / whole if whole else None


def label_part(samples: Sequence[Labelled]) -> Portion:
    """Return what one case adds to the totals of its labels."""
    share = 1 / len(samples)
    part: dict[str, float] = {}
    for expected, came in samples:
        names = [_SUPPORT + expected]
        names += [_PREDICTED + came] if is_label(came) else []
        names += [_RIGHT + expected] if expected == came else []
        for name in names:
            part[name] = part.get(name, 0.0) + share
    return tuple(part.items())


def label_figures(cases: Iterable[Sequence[Labelled]]) -> dict[str, LabelFigures]:
    """Return the figures of each label that a case has or was given, in order."""
    return _figures(total_of((label_part(samples), 1.0) for samples in cases))


def _figures(totals: Sums) -> dict[str, LabelFigures]:
    labels = {name.partition(" ")[2] for name in totals}
    return {label: _of(totals, label) for label in sorted(labels)}


def _of(totals: Sums, label: str) -> LabelFigures:
    support, predicted, right = (totals.get(name + label, 0.0) for name in (_SUPPORT, _PREDICTED, _RIGHT))
    return LabelFigures(label, support, predicted, right)


def _macro(totals: Sums) -> float | None:
    scores = [each.f1 for each in _figures(totals).values() if each.support]
    return sum(score or 0.0 for score in scores) / len(scores) if scores else None


def _weighted(totals: Sums) -> float | None:
    figures = _figures(totals).values()
    whole = sum(each.support for each in figures)
    return sum(each.support * (each.f1 or 0.0) for each in figures) / whole if whole else None


def label_score(name: str, label: str | None = None) -> Callable[[Sums], float | None]:
    """Return the score called `macro_f1`, `weighted_f1`, or `f1`, `precision` or `recall` of a label.

    Labels that no case has are left out of the means.
    """
    if label is None:
        return {"macro_f1": _macro, "weighted_f1": _weighted}[name]

    def of_label(totals: Sums) -> float | None:
        score: float | None = getattr(_of(totals, label), name)
        return score

    return of_label


def pseudo_labels(labels: Sequence[str]) -> list[tuple[Portion, float]]:
    """Return pseudo-cases that weigh as much as one case: half of it right, half of it wrong both ways."""
    share = 0.5 / len(labels)
    right = [((_SUPPORT + each, 1.0), (_PREDICTED + each, 1.0), (_RIGHT + each, 1.0)) for each in labels]
    wrong = [((_SUPPORT + each, 1.0), (_PREDICTED + each, 1.0)) for each in labels]
    return [(part, share) for part in (*right, *wrong)]


def confusion(cases: Iterable[Sequence[Labelled]]) -> Counter[Labelled]:
    """Return how many samples gave which answer where which label was expected."""
    return Counter(pair for samples in cases for pair in samples)


def confused(counts: Mapping[Labelled, int]) -> tuple[str, str, int] | None:
    """Return the most frequent confusion of two labels: the expected one, the one that came, how often."""
    wrong = [
        (-number, expected, came)
        for (expected, came), number in counts.items()
        if expected != came and is_label(came)
    ]
    if not wrong:
        return None
    number, expected, came = min(wrong)
    return expected, came, -number
