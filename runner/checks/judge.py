"""Judge one answer: its outcome, then the declared schema, then the assertions (pure functions).

The declared schema is a test: an answer that violates it is `invalid` in any case. An outcome other than ok passes only
if the case expects exactly that outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..errors import CaseError, Diagnostic, FormatError, Location, RunnerError, raise_all
from ..files.model import Assertion, Case, CaseFile, Prompt
from ..finish_reasons import Declared
from ..render.message_words import suggestion
from ..render.sandbox import IN_PROCESS, Sandbox
from ..schema import Validator, Violation, show
from ..values import Json, JsonObject
from ..wire.decoding import parse_answer
from ..wire.reply import Answer, Outcome
from .assertions import NOT_REPLAYABLE, AnswerView, CheckResult, CompiledAssertion, compile_assertion
from .calls import CallQuestion, CallTarget, Find
from .compiled_targets import CompiledTarget, compile_targets
from .foregone import Foregone, Ground, doubt, foregone
from .predicates import SpecError
from .target_counts import TargetCount

__all__ = ["Judge", "Judgement", "named_scores", "verdict_of"]

MAX_VIOLATIONS = 20
"""The most schema violations of one answer that are reported in full; the rest are counted."""

_CACHED_ASSERTIONS = 1024
_MOST_REMARKS = 200
_JSON_FORMATS = {"json_schema", "json_object"}


class Judgement(NamedTuple):
    """The verdict on one answer. `detail` says in one sentence why the outcome is not ok.

    With `questions` there is no verdict yet: calls must answer them first. `unchecked` says why calls could not decide
    an assertion, if no other one failed; then the answer has neither passed nor failed.
    `measured` has, for each of the prompt's targets, what was expected and what came. `score` is the share of the assertions
    that hold, by weight, if the case or an assertion uses scores; `scores` are the named ones.
    """

    outcome: Outcome
    passed: bool
    output: Json
    checks: tuple[CheckResult, ...]
    detail: str | None
    measured: JsonObject | None = None
    score: float | None = None
    scores: Mapping[str, float] | None = None
    questions: tuple[CallQuestion, ...] = ()
    unchecked: str | None = None


class Judge:
    """Judge the answers to one prompt; its response schema, tool parameters and assertions are compiled once.

    `sandbox` renders the Jinja templates in its assertions. `finish_reasons` are the words that each endpoint declares, if
    the endpoints are known.

    Raises FormatError at the author's line if an assertion cannot be used, or Problems if there are several. The schemas
    are already valid, because loading the prompt checks them.
    """

    __slots__ = (
        "_asserts", "_cache", "_ground", "_inputs", "_json", "_known", "_model", "_remarks", "_sandbox", "_schema", "_seen", "_tools",
        "answer_targets", "reads_any_variable", "required", "targets", "variables",
    )  # fmt: skip

    def __init__(
        self,
        prompt: Prompt,
        sandbox: Sandbox = IN_PROCESS,
        *,
        finish_reasons: Sequence[Mapping[str, Declared]] | None = None,
    ) -> None:
        errors: list[RunnerError] = []
        declared = prompt.request.get("response_format")
        self._json = isinstance(declared, Mapping) and declared.get("type") in _JSON_FORMATS
        self._model = prompt.request.get("model")
        self._sandbox = sandbox
        self._cache: dict[str, CompiledAssertion] = {}
        schema = prompt.response_schema.schema if prompt.response_schema else None
        self._schema = None if prompt.response_schema is None else Validator(schema)
        self._tools = _tool_validators(prompt.request)
        self._inputs = prompt.inputs
        self.variables: frozenset[str] = frozenset()
        """The variables that its assertions read, including those of the cases prepared so far."""
        self.reads_any_variable = False
        """Whether one of them may read any other variable too, as `vars[text]` does."""
        self.targets: dict[CallTarget, Assertion] = {}
        """Whom its assertions ask, each with the first assertion that does, including the cases prepared so far."""
        self._remarks: dict[tuple[Location, str], Diagnostic] = {}
        self._known: dict[tuple[str, str], Foregone | None] = {}
        self._ground = Ground(
            "ok",
            json=self._json,
            schema=schema,
            tools=bool(self._tools),
            finish_reasons=finish_reasons,
        )
        self._asserts = self._compile_all(prompt.asserts, errors)
        self.answer_targets: tuple[CompiledTarget, ...] = ()
        """The labels, numbers and sets that are known to be right for each case."""
        try:
            self.answer_targets = compile_targets(prompt, is_json=self._json)
        except RunnerError as error:
            errors.append(error)
        self._seen = {target.kind: TargetCount(target.target.location) for target in self.answer_targets}
        if prompt.asserts and prompt.tests and all(_expects_no_answer(test) for test in prompt.tests):
            hint = "put them on the tests instead"
            self._remark(
                prompt.asserts[0],
                "W015",
                "no test expects the outcome ok, so these assertions are never checked",
                hint,
            )
        self.required = frozenset(
            name for each in self._asserts for name in each.variables.names - each.variables.optional
        )
        """The variables that must have a value in every case because the prompt's assertions need them."""
        for index, case in enumerate(prompt.tests):
            if isinstance(case, Case):
                self._compile_all(case.asserts, errors, case.outcome or "ok")
                errors.extend(self._impossible(case, prompt.locate("tests", index, "outcome")))
        raise_all(errors)

    def prepare(self, case: Case) -> None:
        """Compile a case's assertions before anything is paid for.

        Raises FormatError at the line of an unusable assertion, CaseError for a case that lacks a variable that an
        assertion needs, Problems if there are several errors.
        """
        errors: list[RunnerError] = []
        own = self._compile_all(case.asserts, errors, case.outcome or "ok")
        errors.extend(self._impossible(case, case.location))
        always = self._asserts if case.outcome in (None, "ok") else ()
        errors.extend(self._prepare_targets(case))
        if case.threshold is not None and not (always or own or case.expected):
            message = "the case has a threshold but no assertions, so there is no score"
            errors.append(CaseError(message, location=case.location))
        for each in (*always, *own):
            if missing := each.variables.names - each.variables.optional - case.vars.keys():
                name = min(missing)
                errors.append(
                    CaseError(
                        f"{each.type}: variable {name!r} has no value",
                        location=case.location,
                        hint=f"{each.predicate.expected} reads it: set it in `vars` or with --var {name}=...",
                    )
                )
            elif missing := each.columns.names - each.columns.optional - (case.row or {}).keys():
                errors.append(_no_column(each, min(missing), case))
            elif each.fill is not None:
                try:
                    each.fill(case.vars)
                except SpecError as error:
                    errors.append(CaseError(str(error), location=case.location, hint=error.hint))
        raise_all(errors)

    def _prepare_targets(self, case: Case) -> Iterator[RunnerError]:
        """Yield what is wrong with the right values of a case; count the others for remarks."""
        for target in self.answer_targets:
            if (wrong := target.prepare(case)) is not None:
                yield wrong
            elif case.outcome in (None, "ok"):
                self._seen[target.kind].add(case, target.expected(case))

    def variables_of(self, case: Case) -> frozenset[str]:
        """Return the variables that the case's own assertions read."""
        if not case.asserts or self._inputs is not None:
            return frozenset()
        return frozenset(name for each in case.asserts for name in self._compiled(each).variables.names)

    def judge(
        self,
        answer: Answer,
        case: Case,
        *,
        latency_ms: float | None = None,
        cost: float | None = None,
        model: str | None = None,
        find: Find = lambda _: None,
        replayed: bool = False,
    ) -> Judgement:
        """Judge one answer to one case.

        `latency_ms` is in milliseconds, `cost` in US dollars (None: no price is known). `find` has the answers of the calls
        that assertions need; they are asked only if all other assertions hold, or if their result counts for a score. The
        assertions that only a call to the model can decide do not count for a `replayed` answer. Raises FormatError for a
        broken assertion of the case, but only if `prepare` was not called before.
        """
        expected = Outcome.OK if case.outcome is None else Outcome(case.outcome)
        outcome, detail, broken = self._classify(answer)
        as_expected = outcome is expected or (case.outcome is None and outcome is Outcome.TOOL_CALL)
        if outcome is Outcome.TOOL_CALL and not self._tools:
            as_expected, broken = False, (_tool_failure("a tool was called, but the prompt declares none"),)
        # The prompt's assertions are for answers that are ok; a case that expects a refusal has its own.
        asserted = self._asserts if expected is Outcome.OK else ()
        if case.asserts:
            asserted = (*asserted, *(self._compiled(assertion) for assertion in case.asserts))
        targets = (
            [target for target in self.answer_targets if target.kind in case.expected]
            if case.expected
            else []
        )
        view = AnswerView(
            text=answer.text,
            output=answer.output,
            parsed=self._json and outcome in {Outcome.OK, Outcome.INVALID},
            finish_reason=answer.finish_reason,
            latency_ms=latency_ms,
            cost=cost,
            model=model or (self._model if isinstance(self._model, str) else None),
            vars=case.vars,
            row=case.row or {},
        )
        scored = case.threshold is not None or any(each.metric or each.weight != 1 for each in asserted)
        if not as_expected:
            # A broken schema is failure enough, unless the case expects another outcome.
            reported = broken and (case.outcome is None or outcome is expected)
            checks = () if reported else (_outcome_check(expected, outcome, detail),)
            return Judgement(
                outcome,
                passed=False,
                output=answer.output,
                checks=(*checks, *broken),
                detail=detail,
                measured={target.kind: target.measured(case) for target in targets} or None,
                score=0.0 if scored else None,
                scores=_nothing_scored(asserted, view) if scored else None,
            )
        compared = {target.kind: target.compare(view, case) for target in targets}
        results = (
            *(
                _replayed(each, each.check(view)) if replayed else each.check(view)
                for each in asserted
                if each.ask is None
            ),
            *(each.check for each in compared.values()),
        )
        sound = all(each.passed for each in results if each.applies)
        decided = [
            each.asked(view, find)
            for each in asserted
            if each.ask is not None and (sound or each.metric is not None or case.threshold is not None)
        ]
        questions = tuple(part for each in decided if not isinstance(each, CheckResult) for part in each)
        results = (*results, *(each for each in decided if isinstance(each, CheckResult)))
        passed, score = verdict_of(results, case)
        unchecked = None if passed else _unchecked(results, case)
        if case.threshold is not None:
            message = f"a score of {score:.4g}, and {case.threshold:.4g} is needed"
            results = (*results, CheckResult("threshold", passed=passed, path=None, message=message))
        if case.outcome is not None and expected is not Outcome.OK:
            results = (_outcome_check(expected, outcome, detail), *results)
        return Judgement(
            outcome,
            passed and not questions,
            answer.output,
            results,
            detail,
            measured={kind: each.measured for kind, each in compared.items()} or None,
            score=score if scored else None,
            scores=named_scores(results) if scored else None,
            questions=questions,
            unchecked=unchecked,
        )

    def _classify(self, answer: Answer) -> tuple[Outcome, str | None, tuple[CheckResult, ...]]:
        """Return the outcome after checking the schemas, its reason, and the failed schema checks."""
        if answer.outcome is Outcome.OK and self._schema is not None:
            broken = _broken(self._schema.check(answer.output))
        elif answer.outcome is Outcome.TOOL_CALL and self._tools:
            broken = tuple(check for call in answer.tool_calls for check in self._broken_call(call))
            if not answer.tool_calls:
                broken = (_tool_failure("the answer ended for a tool call without making one"),)
        else:
            broken = ()
        if not broken:
            return answer.outcome, answer.detail, ()
        first = broken[0]
        place = f"{first.path}: " if first.path else ""
        return Outcome.INVALID, f"{place}{first.message}", broken

    def _broken_call(self, call: Mapping[str, Json]) -> tuple[CheckResult, ...]:
        kind = str(call.get("type") or ("custom" if "custom" in call else "function"))
        body = call.get(kind)
        name = body.get("name") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(name, str) or name not in self._tools:
            declared = ", ".join(self._tools)
            return (
                _tool_failure(f"the model called {show(name)}, which is not declared (declared: {declared})"),
            )
        validator = self._tools[name]
        if validator is None:
            return ()
        arguments = body.get("arguments")
        if not isinstance(arguments, str):
            return (_tool_failure(f"the arguments of {name} are not a string: {show(arguments)}"),)
        try:
            value = parse_answer(arguments)
        except ValueError as error:
            return (_tool_failure(f"the arguments of {name} are not JSON ({error}): {show(arguments)}"),)
        return _broken(validator.check(value), type_="tool-call", prefix=f"arguments of {name}: ")

    def _compile_all(
        self, assertions: Iterable[Assertion], errors: list[RunnerError], outcome: str | None = None
    ) -> tuple[CompiledAssertion, ...]:
        """Return the assertions that compile; `outcome` is the one their case expects (None: the prompt's own)."""
        beside = self._asserts if outcome == "ok" else ()
        outcome = outcome or "ok"
        compiled: list[CompiledAssertion] = []
        for assertion in assertions:
            try:
                known = self._compiled(assertion)
                errors.extend(self._undeclared(assertion, known))
                if found := self._foregone(assertion, known, outcome):
                    location = assertion.locate(*found.at)
                    errors.append(FormatError(found.message, location=location, hint=found.hint))
                errors.extend(self._repeated(assertion, known, (*beside, *compiled)))
                if doubted := doubt(known, replace(self._ground, outcome=outcome)):
                    self._remark(assertion, *doubted)
            except RunnerError as error:
                errors.append(error)
                continue
            compiled.append(known)
            if known.ask is not None:
                self.targets.setdefault(known.ask.target, assertion)
            self.variables |= known.variables.names
            self.reads_any_variable = self.reads_any_variable or known.variables.whole
        return tuple(compiled)

    def _undeclared(self, assertion: Assertion, compiled: CompiledAssertion) -> Iterator[RunnerError]:
        """Yield an error for each variable that an assertion reads and `inputs` does not declare."""
        read = (compiled.predicate.reads or {}).get("vars")
        own = read.names if read is not None else frozenset()
        for name in sorted(compiled.variables.names):
            if self._inputs is not None and name not in self._inputs:
                yield FormatError(
                    f"{compiled.type}: variable {name!r} is not declared in `inputs`",
                    location=assertion.locate("value" if name in own else "when"),
                    hint=suggestion(name, self._inputs)
                    or f"declare it: `inputs: {{{name}: {{type: string}}}}`; if it is another column of the rows, write row.{name}",
                )

    def _foregone(self, assertion: Assertion, compiled: CompiledAssertion, outcome: str) -> Foregone | None:
        """Return why the result of an assertion is known before any request; computed once for each assertion."""
        key = (json.dumps([assertion.spec, assertion.evaluator]), outcome)
        if key not in self._known:
            if len(self._known) >= _CACHED_ASSERTIONS:
                self._known.clear()
            self._known[key] = foregone(compiled, replace(self._ground, outcome=outcome))
        return self._known[key]

    def _repeated(
        self, assertion: Assertion, compiled: CompiledAssertion, others: Iterable[CompiledAssertion]
    ) -> Iterator[RunnerError]:
        """Yield an error for an assertion that contradicts another one; remark W014 if it repeats one."""
        for other in others:
            if other.key != compiled.key:
                continue
            if other.negated is not compiled.negated:
                message = (
                    f"{compiled.type} contradicts the {other.type} of the same value: no answer passes both"
                )
                yield FormatError(message, location=assertion.location)
            else:
                if other.metric != compiled.metric:
                    continue
                hint = "remove one of them; the prompt's assertions apply to every test"
                self._remark(assertion, "W014", f"this {compiled.type} assertion is declared twice", hint)
            return

    def _remark(self, assertion: Assertion, code: str, message: str, hint: str) -> None:
        place = (assertion.location, code)
        if place not in self._remarks and len(self._remarks) < _MOST_REMARKS:
            self._remarks[place] = Diagnostic("warning", code, message, assertion.location, hint)

    @property
    def remarks(self) -> tuple[Diagnostic, ...]:
        """Return warnings about the assertions and targets, including those of the cases prepared so far."""
        return (
            *self._remarks.values(),
            *(remark for kind, seen in self._seen.items() for remark in seen.remarks(kind)),
        )

    def _impossible(self, case: Case, location: Location) -> Iterator[RunnerError]:
        """Yield an error if a case expects an outcome that no answer to this prompt can have."""
        if case.outcome is None:  # as in nearly all rows
            return
        why = {
            "unparsable": (not self._json, "the prompt's response_format does not require JSON"),
            "invalid": (
                self._schema is None and not self._tools,
                "the prompt declares no schema and no tools",
            ),
            "tool_call": (not self._tools, "the prompt declares no tools"),
        }
        impossible, reason = why.get(case.outcome, (False, ""))
        if impossible:
            yield CaseError(f"no answer can be {case.outcome}: {reason}", location=location)

    def _compiled(self, assertion: Assertion) -> CompiledAssertion:
        """Compile an assertion, with a cache: rows of data repeat the same few assertions many thousand times."""
        key = json.dumps([assertion.spec, assertion.evaluator, assertion.unjudged])
        known = self._cache.pop(key, None) or compile_assertion(assertion, self._sandbox)
        while len(self._cache) >= _CACHED_ASSERTIONS:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = known
        return known


