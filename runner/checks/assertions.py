"""The `assert` entries of prompts and cases: compiled once at load, then checked against each answer. No I/O.

The names are promptfoo's if it has them (https://www.promptfoo.dev/docs/configuration/expected-outputs/), each also as
`not-...`. A check that compared nothing has failed, negated or not: a path that selects nothing, a missing text, an
unknown price. With a path, the assertion must hold at every place that it selects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..errors import FormatError
from ..files.assertion_types import (
    ASSERTION_TYPES,
    COMMON_KEYS,
    AssertionType,
    assertion_type,
)
from ..files.gate_schema import METRICS
from ..files.github_prompt import PLACEHOLDER
from ..files.model import Assertion
from ..render.limits import RefusedError, join_text, start_work
from ..render.printing import text as printed
from ..render.sandbox import IN_PROCESS, Members, Sandbox
from ..schema import json_path, show
from ..values import Json, JsonObject, JsonPath
from .askers import ASKERS
from .calls import Ask, CallQuestion, Find, Found
from .jsonpath import Path, PathError, parse
from .predicates import BUILDERS, Predicate, SpecError, Unfit

__all__ = [
    "NOT_APPLICABLE",
    "NOT_REPLAYABLE",
    "AnswerView",
    "CheckResult",
    "CompiledAssertion",
    "compile_assertion",
]


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The part of one answer that assertions can see.

    `parsed`: `output` is the JSON that the prompt's response_format requires (it may be null). `latency_ms` is in
    milliseconds, `cost` in US dollars; None if unknown.
    """

    text: str | None = None
    output: Json = None
    parsed: bool = False
    finish_reason: str | None = None
    latency_ms: float | None = None
    cost: float | None = None
    model: str | None = None
    vars: JsonObject = field(default_factory=dict)
    row: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check of one answer: `message` says what was expected and what was found.

    `path` is a JSONPath: the failing place, or the path as the author wrote it; None for the answer as a whole.
    `code` is "unknown" if there was nothing to compare, so that the check could not be decided, and "unchecked" if a
    call could not decide it; "not-applicable" if the assertion does not apply to the answer, and "not-replayable" if only a
    call to the model can decide it: then it has neither passed nor failed. `found` are the answers of the calls that it
    needed. `metric` is the named score that it counts towards, with `weight`.
    """

    type: str
    passed: bool
    path: str | None
    message: str
    expected: Json = None
    actual: Json = None
    code: str | None = None
    found: tuple[Found, ...] = ()
    metric: str | None = None
    weight: float = 1.0

    @property
    def applies(self) -> bool:
        """Return whether the check says anything about the answer."""
        return self.code not in (NOT_APPLICABLE, NOT_REPLAYABLE)


NOT_APPLICABLE = "not-applicable"
NOT_REPLAYABLE = "not-replayable"

_NO_MEMBERS = Members(frozenset(), frozenset(), whole=False)


class _Nothing(Exception):
    """There is no value to which the predicate could be applied."""


@dataclass(frozen=True, slots=True)
class CompiledAssertion:
    """One assertion, ready to be checked against any number of answers."""

    type: str
    kind: AssertionType
    negated: bool
    path: Path | None
    predicate: Predicate
    key: tuple[str, ...]
    """A key that only this assertion and its `not-` form have: its name, its path as text, its argument."""
    trimmed: bool = False
    """Whether it checks the text of the answer without surrounding white space."""
    fill: Callable[[JsonObject], Predicate] | None = None
    """Builds the predicate from a case's variables, if its value refers to any. Raises SpecError."""
    ask: Ask | None = None
    """How it asks, if a call decides it; then `asked` is for it, and `check` is not."""
    metric: str | None = None
    """The named score that it counts towards."""
    weight: float = 1.0
    """How much it counts in scores."""
    when: Predicate | None = None
    """Whether it applies to an answer; None: to all."""

    @property
    def name(self) -> str:
        """Return its type without `not-`."""
        return self.kind.name

    @property
    def variables(self) -> Members:
        """Return the variables that it reads."""
        return self._reads("vars")

    @property
    def columns(self) -> Members:
        """Return the columns of the case's row that it reads."""
        return self._reads("row")

    def _reads(self, name: str) -> Members:
        own, others = (
            ((predicate and predicate.reads) or {}).get(name, _NO_MEMBERS)
            for predicate in (self.predicate, self.when)
        )
        names = own.names | others.names
        needed = (own.names - own.optional) | (others.names - others.optional)
        return Members(names, names - needed, own.whole or others.whole)

    def check(self, answer: AnswerView) -> CheckResult:
        """Return whether the answer satisfies the assertion. Never raises for an answer, whatever it contains."""
        return self.unless_absent(answer) or self._check(answer)

    def unless_absent(self, answer: AnswerView) -> CheckResult | None:
        """Return the result of an assertion that does not apply to the answer; None if it applies and has to be checked.

        A `when` that cannot be evaluated is a failure: nobody knows whether the assertion would have held.
        """
        if self.when is None:
            return None
        try:
            if self.when.holds(_seen(answer)):
                return None
            message, code = f"not applicable: {self.when.expected} is false", NOT_APPLICABLE
        except Unfit as reason:
            message, code = f"when: {reason}", "unknown"
        return self._result(self._written, message, None, passed=False, code=code)

    @property
    def when_needs_answer(self) -> bool:
        """Return whether its `when` reads the answer, and not only the case."""
        return self.when is not None and bool((self.when.reads or {}).keys() & {"output", "text"})

    @property
    def _written(self) -> str | None:
        return self.key[1] if self.path else None

    def _check(self, answer: AnswerView) -> CheckResult:
        if self.fill is not None:
            try:
                return replace(self, predicate=self.fill(answer.vars), fill=None)._check(answer)
            except SpecError as error:
                return self._result(None, str(error), None, passed=False, code="unknown")
        predicate = self.predicate
        written = self._written
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

    def asked(self, answer: AnswerView, find: Find) -> CheckResult | tuple[CallQuestion, ...]:
        """Decide by the answers of calls: return the result, or the questions that `find` has no answer to yet.

        With a path, there is a question for each place. Never raises for an answer, whatever it contains.
        """
        assert self.ask is not None, "only an assertion that asks is asked"
        if (absent := self.unless_absent(answer)) is not None:
            return absent
        written = self._written
        try:
            subjects = self._subjects(answer)
        except _Nothing as reason:
            return self._result(written, str(reason), None, passed=False, code="unknown")
        settled = [self.ask.settle(value) for _, value in subjects]
        questions = [
            None if known is not None else CallQuestion(self.ask.target, self.ask.inputs(value, answer))
            for (_, value), known in zip(subjects, settled, strict=True)
        ]
        answers = [(question, find(question)) for question in questions if question is not None]
        failed_at_once = any(known is not None and known.holds is self.negated for known in settled)
        if not failed_at_once and (missing := tuple(asked for asked, found in answers if found is None)):
            return missing
        left = iter([found for _, found in answers])
        undecided = failed = said = None
        for (place, value), known in zip(subjects, settled, strict=True):
            where = json_path(place) if self.path else None
            each = next(left) if known is None else None
            if known is None and each is None:
                continue  # another place has failed already
            if each is not None and each.problem is not None:
                undecided = undecided or (where, each.problem, value)
                continue
            holds, what = known or self.ask.decide(each.value if each is not None else {})
            said = said or what
            if holds is None:
                undecided = undecided or (where, what, value)
            elif holds is self.negated:
                words = self.predicate.unwanted if self.negated else self.predicate.wanted
                failed = failed or (where, f"expected {words}, but {what}", value)
        if failed is not None:
            result = self._result(*failed, passed=False)
        elif undecided is not None:
            where, what, value = undecided
            result = self._result(
                where, f"could not be checked: {what}", value, passed=False, code="unchecked"
            )
        else:
            words = self.predicate.unwanted if self.negated else self.predicate.wanted
            result = self._result(written, f"as expected: {words}: {said}", None, passed=True)
        return replace(result, found=tuple(found for _, found in answers if found is not None))

    def _result(
        self, path: str | None, message: str, actual: Json, *, passed: bool, code: str | None = None
    ) -> CheckResult:
        return CheckResult(
            self.type,
            passed,
            path,
            message,
            self.predicate.expected,
            actual,
            code,
            metric=self.metric,
            weight=self.weight,
        )

    def _subjects(self, answer: AnswerView) -> list[tuple[JsonPath, Json]]:
        if self.trimmed:
            return [((), _text_of(answer).strip())]
        if self.kind.subject == "answer":
            return [((), _seen(answer))]
        if self.kind.subject == "measure":
            return [((), _measure(self.name, answer))]
        if self.path is not None:
            if not answer.parsed:
                raise _Nothing(
                    "a path needs JSON output, but the prompt's response_format does not require JSON"
                )
            found = self.path.find(answer.output)
            if not found:
                raise _Nothing(f"{self.path} selects nothing in the output")
            return found
        if self.kind.subject == "json" and not answer.parsed:
            raise _Nothing("there is no JSON output: the prompt's response_format does not require JSON")
        if self.kind.subject != "text" and answer.parsed:
            return [((), answer.output)]
        return [((), _text_of(answer))]

    def _explain(self, value: Json) -> tuple[JsonPath, str]:
        predicate = self.predicate
        if predicate.detail and not self.negated:
            return predicate.detail(value)
        words = predicate.unwanted if self.negated else predicate.wanted
        if predicate.read is not None:
            return (), f"expected {words}, but {predicate.read(value)}"
        return (), f"expected {words}, got {predicate.shown(value)}"


