"""Collect the fields of the answers to one prompt: their distribution, and their agreement with expected values. Pure.

Memory is bounded: the fields of a prompt, the distinct values of a field and the numbers for its plot are limited; the
rest is counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring
from random import Random
from typing import Any, TypeAlias, cast

from ...engine.measured import sample_of
from ...schema import json_path
from ...values import Json, JsonPath, json_type
from .entry import NOT_ASKED, ReportEntry

__all__ = ["Confusion", "Field", "Fields"]

_FIELDS = 80
_LEAVES = 500
_DISTINCT = 500
_NUMBERS = 5000
_CONFUSED = 20
_SHORT = 80
_HUGE = 1e100
"""Larger numbers are not plotted."""

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(slots=True)
class Field:
    """One place in the answers; `[*]` in its path stands for every item of a list.

    `values` counts distinct values as JSON, up to a limit; `others` counts the values beyond it. `expected` answers had
    an expected value here, and `agreed` of them agree. `confusion` counts pairs of expected and actual values.
    """

    path: str
    count: int = 0
    values: Counter[str] = field(default_factory=Counter)
    others: int = 0
    types: Counter[str] = field(default_factory=Counter)
    numbers: list[float] = field(default_factory=list)
    numeric: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    expected: int = 0
    agreed: int = 0
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    confused: int = 0
    draw: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - the same numbers for the same run

    def add(self, value: Scalar) -> None:
        """Count one value."""
        self.count += 1
        self.types[json_type(value)] += 1
        key = _spelled(value)
        if key in self.values or len(self.values) < _DISTINCT:
            self.values[key] += 1
        else:
            self.others += 1
        if (type(value) is int or type(value) is float) and -_HUGE < value < _HUGE:
            self._number(value)

    def _number(self, number: float) -> None:
        self.numeric += 1
        self.low, self.high, self.total = min(self.low, number), max(self.high, number), self.total + number
        if len(self.numbers) < _NUMBERS:
            self.numbers.append(number)
        elif (place := self.draw.randrange(self.numeric)) < _NUMBERS:
            self.numbers[place] = number

    def hold(self, expected: Scalar, new: Json, *, agrees: bool) -> None:
        """Count an answer that has an expected value at this place."""
        self.hold_spelled((_spelled(expected), _spelled(new)), agrees=agrees)

    def hold_spelled(self, pair: tuple[str, str], *, agrees: bool) -> None:
        """Count an answer by the expected and the actual value, as JSON or as a word in parentheses."""
        self.expected += 1
        self.agreed += agrees
        if pair in self.confusion or len(self.confusion) < _DISTINCT:
            self.confusion[pair] += 1
        else:
            self.confused += 1

    @property
    def matrix(self) -> Confusion | None:
        """Return the confusion matrix, if there are few enough values for one."""
        if not self.expected or self.confused:
            return None
        labels = sorted({each for pair in self.confusion for each in pair})
        if not 2 <= len(labels) <= _CONFUSED or any(len(label) > _SHORT for label in labels):
            return None
        return Confusion(labels, self.confusion)


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each value occurred where each was expected; the labels are JSON."""

    labels: Sequence[str]
    counts: Mapping[tuple[str, str], int]


class Fields:
    """The fields of the answers to one prompt, in the order of first occurrence. `left_out` counts those over the limit."""

    def __init__(self) -> None:
        self._fields: dict[str, Field] = {}
        self._beyond: set[str] = set()

    def add(self, entry: ReportEntry) -> None:
        """Add one answer; a case without an answer has no fields."""
        record = entry.record
        if record["outcome"] in ("error", NOT_ASKED):
            return
        value = record["output"]
        if value is None and record["text"] is not None and record["outcome"] == "ok":
            value = record["text"].strip()
        expected = _expected(entry)
        label = _label_of(entry)
        if value is None and not expected and label is None:
            return
        if not isinstance(value, str) or len(value) <= _SHORT:
            for path, leaf in _leaves(value):
                if found := self._of(_general(path)):
                    found.add(leaf)
        for place, (wanted, agrees) in expected.items():
            if found := self._of(_general(place)):
                found.hold(wanted, _at(value, place), agrees=agrees)
        if label is not None and (found := self._of(_path_of_label(entry))):
            found.hold_spelled(label, agrees=label[0] == label[1])

    def _of(self, path: str) -> Field | None:
        found = self._fields.get(path)
        if found is None:
            if len(self._fields) >= _FIELDS:
                if len(self._beyond) < _DISTINCT:
                    self._beyond.add(path)
                return None
            found = self._fields[path] = Field(path)
        return found

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    @property
    def left_out(self) -> int:
        """Return the number of fields over the limit (at most a few hundred are counted)."""
        return len(self._beyond)


