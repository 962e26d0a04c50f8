"""Mask what must not be stored or compared: parts of an answer, and matches of a regular expression. Pure.

Values are masked, keys are not, because two masked keys would become one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...checks.jsonpath import Path, PathError, parse
from ...errors import FormatError, Location
from ...files.model import Project
from ...files.problems import ProblemList
from ...patterns import PatternError, compile_pattern
from ...schema import show
from ...values import Json

__all__ = ["MASK", "Redaction", "compile_redactions", "redact"]

MASK = "[REDACTED]"


@dataclass(frozen=True, slots=True)
class Redaction:
    """One entry of `redact`: it masks the parts at `path` (None: everything), or only matches of `pattern`."""

    path: Path | None
    pattern: re.Pattern[str] | None
    replacement: str = MASK


def compile_redactions(project: Project) -> tuple[Redaction, ...]:
    """Return the project's `redact` entries. Raises FormatError at the line of an invalid entry, or Problems."""
    problems = ProblemList()
    redactions: list[Redaction] = []
    for index, spec in enumerate(project.redact):
        try:
            redactions.append(_compile(cast("Mapping[str, Any]", spec)))
        except _Unusable as reason:
            document = project.document
            at = document.locate(("redact", index, reason.key)) if document else Location("runner.yaml")
            problems.add(FormatError(f"redact[{index}].{reason.key}: {reason}", location=at))
    problems.raise_any()
    return tuple(redactions)


class _Unusable(ValueError):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _compile(spec: Mapping[str, Any]) -> Redaction:
    path = pattern = None
    if "path" in spec:
        try:
            path = parse(spec["path"])
        except PathError as error:
            raise _Unusable("path", f"{show(spec['path'])} is not a path: {error}") from None
    if "regex" in spec:
        try:
            pattern = compile_pattern(spec["regex"])
        except PatternError as error:
            raise _Unusable("regex", f"{show(spec['regex'])} is not a regular expression: {error}") from None
        if pattern.search(""):
            raise _Unusable(
                "regex", f"{show(spec['regex'])} matches the empty string, so it matches everywhere"
            )
    return Redaction(path, pattern, spec.get("replace", MASK))


def redact(value: Json, rules: Sequence[Redaction]) -> Json:
    """Return `value` with everything masked that the rules name; without rules, `value` itself.

    Masking is idempotent, so that stored answers can be compared with fresh ones. A number whose JSON spelling contains
    a match is masked as a whole.
    """
    if not rules:
        return value
    # Wrapped in a list, so that a rule for "$" has something to replace the value in.
    box = _rebuilt([value], lambda leaf: leaf)
    known = {rule.replacement for rule in rules}
    for rule in rules:
        masked = _masker(rule, known)
        places = [()] if rule.path is None else [place for place, _ in rule.path.find(box[0])]
        for place in reversed(places):  # deeper places first, while they still exist
            parent: Any = box
            step: str | int = 0
            for following in place:
                parent, step = parent[step], following
            parent[step] = rule.replacement if masked is None else _rebuilt([parent[step]], masked)[0]
    return cast("Json", box[0])


def _rebuilt(box: list[Json], leaf: Callable[[Json], Json]) -> list[Any]:
    """Return a copy with `leaf` applied to every scalar. Not recursive, because answers may be nested deeply."""
    copy: list[Any] = [None]
    stack: list[tuple[Json, Any, str | int]] = [(box[0], copy, 0)]
    while stack:
        value, parent, step = stack.pop()
        if isinstance(value, Mapping):
            parent[step] = dict.fromkeys(value)
            stack.extend((child, parent[step], key) for key, child in value.items())
        elif isinstance(value, list):
            parent[step] = [None] * len(value)
            stack.extend((child, parent[step], at) for at, child in enumerate(value))
        else:
            parent[step] = leaf(value)
    return copy


def _masker(rule: Redaction, known: set[str]) -> Callable[[Json], Json] | None:
    pattern = rule.pattern
    if pattern is None:
        return None
    masks = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))

    def masked(leaf: Json) -> Json:
        if isinstance(leaf, bool) or leaf is None:
            return leaf
        if not isinstance(leaf, str):
            return rule.replacement if pattern.search(show(leaf, limit=400)) else leaf
        # An earlier mask may itself match, e.g. [A-Z]+; it is left alone.
        spans = [match.span() for match in masks.finditer(leaf)]

        def mask(match: re.Match[str]) -> str:
            inside = any(start <= match.start() and match.end() <= end for start, end in spans)
            return match[0] if inside or not match[0] else rule.replacement

        return pattern.sub(mask, leaf)

    return masked