def _seen(answer: AnswerView) -> Json:
    """Return what an expression can read."""
    return {"output": answer.output, "text": answer.text, "vars": answer.vars, "row": answer.row}


def _text_of(answer: AnswerView) -> str:
    if answer.text is None:
        raise _Nothing("the answer has no text")
    return answer.text


def _measure(kind: str, answer: AnswerView) -> Json:
    if kind == "cost":
        if answer.cost is None:
            model = f"model {answer.model}" if answer.model else "this model"
            raise _Nothing(f"no price is known for {model}: add one under models: in runner.yaml")
        return answer.cost
    if kind == "latency":
        if answer.latency_ms is None:
            raise _Nothing("the duration of this answer is unknown")
        return answer.latency_ms
    if answer.finish_reason is None:
        raise _Nothing("the answer has no finish_reason")
    return answer.finish_reason


def compile_assertion(assertion: Assertion, sandbox: Sandbox = IN_PROCESS) -> CompiledAssertion:
    """Compile one `assert` entry that matches the JSON Schema of prompt files.

    `sandbox` runs its `expr`. Raises FormatError at the line of anything that is wrong in it.
    """
    if assertion.unjudged is not None:
        return _unjudged(str(assertion.spec["type"]), assertion.unjudged)
    try:
        if assertion.evaluator:
            return _evaluator(assertion.spec, sandbox)
        return _with_common_keys(_compile(assertion.spec, sandbox), assertion.spec, sandbox)
    except SpecError as error:
        location = assertion.locate(*error.at, at_key=error.at_key)
        raise FormatError(str(error), location=location, hint=error.hint) from None


