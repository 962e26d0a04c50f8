"""The `assert` entries of prompts and cases: compiled once at load, then asked about each answer. No I/O.

The names are promptfoo's where it has them (https://www.promptfoo.dev/docs/configuration/expected-outputs/), each
also as `not-...`. A check that compared nothing has failed, turned round or not: a path that selects nothing, a
missing text, an unknown price. What a path selects must hold at every place it selects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from ..errors import FormatError
from ..files.model import Assertion
from ..render.sandbox import IN_PROCESS, Sandbox
from ..schema import json_path
from ..values import Json, JsonObject, JsonPath
from .jsonpath import Path, PathError, parse
from .predicates import KINDS, Predicate, SpecError, Unfit, build

__all__ = ["AnswerView", "CheckResult", "CompiledAssertion", "compile_assertion"]

# Types that speak of the answer as a whole, so that `path` has nothing to select from.
_WHOLE = {"cost", "latency", "finish-reason", "expr"}
_LIMITS = {"cost", "latency"}
_MEASURES = {"cost", "latency", "finish-reason"}

_ELSEWHERE = {
    "is-json": "declare a response_format: every answer is then parsed, and held against its schema",
    "contains-json": "declare a response_format: every answer is then parsed, and held against its schema",
    "is-refusal": "write `outcome: refused` on the case",
    "javascript": "write an `expr` over output, text and vars",
    "python": "write an `expr` over output, text and vars",
    "icontains-any": "write a `regex` that begins with (?i)",
    "icontains-all": "write several `icontains`",
}


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What assertions see of one answer.

    `parsed`: `output` is the JSON that the prompt's response_format asked for (it may be null). `latency_ms` is in
    milliseconds, `cost` in US dollars; None where not known.
    """

    text: str | None = None
    output: Json = None
    parsed: bool = False
    finish_reason: str | None = None
    latency_ms: float | None = None
    cost: float | None = None
    model: str | None = None
    vars: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one answer: `message` says what was expected and what came.

    `path` is a JSONPath: the failing place, or the path as the author wrote it; None for the answer as a whole.
    `code` is "unknown" when there was nothing to compare, so that the check could not be decided.
    """

    type: str
    passed: bool
    path: str | None
    message: str
    expected: Json = None
    actual: Json = None
    code: str | None = None


class _Nothing(Exception):
    """There is nothing to ask the predicate of."""


@dataclass(frozen=True, slots=True)
class CompiledAssertion:
    """One assertion, ready to be asked about any number of answers."""

    type: str
    kind: str
    negated: bool
    path: Path | None
    predicate: Predicate

    def check(self, answer: AnswerView) -> CheckResult:
        """Whether the answer is as asserted. Never raises for an answer, whatever it holds."""
        predicate = self.predicate
        written = str(self.path) if self.path else None
        actual: Json = None
        try:
            subjects = self._subjects(answer)
            actual = subjects[0][1] if len(subjects) == 1 else [value for _, value in subjects]
            failures = [each for each in subjects if predicate.holds(each[1]) is self.negated]
        except (_Nothing, Unfit) as reason:
            return self._result(written, str(reason), actual, passed=False, code="unknown")
        if not failures:
            words = predicate.unwanted if self.negated else predicate.wanted
            return self._result(written, f"as expected: {words}", actual, passed=True)
        (place, value), more = failures[0], len(failures) - 1
        below, message = self._explain(value)
        concrete = json_path((*place, *below)) if self.path or below else None
        if more:
            message += f" (and {more} more of {len(subjects)} places)"
        return self._result(concrete, message, value, passed=False)

    def _result(
        self, path: str | None, message: str, actual: Json, *, passed: bool, code: str | None = None
    ) -> CheckResult:
        return CheckResult(self.type, passed, path, message, self.predicate.expected, actual, code)

    def _subjects(self, answer: AnswerView) -> list[tuple[JsonPath, Json]]:
        if self.kind == "expr":
            return [((), {"output": answer.output, "text": answer.text, "vars": answer.vars})]
        if self.kind in _MEASURES:
            return [((), _measure(self.kind, answer))]
        if self.path is not None:
            if not answer.parsed:
                raise _Nothing("a path needs JSON output, and the prompt's response_format asks for none")
            found = self.path.find(answer.output)
            if not found:
                raise _Nothing(f"{self.path} selects nothing in the output")
            return found
        if self.kind == "json-schema" and not answer.parsed:
            raise _Nothing("there is no JSON output: the prompt's response_format asks for none")
        if self.kind in {"equals", "length", "json-schema"} and answer.parsed:
            return [((), answer.output)]
        if answer.text is None:
            raise _Nothing("the answer has no text")
        return [((), answer.text)]

    def _explain(self, value: Json) -> tuple[JsonPath, str]:
        predicate = self.predicate
        if predicate.detail and not self.negated:
            return predicate.detail(value)
        words = predicate.unwanted if self.negated else predicate.wanted
        return (), f"expected {words}, got {predicate.shown(value)}"


def _measure(kind: str, answer: AnswerView) -> Json:
    if kind == "cost":
        if answer.cost is None:
            model = f"model {answer.model}" if answer.model else "this model"
            raise _Nothing(f"no price is known for {model}: give one under models: in runner.yaml")
        return answer.cost
    if kind == "latency":
        if answer.latency_ms is None:
            raise _Nothing("the time this answer took is not known")
        return answer.latency_ms
    if answer.finish_reason is None:
        raise _Nothing("the answer has no finish_reason")
    return answer.finish_reason


def compile_assertion(assertion: Assertion, sandbox: Sandbox = IN_PROCESS) -> CompiledAssertion:
    """Compile one `assert` entry; `sandbox` is where an `expr` runs.

    Raises FormatError at its line for anything that is off in it.
    """
    try:
        return _compile(assertion.spec, sandbox)
    except SpecError as error:
        raise FormatError(error.message, location=assertion.location, hint=error.hint) from None


def _compile(spec: Mapping[str, Json], sandbox: Sandbox) -> CompiledAssertion:
    type_ = spec.get("type")
    if not isinstance(type_, str):
        raise SpecError("an assertion needs a type", f"one of {', '.join(KINDS)}")
    kind = type_.removeprefix("not-")
    negated = kind != type_
    if kind not in KINDS:
        raise SpecError(f'unknown assertion type "{type_}"', _suggest(type_))
    argument = "threshold" if kind in _LIMITS else "value"
    allowed = {"type", argument} if kind in _WHOLE else {"type", argument, "path"}
    for key in spec:
        if key not in allowed:
            raise SpecError(
                f'"{key}" means nothing for {type_}', f"it takes {' and '.join(sorted(allowed - {'type'}))}"
            )
    if argument not in spec:
        raise SpecError(f"{type_} needs a {argument}")
    path = _path(spec["path"]) if "path" in spec else None
    try:
        predicate = build(kind, spec[argument], sandbox)
    except SpecError as error:
        raise SpecError(f"{type_}: {error.message}", error.hint) from None
    return CompiledAssertion(type_, kind, negated, path, predicate)


def _path(text: Json) -> Path:
    if not isinstance(text, str):
        raise SpecError('path must be text such as "$.label"')
    try:
        return parse(text)
    except PathError as error:
        raise SpecError(f'"{text}" is not a path: {error}') from None


def _suggest(type_: str) -> str:
    if type_ in _ELSEWHERE:
        return _ELSEWHERE[type_]
    names = [*KINDS, *(f"not-{kind}" for kind in KINDS)]
    close = get_close_matches(type_.lower().replace("_", "-"), names, n=1)
    return f'did you mean "{close[0]}"?' if close else f"one of {', '.join(KINDS)}"
