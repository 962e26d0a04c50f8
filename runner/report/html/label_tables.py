"""Show the precision, recall and F1 of each label as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ..terminal.figures import plural
from ..terminal.metric_lines import LABEL_HEADERS, label_cells, remarks_on
from .markup import Markup, element
from .overview import card, table

if TYPE_CHECKING:
    from ...engine.measured import MeasuredKey
    from ...verdict.suite_figures import Figures

__all__ = ["label_tables"]

_LABELS = 200


def label_tables(units: Mapping[MeasuredKey, Figures]) -> Markup:
    """Return a table of labels for each prompt in each variant that has labels; the matrices are with the fields."""
    cards = []
    for (prompt, variant), figures in units.items():
        rows = list(islice(label_cells(figures), _LABELS))
        if not rows:
            continue
        left = len(figures.labels) - len(rows)
        more = element("p", f"and {plural(left, 'label')} more", class_="hint") if left else ""
        remarks = (element("p", remark, class_="hint") for remark in remarks_on(figures))
        title = f"Labels of {prompt if variant is None else f'{prompt} @ {variant}'}"
        cards.append(
            card(
                title, table(LABEL_HEADERS, rows, numbers=len(LABEL_HEADERS) - 1), more, *remarks, kind="full"
            )
        )
    return element("div", *cards, class_="cards") if cards else Markup("")