def _expected(entry: ReportEntry) -> dict[JsonPath, tuple[Scalar, bool]]:
    """Return the expected value at each place, and whether the answer agrees; from `equals`, else as approved."""
    found: dict[JsonPath, tuple[Scalar, bool]] = {}
    if entry.approved is not None:
        changed = {each.path for each in entry.approved.fields if not each.equal}
        for path, leaf in _leaves(entry.approved.value):
            if not isinstance(leaf, str) or len(leaf) <= _SHORT:
                spelled = json_path(path)
                agrees = not any(
                    spelled == each or spelled.startswith((f"{each}.", f"{each}[")) for each in changed
                )
                found[path] = (leaf, agrees)
    for check in entry.record["checks"]:
        if check["type"] == "equals" and "expected" in check:
            place = _plain_path(check["path"] or "$")
            wanted = check["expected"]
            if place is not None and (wanted is None or isinstance(wanted, bool | int | float | str)):
                found[place] = (wanted, check["passed"] is True)
    return found


def _label_of(entry: ReportEntry) -> tuple[str, str] | None:
    """Return the right label of an answer and what came, which may be a word such as `(refused)`."""
    if "labels" not in (entry.record.get("measured") or {}):
        return None
    sample = sample_of(entry.record)
    return None if sample is None else sample.label


def _path_of_label(entry: ReportEntry) -> str:
    measured: Any = entry.record.get("measured")
    return str(measured["labels"].get("path") or "$")


@lru_cache(maxsize=1000)
def _plain_path(path: str) -> JsonPath | None:
    """Return the keys of a path such as `$.a.b`; None for any other path."""
    if path == "$":
        return ()
    steps = tuple(path.removeprefix("$.").split("."))
    return steps if json_path(steps) == path else None


def _leaves(value: Json) -> list[tuple[JsonPath, Scalar]]:
    """Return the scalar values in an answer, in document order; at most the first few hundred."""
    found: list[tuple[JsonPath, Scalar]] = []
    stack: list[tuple[JsonPath, Json]] = [((), value)]
    while stack and len(found) < _LEAVES:
        path, each = stack.pop()
        if isinstance(each, dict):
            stack.extend([((*path, key), below) for key, below in each.items()][::-1])
        elif isinstance(each, list):
            stack.extend([((*path, place), below) for place, below in enumerate(each)][::-1])
        else:
            found.append((path, cast("Scalar", each)))
    return found


def _at(value: Json, path: JsonPath) -> Json:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return _NOTHING
    return value


_NOTHING = "(nothing)"
"""Replaces a value that an answer does not have."""


@lru_cache(maxsize=10_000)
def _general(path: JsonPath) -> str:
    if not any(isinstance(step, int) for step in path):
        return json_path(path)
    parts: list[str] = []
    below: list[str | int] = []
    for step in path:
        if isinstance(step, int):
            parts.append(json_path(tuple(below)).removeprefix("$") + "[*]")
            below = []
        else:
            below.append(step)
    return "$" + "".join(parts) + json_path(tuple(below)).removeprefix("$")


def _spelled(value: Json) -> str:
    if value is _NOTHING:
        return _NOTHING
    if isinstance(value, str):
        return encode_basestring(value if len(value) <= _LONG else value[:_LONG] + "…")
    return json.dumps(value, ensure_ascii=False)


_LONG = 200