def _with_common_keys(
    compiled: CompiledAssertion, spec: Mapping[str, Json], sandbox: Sandbox
) -> CompiledAssertion:
    """Return an assertion with the keys that all types have: `metric`, `weight` and `when`."""
    if not spec.keys() & COMMON_KEYS.keys():
        return compiled
    metric, weight, when = spec.get("metric"), spec.get("weight", 1.0), spec.get("when")
    if isinstance(metric, str) and metric in METRICS:
        raise SpecError(
            f"metric: {metric} is the name of a metric that runner computes",
            "choose another name",
            ("metric",),
        )
    assert isinstance(weight, int | float)
    applies = None
    if when is not None:
        if when == spec.get("value") and compiled.name == "expr":
            raise SpecError(
                f"{compiled.type}: it only applies where it {'fails' if compiled.negated else 'holds'}",
                "give `when` another condition than `value`",
                ("when",),
            )
        try:
            applies = BUILDERS["expr"](when, {}, sandbox)
        except SpecError as error:
            raise SpecError(f"when: {error}", error.hint, ("when", *error.at)) from None
    key = compiled.key if when is None else (*compiled.key, f"when {when}")
    return replace(
        compiled,
        metric=metric if isinstance(metric, str) else None,
        weight=float(weight),
        when=applies,
        key=key,
    )