def _replayed(assertion: CompiledAssertion, result: CheckResult) -> CheckResult:
    if result.passed or not result.applies or assertion.kind.replayable:
        return result
    return replace(result, code=NOT_REPLAYABLE)


def verdict_of(results: Sequence[CheckResult], case: Case) -> tuple[bool, float]:
    """Return whether an answer passes its assertions, and its score: the share of them that hold, by weight.

    All must hold, unless the case has a `threshold`: then the score must reach it. Those that do not apply do not count.
    """
    counted = [each for each in results if each.applies]
    whole = sum(each.weight for each in counted)
    score = sum(each.weight for each in counted if each.passed) / whole if counted else 1.0
    if case.threshold is None:
        return all(each.passed for each in counted), score
    return score >= case.threshold - _ROUNDING, score


def _unchecked(results: Sequence[CheckResult], case: Case) -> str | None:
    """Return why there is no verdict: calls could not decide what would make the answer pass; None if it fails anyway."""
    unknown = [each for each in results if each.code == "unchecked"]
    if not unknown:
        return None
    hoped = [replace(each, passed=each.passed or each.code == "unchecked") for each in results]
    return f"{unknown[0].type} {unknown[0].message}" if verdict_of(hoped, case)[0] else None


def named_scores(results: Sequence[CheckResult]) -> dict[str, float]:
    """Return the score of each metric that assertions name; none of one whose assertions do not apply, or could not be checked."""
    whole: dict[str, float] = {}
    held: dict[str, float] = {}
    for each in results:
        if each.metric is not None and each.applies and each.code != "unchecked":
            whole[each.metric] = whole.get(each.metric, 0.0) + each.weight
            held[each.metric] = held.get(each.metric, 0.0) + each.weight * each.passed
    return {metric: held[metric] / weight for metric, weight in whole.items()}


