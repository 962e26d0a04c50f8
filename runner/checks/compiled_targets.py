"""Compare an answer with the label, the number or the set that is known to be right for its case. No I/O.

A target is an assertion: the answer passes if it is right. It is also measured: what was expected and what came goes into
the record, from which `verdict.metrics` computes accuracy, F1 and the like.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..documents.json_reader import parse_json
from ..errors import CaseError, FormatError, Location, SyntaxFileError
from ..files.inputs import from_text
from ..files.model import AnswerTarget, Case, Prompt
from ..files.violations import near
from ..schema import show
from ..values import Json, JsonObject
from .assertions import AnswerView, CheckResult
from .equality import difference
from .json_key import identity
from .jsonpath import Path, PathError, Segment, parse
from .places import Places, places
from .predicates import listed

__all__ = ["CompiledTarget", "TargetComparison", "compile_targets"]

_TYPES = {
    "labels": frozenset({"string", "number", "boolean", "null"}),
    "numbers": frozenset({"number"}),
    "sets": frozenset({"array"}),
}
_WORDS = {
    "labels": "a label (a string, a number, true or false)",
    "numbers": "a number",
    "sets": "a list of labels",
}
_ONE = {"labels": "label", "numbers": "number", "sets": "set"}


@dataclass(frozen=True, slots=True)
class TargetComparison:
    """What was expected of an answer and what came; `check` is the same as an assertion's result."""

    check: CheckResult
    measured: JsonObject


@dataclass(frozen=True, slots=True)
class CompiledTarget:
    """One target of a prompt. `allowed` is what the schema of response_format allows there, if that is known."""

    target: AnswerTarget
    path: Path | None
    is_json: bool
    allowed: Places | None
    allowed_items: Places | None = None
    """What the schema allows as items of a set, if that is known."""

    @property
    def labels(self) -> Sequence[Json] | None:
        """Return all labels that an answer can have, if the schema lists them."""
        return self.allowed.values if self.allowed else None

    @property
    def kind(self) -> str:
        """Return `labels`, `numbers` or `sets`."""
        return self.target.kind

    def expected(self, case: Case) -> Json:
        """Return the right value of a case, read from its cell if it is text; None if it has none. Raises ValueError."""
        found = (case.expected or {}).get(self.kind)
        if found is None:
            return None
        value = found[0]
        if not isinstance(value, str):
            return value
        if self.kind == "sets":
            return self._items(value)
        types = self._types()
        return from_text(value, {"type": sorted(types)}) if types else value

    def _types(self) -> frozenset[str]:
        if self.kind == "numbers":
            return frozenset({"number"})
        types = self.allowed.types if self.allowed else None
        return frozenset() if types is None else types & _TYPES["labels"]

    def _items(self, text: str) -> list[Json]:
        separator = self.target.separator
        if separator is not None:
            return [item.strip() for item in text.split(separator) if item.strip()]
        try:
            value = parse_json(text, "").value
        except SyntaxFileError:
            value = None
        if not isinstance(value, list):
            raise ValueError(f'expected a list as JSON, such as ["a", "b"], got {show(text)}')
        return value

    def prepare(self, case: Case) -> CaseError | None:
        """Return what is wrong with the right value of a case: no answer could be right. None if it has none."""
        found = (case.expected or {}).get(self.kind)
        if found is None:
            return None
        place, name = Location(*found[1]), _ONE[self.kind]
        if case.outcome not in (None, "ok"):
            return CaseError(
                f"a case that expects the outcome {case.outcome} has no {name}",
                location=place,
                hint="remove one of them",
            )
        try:
            value = self.expected(case)
        except ValueError as error:
            hint = (
                None
                if self.kind != "sets"
                else "or declare what separates the items in a cell: sets: {separator: ;}"
            )
            return CaseError(f"{name}: {error}", location=place, hint=hint)
        if self.kind == "numbers" and not _is_finite(value):
            return CaseError(f"{name}: {show(value)} is not a finite number", location=place)
        items = value if isinstance(value, list) else [value]
        if self.kind == "sets" and len(set(map(identity, items))) < len(items):
            return CaseError(f"{name}: {show(value)} has an item twice", location=place)
        if self.allowed is None or self.allowed.allows(value):
            return None
        where = str(self.path) if self.path else "the output"
        return CaseError(
            f"{name}: the schema of response_format never allows {show(value)} at {where}",
            location=place,
            hint=self._hint(items),
        )

    def _hint(self, items: Sequence[Json]) -> str | None:
        """Return what the schema allows, or which allowed label was probably meant."""
        allowed = self.allowed_items if self.kind == "sets" else self.allowed
        values = (allowed and allowed.values) or ()
        names = [each for each in values if isinstance(each, str)]
        for item in items:
            if isinstance(item, str) and item not in names and (meant := near(item, names)):
                return meant
        return f"it allows {listed(values)}" if values else None

    def measured(self, case: Case) -> JsonObject:
        """Return what is recorded of an answer without a value: what was expected."""
        return {"path": self._written, "expected": self.expected(case)}

    @property
    def _written(self) -> str | None:
        return str(self.path) if self.path else None

    def compare(self, answer: AnswerView, case: Case) -> TargetComparison:
        """Compare an answer with the right value of its case, which has one."""
        wanted = self.expected(case)
        written = self._written
        came, problem = self._came(answer)
        if problem is not None:
            check = CheckResult(
                self.kind, passed=False, path=written, message=problem, expected=wanted, code="unknown"
            )
            return TargetComparison(check, self.measured(case))
        right, words = self._is_right(wanted, came)
        message = f"as expected: {words}" if right else f"expected {words}, got {show(came)}"
        measured = {**self.measured(case), "got": came}
        if self.kind == "numbers":
            measured["within"] = right
        return TargetComparison(CheckResult(self.kind, right, written, message, wanted, came), measured)

    def _came(self, answer: AnswerView) -> tuple[Json, str | None]:
        """Return the value that came, or why there is none."""
        if self.is_json:
            places = self.path.find(answer.output) if self.path else [((), answer.output)]
            if not places:
                return None, f"{self.path} selects nothing in the output"
            value: Json = places[0][1]
        else:
            value = (answer.text or "").strip()
            if self.kind == "numbers":
                try:
                    value = from_text(str(value), {"type": "number"})
                except ValueError as error:
                    return None, str(error)
        if not _fits(self.kind, value):
            return None, f"expected {_WORDS[self.kind]}, got {show(value)}"
        return value, None

    def _is_right(self, wanted: Json, came: Json) -> tuple[bool, str]:
        if self.kind == "labels":
            return difference(wanted, came) is None, show(wanted)
        if self.kind == "sets":
            assert isinstance(wanted, list)
            assert isinstance(came, list)
            return set(map(identity, wanted)) == set(map(identity, came)), f"the items {show(wanted)}"
        return _within(wanted, came, self.target.within or ("abs", 0.0))


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _within(wanted: Any, came: Any, within: tuple[str, float]) -> tuple[bool, str]:
    kind, most = within
    right = False
    if _is_finite(came):
        room = most * abs(wanted) if kind == "rel" else most
        # A few units in the last place: 0.3 is within 0.1 of 0.2.
        right = abs(came - wanted) <= room + 4 * math.ulp(max(abs(came), abs(wanted)))
    spelled = f"{100 * most:g} % of {show(wanted)}" if kind == "rel" else f"{show(most)} of {show(wanted)}"
    return right, f"a number within {spelled}"