def _compile(spec: Mapping[str, Json], sandbox: Sandbox) -> CompiledAssertion:
    type_ = str(spec["type"])
    found = assertion_type(type_)
    assert found is not None, "the JSON Schema of prompt files knows the same types"
    kind, negated = found
    argument = kind.argument
    keys = {name: spec[name] for name in kind.keys if name in spec}
    _refuse_templates(spec, kind, negated=negated)
    path = _path(spec["path"]) if "path" in spec else None
    key = (kind.name, str(path), json.dumps([spec.get(argument), keys], sort_keys=True))
    if kind.asks:
        try:
            ask = ASKERS[kind.name](spec.get(argument), keys)
        except SpecError as error:
            raise SpecError(f"{type_}: {error}", error.hint, error.at, at_key=error.at_key) from None
        asked = Predicate(ask.wanted, ask.unwanted, spec.get(argument), _not_asked)
        return CompiledAssertion(type_, kind, negated, path, asked, key, ask=ask)
    try:
        predicate = BUILDERS[kind.name](spec.get(argument), keys, sandbox)
    except SpecError as error:
        raise SpecError(f"{type_}: {error}", error.hint, (argument, *error.at)) from None
    return CompiledAssertion(type_, kind, negated, path, predicate, key)


def _evaluator(spec: Mapping[str, Json], sandbox: Sandbox) -> CompiledAssertion:
    """Compile an evaluator of GitHub's format: it checks the trimmed text; `{{name}}` in its value is a variable."""
    type_, value = str(spec["type"]), str(spec["value"])
    kind, build = ASSERTION_TYPES[type_], BUILDERS[type_]
    key = (f"{type_} of GitHub's", value)
    *_, last = parts = PLACEHOLDER.split(value)
    if parts == [last]:
        return CompiledAssertion(
            type_, kind, negated=False, path=None, predicate=build(value, {}, sandbox), key=key, trimmed=True
        )
    names = frozenset(parts[1::2])

    def fill(variables: JsonObject) -> Predicate:
        if missing := sorted(names - variables.keys()):
            raise SpecError(f"{type_}: variable {missing[0]!r} has no value")
        try:
            start_work()
            filled = join_text(printed(variables[part]) if at % 2 else part for at, part in enumerate(parts))
        except RefusedError as error:
            raise SpecError(f"{type_}: {error.message}") from None
        if not filled:
            raise SpecError(f"{type_}: {value} is empty in this case, so nothing would be checked")
        return build(filled, {}, sandbox)

    reads = {"text": _NO_MEMBERS, "vars": _NO_MEMBERS._replace(names=names)}
    asked = Predicate(value, f"anything but {value}", value, _not_asked, reads=reads)
    return CompiledAssertion(
        type_, kind, negated=False, path=None, predicate=asked, key=key, trimmed=True, fill=fill
    )