def _nothing_scored(asserted: Sequence[CompiledAssertion], view: AnswerView) -> dict[str, float]:
    """Return the scores of an answer that is not as expected: 0, but none where `when` does not even need the answer."""
    return {
        each.metric: 0.0
        for each in asserted
        if each.metric is not None and (each.when_needs_answer or each.unless_absent(view) is None)
    }


_ROUNDING = 1e-9


def _expects_no_answer(test: Case | CaseFile) -> bool:
    return isinstance(test, Case) and test.outcome not in (None, "ok")


def _no_column(assertion: CompiledAssertion, name: str, case: Case) -> CaseError:
    """Return the error for a column that an assertion reads and the case does not have."""
    source = assertion.predicate.expected
    if case.row is None:
        hint = f"{source} reads it, and this case is not a row of a file: give it as a variable"
    elif name in case.vars:
        hint = f"it is a variable: write vars.{name}"
    else:
        hint = f"{source} reads it; the columns that are not variables are {', '.join(case.row) or 'none'}"
    return CaseError(f"{assertion.type}: there is no column {name!r}", location=case.location, hint=hint)


def _tool_validators(request: JsonObject) -> dict[str, Validator | None]:
    """Return the parameters of each declared function; None for custom tools, whose input is free text."""
    return {
        # A function without `parameters` has an empty parameter list (OpenAI API reference), but arguments are not refused.
        str(tool.get("name")): Validator(tool.get("parameters") or {"type": "object"})
        if kind == "function"
        else None
        for kind, tool in _declared_tools(request)
    }


