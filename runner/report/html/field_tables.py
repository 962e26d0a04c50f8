"""Show the fields of the answers as tables: distinct values, distribution, agreement, confusion. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ..terminal.figures import count, plural
from .charts import meter, sparkline
from .fields import Confusion, Field, Fields
from .markup import Markup, element, joined
from .overview import card, link, percent, table

__all__ = ["field_tables"]

_VALUES = 5
_RARE = 50
_NUMBERS = 12


def field_tables(prompts: Mapping[str, Fields]) -> Markup:
    """Return a table of each prompt's fields, and their confusion matrices."""
    parts = [
        card(prompt, *_prompt(prompt, fields), kind="full")
        for prompt, fields in prompts.items()
        if list(fields)
    ]
    if not parts:
        return element(
            "p", "No answer has a field to show: the answers are not JSON, or are long texts.", class_="note"
        )
    legend = (
        "Expected is the value that ",
        element("code", "equals"),
        " asserts for a field, or the label of the case, otherwise the approved one. Agreement counts the answers that are as expected.",
    )
    return joined((element("p", *legend, class_="hint above"), *parts))


def _prompt(prompt: str, fields: Fields) -> Iterator[Markup]:
    compared = any(each.expected for each in fields)
    heads = ["field", "answers", "distinct", "most frequent", "spread", *(["agreement"] if compared else [])]
    yield table(heads, [_row(prompt, each, compared=compared) for each in fields], kind="fields")
    if fields.left_out:
        yield element("p", f"and {plural(fields.left_out, 'field')} more", class_="hint")
    for each in fields:
        if (matrix := each.matrix) is not None:
            yield _matrix(prompt, each, matrix)


def _row(prompt: str, field: Field, *, compared: bool) -> list[object]:
    more = f"over {count(len(field.values))}" if field.others else count(len(field.values))
    types = " or ".join(sorted(field.types))
    row: list[object] = [
        joined((element("code", field.path), element("span", f" {types}", class_="hint"))),
        count(field.count),
        more,
        _frequent(prompt, field),
        _spread(field),
    ]
    if compared:
        row.append(
            joined((meter(field.agreed / field.expected, "fill-passed"),
                    f" {percent(field.agreed, field.expected)} of {count(field.expected)}"))
            if field.expected
            else "–"
        )  # fmt: skip
    return row


def _frequent(prompt: str, field: Field) -> Markup:
    if field.numeric == field.count and len(field.values) > _NUMBERS:
        return Markup("–")
    frequent = max(field.values.values(), default=0)
    if frequent * _RARE < field.count and (field.others or len(field.values) == field.count > _VALUES):
        return element("span", "all differ" if len(field.values) == field.count else "many", class_="hint")
    ordered = sorted(field.values.items(), key=lambda each: (-each[1], each[0]))
    items = (
        element("li", link(_short(value), prompt=prompt, field=f"{field.path} = {value}"), " ",
                element("span", percent(number, field.count), class_="hint"))
        for value, number in ordered[:_VALUES]
    )  # fmt: skip
    rest = len(ordered) - _VALUES
    last = element("li", f"+ {count(rest)}", class_="hint") if rest > 0 else ""
    return element("ul", *items, last, class_="values")


def _spread(field: Field) -> Markup:
    if not field.numeric:
        return Markup("–")
    low, mean, high = (_number(each) for each in (field.low, field.total / field.numeric, field.high))
    return joined((sparkline(field.numbers), element("div", f"{low} to {high}, mean {mean}", class_="hint")))


def _matrix(prompt: str, field: Field, matrix: Confusion) -> Markup:
    most = max(matrix.counts.values())
    rows = []
    for expected in matrix.labels:
        whole = sum(matrix.counts.get((expected, new), 0) for new in matrix.labels)
        if not whole:
            continue
        cells: list[object] = [_short(expected)]
        for new in matrix.labels:
            number = matrix.counts.get((expected, new), 0)
            kind = "right" if expected == new else "wrong"
            step = 0 if not number else 1 + min(int(8 * number / most), 7)
            words: object = "·"
            if number:
                if new.startswith("(") and new != "(nothing)":
                    words = link(count(number), prompt=prompt, outcome=new[1:-1])
                else:
                    query = f"{field.path} = {new}"
                    words = link(count(number), prompt=prompt, field=query, expected=expected)
            cells.append(
                element("div", words, class_=f"cell {kind}-{step}", title=f"expected {expected}, got {new}")
            )
        agreed = matrix.counts.get((expected, expected), 0)
        rows.append([*cells, percent(agreed, whole)])
    heads = ["expected ↓ got →", *(_short(label) for label in matrix.labels), "right"]
    return element(
        "div",
        element("h4", element("code", field.path), ": expected against got"),
        table(heads, rows, numbers=len(matrix.labels) + 1, kind="heat"),
        class_="matrix",
    )


def _short(value: str) -> str:
    """Return a value for people: a string without its quotes, unless it could be mistaken for something else."""
    spelled = value
    if value.startswith('"') and not value.endswith("…"):
        try:
            inside = json.loads(value)
        except ValueError:
            inside = value
        if (
            inside
            and inside.strip() == inside
            and not inside[0].isdigit()
            and inside not in ("true", "false", "null")
        ):
            spelled = inside
    return spelled if len(spelled) <= 40 else spelled[:39] + "…"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.3g}"