def _unjudged(label: str, why: str) -> CompiledAssertion:
    """Return an assertion that no answer passes, because it cannot be decided here."""

    def refuse(_: Json) -> bool:
        raise Unfit(why)

    asked = Predicate(label, label, None, refuse)
    kind = AssertionType(label, "answer", {}, holds=label, takes=label)
    return CompiledAssertion(label, kind, negated=False, path=None, predicate=asked, key=(why,))


def _not_asked(_: Json) -> bool:
    raise AssertionError("it is filled in before it is asked")


def _path(written: Json) -> Path:
    text = str(written)
    try:
        return parse(text)
    except PathError as error:
        raise SpecError(f'"{text}" is not a path: {error}', at=("path",)) from None


_ESCAPED = r"\{\{"
_TAG = re.compile(r"\{[{%]")
_UNESCAPED_TAG = re.compile(r"(?<!\\)\{[{%]")
_WITH_PATTERNS = {"regex", "json-schema", "is-json", "contains-json"}
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")

# For types that are likely to be written with a template: the equivalent `expr` with a variable.
_AS_EXPR = {
    "equals": ("{part} == {var}", "{part} != {var}"),
    "starts-with": ("{part}.startswith({var})", "not {part}.startswith({var})"),
    "ends-with": ("{part}.endswith({var})", "not {part}.endswith({var})"),
    "istarts-with": (
        "({part} | lower).startswith({var} | lower)",
        "not ({part} | lower).startswith({var} | lower)",
    ),
    "iends-with": (
        "({part} | lower).endswith({var} | lower)",
        "not ({part} | lower).endswith({var} | lower)",
    ),
    "icontains": ("{var} | lower in {part} | lower", "{var} | lower not in {part} | lower"),
}
_CONTAINED = ("{var} in {part}", "{var} not in {part}")


def _refuse_templates(spec: Mapping[str, Json], kind: AssertionType, *, negated: bool) -> None:
    """Refuse values that look like a template: compared literally they check nothing, and `not-` always holds."""
    name = kind.name
    tag = _UNESCAPED_TAG if name in _WITH_PATTERNS else _TAG
    for at, text, at_key in _strings(spec):
        if not tag.search(text):
            continue
        if name == "expr" or at[:1] == ("when",):
            raise SpecError(
                f"an expression is not a template: {show(text)}",
                f"write it without braces, with variables as vars.NAME; for literal braces use a `regex`: {_ESCAPED}",
                at,
                at_key=at_key,
            )
        if kind.asks:
            raise SpecError(
                f"an assertion is not a template: {show(text)} would be asked literally",
                "the judge sees the variables of the case: refer to them in words, as in 'the name in the input'",
                at,
                at_key=at_key,
            )
        found = _VARIABLE.search(text)
        variable = f"vars.{found[1]}" if found else "vars.NAME"
        forms = _AS_EXPR.get(name, _CONTAINED)
        expr = forms[negated].format(var=variable, part="output.PART" if "path" in spec else "text")
        raise SpecError(
            f"an assertion is not a template: {show(text)} would be compared literally",
            f'use {{type: expr, value: "{expr}"}}; for literal braces use a `regex`: {_ESCAPED}',
            at,
            at_key=at_key,
        )


def _strings(value: Mapping[str, Json]) -> Iterator[tuple[JsonPath, str, bool]]:
    """Yield each string in a value, with its path and whether it is a key. Not recursive: values may be deep."""
    stack: list[tuple[JsonPath, object]] = [((), value)]
    while stack:
        at, part = stack.pop()
        if isinstance(part, str):
            yield at, part, False
        elif isinstance(part, Mapping):
            stack.extend(((*at, key), item) for key, item in part.items())
            yield from (((*at, key), key, True) for key in part)
        elif isinstance(part, list):
            stack.extend(((*at, index), item) for index, item in enumerate(part))