def _declared_tools(request: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each entry of `tools` and of the deprecated `functions`: its kind and its description."""
    tools, functions = request.get("tools"), request.get("functions")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, Mapping):
            kind = str(tool.get("type", "function"))
            body = tool.get(kind)
            if isinstance(body, Mapping):
                yield kind, body
    for function in functions if isinstance(functions, list) else ():
        if isinstance(function, Mapping):
            yield "function", function


def _broken(
    violations: tuple[Violation, ...], *, type_: str = "json-schema", prefix: str = ""
) -> tuple[CheckResult, ...]:
    checks = [
        CheckResult(type_, passed=False, path=each.json_path, message=f"{prefix}{each.message}")
        for each in violations[:MAX_VIOLATIONS]
    ]
    if len(violations) > MAX_VIOLATIONS:
        more = len(violations) - MAX_VIOLATIONS
        message = f"{prefix}and {more:,} more violations of the schema"
        checks.append(CheckResult(type_, passed=False, path=None, message=message))
    return tuple(checks)


def _tool_failure(message: str) -> CheckResult:
    return CheckResult("tool-call", passed=False, path=None, message=message)


def _outcome_check(expected: Outcome, came: Outcome, detail: str | None) -> CheckResult:
    because = f": {detail}" if detail else ""
    passed = came is expected
    message = f"as expected: {came}{because}" if passed else f"expected {expected}, got {came}{because}"
    return CheckResult("outcome", passed, None, message, str(expected), str(came))
