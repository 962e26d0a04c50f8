"""What is known to be right for each case of a prompt: its `labels`, `numbers` and `sets`, and where a row has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..documents.documents import Document
from ..errors import CaseError, FormatError, Location
from ..values import Json
from .model import AnswerTarget, Expected, TargetKind
from .rows import Row
from .violations import near

__all__ = ["CASE_KEYS", "columns_in", "expected_in_case", "expected_in_row", "targets_of"]

CASE_KEYS: Mapping[TargetKind, str] = {"labels": "label", "numbers": "number", "sets": "set"}
"""The key of a case that contains the right value."""


def targets_of(spec: Mapping[str, Any], document: Document) -> Iterator[AnswerTarget]:
    """Yield the targets that a prompt declares. Raises FormatError if a column is an input, which the model would see."""
    for kind in CASE_KEYS:
        declared = spec.get(kind)
        if declared is None:
            continue
        column = declared.get("from")
        if column is not None and column in (spec.get("inputs") or {}):
            raise FormatError(
                f"{kind}: {column!r} is an input, so the model is sent the right answer",
                location=document.locate((kind, "from")),
                hint="remove it from `inputs`: a column that is no input is never sent",
            )
        within = next(iter((declared.get("within") or {}).items()), None)
        yield AnswerTarget(
            kind,
            document.locate_key((kind,)),
            declared.get("path"),
            column,
            within,
            declared.get("separator"),
        )


def columns_in(targets: Sequence[AnswerTarget]) -> frozenset[str]:
    """Return the columns that contain right values."""
    return frozenset(target.column for target in targets if target.column is not None)


def expected_in_row(
    row: Row, targets: Sequence[AnswerTarget], *, needed: bool
) -> Mapping[str, Expected] | None:
    """Return the right values in the columns of a row. A blank cell and null mean that there is none.

    Raises CaseError for a column that does not exist: if it is `needed`, or if another column's name resembles it.
    """
    found: dict[str, Expected] = {}
    for target in targets:
        column = target.column
        if column is None:
            continue
        if column not in row.value:
            likely = near(column, row.value)
            if not needed and likely is None:
                continue
            raise CaseError(
                f'{row.label}: there is no column "{column}", from which {target.kind} are read',
                location=row.location,
                hint=likely
                or f"there are {', '.join(row.value)}; for a row without one, leave its cell blank, or write null",
            )
        _keep(found, target, row.value[column], row.locate((column,)), blank=row.text is not None)
    return found or None


def expected_in_case(row: Row, targets: Sequence[AnswerTarget]) -> Mapping[str, Expected] | None:
    """Return the right values of a case that has its own keys. Raises CaseError for a key without its target."""
    found: dict[str, Expected] = {}
    kinds = {target.kind: target for target in targets}
    for kind, key in CASE_KEYS.items():
        if key not in row.value:
            continue
        if kind not in kinds:
            raise CaseError(
                f"{row.label}: it has a {key}, but the prompt declares no {kind}".removeprefix(": "),
                location=row.locate((key,), at_key=True),
                hint=f"declare {kind}: {{path: ...}} in the prompt",
            )
        _keep(found, kinds[kind], row.value[key], row.locate((key,)), blank=False)
    return found or None


def _keep(
    found: dict[str, Expected], target: AnswerTarget, value: Json, place: Location, *, blank: bool
) -> None:
    if value is None or (blank and not str(value).strip()):
        return
    found[target.kind] = (value, (place.path, place.line, place.column))