def _fits(kind: str, value: Json) -> bool:
    if kind == "labels":
        return value is None or isinstance(value, bool | int | float | str)
    if kind == "numbers":
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    return isinstance(value, list) and all(isinstance(item, bool | int | float | str) for item in value)


def compile_targets(prompt: Prompt, *, is_json: bool) -> tuple[CompiledTarget, ...]:
    """Compile the targets of a prompt. Raises FormatError at the line of one that no answer can reach."""
    return tuple(_compile(target, prompt, is_json=is_json) for target in prompt.targets)


def _compile(target: AnswerTarget, prompt: Prompt, *, is_json: bool) -> CompiledTarget:
    kind = target.kind
    path = None
    if target.path is not None:
        try:
            path = parse(target.path)
        except PathError as error:
            raise FormatError(
                f'"{target.path}" is not a path: {error}', location=prompt.locate(kind, "path")
            ) from None
        if not path.is_single:
            raise FormatError(
                f'{kind}: "{target.path}" may select several values', location=prompt.locate(kind, "path"),
                hint="a case has one right value: give the path of one",
            )  # fmt: skip
    if not is_json and (path is not None or kind == "sets"):
        place = prompt.locate(kind, "path") if path is not None else target.location
        raise FormatError(
            f"{kind}: the prompt's response_format does not require JSON",
            location=place,
            hint="declare a response_format, or leave path out to read the text of the answer"
            if kind != "sets"
            else "declare a response_format whose schema has a list",
        )
    allowed = None
    if is_json and prompt.response_schema is not None:
        allowed = places(prompt.response_schema.schema, path)
    if allowed is not None:
        where = str(path) if path else "the output"
        if not allowed.schemas:
            raise FormatError(
                f"{kind}: the schema of response_format allows nothing at {where}",
                location=prompt.locate(kind, "path"),
                hint=allowed.hint,
            )
        types = allowed.types
        if types is not None and not types & _TYPES[kind]:
            raise FormatError(
                f"{kind}: {where} is of type {' or '.join(sorted(types))} according to the schema of response_format",
                location=prompt.locate(kind, "path") if path else target.location,
                hint=f"give the path of {_WORDS[kind]}",
            )
    items = None
    if kind == "sets" and allowed is not None and prompt.response_schema is not None:
        each = Path((*(path.segments if path else ()), Segment(None)))
        items = places(prompt.response_schema.schema, each)
    return CompiledTarget(target, path, is_json, allowed, items)
